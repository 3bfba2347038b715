import Foundation
import Synchronization

/// An S3 server of the tests' own, which verifies signatures: Ceph's radosgw on loopback, gone with the test process.
///
/// `scripts/s3-server.sh` runs it.
package final class TestS3: Sendable {
    /// The server that tests share; started when it is first asked for, which takes about 15 seconds.
    package static func shared() async throws -> TestS3 { try await sharedServer.value }

    /// Whether Ceph is installed here.
    package static let isInstalled = ToolRunner.has("radosgw", "ceph-mon", "ceph-osd", "ceph")

    private static let sharedServer = Task { try await launch() }

    /// `http://127.0.0.1:PORT`.
    package let endpoint: String
    /// What the AWS SDKs and ours look for.
    package let environment: [String: String]
    /// The bucket that tests share, each under prefixes of its own.
    package let bucket = "zoetrope"

    private init(endpoint: String, environment: [String: String]) {
        self.endpoint = endpoint
        self.environment = environment
    }

    private static func launch() async throws -> TestS3 {
        guard isInstalled else {
            throw ToolRunner.Failure(description: "Ceph is not installed: scripts/setup.sh test")
        }
        var template = Array("/tmp/zs3-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ToolRunner.Failure(description: "cannot make a folder in /tmp: errno \(errno)")
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let script = Project.root.appending(path: "scripts/s3-server.sh").path
        let owner = String(ProcessInfo.processInfo.processIdentifier)
        let output = try await ToolRunner.succeed(script, ["up", folder, "0", owner]).text
        var values: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let endpoint = values.removeValue(forKey: "endpoint") else {
            throw ToolRunner.Failure(description: "the S3 server says not where it is: \(output)")
        }
        let server = TestS3(endpoint: endpoint, environment: values)
        try await ToolRunner.succeed(script, ["bucket", folder, server.bucket])
        return server
    }

    /// A prefix that nobody else has.
    package func freshPrefix() -> String { UUID().uuidString.lowercased() }

    /// The address of the shared bucket, below a prefix.
    package func url(_ prefix: String) -> String { "s3://\(bucket)/\(prefix)?endpoint=\(endpoint)&region=us-east-1" }

    /// The same, below a prefix that nobody else has.
    package func freshURL() -> String { url(freshPrefix()) }

    /// Sends what another program would, signed, and returns the answer's body.
    ///
    /// - Parameters:
    ///   - method: Of the request.
    ///   - target: Path and query, encoded; the path begins with the bucket.
    ///   - headers: `name: value`.
    ///   - body: The path of a file; nil for none.
    /// - Returns: What came back.
    /// - Throws: ``ToolRunner/Failure`` when it is no success.
    @discardableResult
    package func send(_ method: String, _ target: String, headers: [String] = [], body: String? = nil) async throws
        -> String
    {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].compactMap { environment[$0] }
        let fields = (["x-amz-content-sha256: UNSIGNED-PAYLOAD"] + headers).flatMap { ["--header", $0] }
        let arguments = [
            "--fail-with-body", "--silent", "--show-error", "--path-as-is", "--aws-sigv4", "aws:amz:us-east-1:s3",
            "--user", keys.joined(separator: ":"), "--request", method,
        ]
        let sent = body.map { ["--data-binary", "@\($0)"] } ?? []
        return try await ToolRunner.succeed("curl", arguments + fields + sent + [endpoint + target]).text
    }
}
