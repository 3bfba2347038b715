import Crypto
import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Outputs, from a second origin that lies, breaks off and goes away.
@Suite(.timeLimit(.minutes(3)))
struct DownloadTests {
    /// A prediction that has succeeded, its output and an empty folder.
    private static func done(
        rules: [Rule] = [],
        configure: @Sendable (inout ReplicateClient.Configuration) -> Void = { _ in },
        _ body: @Sendable (SimulatedReplicate, _ output: String, _ folder: TemporaryFolder) async throws -> Void
    ) async throws {
        try await SimulatedReplicate.run(rules: rules, configure: configure) { replicate in
            let id = try await replicate.create().id
            let done = try await replicate.client.waitUntilTerminal(id)
            try await body(replicate, try #require(done.outputFiles.first), try TemporaryFolder())
        }
    }

    @Test
    func `an output is downloaded whole, without the token`() async throws {
        try await Self.done { replicate, output, folder in
            let path = folder.path("video.mp4")
            let file = try await replicate.client.download(output, to: path)
            let bytes = try Data(contentsOf: URL(filePath: path))
            #expect(bytes.count == Int(file.size))
            #expect(SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined() == file.sha256)
            #expect(bytes.dropFirst(4).prefix(4) == Data("ftyp".utf8))
            #expect(file.contentType == "video/mp4")
            #expect(file.attempts == 1)
            #expect(folder.contents == ["video.mp4"])
            let requests = replicate.simulator.requests.filter { $0.origin == .output }
            #expect(requests.count == 1)
            #expect(requests.allSatisfy { $0.header("authorization") == nil })
            #expect(replicate.simulator.ledger.creates.first?.output.complete == 1)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fault: Fault
        var times: Int? = 1
        /// `nil` when it succeeds.
        let kind: ReplicateError.Kind?
        var ranges = 0

        init(_ name: String, _ fault: Fault, _ kind: ReplicateError.Kind? = nil, times: Int? = 1, ranges: Int = 0) {
            (self.name, self.fault, self.kind, self.times, self.ranges) = (name, fault, kind, times, ranges)
        }

        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row("403", .answer(.init(403)), .refused),
        Row("404", .answer(.init(404)), .refused),
        Row("500", .answer(.init(500))),
        Row("503 for ever", .answer(.init(503)), .transient, times: nil),
        Row("429", .answer(.init(429))),
        Row("closed before", .close(.before)),
        Row("closed in the head", .close(.after, at: .midHead)),
        Row("breaks off", .shortRead(), ranges: 1),
        Row("breaks off again and again, a little further each time", .shortRead(bytes: 5_000), times: 3, ranges: 3),
        Row("breaks off before the first byte", .shortRead(bytes: 0)),
        Row("breaks off at once for ever", .shortRead(bytes: 0), .transient, times: nil),
        Row("breaks off at the same place for ever", .shortRead(bytes: 1), .transient, times: nil, ranges: 19),
        Row("an endless body", .endless, .permanent),
        Row("no length", .noContentLength),
        Row("an empty file", .notVideo(.empty), .permanent),
        Row("a redirect elsewhere", .redirect(to: "https://evil.example/video.mp4"), .permanent),
        Row("a redirect to this machine", .redirect(to: "http://127.0.0.2:22/"), .permanent),
        Row("a redirect to a file", .redirect(to: "file:///etc/passwd"), .permanent),
    ]

    @Test(arguments: rows)
    func `a download is whole or leaves nothing`(row: Row) async throws {
        try await Self.done { replicate, output, folder in
            let whole = try await replicate.client.download(output, to: folder.path("reference.mp4"))
            replicate.simulator.add(.fault(.output, row.fault, times: row.times))
            let path = folder.path("video.mp4")
            do {
                let limits = DownloadLimits(maximumBytes: 1 << 20)
                let file = try await replicate.client.download(output, to: path, limits: limits)
                #expect(row.kind == nil)
                #expect(file.sha256 == whole.sha256)
                #expect(folder.contents == ["reference.mp4", "video.mp4"])
            } catch let error as ReplicateError {
                #expect(error.kind == row.kind, "\(error)")
                #expect(folder.contents == ["reference.mp4"])
            }
            #expect(replicate.simulator.ledger.creates.first?.output.ranges.count == row.ranges)
        }
    }

    @Test(arguments: [Fault.changingETag, .ignoresRange])
    func `a download that cannot be resumed is begun again`(fault: Fault) async throws {
        try await Self.done { replicate, output, folder in
            let reference = try await replicate.client.download(output, to: folder.path("a.mp4"))
            replicate.simulator.add(.fault(.output, .shortRead(bytes: 5_000)), .fault(.output, fault))
            let file = try await replicate.client.download(output, to: folder.path("b.mp4"))
            #expect(file.sha256 == reference.sha256)
            #expect(file.attempts == 2)
            #expect(replicate.simulator.ledger.creates.first?.output.ranges == ["bytes=5000-"])
        }
    }

    @Test
    func `a file that is larger than allowed is refused by its announced length`() async throws {
        try await Self.done { replicate, output, folder in
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.download(
                    output,
                    to: folder.path("a.mp4"),
                    limits: .init(maximumBytes: 1_000)
                )
            }
            #expect(error.kind == .permanent)
            #expect(error.message.contains("at most 1000 bytes"))
            #expect(folder.contents.isEmpty)
        }
    }

    @Test
    func `a file that is there is replaced at the end, or kept`() async throws {
        try await Self.done { replicate, output, folder in
            let path = folder.path("a.mp4")
            try Data("old".utf8).write(to: URL(filePath: path))
            replicate.simulator.add(.fault(.output, .answer(.init(404))))
            await #expect(throws: ReplicateError.self) { try await replicate.client.download(output, to: path) }
            #expect(try Data(contentsOf: URL(filePath: path)) == Data("old".utf8))
            let file = try await replicate.client.download(output, to: path)
            #expect(try Data(contentsOf: URL(filePath: path)).count == Int(file.size))
        }
    }

    @Test
    func `an output is gone an hour after the end`() async throws {
        try await Self.done { replicate, output, folder in
            await replicate.simulator.advance(by: .seconds(3_700))
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.download(output, to: folder.path("a.mp4"))
            }
            #expect(error.kind == .refused)
            #expect(error.status == 404)
        }
    }

