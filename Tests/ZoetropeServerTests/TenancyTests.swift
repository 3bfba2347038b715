import Foundation
import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

/// Users, limits, pages and deleting.
@Suite(.timeLimit(.minutes(1)))
struct TenancyTests {
    /// Tokens are the users' names here: `ann`, `bob`, and `paid-ann` for the paid tier.
    private static func api(_ limits: [Tier: TierLimits] = [:]) -> TestAPI {
        TestAPI(
            settings: ServerSettings(
                port: 0,
                auth: .token { token throws(AccessError) in
                    switch token {
                    case "broken": throw AccessError(.signature)
                    case "old": throw AccessError(.expired)
                    case "nobody": throw AccessError(.unavailable)
                    default: break
                    }
                    let isPaid = token.hasPrefix("paid-")
                    return Caller(
                        userID: isPaid ? String(token.dropFirst(5)) : token,
                        sessionID: "s1",
                        tier: isPaid ? .paid : .free
                    )
                },
                limits: limits
            )
        )
    }

    private static func bearer(_ token: String) -> [String: String] { ["authorization": "Bearer \(token)"] }

    @Test(arguments: [
        ([:], 401, "token_missing"), (bearer("broken"), 401, "token_invalid"), (bearer("old"), 401, "token_expired"),
        (bearer("nobody"), 503, "unavailable"), (["authorization": "Basic YTpi"], 401, "token_invalid"),
        (["authorization": "Bearer"], 401, "token_invalid"), (bearer("a b"), 401, "token_invalid"),
    ])
    func `who shows no good token is told so`(headers: [String: String], status: Int, code: String) async throws {
        let api = Self.api()
        let answer = try await api.call(.get, "/api/v1/jobs", headers)
        #expect(answer.status == status && answer.code == code)
        #expect((answer.headers[.wwwAuthenticate] != nil) == (status == 401))
        #expect(api.store.calls.isEmpty)
    }

    @Test func `what is another user's is as if it were not there`() async throws {
        let api = Self.api([.free: TierLimits()])
        let job = try await api.makeJob(as: "ann")
        let order: JSONValue = ["params": ["prompt": "x"]]
        let animation = try await api.post("\(job)/animations", order, Self.bearer("ann"))
        let path = try #require(animation.headers[.location])
        let unknown = "/api/v1/jobs/00000000-0000-4000-8000-000000000000"
        let calls: [(HTTPRequest.Method, String)] = [
            (.get, ""), (.delete, ""), (.get, "/animations"), (.post, "/animations"),
            (.get, "/animations/\(path.suffix(36))"), (.delete, "/animations/\(path.suffix(36))"),
            (.get, "/animations/\(path.suffix(36))/events"), (.post, "/animations/\(path.suffix(36))/cancel"),
            (.post, "/animations/\(path.suffix(36))/retry"), (.post, "/restores"),
        ]
        for (method, suffix) in calls {
            let headers = Self.bearer("bob")
                .merging(["x-request-id": "same", "content-type": "application/json"]) { $1 }
            let body = method == .post ? try order.encoded() : nil
            let foreign = try await api.call(method, job + suffix, headers, body: body)
            let missing = try await api.call(method, unknown + suffix, headers, body: body)
            #expect(foreign.status == 404 && foreign.detail == "Job not found", "\(method) \(suffix)")
            #expect(foreign.body == missing.body && foreign.headers == missing.headers, "\(method) \(suffix)")
        }
        #expect(try await api.call(.get, "/api/v1/jobs", Self.bearer("bob")).json["jobs"] == [])
        #expect(try await api.call(.get, path, Self.bearer("ann")).status == 200)
    }

    @Test func `limits are told with what ran out and when it comes back`() async throws {
        let api = Self.api([
            .free: TierLimits(active: 1, daily: 2, requestsPerMinute: 1_000),
            .paid: TierLimits(active: 9, dailyCost: MicroUSD(400_000)),
        ])
        let job = try await api.makeJob(as: "ann")
        let order: JSONValue = ["params": ["prompt": "x"]]
        let first = try await api.post("\(job)/animations", order, Self.bearer("ann"))
        #expect(first.status == 202)
        let second = try await api.post("\(job)/animations", order, Self.bearer("ann"))
        #expect(second.status == 429 && second.code == "active_limit" && second.headers[.retryAfter] != nil)
        #expect(second.detail?.hasPrefix("1 animation is under way") == true)
        let path = try #require(first.headers[.location])
        #expect(try await api.call(.post, "\(path)/cancel", Self.bearer("ann")).status == 202)
        let again = try await api.call(.post, "\(path)/retry", Self.bearer("ann"))
        #expect(again.status == 202)
        let third = try #require(again.headers[.location])
        #expect(try await api.call(.post, "\(third)/cancel", Self.bearer("ann")).status == 202)
        let fourth = try await api.post("\(job)/animations", order, Self.bearer("ann"))
        #expect(fourth.status == 429 && fourth.code == "daily_limit")
        #expect(fourth.detail?.hasSuffix("Come back at 2026-01-02 00:00 UTC") == true, "\(fourth.detail ?? "")")
        // 5 s at 0.10 a second.
        let costly = try await api.post("\(job)/animations", order, Self.bearer("paid-ann"))
        #expect(costly.status == 429 && costly.code == "daily_cost_limit")
        let usage = try await api.call(.get, "/api/v1/usage", Self.bearer("ann")).json
        #expect(usage["active_animations"] == 0 && usage["today"]?["failed"] == 2)
        #expect(usage["limits"]?["daily_animations"] == 2 && usage["resets_at"] == "2026-01-02T00:00:00.000Z")
    }

