import ArgumentParser
import Logging

/// Flags of the commands that keep running.
struct EngineOptions: ParsableArguments {
    @Flag(help: "Do not change the database's schema; refuse one that is not up to date.")
    var noMigrate = false

    @Option(help: ArgumentHelp("Log this and more severe: debug, info, warning, error.", valueName: "level"))
    var logLevel = LogLevel.info

    /// Writes lines to standard error; call once.
    func logger() -> Logger {
        var logger = Logger(label: "zoetrope") { label in StreamLogHandler.standardError(label: label) }
        logger.logLevel = logLevel.level
        return logger
    }
}

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
