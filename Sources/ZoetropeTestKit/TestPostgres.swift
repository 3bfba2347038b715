import Foundation
import Synchronization

/// A PostgreSQL server of the tests' own: in a folder in `/tmp`, on a Unix socket, gone with the test process.
///
/// It is what Debian installs as `postgresql`, with its flushing to disk left on. PostgreSQL refuses to run as root, so
/// that it then runs as `postgres` or `nobody`.
package final class TestPostgres: Sendable {
    /// The server that tests share; started when it is first asked for, which takes about two seconds.
    package static func shared() async throws -> TestPostgres { try await sharedServer.value }

    /// Whether PostgreSQL is installed here.
    package static let isInstalled = programs != nil

    private static let sharedServer = Task { try await launch() }

    /// Programs of the newest version that is installed.
    private static let programs: String? = {
        let debian = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? [])
            .sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
        let path = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":").map(String.init)
        return (versions.map { "\(debian)/\($0)/bin" } + path)
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
    }()

    private let programs: String
    /// Short, because a socket's path has at most 107 bytes.
    private let folder: String
    /// Words before a command that must not run as root; empty when we are not root.
    private let asUser: [String]
    private let databases = Mutex(0)
    private let server = Mutex<Process?>(nil)

    /// Starts a server for a test that stops it.
    package static func launch() async throws -> TestPostgres {
        guard let programs else {
            throw ToolRunner.Failure(description: "PostgreSQL is not installed: apt-get install postgresql")
        }
        let postgres = try TestPostgres(programs)
        try await postgres.prepare()
        try await postgres.start()
        return postgres
    }

    private init(_ programs: String) throws {
        self.programs = programs
        var template = Array("/tmp/zpg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ToolRunner.Failure(description: "cannot make a folder in /tmp: errno \(errno)")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if getuid() == 0, let user = getpwnam("postgres") ?? getpwnam("nobody") {
            let (id, group) = (user.pointee.pw_uid, user.pointee.pw_gid)
            chown(folder, id, group)
            asUser = ["setpriv", "--reuid=\(id)", "--regid=\(group)", "--clear-groups"]
        } else {
            asUser = []
        }
    }

    private func prepare() async throws {
        try guardian().start()
        let command =
            asUser + ["\(programs)/initdb", "-D", "\(folder)/data", "-U", "zoetrope", "-A", "trust", "-E", "UTF8"]
            + ["--locale=C", "--no-sync", "--no-instructions"]
        try await ToolRunner.succeed(command[0], Array(command.dropFirst()))
    }

    /// Ends the server and removes its folder when this process has ended, however it did.
    ///
    /// A session of its own keeps it out of reach of a signal to our group.
    private func guardian() -> Process {
        let script = """
            trap '' INT TERM HUP
            tail --pid=\(ProcessInfo.processInfo.processIdentifier) -s 0.2 -f /dev/null
            server=$(head -n 1 \(folder)/data/postmaster.pid) && kill -QUIT "$server" && tail --pid="$server" -f /dev/null
            rm -rf \(folder)
            """
        return process(["setsid", "sh", "-c", script], output: nil)
    }

    /// Starts the server, or starts it again, and returns when it takes connections.
    package func start() async throws {
        let log = "\(folder)/log"
        let output = FileHandle(
            fileDescriptor: open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
            closeOnDealloc: true
        )
        let settings = [
            "listen_addresses=", "unix_socket_directories=\(folder)", "fsync=on", "shared_buffers=16MB",
            "max_connections=200", "max_wal_senders=0", "wal_level=minimal", "jit=off", "autovacuum=off",
        ]
        let process = process(
            asUser + ["\(programs)/postgres", "-D", "\(folder)/data"] + settings.flatMap { ["-c", $0] },
            output: output
        )
        try process.start()
        server.withLock { $0 = process }
        let end = ContinuousClock.now + .seconds(60)
        while !isReady(process) {
            guard ContinuousClock.now < end, process.isRunning else {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                throw ToolRunner.Failure(description: "PostgreSQL does not start: \(text.suffix(1_000))")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Stops the server as a crash would: no connection is told, and the next start recovers from the log.
    package func stopImmediately() async throws {
        guard let process = server.withLock({ $0 }) else { return }
        kill(process.processIdentifier, SIGQUIT)
        while process.isRunning { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Makes an empty database; returns its URL.
    package func makeDatabase() async throws -> String {
        let number = databases.withLock { count in
            count += 1
            return count
        }
        try await execute("CREATE DATABASE test\(number)", in: "postgres")
        return "postgres:///test\(number)?host=\(folder)&user=zoetrope"
    }

    /// Runs SQL as another client of the server would.
    package func execute(_ sql: String, in database: String) async throws {
        try await ToolRunner.succeed(
            "\(programs)/psql",
            ["-X", "-q", "-h", folder, "-U", "zoetrope", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql]
        )
    }

    /// The server writes `ready` into the eighth line of its file, which a crashed one may have left.
    private func isReady(_ process: Process) -> Bool {
        guard let text = try? String(contentsOfFile: "\(folder)/data/postmaster.pid", encoding: .utf8) else {
            return false
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 7 && Int32(lines[0]) == process.processIdentifier && lines[7].hasPrefix("ready")
    }

    private func process(_ command: [String], output: FileHandle?) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.currentDirectoryURL = URL(filePath: "/tmp")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = output ?? FileHandle.nullDevice
        return process
    }
}
