import ArgumentParser
import Logging
import SystemPackage
import Synchronization
import ZoetropeWorkflow

/// Flags of the commands that keep running.
struct EngineOptions: ParsableArguments {
    @Flag(help: "Do not change the database's schema; refuse one that is not up to date.")
    var noMigrate = false

    @Option(help: ArgumentHelp("Log this and more severe: debug, info, warning, error.", valueName: "level"))
    var logLevel = LogLevel.info

    @Option(help: "json: one object a line; text: for people. Default: text on a terminal, else json.")
    var logFormat: LineLogHandler.Format?

    /// Writes lines to standard error; call once.
    func logger() -> Logger {
        let format = logFormat ?? (Console.isTerminal ? .text : .json)
        let lines = LogLines()
        var logger = Logger(label: "zoetrope") { LineLogHandler(label: $0, format: format, write: lines.write) }
        logger.logLevel = logLevel.level
        return logger
    }
}

/// Lines on standard error, one after the other.
///
/// Whoever logs while another's lines are being written leaves its own to that one and goes on: a request does not wait for
/// a slow terminal or pipe.
private final class LogLines: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var isWriting = false
        var dropped = 0
    }

    /// Bytes that may wait; what comes beyond is dropped and counted.
    private static let most = 1 << 20

    private let state = Mutex(State())

    func write(_ line: [UInt8]) {
        let isWriter = state.withLock { state in
            guard state.waiting.count + line.count <= Self.most else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isWriting = true }
            return !state.isWriting
        }
        guard isWriter else { return }
        while let lines = state.withLock({ Self.take(&$0) }) {
            _ = try? FileDescriptor.standardError.writeAll(lines)
        }
    }

    /// Everything that waits; nil, and nobody writes any more, when there is nothing.
    private static func take(_ state: inout State) -> [UInt8]? {
        guard !state.waiting.isEmpty else {
            state.isWriting = false
            return nil
        }
        var lines = state.waiting
        state.waiting = []
        if state.dropped > 0 {
            lines += Array(#"{"level":"warning","message":"lines of log were dropped","count":\#(state.dropped)}"#.utf8)
            lines.append(UInt8(ascii: "\n"))
            state.dropped = 0
        }
        return lines
    }
}

extension LineLogHandler.Format: ExpressibleByArgument {}

enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case debug
    case info
    case warning
    case error

    var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