    @Test func `requests are counted for each user`() async throws {
        let api = Self.api([.free: TierLimits(requestsPerMinute: 3)])
        try await api.server.application()
            .test(.router) { client in
                for _ in 0..<3 {
                    #expect(try await client.call(.get, "/api/v1/usage", Self.bearer("ann")).status == 200)
                }
                let refused = try await client.call(.get, "/api/v1/usage", Self.bearer("ann"))
                #expect(refused.status == 429 && refused.code == "rate_limited")
                #expect(refused.headers[.retryAfter].flatMap { Int($0) }.map { (1...20).contains($0) } == true)
                #expect(try await client.call(.get, "/api/v1/usage", Self.bearer("bob")).status == 200)
            }
    }

    @Test func `ten seconds need the paid plan`() async throws {
        let api = Self.api([.free: TierLimits(), .paid: TierLimits()])
        let job = try await api.makeJob(as: "ann")
        let order: JSONValue = ["model": "replicate_video_01_live", "params": ["duration": 10]]
        let free = try await api.post("\(job)/animations", order, Self.bearer("ann"))
        #expect(free.status == 403 && free.detail == "10-second animations are available on the paid plan")
        #expect(try await api.post("\(job)/animations", order, Self.bearer("paid-ann")).status == 202)
    }

    @Test func `jobs are listed in pages, by session and kind`() async throws {
        let api = TestAPI()
        var made: Set<String> = []
        for number in 0..<5 { made.insert(try await api.makeJob(kind: number == 0 ? "scene" : nil)) }
        var seen: [String] = []
        var path = "/api/v1/jobs?limit=2"
        for _ in 0..<9 {
            let page = try await api.call(.get, path).json
            seen += (page["jobs"]?.array ?? []).compactMap { $0["id"]?.string.map { "/api/v1/jobs/\($0)" } }
            guard let cursor = page["next_cursor"]?.string else { break }
            path = "/api/v1/jobs?limit=2&cursor=\(cursor)"
        }
        #expect(seen.count == 5 && Set(seen) == made)
        #expect(try await api.call(.get, "/api/v1/jobs?kind=scene").json["jobs"]?.array?.count == 1)
        #expect(try await api.call(.get, "/api/v1/jobs?session=other").json["jobs"] == [])
        for query in ["limit=0", "limit=101", "limit=+5", "limit=x", "cursor=x", "cursor=1.2", "kind=film"] {
            #expect(try await api.call(.get, "/api/v1/jobs?\(query)").status == 422, "\(query)")
        }
    }

    @Test func `what is deleted is gone, and its objects are noted for the sweeper`() async throws {
        let api = TestAPI()
        let path = try await api.makeAnimation()
        let job = String(path.split(separator: "/animations")[0])
        #expect(try await api.call(.delete, path).status == 204)
        #expect(try await api.call(.get, path).detail == "Animation not found")
        #expect(try await api.call(.delete, path).status == 404)
        #expect(try await api.call(.get, job).json["animation_attempts"] == [])
        #expect(try await api.call(.delete, job).status == 204)
        #expect(try await api.call(.get, job).detail == "Job not found")
        #expect(try await api.store.overview().deletions == 4)
    }

    @Test func `a repeated call gets the first answer, another body 422`() async throws {
        let api = TestAPI()
        let job = try await api.makeJob()
        let key = ["idempotency-key": "k-1"]
        let first = try await api.post("\(job)/animations", ["params": ["prompt": "x"]], key)
        let path = try #require(first.headers[.location])
        try await api.makeReady(path)
        let again = try await api.post("\(job)/animations", ["params": ["prompt": "x"]], key)
        #expect(again.status == 202 && again.body == first.body && again.headers[.location] == path)
        #expect(again.headers[HTTPField.Name("Idempotency-Replayed")!] == "true")
        let other = try await api.post("\(job)/animations", ["params": ["prompt": "y"]], key)
        #expect(other.status == 422 && other.code == "idempotency_mismatch")
        let retried = try await api.call(.post, "\(path)/retry", key)
        #expect(retried.status == 422)
        #expect(try await api.call(.get, job).json["animation_attempts"]?.array?.count == 1)
    }
}

extension TestAPI {
    func makeJob(as user: String) async throws -> String {
        let form = TestForm(image: TestForm.photo)
        let headers = form.headers.merging(["authorization": "Bearer \(user)"]) { $1 }
        let answer = try await call(.post, "/api/v1/jobs", headers, body: form.bytes)
        return try #require(answer.headers[.location])
    }
}
