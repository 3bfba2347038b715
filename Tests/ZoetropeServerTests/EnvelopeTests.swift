import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeServer
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct EnvelopeTests {
    private let api = TestAPI()
    private let requestID = HTTPField.Name("X-Request-Id")

    @Test(arguments: ["/healthz", "/api/v1/jobs", "/nowhere", "/api/v1/jobs/x"])
    func `every answer carries a request id, the caller's own where it is good`(path: String) async throws {
        let name = try #require(requestID)
        let own = try await api.call(.get, path, ["x-request-id": "my~id"])
        #expect(own.headers[name] == "my~id")
        for bad in ["", "a b", "é", String(repeating: "x", count: 129)] {
            let made = try await api.call(.get, path, ["x-request-id": bad])
            #expect(made.headers[name].flatMap { UUID(uuidString: $0) } != nil)
        }
        let first = try await api.call(.get, path)
        let second = try await api.call(.get, path)
        #expect(first.headers[name] != second.headers[name])
        #expect(first.headers[try #require(.init("x-content-type-options"))] == "nosniff")
        #expect(first.headers[.cacheControl] == "no-store")
    }

    @Test(arguments: ["/nowhere", "/api/v1", "/api/v2/jobs", "/api/v1/jobs/x/y", "/%2e%2e/etc", "/🦆"])
    func `an address with nothing at it is a problem like any other`(path: String) async throws {
        let answer = try await api.call(.get, path)
        #expect(answer.status == 404)
        #expect(answer.code == "not_found")
        #expect(answer.headers[.contentType] == "application/problem+json")
    }

    @Test(arguments: [
        (HTTPRequest.Method.delete, "/api/v1/jobs", "GET, HEAD, POST"), (.put, "/api/v1/jobs/x", "DELETE, GET, HEAD"),
        (.get, "/api/v1/jobs/x/animations/y/cancel", "POST"), (.get, "/api/v1/webhooks/replicate", "POST"),
        (.post, "/healthz", "GET, HEAD"),
    ])
    func `another method is refused with those that are taken`(
        method: HTTPRequest.Method,
        path: String,
        allowed: String
    ) async throws {
        let answer = try await api.call(method, path)
        #expect(answer.status == 405)
        #expect(answer.code == "method_not_allowed")
        #expect(answer.headers[.allow] == allowed)
    }

    @Test func `HEAD is GET without the body`() async throws {
        let answer = try await api.call(.head, "/api/v1/jobs")
        #expect(answer.status == 200)
        #expect(answer.body.isEmpty)
    }

    @Test func `health needs nobody, readiness asks the database`() async throws {
        #expect(try await api.call(.get, "/readyz").status == 200)
        #expect(api.store.calls == ["nextWake()"])
        api.store.fail(with: RunStoreError(.unavailable, "host db.internal"))
        #expect(try await api.call(.get, "/healthz").json == ["status": "ok"])
        let answer = try await api.call(.get, "/readyz")
        #expect(answer.status == 503)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("db.internal"))
    }

    @Test(
        arguments: [
            (.unavailable, 503, "5"), (.commitUnknown, 503, "5"), (.full, 503, "60"),
            (.constraint, 500, nil), (.newerSchema, 500, nil), (.internal, 500, nil),
        ] as [(RunStoreError.Code, Int, String?)]
    )
    func `a failing database is told to callers by its kind and to operators by its detail`(
        code: RunStoreError.Code,
        status: Int,
        retryAfter: String?
    ) async throws {
        api.store.fail(with: RunStoreError(code, "host db.internal"))
        let answer = try await api.call(.get, "/api/v1/jobs", ["x-request-id": "find-me"])
        #expect(answer.status == status)
        #expect(answer.headers[.retryAfter] == retryAfter)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("db.internal"))
        #expect(
            api.log.lines.contains { line in
                line.hasPrefix("error") && line.contains("find-me") && line.contains("db.internal")
            }
        )
    }

    @Test func `logs hold neither bodies nor prompts nor queries`() async throws {
        let job = try await api.makeJob()
        _ = try await api.post("\(job)/animations?token=canary1", ["params": ["prompt": "canary2", "seed": "canary3"]])
        _ = try await api.post("\(job)/animations", ["params": ["prompt": "canary4"]], ["idempotency-key": "canary5"])
        _ = try await api.call(.post, "/api/v1/webhooks/replicate?attempt=canary6", body: Array("canary7".utf8))
        _ = try await api.call(.get, "/canary8")
        _ = try await api.call(.get, "/api/v1/jobs?limit=canary9", ["authorization": "canary0"])
        #expect(api.log.lines.count >= 6)
        #expect(!api.log.lines.contains { $0.contains("canary") })
    }

    // MARK: Who may call

    @Test(arguments: [
        ("http://localhost", 200), ("https://localhost", 200), ("HTTP://LOCALHOST", 200),
        ("http://localhost:3000", 403),
        ("https://evil.example", 403), ("null", 403), ("", 403), ("http://localhost.evil.example", 403),
    ])
    func `a web page of another origin may not use a server without login`(origin: String, status: Int) async throws {
        // The tests' own requests go to the authority localhost.
        let answer = try await api.call(.get, "/api/v1/jobs", ["origin": origin])
        #expect(answer.status == status)
        if status == 403 { #expect(answer.code == "foreign_origin") }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.3", true), ("localhost", true), ("LocalHost", true), ("::1", true),
        ("[::1]", true), ("0.0.0.0", false), ("128.0.0.1", false), ("127.0.0.1.evil.example", false), ("127.1", false),
        ("127.0.0.256", false), ("127.0.0.+1", false), ("127.0.0.", false), ("", false), ("::", false),
        ("localhost.evil.example", false), ("[::1].evil.example", false),
    ])
    func `a loopback host is one that can only be this machine`(host: String, isLoopback: Bool) {
        #expect(ServerSettings.isLoopback(host) == isLoopback)
    }
}
