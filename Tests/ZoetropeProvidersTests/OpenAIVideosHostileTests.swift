import Foundation
import HTTPTypes
import Hummingbird
import StrictJSON
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// Engines that break, lie, or mean harm.
@Suite(.timeLimit(.minutes(2)))
struct OpenAIVideosHostileTests {
    private static func http(_ status: Int, _ body: String, _ headers: String = "") -> String {
        "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }

    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let chunk = "10000\r\n\(String(repeating: " ", count: 65_536))\r\n"

    // MARK: Creates

    @Test(arguments: [
        (400, ProviderError.Kind.rejected), (401, .credentials), (403, .credentials), (402, .credit), (404, .rejected),
        (405, .rejected), (413, .rejected), (415, .rejected), (422, .rejected), (429, .throttled),
    ])
    func `what a server says before it works on a request is a refusal, if it says something`(
        status: Int,
        kind: ProviderError.Kind
    ) async throws {
        let body = Mutex(#"{"detail":"no"}"#)
        try await LoopbackServer.run({ _ in Response(status, text: body.withLock { $0 }) }) { server, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try refusal(await world.submit("a")) == kind)
            body.withLock { $0 = "<html>no</html>" }
            #expect(try refusal(await world.submit("b")) == kind)
            body.withLock { $0 = "" }
            #expect(try await world.submit("c").isUnknown)
            #expect(server.requests.count == 3)
        }
    }

    @Test(arguments: [300, 302, 307, 308, 408, 409, 410, 418, 425, 499, 500, 501, 502, 503, 504, 529])
    func `any other status may hide a create that was accepted`(status: Int) async throws {
        try await LoopbackServer.run({ _ in
            Response(status, json: ["error": ["message": "no"]], headers: [.location: "/v1/videos/"])
        }) { server, address in
            let outcome = try await OpenAIVideosWorld(address).submit("a")
            #expect(outcome.isUnknown)
            #expect(server.requests.count == 1, "a create was sent again")
        }
    }

    @Test(arguments: [
        "", "null", "[]", "{}", #"{"status":"queued"}"#, #"{"id":null}"#, #"{"id":5}"#, #"{"id":["v1"]}"#,
        #"{"id":{}}"#,
        #"{"id":""}"#, #"{"id":"."}"#, #"{"id":".."}"#, #"{"id":"..."}"#, #"{"id":"a/b"}"#, #"{"id":"../x"}"#,
        #"{"id":"a\\b"}"#, #"{"id":"a\u0000b"}"#, #"{"id":"a b"}"#, #"{"id":"a\nb"}"#, #"{"id":"v1""#,
        #"{"id":"\#(String(repeating: "a", count: 10_000))"}"#, "<html>welcome</html>",
    ])
    func `a success without an id that can be asked for is unclear`(body: String) async throws {
        try await LoopbackServer.run({ _ in Response(200, text: body) }) { server, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.submit("a").isUnknown)
            #expect(server.requests.count == 1)
        }
    }

    @Test(arguments: [200, 201, 202])
    func `any success with an id is one`(status: Int) async throws {
        try await LoopbackServer.run({ _ in Response(status, json: ["id": "v1"]) }) { _, address in
            let generation = try await OpenAIVideosWorld(address).accepted("a")
            #expect(generation.id == "v1")
            #expect(generation.state == .running(hasStarted: false))
        }
    }

