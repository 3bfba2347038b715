import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

/// Tells those who watch runs when they may have changed.
///
/// The versions of all watched runs are read together: when the database rings, and on a beat, because a change that was
/// made in another process rings only when it is the run's last. So a watched run costs a place in a list.
final class RunNews: Service {
    /// The version of the run, as far as it is known; the same again at each ``tick``.
    typealias Stream = AsyncStream<Int?>

    private struct State {
        var count = 0
        var watchers: [AnimationID: [Int: Stream.Continuation]] = [:]
        var versions: [AnimationID: Int] = [:]
        var readings: [AnimationID: Reading] = [:]
        var isClosed = false
    }

    /// An animation that is read, or was, at a version of its run.
    private struct Reading {
        let version: Int
        let task: Task<AnimationRecord?, any Error>
    }

    /// Between two looks at the database without a ring.
    static let beat = Duration.seconds(1)
    /// Watchers hear something at least this often.
    static let tick = Duration.seconds(5)
    /// Between two looks, however often it rings.
    static let pace = Duration.milliseconds(50)
    /// Runs that are looked at together.
    private static let batch = 2_000

    private let store: any ServiceStore
    private let time: EngineTime
    private let logger: Logger
    private let state = Mutex(State())

    init(_ store: any ServiceStore, time: EngineTime, logger: Logger) {
        self.store = store
        self.time = time
        self.logger = logger
    }

    /// A run's news from now on; the stream ends when this service does.
    func watch(_ id: AnimationID) -> Stream {
        let (stream, continuation) = Stream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.count += 1
            state.watchers[id, default: [:]][state.count] = continuation
            return state.count
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state
                .withLock { state in
                    state.watchers[id]?[number] = nil
                    guard state.watchers[id]?.isEmpty == true else { return }
                    state.watchers[id] = nil
                    state.versions[id] = nil
                }
        }
        return stream
    }

    /// A watched animation at a version of its run or a later one, read once for all who watch it; nil when its row is gone.
    ///
    /// Whether somebody may see it was found out when the watching began.
    func record(_ id: AnimationID, at version: Int) async throws -> AnimationRecord? {
        let reading = state.withLock { state in
            if let reading = state.readings[id], reading.version >= version { return reading }
            // Kept by this object; it is bounded by the store.
            let reading = Reading(version: version, task: Task { [store] in try await store.animation(id) })
            state.readings[id] = reading
            return reading
        }
        do {
            return try await reading.task.value
        } catch {
            // Whoever comes next asks again.
            state.withLock { state in
                if state.readings[id]?.version == reading.version { state.readings[id] = nil }
            }
            throw error
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.work() }
        let watchers = state.withLock { state in
            state.isClosed = true
            return state.watchers.values.flatMap(\.values)
        }
        for watcher in watchers { watcher.finish() }
    }

    private func work() async {
        let bell = Bell()
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in await self.store.changes() { bell.ring() } }
            var lastTick = time.uptime()
            while !Task.isCancelled {
                await pause(bell)
                await look()
                if time.uptime() - lastTick >= Self.tick {
                    lastTick = time.uptime()
                    tellAll()
                }
                try? await time.sleep(Self.pace)
            }
            group.cancelAll()
        }
    }

    private func pause(_ bell: Bell) async {
        await withTaskGroup { group in
            group.addTask { try? await self.time.sleep(Self.beat) }
            group.addTask { await bell.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func look() async {
        let ids = state.withLock { Array($0.watchers.keys) }
        for start in stride(from: 0, to: ids.count, by: Self.batch) {
            let batch = Array(ids[start..<min(ids.count, start + Self.batch)])
            do {
                tell(try await store.versions(of: batch))
            } catch {
                logger.warning("the versions of runs cannot be read", metadata: Logger.Metadata([.error: "\(error)"]))
                return
            }
        }
    }

    private func tell(_ versions: [AnimationID: Int]) {
        let news = state.withLock { state in
            var news: [(Stream.Continuation, Int)] = []
            for (id, version) in versions where state.versions[id] != version {
                guard let watchers = state.watchers[id] else { continue }
                state.versions[id] = version
                news += watchers.values.map { ($0, version) }
            }
            return news
        }
        for (watcher, version) in news { watcher.yield(version) }
    }

    private func tellAll() {
        let all = state.withLock { state in
            state.watchers.flatMap { id, watchers in watchers.values.map { ($0, state.versions[id]) } }
        }
        for (watcher, version) in all { watcher.yield(version) }
    }
}
