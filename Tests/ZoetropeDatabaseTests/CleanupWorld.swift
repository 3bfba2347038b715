import Foundation
import Logging
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// A service with a past: rows and objects of every age and state, and what must be left of them.
final class CleanupWorld: Sendable {
    let backend: Backend
    let database: any SQLDatabase
    let store: SQLRunStore
    let objects = ShelfObjects()
    let clock = WorldClock()
    let alerts = Mutex<[Alert]>([])
    let resolved = Mutex<[String]>([])
    let retention = Retention(days: 30)
    private let folder: TemporaryFolder

    /// On SQLite time is the test's; PostgreSQL has its own.
    init(_ backend: Backend) async throws {
        self.backend = backend
        folder = try TemporaryFolder()
        if backend == .postgres {
            let url = try await TestPostgres.shared().makeDatabase()
            database = try PostgresDatabase.at(url, connections: 2)
            store = try await .postgres(url: url, connections: 6, logger: .silent)
        } else {
            let path = folder.path("zoetrope.sqlite")
            let now: @Sendable () -> Date = { [clock] in clock.now }
            store = try await .sqlite(path: path, logger: .silent, now: now)
            database = try await SQLiteDatabase.open(path: path, now: now)
        }
    }

    func close() async {
        await store.close()
        await database.close()
    }

    var now: Date { backend == .postgres ? Date().roundedToMilliseconds : clock.now }

    func environment(reached: @escaping @Sendable (CrashPoint) async throws -> Void = { _ in }) -> WorkerEnvironment {
        WorkerEnvironment(
            store: store,
            objects: objects,
            media: NoMedia(),
            scratch: NoScratch(),
            providers: [],
            time: backend == .postgres
                ? .system : EngineTime(sleep: { _ in await Task.yield() }, uptime: { [clock] in clock.uptime }),
            logger: .silent,
            alert: { [weak self] alert in self?.alerts.withLock { $0.append(alert) } },
            resolve: { [weak self] code, _ in self?.resolved.withLock { $0.append(code) } },
            reached: reached
        )
    }

    func cleanup(
        owner: String = "a",
        batch: Int = 50,
        page: Int = 40,
        reached: @escaping @Sendable (CrashPoint) async throws -> Void = { _ in }
    ) -> Cleanup {
        Cleanup(
            environment(reached: reached),
            store: store,
            retention: retention,
            owner: owner,
            sizes: Cleanup.Sizes(batch: batch, page: page)
        )
    }

    /// Makes the next run one that an operator has confirmed before it was killed: there is no cap.
    func liftCap() async throws {
        try await store.amendSchedule { schedule, now in
            var lifted = schedule ?? CleanupSchedule(lastDay: 0)
            lifted.allowance = nil
            lifted.allowanceDay = Int((now.timeIntervalSince1970 / 86_400).rounded(.down))
            lifted.lastDay = 0
            lifted.seenAt = now
            schedule = lifted
        }
    }

    /// As if the leases of a dead process had run out.
    func lapse() async throws {
        let past = (now - 1).roundedToMilliseconds
        try await database.write { session in
            try session.execute("UPDATE schedules SET lease_expires_at = $1", [.timestamp(past)])
            try session.execute("UPDATE object_deletions SET wake_at = created_at", [])
        }
    }

    var alertCodes: [String] { alerts.withLock { $0.map(\.code) } }

    // MARK: What is there

    func ids(_ table: String) async throws -> Set<UUID> {
        try await database.read { session in
            Set(try session.query("SELECT id FROM \(table)").map { try $0.get("id", as: UUID.self) })
        }
    }

    func count(_ table: String, where condition: String = "1 = 1") async throws -> Int {
        try await database.read { session in
            try session.query("SELECT count(*) AS n FROM \(table) WHERE \(condition)").first?.get("n") ?? -1
        }
    }

    /// Compares everything with what must be left; names at most a few differences.
    func expectExactly(_ past: Past, location: SourceLocation = #_sourceLocation) async throws {
        let left = past.left(retention)
        for (table, expected) in [
            ("jobs", left.jobs), ("restore_attempts", left.restores), ("animation_attempts", left.animations),
        ] {
            let there = try await ids(table)
            let wrong = (expected.subtracting(there).count, there.subtracting(expected).count)
            #expect(wrong == (0, 0), "\(table): wrongly deleted, left over", sourceLocation: location)
        }
        let there = objects.keys
        let lost = left.objects.subtracting(there)
        let over = there.subtracting(left.objects)
        #expect(lost.isEmpty, "wrongly deleted: \(lost.prefix(5))", sourceLocation: location)
        #expect(over.isEmpty, "left over: \(over.prefix(5))", sourceLocation: location)
        #expect(try await count("object_deletions") == 0, sourceLocation: location)
        #expect(try await count("animation_runs") == past.runCount, "runs stay", sourceLocation: location)
    }
}

/// A time that a test moves: the database's clock, and one that does not jump.
final class WorldClock: Sendable {
    private let state = Mutex((now: Date(timeIntervalSince1970: 1_781_524_800), uptime: Duration.seconds(1_000)))

    /// 15 June 2026, 12:00 UTC, at the beginning.
    var now: Date { state.withLock { $0.now } }
    var uptime: Duration { state.withLock { $0.uptime } }

    /// Time passes, for both.
    func pass(_ time: Duration) {
        state.withLock {
            $0.now = $0.now + time
            $0.uptime += time
        }
    }

    /// The database's clock is set.
    func jump(_ time: Duration) { state.withLock { $0.now = $0.now + time } }

