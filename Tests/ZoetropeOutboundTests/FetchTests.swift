import Foundation
import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(2)))
struct FetchTests {
    /// Fetches what a server answers.
    private func fetched(
        _ answer: Origin.Answer,
        _ change: @Sendable (inout GuardedClient.Rules) -> Void = { _ in }
    ) async throws -> Result<[UInt8], OutboundError> {
        var result: Result<[UInt8], OutboundError>?
        try await Origin.run(answer: { _ in answer }) { _, port async throws in
            var rules = GuardedClient.Rules.lenient(port)
            change(&rules)
            result = try await ZoetropeOutboundTests.fetched("http://127.0.0.77:\(port)/image", by: rules)
        }
        return try #require(result)
    }

    private func code(
        _ answer: Origin.Answer,
        _ change: @Sendable (inout GuardedClient.Rules) -> Void = { _ in }
    ) async throws -> OutboundError.Code? {
        if case .failure(let error) = try await fetched(answer, change) { error.code } else { nil }
    }

    @Test func `an image arrives as it was sent`() async throws {
        let image = String(repeating: "0123456789", count: 200_000)
        #expect(try await fetched(.ok(image)).get() == Array(image.utf8))
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        #expect(try await fetched(.bytes(chunked)).get() == Array("abcde".utf8))
        let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        #expect(try await fetched(.bytes(early)).get() == Array("x".utf8))
        // What it claims to be does not matter here.
        #expect(try await fetched(.ok("<html>", "Content-Type: text/html")).get() == Array("<html>".utf8))
    }

