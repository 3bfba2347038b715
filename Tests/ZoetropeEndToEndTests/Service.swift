import Foundation
import ReplicateSimulator
import StrictJSON
import Synchronization
import Testing
import ZoetropeTestKit

/// A `zoetrope` process that keeps running, such as `serve` or `worker`.
final class ServiceProcess: Sendable {
    private let process: Mutex<Process>
    private let output: URL

    /// Starts it in a folder, with nothing but these variables and the path.
    init(_ arguments: [String], in folder: TemporaryFolder, environment: [String: String]) throws {
        output = folder.url.appending(path: "log-\(UUID().uuidString)")
        try Data().write(to: output)
        let handle = try FileHandle(forWritingTo: output)
        defer { try? handle.close() }
        let process = Process()
        process.executableURL = URL(filePath: Program.path)
        process.currentDirectoryURL = folder.url
        process.arguments = arguments
        process.environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
            .merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try process.start()
        self.process = Mutex(process)
    }

    deinit { process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } } }

    var log: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    var processID: Int32 { process.withLock { $0.processIdentifier } }

    func signal(_ number: Int32) {
        process.withLock { process in if process.isRunning { kill(process.processIdentifier, number) } }
    }

    /// Waits until it has ended; returns the signal that killed it, or nil with its exit code.
    @discardableResult
    func end() async throws -> (status: Int32, wasKilled: Bool) {
        while isRunning { try await Task.sleep(for: .milliseconds(5)) }
        return process.withLock { ($0.terminationStatus, $0.terminationReason == .uncaughtSignal) }
    }

    /// The address that it says it listens on; fails when it ends before.
    func address() async throws -> String {
        while true {
            if let match = log.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+/) { return String(match.0) }
            try #require(isRunning, "it ended: \(log.suffix(2_000))")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// What a test service runs on.
enum TestDatabase: String, CaseIterable, Sendable {
    case sqlite
    case postgres
}

/// Lets a few tests at a time use the machine; they spend most of their time waiting.
actor Turnstile {
    static let services = Turnstile(4)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ places: Int) {
        free = places
    }

    func with(_ body: @Sendable () async throws -> Void) async throws {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        defer { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
        try await body()
    }
}

/// A simulator, a database, a folder, and services on them.
final class Installation: Sendable {
    let folder: TemporaryFolder
    let simulator: ReplicateSimulator
    let environment: [String: String]

    init(_ database: TestDatabase, _ simulator: ReplicateSimulator, settings: [String: String] = [:]) async throws {
        folder = try TemporaryFolder()
        self.simulator = simulator
        var environment = [
            "REPLICATE_API_TOKEN": simulator.token,
            "REPLICATE_BASE_URL": simulator.baseURL,
            "REPLICATE_OUTPUT_ORIGINS": simulator.outputURL,
            "ZOETROPE_DATA_DIR": folder.path("data"),
            // Short, so that a dead worker's runs and lost answers are dealt with in seconds.
            "ZOETROPE_LEASE": "2s",
            "ZOETROPE_SUBMIT_TIMEOUT": "1s",
        ]
        if database == .postgres {
            environment["ZOETROPE_DATABASE_URL"] = try await TestPostgres.shared().makeDatabase()
        }
        self.environment = environment.merging(settings) { $1 }
    }

    func start(_ arguments: String..., crashAt point: String? = nil) throws -> ServiceProcess {
        var environment = environment
        environment["ZOETROPE_CRASH_AT"] = point
        return try ServiceProcess(arguments, in: folder, environment: environment)
    }

    func serve(port: Int = 0, crashAt point: String? = nil) throws -> ServiceProcess {
        try start("serve", "--port", "\(port)", crashAt: point)
    }

    /// Runs a command to its end.
    func run(_ arguments: String...) async throws -> ToolResult {
        let settings = environment.map { "\($0.key)=\($0.value)" }
        return try await ToolRunner.run("env", ["-C", folder.url.path] + settings + [Program.path] + arguments)
    }

    /// What a caller does by HTTP; nil when there was no answer.
    func call(_ method: String, _ url: String, _ options: [String] = []) async throws -> (
        status: Int, body: StrictJSON.JSONValue
    )? {
        let result = try await ToolRunner.run(
            "curl",
            ["-sS", "-m", "20", "-X", method, "-w", "\n%{http_code}"] + options + [url]
        )
        guard result.status == 0, let split = result.text.lastIndex(of: "\n"),
            let status = Int(result.text[result.text.index(after: split)...])
        else { return nil }
        let body = try? StrictJSON.JSONValue(parsing: Array(result.text[..<split].utf8))
        return (status, body ?? .null)
    }
}