    @Test(arguments: [
        RawServer.Script.bytes(""), .bytes("HTTP/1.1 200 OK\r\nContent-Le"), .bytes("SSH-2.0-OpenSSH_9.6\r\n"),
        .bytes("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":\"v1\"}"),
        .bytes("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"id\":\"v1\"}"),
        .bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"id\":\"v1\"}\r\n"),
        .endless(chunked, piece: chunk),
        .endless("HTTP/1.1 200 OK\r\n", piece: "X: \(String(repeating: "a", count: 999))\r\n"),
        .bytes(http(200, "{\"id\":\"v1\",\"x\":\"\(String(repeating: "a", count: 10 << 20))\"}")), .hangUp,
    ])
    func `an answer that breaks off or never ends is unclear, and nothing is sent again`(
        script: RawServer.Script
    ) async throws {
        let server = try RawServer(script)
        let outcome = try await OpenAIVideosWorld(server.address).submit("a")
        #expect(outcome.isUnknown, "\(outcome)")
        #expect(server.requests == 1)
    }

    @Test(arguments: [RawServer.Script.silence(""), .silence("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"id\"")])
    func `a server that falls silent is given up, and the outcome is unclear`(script: RawServer.Script) async throws {
        let server = try RawServer(script)
        let world = try OpenAIVideosWorld(server.address, configure: { $0.createTimeout = .milliseconds(300) })
        #expect(try await world.submit("a") == .unknown(detail: "no whole answer in time"))
        #expect(server.requests == 1)
    }

    @Test func `a server that cannot be reached got nothing`() async throws {
        #expect(try refusal(await OpenAIVideosWorld("http://127.0.0.1:1").submit("a")) == .unavailable)
        let world = try OpenAIVideosWorld("http://no-such-host.invalid")
        #expect(try refusal(await world.submit("a")) == .unavailable)
    }

    @Test func `a cancelled task does not break a create off`() async throws {
        let (arrivals, arrived) = AsyncStream<Void>.makeStream()
        let (gate, opener) = AsyncStream<Void>.makeStream()
        try await LoopbackServer.run({ _ in
            arrived.yield()
            for await _ in gate {}
            return Response(200, json: ["id": "v1"])
        }) { _, address in
            let world = try OpenAIVideosWorld(address)
            try await world.prepare("a")
            let order = try world.order("a")
            let submit = Task { await world.provider.submit(order) }
            for await _ in arrivals { break }
            submit.cancel()
            opener.finish()
            guard case .accepted = await submit.value else { throw ProviderError(.rejected, "it was broken off") }
        }
    }

    @Test(arguments: [
        (["retry-after-ms": "1500", "retry-after": "9"], Duration.milliseconds(1_500)),
        (["retry-after": "9"], .seconds(9)), (["retry-after": "1e300"], .seconds(3_600)),
        (["retry-after": "99999999999"], .seconds(3_600)), (["retry-after-ms": "99999999999999"], .seconds(3_600)),
        (["retry-after": "-1"], nil), (["retry-after": "soon"], nil), (["retry-after": "nan"], nil), ([:], nil),
    ])
    func `a server that has enough says for how long, up to an hour`(
        headers: [String: String],
        wait: Duration?
    ) async throws {
        var fields = HTTPFields()
        for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
        try await LoopbackServer.run({ [fields] _ in Response(429, json: ["error": ["code": "busy"]], headers: fields) }
        ) {
            server,
            address in
            let world = try OpenAIVideosWorld(address)
            guard case .refused(let error) = try await world.submit("a") else { throw ProviderError(.rejected, "") }
            #expect(error.kind == .throttled)
            #expect(error.retryAfter == wait)
            #expect(try await world.statusError("v1").retryAfter == wait)
            #expect(server.requests.count == 2, "a throttled call was repeated at once")
        }
    }

    @Test func `a budget that is used up is told from too many calls`() async throws {
        for (status, code) in [(429, "insufficient_quota"), (400, "budget_exceeded")] {
            try await LoopbackServer.run({ _ in
                Response(status, json: ["error": ["type": .string(code), "message": "no"]])
            }) { _, address in
                let world = try OpenAIVideosWorld(address)
                #expect(try refusal(await world.submit("a")) == .credit)
            }
        }
    }

    @Test func `the key is in no words`() async throws {
        try await LoopbackServer.run({ request in
            Response(401, text: "what is \(request.header("authorization") ?? "") for a key?")
        }) { _, address in
            let world = try OpenAIVideosWorld(address, key: FakeEngine.key)
            let outcome = try await world.submit("a")
            #expect(!"\(outcome)".contains("CANARY") && "\(outcome)".contains("[redacted]"))
            let error = try await world.statusError("v1")
            #expect(error.kind == .credentials)
            #expect(!error.detail.contains("CANARY") && error.detail.contains("[redacted]"))
        }
    }

    // MARK: Looks

    @Test func `a look is repeated twice, with growing waits`() async throws {
        let count = Atomic(0)
        try await LoopbackServer.run({ _ in
            let number = count.add(1, ordering: .sequentiallyConsistent).newValue
            return number < 3 ? Response(503) : Response(200, json: ["id": "v1", "status": "queued"])
        }) { server, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.state("v1") == .running(hasStarted: false))
            #expect(server.requests.count == 3)
            #expect(world.clock.sleeps == [.milliseconds(500), .seconds(1)])
        }
    }

    @Test(arguments: [
        http(200, "null"), http(200, "[]"), http(200, "{}"), http(200, #"{"status":5}"#), http(200, "<html>"),
        http(204, ""), http(302, "", "Location: http://127.0.0.1:9/\r\n"), http(500, #"{"status":"failed"}"#),
        http(500, #"{"id":7,"status":"failed"}"#), http(503, #"{"id":"v1","status":"completed"}"#),
        http(200, "{\"status\":\"completed\",\"x\":\"\(String(repeating: "a", count: 10 << 20))\"}"),
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"status\":\"completed\"}", "nonsense\r\n\r\n",
        String(repeating: "{", count: 1),
    ])
    func `an answer that is no Video says nothing about the job`(answer: String) async throws {
        let server = try RawServer(.bytes(answer))
        #expect(try await OpenAIVideosWorld(server.address).statusError("v1").kind == .unavailable)
        #expect(server.requests == 3)
    }

    @Test func `an endless answer to a look is cut off`() async throws {
        let server = try RawServer(.endless(Self.chunked, piece: Self.chunk))
        #expect(try await OpenAIVideosWorld(server.address).statusError("v1").kind == .unavailable)
    }

    @Test func `a deep answer is refused`() async throws {
        let body = String(repeating: "[", count: 500_000)
        try await LoopbackServer.run({ _ in Response(200, text: body) }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.statusError("v1").kind == .unavailable)
        }
    }

    @Test(arguments: ["a?b#c%2F+=&é", "video_bGl0ZWxsbTpvcGVuYWk=", "%2e%2e", "a..b", "x:y@z"])
    func `an id of odd characters stays one segment`(id: String) async throws {
        try await LoopbackServer.run({ _ in Response(200, json: ["id": .string(id), "status": "completed"]) }) {
            server,
            address in
            let world = try OpenAIVideosWorld("\(address)/v1")
            #expect(try await world.accepted("a").id == id)
            #expect(try await world.state(id) == .succeeded(output: "openai-videos:\(id)"))
            _ = try await world.fetch("openai-videos:\(id)")
            let looks = server.requests.dropFirst()
            let escaped = try #require(looks.first?.path.dropFirst("/v1/videos/".count))
            #expect(!escaped.contains("/") && String(escaped).removingPercentEncoding == id)
            #expect(looks.map(\.path) == ["/v1/videos/\(escaped)", "/v1/videos/\(escaped)/content"])
            #expect(looks.allSatisfy { $0.query == nil })
        }
    }

    @Test(arguments: ["", ".", "..", "../../admin", "a/b", "a\u{0}b", String(repeating: "a", count: 10_000)])
    func `an id that no engine can have is asked of none`(id: String) async throws {
        try await LoopbackServer.run({ _ in Response(200, json: ["id": "v1", "status": "completed"]) }) {
            server,
            address in
            let world = try OpenAIVideosWorld("\(address)/v1")
            #expect(await world.provider.status(of: [id]) == [id: .missing])
            await #expect { _ = try await world.provider.cancel(id) } throws: {
                ($0 as? ProviderError)?.kind == .missing
            }
            #expect(try await world.fetchError("openai-videos:\(id)").kind == .invalidOutput)
            #expect(try await world.fetchError("http://127.0.0.1:9/\(id)").kind == .invalidOutput)
            #expect(server.requests.isEmpty)
        }
    }

    // MARK: Results

    private static func fetchError(_ scripts: RawServer.Script, limit: Int64 = 1 << 20) async throws -> (
        ProviderError, Int
    ) {
        let server = try RawServer(scripts)
        let world = try OpenAIVideosWorld(
            server.address,
            configure: { configuration in
                configuration.largestResult = limit
                configuration.downloadTimeout = .seconds(20)
            }
        )
        return (try await world.fetchError("openai-videos:v1"), server.requests)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        http(503, "busy"), http(500, ""),
    ])
    func `a result that does not come whole is asked for three times, and no part of it stays`(
        answer: String
    ) async throws {
        let (error, requests) = try await Self.fetchError(.bytes(answer))
        #expect(error.kind == .unavailable)
        #expect(requests == 3)
    }

    @Test(arguments: [
        http(200, ""), "HTTP/1.1 200 OK\r\n\r\nwithout an end", "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", http(200, "x", "Content-Encoding: gzip\r\n"),
        http(422, #"{"detail":"failed"}"#), http(400, #"{"detail":"no"}"#),
    ])
    func `a result that is not what was promised is not asked for again`(answer: String) async throws {
        let (error, requests) = try await Self.fetchError(.bytes(answer))
        #expect(error.kind == (answer.contains("HTTP/1.1 400") ? .unavailable : .invalidOutput), "\(error)")
        #expect(requests == (answer.contains("HTTP/1.1 400") ? requests : 1))
    }

    @Test func `an endless result is cut off at the limit`() async throws {
        let (error, requests) = try await Self.fetchError(.endless(Self.chunked, piece: Self.chunk))
        #expect(error.kind == .invalidOutput)
        #expect(requests == 1)
    }

    @Test func `a result that falls silent is given up`() async throws {
        let server = try RawServer(.silence("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort"))
        let world = try OpenAIVideosWorld(server.address, configure: { $0.downloadTimeout = .milliseconds(200) })
        #expect(try await world.fetchError("openai-videos:v1").kind == .unavailable)
    }

    @Test func `a result that broke off begins again, and nothing of the first try stays in it`() async throws {
        let server = try RawServer(
            .bytes("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n\(String(repeating: "x", count: 400))"),
            .bytes(Self.http(200, "the clip"))
        )
        #expect(try await OpenAIVideosWorld(server.address).fetch("openai-videos:v1") == Array("the clip".utf8))
    }

    @Test func `a disk that cannot be written is said to be the disk`() async throws {
        let server = try RawServer(.bytes(Self.http(200, "the clip")))
        let world = try OpenAIVideosWorld(server.address)
        let order = try world.order("a")
        await #expect {
            try await world.provider.fetch("openai-videos:v1", of: order, to: world.folder.path("none/clip.mp4"))
        } throws: { error in
            (error as? ProviderError)?.kind == .storage
        }
        #expect(server.requests == 0)
    }
}
