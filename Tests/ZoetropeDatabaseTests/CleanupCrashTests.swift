import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// Deaths in the middle of the clean-up, and others who go on with it.
@Suite(.timeLimit(.minutes(5)))
struct CleanupCrashTests {
    struct Death: Error {}

    static let points: [CrashPoint] = [.tombstoned, .objectGone, .cleanupCursor]

    @Test(arguments: [Backend.file, .postgres], points)
    func `killed at a point, at each of its passes, the next run ends as one that was not`(
        backend: Backend,
        point: CrashPoint
    ) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 250, now: world.now, seed: 6)
        try await past.make(in: world)
        try await world.liftCap()
        var deaths = 0
        while true {
            let passes = Mutex(deaths)
            let cleanup = world.cleanup(owner: "process \(deaths)", batch: 20, page: 60) { reached in
                guard reached == point else { return }
                let dies = passes.withLock { left in
                    left -= 1
                    return left < 0
                }
                if dies { throw Death() }
            }
            do {
                let outcome = try await cleanup.run()
                guard case .done = outcome else {
                    Issue.record("\(outcome)")
                    break
                }
                break
            } catch is Death {
                deaths += 1
                // Whoever comes at once finds it taken.
                guard case .busy = try await world.cleanup(owner: "hasty").run() else {
                    Issue.record("a lease was free before it ran out")
                    break
                }
                try await world.lapse()
            }
        }
        #expect(deaths > 1)
        try await world.expectExactly(past)
        #expect(try await world.store.cleanupSchedule()?.report?.pending == 0)
        await world.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `whoever has lost the lease changes nothing more`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 250, now: world.now, seed: 7)
        try await past.make(in: world)
        try await world.liftCap()
        // The first is stopped after its first batch, for longer than its lease.
        let (stops, stopped) = AsyncStream.makeStream(of: Void.self)
        let (wakes, awake) = AsyncStream.makeStream(of: Void.self)
        let isFirst = Mutex(true)
        let first = world.cleanup(owner: "first", batch: 20) { point in
            guard point == .tombstoned, isFirst.withLock({ $0.takeFirst() }) else { return }
            stopped.yield()
            for await _ in wakes { break }
        }
        async let late = first.run()
        for await _ in stops { break }
        try await world.lapse()
        // The second is in the middle of it when the first goes on.
        let (late2, early) = AsyncStream.makeStream(of: Void.self)
        let (goes, go) = AsyncStream.makeStream(of: Void.self)
        let isSecondsFirst = Mutex(true)
        let second = world.cleanup(owner: "second", batch: 20) { point in
            guard point == .tombstoned, isSecondsFirst.withLock({ $0.takeFirst() }) else { return }
            early.yield()
            for await _ in goes { break }
        }
        async let done = second.run()
        for await _ in late2 { break }
        let before = try await world.everything()
        awake.yield()
        #expect(try await late == .lost)
        #expect(try await world.everything() == before)
        go.yield()
        guard case .done = try await done else {
            Issue.record("the second did not come to its end")
            return
        }
        try await world.expectExactly(past)
        await world.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `every write under an old lease is refused`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 100, now: world.now, seed: 8)
        try await past.make(in: world)
        let now = world.now
        try await world.store.amendSchedule { schedule, _ in
            schedule = CleanupSchedule(lastDay: 0)
            schedule?.leaseEpoch = 5
            schedule?.owner = "new"
            schedule?.leaseExpiresAt = now + 60
        }
        let old = CleanupLease(epoch: 4, length: .seconds(60))
        let before = try await world.everything()
        for kind in ExpiringKind.allCases {
            #expect(try await world.store.expire(kind, by: now, limit: 9, under: old) == nil)
        }
        #expect(try await world.store.forget(webhooksBefore: now, limit: 9, under: old) == nil)
        #expect(try await world.store.noteOrphans(past.strays.map(\.key), under: old) == nil)
        #expect(try await !world.store.renew(old))
        #expect(try await world.everything() == before)
        #expect(try await world.store.renew(CleanupLease(epoch: 5, length: .seconds(60))))
        await world.close()
    }

    /// The row that names an object may come while the list is read.
    @Test(arguments: [Backend.file, .postgres])
    func `an orphan that is named at the last moment stays`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 100, now: world.now, seed: 8, strays: 0)
        try await past.make(in: world)
        let lease = CleanupLease(epoch: 1, length: .seconds(60))
        try await world.store.amendSchedule { schedule, _ in
            schedule = CleanupSchedule(lastDay: 0)
            schedule?.leaseEpoch = 1
            schedule?.owner = "me"
        }
        let scene = try #require(past.scenes.first { $0.animations.contains { $0.kind == .ready } })
        let ready = try #require(scene.animations.first { $0.kind == .ready })
        let orphan = ObjectKey.hdVideo(scene.id, ready.id)
        let keys = [ObjectKey.video(scene.id, ready.id), orphan, .source(scene.id, .jpeg)]
        #expect(try await world.store.noteOrphans(keys, under: lease) == 1)
        #expect(try await world.store.claimDeletions(9, lease: .seconds(9)).map(\.key) == [orphan])
        await world.close()
    }
}

extension Bool {
    /// True once.
    fileprivate mutating func takeFirst() -> Bool {
        defer { self = false }
        return self
    }
}
