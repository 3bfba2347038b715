package import Logging
package import ZoetropeCore

/// All that a worker needs from outside.
package struct WorkerEnvironment: Sendable {
    package var store: any RunStore
    package var objects: any ObjectStore
    package var media: any MediaPipeline
    package var scratch: any Scratch
    package var providers: [VideoModel.Provider: any GenerationProvider]
    package var time: EngineTime
    package var chance: Chance
    package var logger: Logger
    /// Tells the operators.
    package var alert: @Sendable (Alert) async -> Void
    /// Tells the operators that what alerts of a code were about is over.
    package var resolve: @Sendable (_ code: String, _ text: String) async -> Void
    /// Where this process counts; nil when nobody looks.
    package var metrics: ServiceMetrics?
    /// Told at each crash point; throws only in tests.
    package var reached: @Sendable (CrashPoint) async throws -> Void
    /// Where work runs that a cancellation must not stop; nil is the global pool.
    package var executor: (any TaskExecutor)?

    package init(
        store: any RunStore,
        objects: any ObjectStore,
        media: any MediaPipeline,
        scratch: any Scratch,
        providers: [any GenerationProvider],
        time: EngineTime = .system,
        chance: Chance = .system,
        logger: Logger,
        alert: @escaping @Sendable (Alert) async -> Void = { _ in },
        resolve: @escaping @Sendable (_ code: String, _ text: String) async -> Void = { _, _ in },
        metrics: ServiceMetrics? = nil,
        reached: @escaping @Sendable (CrashPoint) async throws -> Void = { _ in },
        executor: (any TaskExecutor)? = nil
    ) {
        self.store = store
        self.objects = objects
        self.media = media
        self.scratch = scratch
        self.providers = Dictionary(providers.map { ($0.traits.provider, $0) }) { first, _ in first }
        self.time = time
        self.chance = chance
        self.logger = logger
        self.alert = alert
        self.resolve = resolve
        self.metrics = metrics
        self.reached = reached
        self.executor = executor
    }

    /// Runs work to its end although the calling task is cancelled: what it records would be lost.
    ///
    /// The work must be bounded in time.
    func shielded<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
        // Owned by this call, which waits for it; it only must not hear of the cancellation.
        await Task(executorPreference: executor) { await body() }.value
    }
}

/// Waiting, and the time since some moment, both from one clock that does not jump.
package struct EngineTime: Sendable {
    package var sleep: @Sendable (Duration) async throws -> Void
    package var uptime: @Sendable () -> Duration

    package init(
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        uptime: @escaping @Sendable () -> Duration
    ) {
        self.sleep = sleep
        self.uptime = uptime
    }

    package static let system: EngineTime = {
        let clock = ContinuousClock()
        let start = clock.now
        return EngineTime(sleep: { try await clock.sleep(for: $0) }, uptime: { start.duration(to: clock.now) })
    }()
}

/// How a worker works.
package struct WorkerSettings: Sendable {
    /// Names the worker in leases and logs.
    package var owner: String
    /// A run whose worker died is free after this.
    package var lease = Duration.seconds(30)
    /// Runs that are finishing at a time: they use processors and disk.
    package var heavy = 2
    /// Published videos that are checked at a time, beside those that are finishing.
    package var checks = 2
    /// Pieces of any other work at a time; all polls of a batch are one piece.
    package var light = 64
    /// Runs that are claimed at a time.
    package var batch = 200
    /// Transactions with decisions at a time; what is decided meanwhile gathers for the next.
    package var commits = 2
    /// Looks at a provider's predictions at a time; those that come meanwhile share the next.
    package var looks = 2
    /// The shortest wait between two looks for due runs.
    package var pace = Duration.milliseconds(5)
    /// The longest wait between two looks for due runs, should a ring be lost.
    package var idle = Duration.seconds(1)
    package var dailyBudget: MicroUSD?

    package init(owner: String) {
        self.owner = owner
    }
}
