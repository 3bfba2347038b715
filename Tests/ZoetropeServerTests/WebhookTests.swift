import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct WebhookTests {
    private static let path = "/api/v1/webhooks/replicate?attempt="
    /// Genuine when the test says so.
    private let api = TestAPI { headers, _ in
        headers["webhook-id"].map { .genuine(id: $0) } ?? .rejected("no id in \(headers.count) headers")
    }

    /// An animation that waits for its provider, and its tag.
    private func waiting() async throws -> (path: String, tag: String) {
        let path = try await api.makeAnimation()
        let tag = "abcdefghijklmnopqrstuvwxyz"
        try await api.work(path) { change in
            var intent = PaidIntent(
                id: UUID(),
                animationID: change.run.id,
                part: 0,
                number: 1,
                tag: tag,
                provider: .replicate,
                model: "a/b",
                priceCap: .init(1),
                createdAt: TestAPI.start
            )
            intent.state = .bound
            change.run.state = .generating
            change.run.wakeAt = TestAPI.start + 15
            change.intents = [intent]
        }
        return (path, tag)
    }

    private func wakeAt(_ path: String) async throws -> Date? {
        try await api.store.runs(in: .generating, limit: 1).first?.wakeAt
    }

    @Test func `a genuine webhook makes its run due, a repeated one does nothing`() async throws {
        let (path, tag) = try await waiting()
        let first = try await api.call(.post, Self.path + tag, ["webhook-id": "m"], body: Array("{}".utf8))
        #expect(first.status == 200)
        #expect(first.json == ["outcome": "applied"])
        #expect(try await wakeAt(path) == TestAPI.start)
        let again = try await api.call(.post, Self.path + tag, ["webhook-id": "m"], body: Array("{}".utf8))
        #expect(again.status == 200)
        #expect(again.json == ["outcome": "duplicate"])
    }

    @Test func `a forged webhook is refused without a look at the store`() async throws {
        let (path, tag) = try await waiting()
        let calls = api.store.calls
        for query in [tag, "unknown", ""] {
            let answer = try await api.call(.post, Self.path + query, body: Array("{}".utf8))
            #expect(answer.status == 401)
            #expect(answer.code == "webhook_rejected")
            #expect(answer.detail == "The webhook's signature was not accepted")
        }
        #expect(api.store.calls == calls)
        #expect(try await wakeAt(path) == TestAPI.start + 15)
    }

    @Test func `the check gets the raw body and all headers in lower case`() async throws {
        let body = Array("{ \"a\" : 1 }\r\n".utf8) + [0xFF, 0]
        let api = TestAPI { headers, raw in
            let isWhole = raw == body && headers["webhook-signature"] == "v1,x v1,y" && headers["x-mixed"] == "Case"
            return isWhole ? .genuine(id: "m") : .rejected("\(headers)")
        }
        let headers = ["Webhook-Signature": "v1,x v1,y", "X-Mixed": "Case"]
        #expect(try await api.call(.post, Self.path + "t", headers, body: body).status == 200)
    }

    @Test func `a tag that nobody has is answered 200, for no further try would find it`() async throws {
        let answer = try await api.call(.post, Self.path + "unknown", ["webhook-id": "m"], body: [])
        #expect(answer.status == 200)
        #expect(answer.json == ["outcome": "unknown_tag"])
    }

    @Test(arguments: ["", "a%20b", String(repeating: "t", count: 65)])
    func `a genuine webhook without a tag is refused`(tag: String) async throws {
        let calls = api.store.calls
        #expect(try await api.call(.post, Self.path + tag, ["webhook-id": "m"], body: []).status == 400)
        #expect(try await api.call(.post, "/api/v1/webhooks/replicate", ["webhook-id": "m"], body: []).status == 400)
        #expect(api.store.calls == calls)
    }

    @Test(arguments: RunStoreError.Code.allCases)
    func `a webhook that cannot be stored is asked for again`(code: RunStoreError.Code) async throws {
        let (_, tag) = try await waiting()
        api.store.fail(with: RunStoreError(code, "secret detail"))
        let answer = try await api.call(.post, Self.path + tag, ["webhook-id": "m"], body: [])
        #expect(answer.status == 503)
        #expect(answer.headers[.retryAfter] == "5")
        #expect(answer.detail?.contains("secret") == false)
        api.store.fail(with: nil)
        let again = try await api.call(.post, Self.path + tag, ["webhook-id": "m"], body: [])
        #expect(again.json == ["outcome": "applied"])
    }

    @Test func `a webhook of more than 10 MB is refused unread`() async throws {
        let body = [UInt8](repeating: 0x20, count: 10_000_001)
        #expect(try await api.call(.post, Self.path + "t", ["webhook-id": "m"], body: body).status == 413)
    }

    @Test func `a webhook comes through a public name, to which the rest does not answer`() async throws {
        let headers = ["webhook-id": "m", "origin": "https://evil.example"]
        #expect(try await api.call(.post, Self.path + "t", headers, body: []).status == 200)
    }
}
