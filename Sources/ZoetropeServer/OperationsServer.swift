import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import ZoetropeWorkflow

/// Health and metrics of a process that serves nothing else.
package struct OperationsServer: Sendable {
    private let store: any ServiceStore
    private let checks: [HealthCheck]
    private let metrics: ServiceMetrics
    private let port: Int
    private let isPublic: Bool
    private let logger: Logger
    private let onRunning: @Sendable (_ port: Int) async -> Void

    /// Makes a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - store: Where the numbers of the whole service come from.
    ///   - checks: What must answer before the process is ready.
    ///   - metrics: The numbers of this process.
    ///   - port: 0 for any free one.
    ///   - isPublic: Whether others than this machine may look; else it listens on 127.0.0.1.
    ///   - logger: For one line per request, at debug.
    ///   - onRunning: Told the port once connections are accepted.
    package init(
        store: any ServiceStore,
        checks: [HealthCheck],
        metrics: ServiceMetrics,
        port: Int,
        isPublic: Bool,
        logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void
    ) {
        self.store = store
        self.checks = checks
        self.metrics = metrics
        self.port = port
        self.isPublic = isPublic
        self.logger = logger
        self.onRunning = onRunning
    }

    /// Serves until the task is cancelled.
    ///
    /// Throws what binding the address throws.
    package func run() async throws {
        let table = RouteTable(
            access: Access(auth: .local),
            admit: { _ in },
            logger: logger,
            metrics: metrics
        )
        table.addOperations(
            HealthRoutes(checks: checks),
            MetricsRoutes(metrics, store: store, time: .system, arePublic: isPublic)
        )
        let application = Application(
            router: table.router,
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: .hostname(isPublic ? "0.0.0.0" : "127.0.0.1", port: port),
                availableConnectionsDelegate: .maximum(100, logger: logger)
            ),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) },
            logger: logger
        )
        try await runUntilCancelled(application, logger: logger)
    }
}

extension RouteTable {
    /// Adds what operators look at; without metrics there are none.
    func addOperations(_ health: HealthRoutes, _ metrics: MetricsRoutes?) {
        add("/healthz", [.get: health.alive])
        add("/readyz", [.get: health.ready])
        if let metrics { add("/metrics", [.get: metrics.show]) }
    }
}
