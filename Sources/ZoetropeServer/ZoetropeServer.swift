package import Foundation
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import ZoetropeCore
package import ZoetropeWorkflow

/// The HTTP API.
package struct ZoetropeServer: Sendable {
    /// All that the server needs from outside.
    package struct Parts: Sendable {
        package var service: AnimationService
        package var store: any ServiceStore
        package var objects: any ObjectStore
        package var urls: ObjectURLs
        package var writer: ObjectWriter
        package var outbound: Outbound
        /// The key with which a user's callbacks are signed.
        package var callbackSecret: @Sendable (_ userID: String) -> [UInt8]
        /// Checks a webhook's signature by its headers, whose names are in lower case, and its raw body.
        package var verifyWebhook: @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict
        /// Draws frames of the MP4 at a path, which has so many seconds, into a new JPEG beside it.
        package var spritesheet: @Sendable (_ video: String, _ seconds: Int, _ target: String) async throws -> Void
        /// What the service needs to be ready.
        package var checks: [HealthCheck]
        /// Where requests are counted; without it there is no `/metrics`.
        package var metrics: ServiceMetrics?
        package var time: EngineTime
        package var now: @Sendable () -> Date
        /// Gets neither bodies nor prompts nor queries.
        package var logger: Logger

        package init(
            service: AnimationService,
            store: any ServiceStore,
            objects: any ObjectStore,
            urls: ObjectURLs,
            writer: ObjectWriter,
            outbound: Outbound,
            callbackSecret: @escaping @Sendable (_ userID: String) -> [UInt8],
            verifyWebhook: @escaping @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict,
            spritesheet: @escaping @Sendable (_ video: String, _ seconds: Int, _ target: String) async throws -> Void,
            checks: [HealthCheck],
            metrics: ServiceMetrics? = nil,
            time: EngineTime = .system,
            now: @escaping @Sendable () -> Date = { Date() },
            logger: Logger
        ) {
            self.service = service
            self.store = store
            self.objects = objects
            self.urls = urls
            self.writer = writer
            self.outbound = outbound
            self.callbackSecret = callbackSecret
            self.verifyWebhook = verifyWebhook
            self.spritesheet = spritesheet
            self.checks = checks
            self.metrics = metrics
            self.time = time
            self.now = now
            self.logger = logger
        }
    }

    private let parts: Parts
    private let settings: ServerSettings
    private let onRunning: @Sendable (_ port: Int) async -> Void

    /// Makes a server that does not listen yet.
    ///
    /// - Parameters:
    ///   - parts: What it needs.
    ///   - settings: Where to listen, and who may call.
    ///   - onRunning: Told the port once connections are accepted.
    package init(
        _ parts: Parts,
        settings: ServerSettings,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.parts = parts
        self.settings = settings
        self.onRunning = onRunning
    }

    /// All routes, without what keeps event streams going.
    package func router() -> Router<APIContext> { router(makeNews()) }

    private func makeNews() -> RunNews { RunNews(parts.store, time: parts.time, logger: parts.logger) }

    private func router(_ news: RunNews) -> Router<APIContext> {
        let library = AnimationLibrary(parts.store, parts.service)
        let jobs = JobRoutes(
            service: parts.service,
            library: library,
            objects: parts.writer,
            outbound: parts.outbound,
            pace: settings.bodyPace
        )
        let animations = AnimationRoutes(
            service: parts.service,
            library: library,
            objects: parts.writer,
            outbound: parts.outbound,
            limits: settings.intakeLimits
        )
        let events = EventRoutes(
            animations: animations,
            objects: parts.writer,
            news: news,
            uptime: parts.time.uptime,
            metrics: parts.metrics
        )
        let account = AccountRoutes(
            library: library,
            limits: settings.limits,
            callbackSecret: parts.callbackSecret
        )
        let webhooks = WebhookRoutes(service: parts.service, verify: parts.verifyWebhook, logger: parts.logger)
        let metrics = parts.metrics
            .map {
                MetricsRoutes($0, store: parts.store, time: parts.time, arePublic: settings.metricsArePublic)
            }

        let shell = PageShell(mediaOrigin: parts.urls.origin)
        let rates = RateLimiter(uptime: parts.time.uptime)
        let table = RouteTable(
            access: Access(auth: settings.auth),
            admit: { [settings] caller throws(Problem) in
                guard let most = settings.limits(of: caller).requestsPerMinute else { return }
                try rates.take(for: caller.userID, perMinute: most)
            },
            logger: parts.logger,
            metrics: parts.metrics,
            errorPage: ErrorPage(shell: shell)
        )
        table.addOperations(HealthRoutes(checks: parts.checks), metrics)
        table.add("/openapi.yaml", [.get: OpenAPIRoutes().show])
        table.add("/api/v1/jobs", callers: [.get: jobs.list, .post: jobs.create])
        table.add("/api/v1/jobs/{job}", callers: [.get: jobs.show, .delete: jobs.delete])
        table.add("/api/v1/jobs/{job}/restores", callers: [.post: jobs.restore])
        table.add("/api/v1/jobs/{job}/animations", callers: [.get: animations.list, .post: animations.create])
        let animation: RouterPath = "/api/v1/jobs/{job}/animations/{animation}"
        table.add(animation, callers: [.get: animations.show, .delete: animations.delete])
        table.add("/api/v1/jobs/{job}/animations/{animation}/events", callers: [.get: events.follow])
        table.add("/api/v1/jobs/{job}/animations/{animation}/cancel", callers: [.post: animations.cancel])
        table.add("/api/v1/jobs/{job}/animations/{animation}/retry", callers: [.post: animations.retry])
        table.add("/api/v1/usage", callers: [.get: account.usage])
        table.add("/api/v1/callback-secret", callers: [.get: account.secret])
        let media = MediaRoutes(
            objects: parts.objects,
            urls: parts.urls,
            isPublished: library.isPublished,
            now: parts.now,
            logger: parts.logger
        )
        table.add(MediaRoutes.path, [.get: media.serve])
        let videos = VideoRoutes(
            service: parts.service,
            library: library,
            objects: parts.writer,
            outbound: parts.outbound,
            limits: settings.intakeLimits,
            pace: settings.bodyPace
        )
        let content = VideoContent(
            videos: videos,
            store: parts.objects,
            expiry: parts.writer.expiry,
            media: media,
            spritesheet: parts.spritesheet,
            now: parts.now
        )
        table.add("/v1/videos", callers: [.get: videos.list, .post: videos.create])
        for name in ["edits", "extensions", "characters"] {
            table.add("/v1/videos/\(name)", callers: [.post: videos.unsupported])
        }
        table.add("/v1/videos/characters/{character}", callers: [.get: videos.unsupported])
        table.add("/v1/videos/{video}", callers: [.get: videos.show, .delete: videos.delete])
        table.add("/v1/videos/{video}/content", callers: [.get: content.serve])
        table.add("/v1/videos/{video}/remix", callers: [.post: videos.remix])
        table.add("/api/v1/webhooks/replicate", [.post: webhooks.receive])
        table.addPages(
            AnimatePageRoutes(
                service: parts.service,
                library: library,
                store: parts.store,
                objects: parts.writer,
                limits: settings.intakeLimits,
                pace: settings.bodyPace,
                shell: shell
            ),
            AnimationPageRoutes(
                service: parts.service,
                library: library,
                store: parts.store,
                files: parts.objects,
                media: media,
                objects: parts.writer,
                limits: settings.intakeLimits,
                shell: shell
            ),
            SessionRoutes(access: PageAccess(auth: settings.auth), shell: shell, now: parts.now)
        )
        return table.router
    }

    /// The server with its limits.
    package func application() -> some ApplicationProtocol {
        let connections = ConnectionCounts(most: settings.mostConnectionsPerAddress)
        let news = makeNews()
        return Application(
            router: router(news),
            server: HTTPServerBuilder { responder in
                HTTP1Channel(
                    responder: { request, writer, channel in
                        if request.awaitsContinue { try await writer.writeInformationalHead(.init(status: .continue)) }
                        try await responder(request, writer, channel)
                    },
                    configuration: .init(
                        additionalChannelHandlers: [SlowClientHandler(counts: connections)],
                        idleTimeout: .seconds(60),
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: 16 << 10,
                            maxHeaderListSize: 64 << 10,
                            maxHeaderFieldCount: 128
                        )
                    )
                )
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: .maximum(settings.mostConnections, logger: parts.logger)
            ),
            services: [news],
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? settings.port) },
            logger: parts.logger
        )
    }

    /// Serves until the task is cancelled; answers under way have 5 s to come to their end.
    ///
    /// Throws what binding the address throws, such as an error about a port that is taken.
    package func run() async throws {
        try await runUntilCancelled(application(), logger: parts.logger)
    }
}