    @Test func `a request carries nothing of ours`() async throws {
        setenv("http_proxy", "http://127.0.0.1:9", 1)
        defer { unsetenv("http_proxy") }
        try await Origin.run(answer: { request in
            request.hasPrefix("GET /first")
                ? .status(302, "Location: /second?x=1", "Set-Cookie: a=b; Path=/") : .ok("image")
        }) { origin, port async throws in
            let rules = GuardedClient.Rules.lenient(port, names: ["origin.example": ["127.0.0.77"]])
            _ = try await ZoetropeOutboundTests.fetched("http://Origin.Example.:\(port)/first#x", by: rules).get()
            let lines = origin.requests[1].split(separator: "\r\n").map(String.init)
            #expect(
                lines == [
                    "GET /second?x=1 HTTP/1.1", "host: origin.example:\(port)", "user-agent: zoetrope/1",
                    "connection: close", "accept: image/*", "accept-encoding: identity",
                ]
            )
        }
    }

    @Test func `the file is new and its owner's alone`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-outbound-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "image").path
        try await Origin.run(answer: { _ in .ok("image") }) { origin, port async throws in
            let client = try GuardedClient(rules: .lenient(port), now: { Date() })
            let url = "http://127.0.0.77:\(port)/"
            try await client.fetchImage(url, to: file)
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            // A file that is there is somebody's: it stays as it is, and nobody is called.
            for path in [file, "\(folder.path)/no/image"] {
                await #expect {
                    try await client.fetchImage(url, to: path)
                } throws: {
                    ($0 as? OutboundError)?.code == .storage
                }
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("image".utf8))
            #expect(origin.requests.count == 1)
        }
    }

    @Test(arguments: [
        (201, OutboundError.Code.badAnswer), (204, .badAnswer), (206, .badAnswer), (300, .badAnswer), (304, .badAnswer),
        (305, .badAnswer), (400, .badAnswer), (401, .badAnswer), (404, .badAnswer), (407, .badAnswer),
        (410, .badAnswer),
        (429, .badAnswer), (500, .badAnswer), (503, .badAnswer),
    ])
    func `only 200 is an image`(status: Int, code expected: OutboundError.Code) async throws {
        let result = try await fetched(.status(status, "Location: /x"))
        guard case .failure(let error) = result else { return #expect(Bool(false)) }
        #expect(error.code == expected)
        #expect(error.message.contains("\(status)"))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\n\r\nabc",
        "HTTP/1.0 200 OK\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\u{0}: y\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/9.9 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 99999 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9\r\n", "\u{15}\u{3}\u{1}", "", "garbage\r\n\r\n", "220 mail.example ESMTP\r\n",
    ])
    func `a broken or empty answer is no image`(answer: String) async throws {
        guard case .failure(let error) = try await fetched(.closing(answer)) else { return #expect(Bool(false)) }
        #expect(error.code == .badAnswer, "\(error.detail)")
    }

    @Test func `more bytes than were announced are not read`() async throws {
        #expect(
            try await fetched(.closing("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef")).get() == Array("ab".utf8)
        )
    }

    @Test func `a large image is refused by its length, and by its bytes when it does not say`() async throws {
        let limit: @Sendable (inout GuardedClient.Rules) -> Void = { $0.image.bytes = 100_000 }
        #expect(try await fetched(.ok(String(repeating: "a", count: 100_000)), limit).get().count == 100_000)
        #expect(try await code(.ok(String(repeating: "a", count: 100_001)), limit) == .tooLarge)
        // It is refused before the body, which never comes.
        #expect(try await code(.bytes("HTTP/1.1 200 OK\r\nContent-Length: 26000000\r\n\r\n")) == .tooLarge)
        let chunk = "8000\r\n\(String(repeating: "a", count: 32_768))\r\n"
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(try await code(.endless(head, chunk, pause: .zero), limit) == .tooLarge)
        #expect(try await code(.endless(head, chunk, pause: .zero)) == .tooLarge)
    }

    @Test func `endless heads end`() async throws {
        let line = "X-Header: \(String(repeating: "a", count: 1_000))\r\n"
        #expect(try await code(.endless("HTTP/1.1 200 OK\r\n", line, pause: .zero)) == .badAnswer)
        let name = String(repeating: "a", count: 10_000)
        #expect(try await code(.endless("HTTP/1.1 200 OK\r\n", name, pause: .zero)) == .badAnswer)
        #expect(try await code(.endless("HTTP/1.1 200 OK\r\nX: ", name, pause: .zero)) == .badAnswer)
        #expect(try await code(.endless("HTTP/1.1 200 OK\r\n", "a: b\r\n", pause: .zero)) == .badAnswer)
        #expect(try await code(.endless("HTTP/1.1 200 ", name, pause: .zero)) { $0.image.total = .seconds(1) } != nil)
        let hint = "HTTP/1.1 103 Early Hints\r\n\r\n"
        #expect(try await code(.endless(hint, hint, pause: .zero)) { $0.image.total = .seconds(1) } == .unreachable)
        let trailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
        #expect(try await code(.endless(trailer, line, pause: .zero)) == .badAnswer)
    }

    @Test func `silence and drips are given up`() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        func spent(_ answer: Origin.Answer, _ change: @Sendable (inout CallLimits) -> Void) async throws -> Duration {
            let clock = ContinuousClock()
            return try await clock.measure {
                let code = try await code(answer) { rules in
                    rules.image.total = .seconds(60)
                    rules.image.idle = .seconds(60)
                    change(&rules.image)
                }
                #expect(code == .unreachable)
            }
        }
        // Silent from the start, and in the middle.
        #expect(try await spent(.bytes("")) { $0.idle = .milliseconds(100) } < .seconds(30))
        #expect(try await spent(.bytes(head + "abc")) { $0.idle = .milliseconds(100) } < .seconds(30))
        // A byte now and then: too slow as a whole, or not done in time.
        let drip = Origin.Answer.endless(head, "a", pause: .milliseconds(20))
        #expect(try await spent(drip) { $0.patience = .milliseconds(200) } < .seconds(30))
        #expect(try await spent(drip) { $0.total = .milliseconds(200) } < .seconds(30))
        let slowHead = Origin.Answer.endless("HTTP/1.1 200 OK\r\nX: ", "a", pause: .milliseconds(20))
        #expect(try await spent(slowHead) { $0.total = .milliseconds(200) } < .seconds(30))
    }

    @Test func `the real limits are those of the reference`() {
        let rules = GuardedClient.Rules()
        #expect(rules.image.total == .seconds(10) && rules.image.bytes == 25_000_000)
        #expect(rules.callback.total == .seconds(15))
        #expect(rules.ports == [80, 443])
    }

    @Test func `nobody there is an error for the caller`() async throws {
        // A port that nobody listens on any more.
        var free = 0
        try await Origin.run(answer: { _ in .ok("") }) { _, port in free = port }
        let rules = GuardedClient.Rules.lenient(free)
        #expect(try await ZoetropeOutboundTests.code("http://127.0.0.77:\(free)/", by: rules) == .unreachable)
        #expect(try await ZoetropeOutboundTests.code("https://127.0.0.77:\(free)/", by: rules) == .unreachable)
    }

    @Test func `an address that does not answer is followed by the next one`() async throws {
        try await Origin.run(answer: { _ in .ok("image") }) { _, port async throws in
            var rules = GuardedClient.Rules.lenient(port, names: ["two.example": ["127.0.0.78", "127.0.0.77"]])
            rules.isPublic = { $0.bytes.starts(with: [127, 0, 0]) }
            let image = try await ZoetropeOutboundTests.fetched("http://two.example:\(port)/", by: rules)
            #expect(try image.get() == Array("image".utf8))
        }
    }

    @Test func `a call that is cancelled leaves nothing`() async throws {
        try await Origin.run(answer: { _ in .bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") }) {
            origin,
            port in
            let task = Task {
                try await ZoetropeOutboundTests.fetched("http://127.0.0.77:\(port)/", by: .lenient(port))
            }
            while origin.requests.isEmpty { await Task.yield() }
            task.cancel()
            guard case .failure(let error) = try await task.value else { return #expect(Bool(false)) }
            #expect(error.code == .unreachable)
            while origin.ended == 0 { await Task.yield() }
        }
    }
}
