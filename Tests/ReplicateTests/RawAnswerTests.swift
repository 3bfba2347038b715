import Foundation
import Replicate
import Testing
import ZoetropeTestKit

/// Answers that no honest server gives.
@Suite(.timeLimit(.minutes(2)))
struct RawAnswerTests {
    private static let prediction = #"{"id":"a","status":"starting"}"#

    private static func answer(_ status: String, _ body: String, headers: [String] = [], length: Int? = nil) -> String {
        let length = length ?? body.utf8.count
        let lines = ["HTTP/1.1 \(status)", "content-length: \(length)"] + headers
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let answer: String
        /// `nil` when the create succeeds.
        let kind: ReplicateError.Kind?
        var after = 1

        init(_ name: String, _ answer: String, _ kind: ReplicateError.Kind?, after: Int = 1) {
            (self.name, self.answer, self.kind, self.after) = (name, answer, kind, after)
        }

        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row("an honest answer", answer("201 Created", prediction), nil),
        Row("an answer to the head alone", answer("201 Created", prediction), nil, after: 0),
        Row("a refusal of the head alone", answer("401 Unauthorized", #"{"detail":"no"}"#), .refused, after: 0),
        Row("100 first", "HTTP/1.1 100 Continue\r\n\r\n" + answer("201 Created", prediction), nil),
        Row("103 first", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + answer("201 Created", prediction), nil),
        Row("no length, ended by closing too early", "HTTP/1.1 201 Created\r\n\r\n{\"id\":\"a\",", .ambiguous),
        Row("shorter than announced", answer("201 Created", prediction, length: 500), .ambiguous),
        Row("an error shorter than announced", answer("422 No", #"{"detail":"no"}"#, length: 500), .ambiguous),
        Row(
            "chunked, cut off",
            "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n1e\r\n\(prediction)\r\n",
            .ambiguous
        ),
        Row("an empty body", answer("201 Created", ""), .ambiguous),
        Row("no body at all", "HTTP/1.1 204 No Content\r\n\r\n", .ambiguous),
        Row("not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", .ambiguous),
        Row("nothing", "", .ambiguous),
        Row("an array", answer("201 Created", "[]"), .ambiguous),
        Row(
            "compressed although not asked",
            answer("201 Created", prediction, headers: ["content-encoding: gzip"]),
            nil
        ),
        Row("JSON that is nested too deep", answer("201 Created", String(repeating: "[", count: 50_000)), .ambiguous),
        Row("a status of three figures that is none", answer("999 What", #"{"detail":"no"}"#), .ambiguous),
        Row("101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", .ambiguous),
    ]

    @Test(arguments: rows)
    func `a create is sent once and told truly`(row: Row) async throws {
        try await RawServer.run([.init(answer: row.answer, after: row.after)]) { server, address in
            var configuration = ReplicateClient.Configuration()
            configuration.createTimeout = .seconds(5)
            let client = try ReplicateClient(token: "r8_secret", baseURL: address, configuration: configuration)
            do {
                let prediction = try await client.createPrediction(.model("a/b"), input: ["x": 1])
                #expect(prediction.id == "a")
                #expect(row.kind == nil)
            } catch let error as ReplicateError {
                #expect(error.kind == row.kind, "\(error)")
            }
            #expect(server.requests.count == 1)
            #expect(server.requests.first?.contains("POST /v1/models/a/b/predictions HTTP/1.1\r\n") == true)
        }
    }

    @Test
    func `a connection that is closed before the request is not dialled again`() async throws {
        try await RawServer.run([]) { server, address in
            let client = try ReplicateClient(token: "r8_secret", baseURL: address)
            let error = try await #require(throws: ReplicateError.self) {
                try await client.createPrediction(.model("a/b"), input: ["x": 1])
            }
            #expect(error.kind == .transient || error.kind == .ambiguous)
            #expect(server.requests.count == 1)
        }
    }

    @Test
    func `a read over a connection that has died is sent again`() async throws {
        let account = #"{"type":"user","username":"a"}"#
        let scripts: [RawServer.Script] = [.init(answer: Self.answer("200 OK", account), closes: true)]
        try await RawServer.run(scripts + scripts) { server, address in
            var configuration = ReplicateClient.Configuration()
            configuration.clock = SteppingClock()
            let client = try ReplicateClient(token: "r8_secret", baseURL: address, configuration: configuration)
            #expect(try await client.account().username == "a")
            #expect(try await client.account().username == "a")
            #expect(server.requests.count == 2)
        }
    }

    // MARK: - Downloads

    private static func download(
        _ scripts: [RawServer.Script],
        _ body: @Sendable (RawServer, Result<(DownloadedFile, String), any Error>) async throws -> Void
    ) async throws {
        try await RawServer.run(scripts) { server, address in
            var configuration = ReplicateClient.Configuration()
            configuration.clock = SteppingClock()
            configuration.outputOrigins = [address]
            let client = try ReplicateClient(token: "r8_secret", baseURL: address, configuration: configuration)
            let folder = try TemporaryFolder()
            let path = folder.path("a")
            let result: Result<(DownloadedFile, String), any Error>
            do {
                let file = try await client.download("\(address)/a", to: path)
                result = .success((file, try String(contentsOfFile: path, encoding: .utf8)))
                #expect(folder.contents == ["a"])
            } catch {
                result = .failure(error)
                #expect(folder.contents.isEmpty)
            }
            #expect(server.requests.allSatisfy { !$0.contains("r8_secret") })
            try await body(server, result)
        }
    }

    private static func begun(_ headers: String...) -> RawServer.Script {
        .init(answer: answer("200 OK", "01234", headers: headers, length: 10))
    }

    private static func whole(_ headers: String...) -> RawServer.Script {
        .init(answer: answer("200 OK", "ABCDEFGHIJ", headers: headers))
    }

    private static func rest(_ range: String, _ tag: String, _ body: String = "56789") -> RawServer.Script {
        .init(answer: answer("206 Partial Content", body, headers: ["content-range: bytes \(range)", "etag: \(tag)"]))
    }

    @Test
    func `the rest of the same file is added`() async throws {
        try await Self.download([Self.begun("etag: \"x\""), Self.rest("5-9/10", "\"x\"")]) { server, result in
            let (file, text) = try result.get()
            #expect(text == "0123456789")
            #expect(file.sha256 == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882")
            #expect(file.attempts == 2)
            #expect(server.requests.last?.contains("range: bytes=5-\r\nif-range: \"x\"\r\n") == true)
        }
    }

    @Test(arguments: [
        rest("5-9/10", "\"y\""), rest("4-9/10", "\"x\"", "456789"), rest("5-9/11", "\"x\""),
        rest("5-8/10", "\"x\"", "5678"),
        rest("0-4/10", "\"x\""), rest("*/10", "\"x\""), rest("5-9/99999999999999999999", "\"x\""),
        .init(answer: answer("416 Range Not Satisfiable", "")),
        .init(answer: answer("206 Partial Content", "56789", headers: ["etag: \"x\""])),
    ])
    func `anything else that calls itself the rest is not`(other: RawServer.Script) async throws {
        try await Self.download([Self.begun("etag: \"x\""), other, Self.whole("etag: \"z\"")]) { server, result in
            let (file, text) = try result.get()
            #expect(text == "ABCDEFGHIJ")
            #expect(file.size == 10)
            // A connection that is just being closed may cost one more.
            #expect(file.attempts >= 3)
            #expect(server.requests.last?.contains("range") == false)
        }
    }

    @Test(arguments: ["W/\"x\"", "x", ""])
    func `without a strong tag nothing is resumed`(tag: String) async throws {
        try await Self.download([Self.begun("etag: \(tag)"), Self.whole()]) { server, result in
            let text = try result.get().1
            #expect(text == "ABCDEFGHIJ")
            #expect(server.requests.last?.contains("range") == false)
        }
    }

    @Test
    func `a 206 that was not asked for is not taken`() async throws {
        try await Self.download([Self.rest("5-9/10", "\"x\""), Self.whole()]) { _, result in
            let text = try result.get().1
            #expect(text == "ABCDEFGHIJ")
        }
    }

    @Test
    func `the length that a rest announces counts`() async throws {
        let begun = RawServer.Script(
            answer: "HTTP/1.1 200 OK\r\netag: \"x\"\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n"
        )
        let short = RawServer.Script(
            answer: "HTTP/1.1 206 Partial Content\r\netag: \"x\"\r\ncontent-range: bytes 5-9/10\r\n\r\n56"
        )
        try await Self.download([begun, short, Self.rest("7-9/10", "\"x\"", "789")]) { _, result in
            let text = try result.get().1
            #expect(text == "0123456789")
        }
    }

    @Test
    func `a file whose end nobody tells is refused`() async throws {
        try await Self.download([.init(answer: "HTTP/1.1 200 OK\r\n\r\n01234")]) { _, result in
            let error = try #require(throws: ReplicateError.self) { try result.get() }
            #expect(error.kind == .permanent)
        }
    }

    @Test
    func `a quote in a file's name does not end it`() async throws {
        let answer = #"{"id":"f","urls":{"get":"http://x/f"}}"#
        try await RawServer.run([.init(answer: Self.answer("201 Created", answer), after: 300)]) { server, address in
            let client = try ReplicateClient(token: "r8_secret", baseURL: address)
            let file = try await client.uploadFile([7], contentType: "image/png", name: "a\"; b=\"c\u{301}.png")
            #expect(file.id == "f")
            let request = try #require(server.requests.first)
            #expect(request.contains("name=\"content\"; filename=\"a%22; b=%22c\u{301}.png\"\r\n"))
        }
    }

    @Test
    func `an upload that is refused half-way leaves no file open`() async throws {
        let refusal = RawServer.Script(answer: Self.answer("413 Too Large", #"{"detail":"too large"}"#), closes: false)
        try await RawServer.run(Array(repeating: refusal, count: 5)) { _, address in
            let folder = try TemporaryFolder()
            let path = folder.path("large")
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
            let handle = try FileHandle(forWritingTo: URL(filePath: path))
            try handle.truncate(atOffset: 50 << 20)
            try handle.close()
            let client = try ReplicateClient(token: "r8_secret", baseURL: address)
            for _ in 0..<5 {
                let error = try await #require(throws: ReplicateError.self) {
                    try await client.uploadFile(at: path, contentType: "image/jpeg")
                }
                #expect(error.kind == .refused || error.kind == .ambiguous)
            }
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path }
            #expect(open.isEmpty)
            #expect(folder.contents == ["large"])
        }
    }

    @Test
    func `a compressed file is refused, since its length and hash are not the file's`() async throws {
        let script = RawServer.Script(answer: Self.answer("200 OK", "xx", headers: ["content-encoding: br"]))
        try await Self.download([script]) { _, result in
            let error = try #require(throws: ReplicateError.self) { try result.get() }
            #expect(error.kind == .permanent)
        }
    }

    @Test
    func `redirects within the origin are followed, but not in circles`() async throws {
        let around = RawServer.Script(answer: Self.answer("302 Found", "", headers: ["location: /b?c=d"]))
        try await Self.download([around, Self.whole()]) { server, result in
            let text = try result.get().1
            #expect(text == "ABCDEFGHIJ")
            #expect(server.requests.last?.hasPrefix("GET /b?c=d HTTP/1.1\r\n") == true)
        }
        try await Self.download(Array(repeating: around, count: 4)) { server, result in
            let error = try #require(throws: ReplicateError.self) { try result.get() }
            #expect(error.kind == .permanent)
            #expect(server.requests.count == 4)
        }
    }
}
