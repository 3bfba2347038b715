import Foundation
import Glibc
import Logging
import Replicate
import SystemPackage
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeMedia
import ZoetropeOutbound
import ZoetropeProviders
import ZoetropeStorage
import ZoetropeWorkflow

/// Everything that runs animations, put together from settings: the only place where adapters meet.
struct Engine: Sendable {
    let environment: WorkerEnvironment
    let store: SQLRunStore
    let alerts: AlertSender?
    let metrics: ServiceMetrics
    let checks: [HealthCheck]
    let service: AnimationService
    let webhooks: ReplicateWebhooks?
    private let client: ReplicateClient?
    /// Draws frames of a video into one picture.
    let sheets: SpritesheetMaker
    let policy: RunPolicy
    let settings: Settings
    /// Where objects lie in a bucket and not in a folder.
    let bucket: S3ObjectStore?

    /// Puts it together; the database is connected to and, unless told not to, brought up to date.
    ///
    /// - Parameters:
    ///   - settings: Validated settings.
    ///   - logger: For the engine's own log.
    ///   - migrates: Whether the schema may be changed; without, one that is not up to date is refused.
    ///   - onProgress: How far the local renderer is.
    /// - Throws: ``CommandFailure``.
    init(
        _ settings: Settings,
        logger: Logger,
        migrates: Bool = true,
        onProgress: @escaping @Sendable (AnimationProgress) -> Void = { _ in }
    ) async throws {
        self.settings = settings
        var policy = RunPolicy()
        policy.generationTimeout = settings.generationTimeout
        // The margins and searches belong to the usual timeout of a minute; a shorter one, for tries, has shorter ones.
        let share = min(1, settings.submitTimeout / .seconds(60))
        policy.submitMargin = max(policy.submitMargin * share, settings.submitTimeout / 4)
        policy.markMargin = max(policy.markMargin * share, settings.submitTimeout / 4)
        policy.lookWaits = policy.lookWaits.map { $0 * share }
        self.policy = policy

        if migrates { try Self.makeFolder(settings.dataFolder) }
        store = try await Self.store(settings, logger: logger, migrates: migrates)
        let objects: any ObjectStore
        switch settings.storage {
        case .folder(let folder):
            objects = try Self.folder(folder)
            bucket = nil
        case .bucket(let location):
            let store = Self.bucket(location, logger: logger)
            (objects, bucket) = (store, store)
        }
        let tools: MediaTools
        do {
            tools = try await settings.mediaTools()
        } catch let error as MediaError {
            throw CommandFailure.usage(error.message)
        }
        var providers: [any GenerationProvider] = [
            LocalProvider(tools: tools, objects: objects, onProgress: { _, progress in onProgress(progress) })
        ]
        var webhooks: ReplicateWebhooks?
        var replicateClient: ReplicateClient?
        if let replicate = settings.replicate {
            let client = try Self.client(replicate, createTimeout: settings.submitTimeout)
            replicateClient = client
            providers.append(
                ReplicateProvider(
                    client: client,
                    webhookBase: settings.publicURL,
                    submitTimeout: settings.submitTimeout + policy.markMargin
                )
            )
            let secrets = try replicate.webhookSecrets.map { text in
                do {
                    return try WebhookSecret(text)
                } catch {
                    throw CommandFailure.usage("\(Setting.webhookSecret.environment): \(error)")
                }
            }
            webhooks = secrets.isEmpty ? ReplicateWebhooks(client: client) : ReplicateWebhooks(secrets: secrets)
        }
        if let cogURL = settings.cogURL {
            providers.append(try Self.cog(cogURL, settings))
        }
        if let engine = settings.openAIVideos {
            providers.append(
                OpenAIVideosProvider(
                    client: try Self.client(engine, createTimeout: settings.submitTimeout),
                    folder: "\(settings.dataFolder)/openai-videos",
                    submitTimeout: settings.submitTimeout + policy.markMargin,
                    now: { Date() }
                )
            )
        }
        self.webhooks = webhooks
        client = replicateClient
        let alerts = settings.alertURL.map { AlertSender(url: $0, logger: logger) }
        let metrics = ServiceMetrics(version: Zoetrope.version, startedAt: Date())
        let alert: @Sendable (Alert) async -> Void = { alert in
            metrics.alert(alert.code)
            alerts?.raise(alert)
            var metadata = Logger.Metadata([.code: "\(alert.code)"])
            if let id = alert.animationID { metadata[.animationID] = "\(id)" }
            logger.log(level: alert.severity == .critical ? .critical : .warning, "\(alert.text)", metadata: metadata)
        }
        let resolve: @Sendable (_ code: String, _ text: String) async -> Void = { code, text in
            alerts?.resolve(code: code, text: text)
            logger.notice("\(text)", metadata: Logger.Metadata([.code: "\(code)"]))
        }
        self.alerts = alerts
        self.metrics = metrics
        checks = Self.checks(store, objects)
        sheets = SpritesheetMaker(tools: tools)
        environment = WorkerEnvironment(
            store: store,
            objects: objects,
            media: FFmpegPipeline(tools: tools, retiming: settings.retiming, effort: settings.encode) { event in
                switch event {
                case .decided(let plan):
                    logger.debug("A plan for a video", metadata: Logger.Metadata([.detail: "\(plan)"]))
                case .refused(let refusal):
                    logger.info("A video is not edited", metadata: Logger.Metadata([.reason: "\(refusal)"]))
                case .took(let part, let duration):
                    metrics.part("finish_media_\(part.rawValue)", took: duration)
                }
            },
            scratch: LocalScratch(root: FilePath("\(settings.dataFolder)/scratch")),
            providers: providers.map { MeteredProvider($0, metrics: metrics, alert: alert, resolve: resolve) },
            logger: logger,
            alert: alert,
            resolve: resolve,
            metrics: metrics,
            reached: Self.crash
        )
        service = AnimationService(
            environment,
            catalogue: settings.catalogue,
            policy: policy,
            hasProvider: settings.hasProvider,
            reduce: { [reducer = ImageReducer()] in try await reducer.reduce($0, limits: $1, to: $2) }
        )
    }