    /// Time passes until an hour of a day that is so many days away.
    func pass(untilHour hour: Double, days: Int = 0) {
        let midnight = (now.timeIntervalSince1970 / 86_400).rounded(.down) * 86_400
        let then = midnight + Double(days) * 86_400 + hour * 3_600
        pass(.milliseconds(Int64(((then - now.timeIntervalSince1970) * 1_000).rounded())))
    }
}

/// An object store for many small objects: sorted once, listed in pages, deleted in batches.
final class ShelfObjects: ObjectStore {
    struct Item: Sendable {
        let key: ObjectKey
        let modifiedAt: Date

        init(_ key: ObjectKey, _ modifiedAt: Date) {
            self.key = key
            self.modifiedAt = modifiedAt
        }
    }

    private struct State {
        var items: [Item] = []
        var places: [ObjectKey: Int] = [:]
        var isThere: [Bool] = []
        /// Keys that cannot be deleted.
        var refused: Set<ObjectKey> = []
        var isDown = false
        var unfinished: [Date] = []

        func item(_ key: ObjectKey) -> Item? { places[key].flatMap { isThere[$0] ? items[$0] : nil } }

        mutating func remove(_ key: ObjectKey) {
            if let place = places[key] { isThere[place] = false }
        }
    }

    private let state = Mutex(State())

    func stock(_ items: [Item]) {
        let sorted = items.sorted { $0.key.precedes($1.key) }
        state.withLock { state in
            state.items = sorted
            state.isThere = Array(repeating: true, count: sorted.count)
            state.places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1.key, $0) })
        }
    }

    var keys: Set<ObjectKey> {
        state.withLock { state in
            var keys: Set<ObjectKey> = []
            for (place, item) in state.items.enumerated() where state.isThere[place] { keys.insert(item.key) }
            return keys
        }
    }

    func remove(_ key: ObjectKey) { state.withLock { $0.remove(key) } }
    func refuse(_ keys: Set<ObjectKey>) { state.withLock { $0.refused = keys } }
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
    func leaveUnfinished(_ dates: [Date]) { state.withLock { $0.unfinished = dates } }
    var unfinished: [Date] { state.withLock { $0.unfinished } }

    /// What an object holds: whoever reads it can tell whether it was whole.
    static func content(of key: ObjectKey) -> [UInt8] { Array("\(key) \(key) \(key)".utf8) }

    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] {
        try check()
        return state.withLock { state in
            // The first item that is behind `after` and not before the prefix.
            var (low, high) = (0, state.items.count)
            while low < high {
                let middle = (low + high) / 2
                let key = state.items[middle].key
                let isBefore =
                    after.map { !$0.precedes(key) } ?? false
                    || key.description.utf8.lexicographicallyPrecedes(prefix.utf8)
                if isBefore { low = middle + 1 } else { high = middle }
            }
            var page: [StoredObject] = []
            while low < state.items.count, page.count < limit {
                let item = state.items[low]
                guard item.key.description.utf8.starts(with: prefix.utf8) else { break }
                if state.isThere[low] {
                    let size = Int64(Self.content(of: item.key).count)
                    page.append(StoredObject(key: item.key, byteCount: size, modifiedAt: item.modifiedAt))
                }
                low += 1
            }
            return page
        }
    }

    func delete(_ key: ObjectKey) async throws(StorageError) {
        if let failure = try await delete([key])[key] { throw failure }
    }

    func delete(_ keys: [ObjectKey]) async throws(StorageError) -> [ObjectKey: StorageError] {
        try check()
        return state.withLock { state in
            var failures: [ObjectKey: StorageError] = [:]
            for key in keys {
                if state.refused.contains(key) {
                    failures[key] = StorageError(.denied, "locked")
                } else {
                    state.remove(key)
                }
            }
            return failures
        }
    }

    func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        try check()
        guard let item = state.withLock({ $0.item(key) }) else { return nil }
        return ShelfReader(content: Self.content(of: key), modifiedAt: item.modifiedAt)
    }

    func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? {
        state.withLock { $0.item(key) }.map { _ in ObjectFacts(byteCount: 1, sha256: "", contentType: "") }
    }

    func removeUnfinished(before: Date) async throws(StorageError) -> Int {
        state.withLock { state in
            let count = state.unfinished.count
            state.unfinished.removeAll { $0 < before }
            return count - state.unfinished.count
        }
    }

    func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome {
        throw StorageError(.denied, "the clean-up called put")
    }

    func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        throw StorageError(.denied, "the clean-up called get")
    }

    private func check() throws(StorageError) {
        if state.withLock({ $0.isDown }) { throw StorageError(.unavailable, "down") }
    }
}

private struct ShelfReader: ObjectReader {
    let content: [UInt8]
    let modifiedAt: Date

    var byteCount: Int64 { Int64(content.count) }
    var entityTag: String { "" }
    var contentType: String { "" }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        Array(content.dropFirst(Int(offset)).prefix(count))
    }
}

private struct NoMedia: MediaPipeline {
    private static let unused = MediaFailure(.internal, "the clean-up made a picture", isRetryable: false)

    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        throw Self.unused
    }

    func publishable(from parts: [String], in folder: String, order: PublishOrder)
        async throws(MediaFailure) -> PublishableVideo
    {
        throw Self.unused
    }

    func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure) { throw Self.unused }

    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize { throw Self.unused }
}

private struct NoScratch: Scratch {
    func withFolder<Result: Sendable>(
        for run: AnimationID,
        epoch: Int64,
        _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        throw MediaFailure(.internal, "the clean-up wanted a folder", isRetryable: false)
    }
}
