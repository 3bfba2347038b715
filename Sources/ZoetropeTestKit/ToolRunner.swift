package import Foundation

/// What a tool left behind.
package struct ToolResult: Sendable {
    package let status: Int32
    package let stdout: Data
    package let stderr: Data

    package var text: String { String(decoding: stdout, as: UTF8.self) }
    package var errorText: String { String(decoding: stderr, as: UTF8.self) }
}

/// Runs ffmpeg and its like for tests.
package enum ToolRunner {
    /// A tool that was expected to succeed did not.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Whether all of these are installed.
    package static func has(_ tools: String...) -> Bool {
        let folders = ProcessInfo.processInfo.environment["PATH", default: "/usr/bin"].split(separator: ":")
        return tools.allSatisfy { tool in
            folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
        }
    }

    /// Waits until the tool ends.
    ///
    /// At most two run at a time, outside the cooperative pool: tests share the machine.
    package static func run(_ tool: String, _ arguments: [String]) async throws -> ToolResult {
        try await withCheckedThrowingContinuation { continuation in
            queue.addOperation {
                continuation.resume(with: Result { try runBlocking(tool, arguments) })
            }
        }
    }

    /// The same, but every status except 0 throws, with what the tool said.
    @discardableResult
    package static func succeed(_ tool: String, _ arguments: [String]) async throws -> ToolResult {
        let result = try await run(tool, arguments)
        guard result.status == 0 else {
            throw Failure(
                description: "\(tool) \(arguments.joined(separator: " ")): \(result.status) \(result.errorText)"
            )
        }
        return result
    }

    private static let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 2
        return queue
    }()

    private static func runBlocking(_ tool: String, _ arguments: [String]) throws -> ToolResult {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [tool] + arguments
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: a tool that fills one pipe while we read the other would stop for ever, and Foundation's
        // reading from a pipe traps when the end of another tool interrupts it.
        let folder = try TemporaryFolder()
        let files = [folder.path("stdout"), folder.path("stderr")].map(URL.init(fileURLWithPath:))
        for file in files { try Data().write(to: file) }
        let handles = try files.map(FileHandle.init(forWritingTo:))
        // Foundation keeps a process's handles for ever, and its `run` breaks down with a thousand of them open.
        defer { for handle in handles { try? handle.close() } }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        try process.start()
        // A tool that hangs must not take the whole run with it.
        let watchdog = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: watchdog)
        defer { watchdog.cancel() }
        process.waitUntilExit()
        return ToolResult(
            status: process.terminationStatus,
            stdout: try Data(contentsOf: files[0]),
            stderr: try Data(contentsOf: files[1])
        )
    }
}

/// A folder that is removed with the last reference to it.
package final class TemporaryFolder: Sendable {
    package let url: URL

    package init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "zoetrope-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    package func path(_ name: String) -> String { url.appending(path: name).path }

    /// The names in it, sorted.
    package var contents: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
    }
}
