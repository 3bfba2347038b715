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
private final class LogLines: Sendable {
    private let turn = Mutex(())

    func write(_ line: [UInt8]) {
        turn.withLock { _ in _ = try? FileDescriptor.standardError.writeAll(line) }
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
