import ArgumentParser
import Logging
import ZoetropeCore
import ZoetropeOutbound
import ZoetropeWorkflow

/// The command `zoetrope worker`.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Runs animations: a worker alone, against the same database and objects as serve.",
        discussion: """
            Any number of workers share a database. One that dies loses its runs to the
            others after the lease (ZOETROPE_LEASE, 30 s). SIGTERM and Ctrl-C hand them
            over at once.
            """
    )

    @Option(
        help: "Videos that are made at a time; polls and other waits are not counted. Default: half the processors."
    )
    var concurrency: Int?

    @OptionGroup(title: "Running") var running: EngineOptions
    @OptionGroup(title: "Settings") var options: SettingsOptions

    func validate() throws {
        if let concurrency, !(1...256).contains(concurrency) {
            throw ValidationError("--concurrency must be 1 to 256, got \(concurrency)")
        }
    }

    func run() async throws {
        let logger = running.logger()
        let engine = try await Engine(options.load(), logger: logger, migrates: !running.noMigrate)
        logger.info("working", metadata: ["providers": "\(engine.providerNames)"])
        try await withThrowingTaskGroup { group in
            group.addTask { [concurrency] in await engine.worker(concurrency: concurrency).run() }
            group.addTask { try await engine.runErrands() }
            if let alerts = engine.alerts { group.addTask { await alerts.run() } }
            defer { group.cancelAll() }
            try await group.next()
        }
        await engine.close()
        logger.info("stopped; runs were handed over")
    }
}

extension Engine {
    var providerNames: String {
        environment.providers.keys.map(\.rawValue).sorted().joined(separator: ", ")
    }
}