    @Test
    func `a server that trickles is given up in time`() async throws {
        try await Self.done(rules: [.fault(.output, .slow(bytesPerSecond: 1_000), times: nil)]) {
            replicate,
            output,
            folder in
            let limits = DownloadLimits(timeout: .milliseconds(500))
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.download(output, to: folder.path("a.mp4"), limits: limits)
            }
            #expect(error.kind == .transient)
            #expect(folder.contents.isEmpty)
        }
    }

    @Test
    func `a cancelled download leaves nothing`() async throws {
        try await Self.done(rules: [.fault(.output, .slow(bytesPerSecond: 1_000), times: nil)]) {
            replicate,
            output,
            folder in
            let downloading = Task { try await replicate.client.download(output, to: folder.path("a.mp4")) }
            try await SimulatedReplicate.until { !folder.contents.isEmpty }
            downloading.cancel()
            await #expect(throws: CancellationError.self) { try await downloading.value }
            #expect(folder.contents.isEmpty)
        }
    }

    @Test
    func `a data URI is an output as well`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(output: .dataURI))]) { replicate in
            let id = try await replicate.create().id
            let done = try await replicate.client.waitUntilTerminal(id)
            let output = try #require(done.outputFiles.first)
            #expect(output.hasPrefix("data:video/mp4;base64,"))
            let folder = try TemporaryFolder()
            let file = try await replicate.client.download(output, to: folder.path("a.mp4"))
            #expect(file.contentType == "video/mp4")
            #expect(try Data(contentsOf: URL(filePath: folder.path("a.mp4"))).count == Int(file.size))
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.download(output, to: folder.path("b.mp4"), limits: .init(maximumBytes: 100))
            }
            #expect(error.kind == .permanent)
            #expect(folder.contents == ["a.mp4"])
        }
    }

    @Test
    func `no limit at all is no crash`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(output: .dataURI))]) { replicate in
            let id = try await replicate.create().id
            let done = try await replicate.client.waitUntilTerminal(id)
            let folder = try TemporaryFolder()
            let limits = DownloadLimits(maximumBytes: .max, timeout: .seconds(Int64.max))
            try await replicate.client.download(
                try #require(done.outputFiles.first),
                to: folder.path("a.mp4"),
                limits: limits
            )
            let other = try await replicate.create().id
            let plain = try await replicate.client.waitUntilTerminal(other)
            try await replicate.client.download(
                try #require(plain.outputFiles.first),
                to: folder.path("b.mp4"),
                limits: limits
            )
            #expect(folder.contents == ["a.mp4", "b.mp4"])
        }
    }

    @Test
    func `another origin is refused with the remedy, before anything is sent`() async throws {
        try await Self.done { replicate, output, folder in
            let usual = try ReplicateClient(token: replicate.simulator.token, baseURL: replicate.simulator.baseURL)
            let error = try await #require(throws: ReplicateError.self) {
                try await usual.download(output, to: folder.path("a.mp4"))
            }
            #expect(error.kind == .permanent)
            #expect(error.message.contains("REPLICATE_OUTPUT_ORIGINS"))
            #expect(replicate.simulator.requests.filter { $0.origin == .output }.isEmpty)
        }
    }

    @Test
    func `a path that cannot be written is an error that names it`() async throws {
        try await Self.done { replicate, output, folder in
            for path in [folder.path("no/such/folder/a.mp4"), "/proc/a.mp4"] {
                let error = try await #require(throws: ReplicateError.self) {
                    try await replicate.client.download(output, to: path)
                }
                #expect(error.kind == .permanent)
                #expect(error.message.contains(path))
            }
            #expect(replicate.simulator.requests.filter { $0.origin == .output }.isEmpty)
        }
    }
}
