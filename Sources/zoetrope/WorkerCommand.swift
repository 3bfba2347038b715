import ArgumentParser
import Logging
import ZoetropeCore
import ZoetropeOutbound
import ZoetropeServer
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

    @Option(
        help: ArgumentHelp(
            "Serve /healthz, /readyz and /metrics on this port; 0 takes any free one. Default: none. On 127.0.0.1, or on all addresses with ZOETROPE_METRICS=public.",
            valueName: "port"
        )
    )
    var metricsPort: Int?

    @OptionGroup(title: "Running") var running: EngineOptions
    @OptionGroup(title: "Settings") var options: SettingsOptions

    func validate() throws {
        if let concurrency, !(1...256).contains(concurrency) {
            throw ValidationError("--concurrency must be 1 to 256, got \(concurrency)")
        }
        if let metricsPort, !(0...65_535).contains(metricsPort) {
            throw ValidationError("--metrics-port must be 0 to 65535, got \(metricsPort)")
        }
    }

    func run() async throws {
        let logger = running.logger()
        let engine = try await Engine(options.load(), logger: logger, migrates: !running.noMigrate)
        logger.info("working", metadata: Logger.Metadata([.providers: "\(engine.providerNames)"]))
        try await withThrowingTaskGroup { group in
            if let metricsPort { group.addTask { try await serveMetrics(of: engine, on: metricsPort) } }
            group.addTask { await engine.watchHealth() }
            group.addTask { [concurrency] in await engine.worker(concurrency: concurrency).run() }
            group.addTask { try await engine.runErrands() }
            if let alerts = engine.alerts { group.addTask { await alerts.run() } }
            defer { group.cancelAll() }
            try await group.next()
        }
        await engine.close()
        logger.info("stopped; runs were handed over")
    }

    private func serveMetrics(of engine: Engine, on port: Int) async throws {
        let server = engine.operationsServer(port: port) { port in
            Console.error("Metrics are at http://127.0.0.1:\(port)/metrics")
        }
        do {
            try await server.run()
        } catch  where !Task.isCancelled {
            throw CommandFailure.failed("cannot serve metrics on port \(port): \(error)")
        }
    }
}

extension Engine {
    var providerNames: String {
        environment.providers.keys.map(\.rawValue).sorted().joined(separator: ", ")
    }
}
