import Foundation
import StrictJSON
import Synchronization
import Testing
import ZoetropeTestKit

/// Looks at S3 servers with tools that are not ours; see `Tests/S3Tools`.
enum S3Tools {
    static let folder = Project.root.appending(path: "Tests/S3Tools").path

    /// What addresses give to anybody who has them; those that give nothing are missing.
    static func download(_ urls: [String], in folder: TemporaryFolder) async throws -> [String: StormEvidence.Object] {
        let list = folder.path("urls")
        try Data(urls.joined(separator: "\n").utf8).write(to: URL(filePath: list))
        return objects(try await audit(["fetch", list], []))
    }

    static func audit(_ arguments: [String], _ environment: [String]) async throws -> JSONValue {
        let result = try await ToolRunner.succeed(
            "env",
            environment + ["python3", "\(folder)/audit.py"] + arguments
        )
        return try JSONValue(parsing: result.stdout)
    }

    static func objects(_ json: JSONValue?) -> [String: StormEvidence.Object] {
        (json?.object ?? [:])
            .compactMapValues { facts in
                guard let bytes = facts["bytes"]?.integer, let hash = facts["sha256"]?.string else { return nil }
                return StormEvidence.Object(byteCount: Int(bytes), sha256: hash)
            }
    }
}

/// A place of its own on the tests' S3 server, which processes reach through a proxy that gets in the way.
///
/// The proxy ends with this object.
final class S3Place: Sendable {
    /// What a process has to set to use it.
    let environment: [String: String]
    private let server: TestS3
    private let prefix: String
    private let port: Int
    private let proxy: Mutex<Process>

    /// Of all requests a share `busy` is answered 503, and of a share `lost` the answer is lost.
    init(seed: UInt64 = 1, busy: Double = 0, lost: Double = 0) async throws {
        let server = try await TestS3.shared()
        let target = try #require(server.endpoint.split(separator: ":").last)
        let name = server.freshPrefix()
        prefix = "\(name)/"
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "\(S3Tools.folder)/proxy.py", "\(target)", "\(seed)", "\(busy)", "\(lost)"]
        // It ends when this pipe does, however the tests end.
        process.standardInput = Pipe()
        process.standardOutput = output
        try process.start()
        proxy = Mutex(process)
        // Written at once when it listens.
        let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), "the S3 proxy does not start")
        let address = server.url(name).replacing(server.endpoint, with: "http://127.0.0.1:\(port)")
        environment = server.environment.merging(["ZOETROPE_STORAGE_URL": address]) { $1 }
        self.server = server
    }

    deinit { proxy.withLock { $0.terminate() } }

    /// Everything in it, seen past the proxy, and the keys of uploads that were not completed.
    func contents() async throws -> StormEvidence.Stored {
        let answer = try await S3Tools.audit(
            ["objects", server.endpoint, server.bucket, prefix],
            server.environment.map { "\($0.key)=\($0.value)" }
        )
        return StormEvidence.Stored(
            objects: S3Tools.objects(answer["objects"]),
            uploads: (answer["uploads"]?.array ?? []).compactMap(\.string),
            troubles: await proxy("counts")
        )
    }

    /// Tells the proxy what to do, if anything, and returns what it has done so far.
    ///
    /// `counts` only asks; `stall` holds back every PUT from now on, until `go`.
    @discardableResult
    func proxy(_ order: String) async -> JSONValue {
        await StormHTTP.call("GET", port: port, "/-/\(order)")?.json ?? .null
    }
}
