package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
package import ZoetropeWorkflow

/// The HTTP API.
package struct ZoetropeServer: Sendable {
    private let service: AnimationService
    private let checkReadiness: @Sendable () async throws -> Void
    private let settings: ServerSettings
    private let verifyWebhook: @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict
    private let logger: Logger
    private let onRunning: @Sendable (_ port: Int) async -> Void

    /// Makes a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - service: What takes the orders.
    ///   - checkReadiness: Asks the database; throws when it does not answer as it should.
    ///   - settings: Where to listen, and who may call.
    ///   - verifyWebhook: Checks a webhook's signature by its headers, whose names are in lower case, and its raw body.
    ///   - logger: Gets neither bodies nor prompts nor queries.
    ///   - onRunning: Told the port once connections are accepted.
    package init(
        service: AnimationService,
        checkReadiness: @escaping @Sendable () async throws -> Void,
        settings: ServerSettings,
        verifyWebhook: @escaping @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict,
        logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.service = service
        self.checkReadiness = checkReadiness
        self.settings = settings
        self.verifyWebhook = verifyWebhook
        self.logger = logger
        self.onRunning = onRunning
    }

    /// All routes.
    package func router() -> Router<APIContext> {
        let access = Access(auth: settings.auth)
        let objects = ObjectWriter(service: service, retentionDays: settings.retentionDays)
        let jobs = JobRoutes(service: service, objects: objects)
        let animations = AnimationRoutes(service: service, objects: objects)
        let webhooks = WebhookRoutes(service: service, verify: verifyWebhook, logger: logger)
        let health = HealthRoutes(check: checkReadiness)

        let table = RouteTable(access: access, logger: logger)
        table.add("/healthz", [.get: health.alive])
        table.add("/readyz", [.get: health.ready])
        table.add("/api/v1/jobs", callers: [.get: jobs.list, .post: jobs.create])
        table.add("/api/v1/jobs/{job}", callers: [.get: jobs.show])
        table.add("/api/v1/jobs/{job}/animations", callers: [.get: animations.list, .post: animations.create])
        table.add("/api/v1/jobs/{job}/animations/{animation}", callers: [.get: animations.show])
        table.add("/api/v1/jobs/{job}/animations/{animation}/cancel", callers: [.post: animations.cancel])
        table.add("/api/v1/jobs/{job}/animations/{animation}/retry", callers: [.post: animations.retry])
        table.add("/api/v1/webhooks/replicate", [.post: webhooks.receive])
        return table.router
    }

    /// The server with its limits.
    package func application() -> some ApplicationProtocol {
        Application(
            router: router(),
            server: HTTPServerBuilder { responder in
                HTTP1Channel(
                    responder: { request, writer, channel in
                        if request.awaitsContinue { try await writer.writeInformationalHead(.init(status: .continue)) }
                        try await responder(request, writer, channel)
                    },
                    configuration: .init(idleTimeout: .seconds(60))
                )
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: .maximum(512, logger: logger)
            ),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? settings.port) },
            logger: logger
        )
    }

    /// Serves until the task is cancelled; answers under way have 5 s to come to their end.
    ///
    /// Throws what binding the address throws, such as an error about a port that is taken.
    package func run() async throws {
        var configuration = ServiceGroupConfiguration(services: [application()], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(5)
        let group = ServiceGroup(configuration: configuration)
        // Owned by this call, which waits for it: cancellation must begin a shutdown and not cut off what is under way.
        let serving = Task { try await group.run() }
        try await withTaskCancellationHandler {
            try await serving.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }
}