    func worker(concurrency: Int? = nil) -> Worker {
        var settings = WorkerSettings(owner: Self.owner)
        settings.lease = self.settings.lease
        settings.dailyBudget = self.settings.dailyBudget
        settings.heavy = concurrency ?? max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
        settings.checks = settings.heavy
        return Worker(environment, settings: settings, policy: policy)
    }

    func close() async {
        await environment.store.close()
    }

    /// Asks Replicate whether it knows the token, so that a wrong one is told at once and not waited for.
    func checkAccount() async throws {
        do {
            _ = try await client?.account()
        } catch let error as ReplicateError where [401, 403].contains(error.status) {
            throw CommandFailure.failed(
                "Replicate does not accept \(Setting.replicateToken.environment): \(error.message)"
            )
        } catch is ReplicateError {
            // What is wrong with the network now may be over when it matters.
        }
    }

    // MARK: Parts

    private static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw CommandFailure.usage(
                "the data folder \"\(path)\" cannot be made: \(String(cString: strerror(errno)))"
            )
        }
    }

    /// Opens the database.
    static func store(_ settings: Settings, logger: Logger, migrates: Bool) async throws -> SQLRunStore {
        do {
            switch settings.database {
            case .sqlite(let path):
                guard migrates || FileManager.default.fileExists(atPath: path) else {
                    throw CommandFailure.usage(
                        "there is no database at \"\(path)\"; zoetrope serve or migrate makes it"
                    )
                }
                return try await SQLRunStore.sqlite(
                    path: path,
                    migrates: migrates,
                    logger: logger,
                    now: { Date() }
                )
            case .postgres(let url):
                return try await SQLRunStore.postgres(url: url, migrates: migrates, logger: logger)
            }
        } catch let error as RunStoreError {
            throw CommandFailure.failed("the database cannot be used: \(error.detail)")
        } catch let error as DatabaseError {
            throw CommandFailure.failed("the database cannot be used: \(error.message)")
        }
    }

    /// The store in a bucket, which is not asked before it is used.
    static func bucket(_ location: S3Location, logger: Logger) -> S3ObjectStore {
        S3ObjectStore(location, environment: ProcessInfo.processInfo.environment, logger: logger)
    }

    private static func folder(_ path: String) throws -> LocalObjectStore {
        do {
            return try LocalObjectStore(folder: path)
        } catch {
            throw CommandFailure.usage("the objects' folder \"\(path)\" cannot be used: \(error.detail)")
        }
    }

    private static func client(_ replicate: Settings.ReplicateSettings, createTimeout: Duration) throws
        -> ReplicateClient
    {
        var configuration = ReplicateClient.Configuration()
        configuration.createTimeout = createTimeout
        configuration.outputOrigins = replicate.outputOrigins
        do {
            return try ReplicateClient(
                token: replicate.token,
                baseURL: replicate.baseURL,
                configuration: configuration
            )
        } catch let error as ReplicateError {
            throw CommandFailure.usage(error.message)
        }
    }

    private static func cog(_ url: String, _ settings: Settings) throws -> CogProvider {
        do {
            var configuration = ReplicateClient.Configuration()
            configuration.outputOrigins = [url]
            return CogProvider(
                client: try CogClient(baseURL: url),
                downloader: try ReplicateClient(token: "none", configuration: configuration),
                folder: "\(settings.dataFolder)/cog",
                now: { Date() }
            )
        } catch let error as ReplicateError {
            throw CommandFailure.usage(error.message)
        }
    }

    /// The client of an OpenAI-compatible engine.
    static func client(_ engine: Settings.OpenAIVideosSettings, createTimeout: Duration) throws -> OpenAIVideosClient {
        var configuration = OpenAIVideosClient.Configuration()
        configuration.createTimeout = createTimeout
        do {
            return try OpenAIVideosClient(
                baseURL: engine.baseURL,
                apiKey: engine.apiKey,
                outputOrigins: engine.outputOrigins,
                configuration: configuration
            )
        } catch {
            throw CommandFailure.usage("the settings ZOETROPE_OPENAI_VIDEOS_…: \(error.detail)")
        }
    }

    /// Names this process in leases and logs.
    static var owner: String {
        "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"
    }

    /// Kills this process at the crash point that `ZOETROPE_CRASH_AT` names: the tests' way to die between two effects.
    private static let crash: @Sendable (CrashPoint) async throws -> Void = { point in
        if point.rawValue == crashPoint { kill(getpid(), SIGKILL) }
    }

    private static let crashPoint = ProcessInfo.processInfo.environment["ZOETROPE_CRASH_AT"]
}
