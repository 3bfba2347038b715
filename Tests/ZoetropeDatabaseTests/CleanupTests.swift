import Foundation
import StrictJSON
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// What a run of the clean-up takes, and what it spares.
@Suite(.timeLimit(.minutes(5)))
struct CleanupTests {
    private static let backends = [Backend.file, .postgres]

    // MARK: What goes

    @Test(arguments: backends, [3, 7, 1_000])
    func `what has expired goes with its objects, and nothing else does`(backend: Backend, page: Int) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 1_200, now: world.now)
        try await past.make(in: world)
        try await world.liftCap()
        let outcome = try await world.cleanup(batch: page, page: page).run()
        guard case .done(let report) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        let left = past.left(world.retention)
        #expect(report.animations == left.expired.animations && report.restores == left.expired.restores)
        #expect(report.jobs == left.expired.jobs && report.waiting == 0)
        #expect(report.orphans == left.orphans && report.missing == 0 && report.refusal == nil)
        #expect(report.foreign == 2, "a readme, and an upload of nobody's; what is elsewhere is not looked at")
        #expect(report.pending == 0 && report.objects > 0 && report.byteCount > 0)
        try await world.expectExactly(past)
        // There is nothing left for a second one.
        guard case .done(let second) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(second.animations + second.jobs + second.restores + second.orphans == 0)
        await world.close()
    }

    @Test func `an animation goes in the millisecond in which it expires, and not before`() async throws {
        let world = try await CleanupWorld(.file)
        var past = Past(animations: 0, now: world.now)
        past.scenes = [Past.Scene(id: JobID(UUID()), age: 60 * Past.day)]
        past.scenes[0].animations = [
            Past.Animation(id: AnimationID(UUID()), restore: nil, age: 30 * Past.day, kind: .ready),
            Past.Animation(id: AnimationID(UUID()), restore: nil, age: 30 * Past.day - 0.001, kind: .ready),
        ]
        try await past.make(in: world)
        _ = try await world.cleanup().run(isExtra: true)
        try await world.expectExactly(past)
        let attempt = try #require(try await world.store.attempt(past.scenes[0].animations[1].id))
        #expect(world.retention.expiry(of: attempt.createdAt) > world.now)
        world.clock.pass(.milliseconds(1))
        #expect(world.retention.expiry(of: attempt.createdAt) == world.now)
        _ = try await world.cleanup().run(isExtra: true)
        #expect(try await world.ids("jobs").isEmpty)
        #expect(world.objects.keys == Set(past.strays.map(\.key)))
        await world.close()
    }

    @Test(arguments: backends)
    func `what callers wrote is blanked, what they paid stays, and nobody is called back`(backend: Backend) async throws
    {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 300, now: world.now, seed: 5)
        try await past.make(in: world)
        try await world.liftCap()
        _ = try await world.cleanup().run()
        let gone = "id NOT IN (SELECT id FROM animation_attempts)"
        #expect(try await world.count("animation_runs", where: gone) > 50)
        #expect(
            try await world.count("animation_runs", where: "\(gone) AND CAST(request AS text) LIKE '%my words%'") == 0
        )
        #expect(
            try await world.count("animation_runs", where: "\(gone) AND CAST(request AS text) LIKE '%seconds%'") > 50
        )
        let callbacks = "animation_id NOT IN (SELECT id FROM animation_attempts)"
        #expect(try await world.count("callbacks", where: callbacks) > 10)
        #expect(try await world.count("callbacks", where: "\(callbacks) AND (state <> 'void' OR url <> '')") == 0)
        // Those of the living are as they were.
        #expect(
            try await world.count("callbacks", where: "NOT (\(callbacks)) AND (state = 'void' OR url = '')") == 0
        )
        #expect(
            try await world.count(
                "animation_runs",
                where: "NOT (\(gone)) AND CAST(request AS text) NOT LIKE '%my words%'"
            ) == 0
        )
        await world.close()
    }

    @Test(arguments: backends)
    func `keys that have run out and old webhook ids are forgotten`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        func time(_ seconds: Double) -> String { "'\(SQLTimestamp.text(world.now + seconds) ?? "")'" }
        let keys = (0..<130).map { "('ann', 'k\($0)', 'f', '{}', \(time($0 < 125 ? -1 - Double($0) : 60)))" }
        let hooks = (0..<90).map { "('replicate', 'w\($0)', 't', \(time(-86_400 * ($0 < 85 ? 7.01 : 6.99)))) " }
        try await world.database.write { session in
            try session.run(
                script: """
                    INSERT INTO idempotency_keys VALUES \(keys.joined(separator: ", "));
                    INSERT INTO webhook_inbox VALUES \(hooks.joined(separator: ", "))
                    """
            )
        }
        world.objects.leaveUnfinished([world.now - 90_000, world.now - 80_000])
        guard case .done(let report) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(report.idempotencyKeys == 125 && report.webhooks == 85 && report.unfinished == 1)
        #expect(try await world.count("idempotency_keys") == 5)
        #expect(try await world.count("webhook_inbox") == 5)
        #expect(world.objects.unfinished.count == 1)
        await world.close()
    }

    // MARK: Shares

    @Test(arguments: backends)
    func `a day takes a fifth of all rows, however often it runs, and the oldest first`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        var past = Past(animations: 0, now: world.now)
        past.scenes = (0..<500)
            .map { number in
                var scene = Past.Scene(id: JobID(UUID()), age: (40 + Double(number) / 100) * Past.day)
                scene.animations = [
                    Past.Animation(id: AnimationID(UUID()), restore: nil, age: scene.age, kind: .ready)
                ]
                return scene
            }
        try await past.make(in: world)
        guard case .done(let first) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(first.animations == 200 && first.jobs == 0 && first.waiting == 800)
        #expect(world.alertCodes == ["cleanup_capped"])
        let oldest = Set(past.scenes.suffix(200).flatMap(\.animations).map(\.id.uuid))
        #expect(try await world.ids("animation_attempts").isDisjoint(with: oldest))
        guard case .done(let second) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(second.animations == 0 && second.waiting == 800)
        guard case .done(let all) = try await world.cleanup().run(isExtra: true, isConfirmed: true) else { return }
        #expect(all.animations == 300 && all.jobs == 500 && all.waiting == 0)
        try await world.expectExactly(past)
        await world.close()
    }

    @Test func `a small service is cleaned up at once`() async throws {
        let world = try await CleanupWorld(.file)
        let past = Past(animations: 40, now: world.now, seed: 3)
        try await past.make(in: world)
        _ = try await world.cleanup().run(isExtra: true)
        try await world.expectExactly(past)
        await world.close()
    }

    // MARK: Orphans

    @Test(arguments: backends)
    func `of a strange bucket nothing is deleted until it is confirmed`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        var past = Past(animations: 300, now: world.now, strays: 300)
        past.strays = past.strays.map { ($0.key, 2 * Past.day) }
        try await past.make(in: world)
        try await world.liftCap()
        guard case .done(let report) = try await world.cleanup().run() else { return }
        #expect(report.refusal?.contains("wrong bucket") == true && report.orphans >= 300)
        #expect(world.alertCodes == ["cleanup_refused"])
        #expect(world.objects.keys.isSuperset(of: past.strays.map(\.key)))
        // What has expired goes all the same.
        #expect(try await world.ids("jobs") == past.left(world.retention).jobs)
        guard case .done(let again) = try await world.cleanup().run(isExtra: true, isConfirmed: true) else { return }
        #expect(again.refusal == nil)
        try await world.expectExactly(past)
        await world.close()
    }

    @Test func `of a bucket that has nothing in common with the database nothing is deleted`() async throws {
        let world = try await CleanupWorld(.file)
        var past = Past(animations: 0, now: world.now, strays: 8)
        past.strays = past.strays.map { ($0.key, 2 * Past.day) }
        try await past.make(in: world)
        guard case .done(let report) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(report.refusal?.contains("no row names any") == true)
        #expect(world.objects.keys == Set(past.strays.map(\.key)))
        await world.close()
    }

    @Test(arguments: backends)
    func `missing objects of what is ready are counted, those of others are not`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        var past = Past(animations: 0, now: world.now)
        past.scenes = [Past.Scene(id: JobID(UUID()), age: 5 * Past.day)]
        past.scenes[0].restores = [(RestoreID(UUID()), Past.day)]
        past.scenes[0].animations = Past.Kind.allCases.map {
            Past.Animation(id: AnimationID(UUID()), restore: nil, age: 2 * Past.day, kind: $0)
        }
        try await past.make(in: world)
        let scene = past.scenes[0]
        for animation in scene.animations {
            for key in past.objects(of: animation, in: scene) { world.objects.remove(key) }
        }
        world.objects.remove(.restore(scene.id, scene.restores[0].id, .png))
        guard case .done(let report) = try await world.cleanup(page: 2).run(isExtra: true) else { return }
        // Two of each ready one, three of the one in HD, and the restored photo.
        #expect(report.missing == 8)
        #expect(world.alertCodes == ["objects_missing"])
        await world.close()
    }

    @Test(arguments: backends)
    func `rows name their objects in the order of the store's list`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 200, now: world.now, seed: 9)
        try await past.make(in: world)
        for shelf in ObjectShelf.allCases {
            for limit in [1, 3, 1_000] {
                var named: [NamedPage.Object] = []
                var place: ShelfPlace?
                repeat {
                    let page = try await world.store.named(on: shelf, after: place, limit: limit)
                    named += page.objects
                    place = page.next
                } while place != nil
                #expect(zip(named, named.dropFirst()).allSatisfy { $0.key.precedes($1.key) })
                let there = world.objects.keys.filter { $0.description.hasPrefix(shelf.prefix) }
                #expect(Set(named.filter(\.mustExist).map(\.key)).isSubset(of: there))
                #expect(named.filter(\.mustExist).count > 10)
            }
        }
        await world.close()
    }

    // MARK: Deleting objects

    @Test func `an object that cannot be deleted waits alone, and the operators hear of it`() async throws {
        let world = try await CleanupWorld(.file)
        let past = Past(animations: 60, now: world.now, seed: 2)
        try await past.make(in: world)
        let gone = Set(past.scenes.flatMap { scene in scene.animations.flatMap { past.objects(of: $0, in: scene) } })
            .subtracting(past.left(world.retention).objects)
        let locked = Set(gone.sorted { $0.precedes($1) }.prefix(3))
        world.objects.refuse(locked)
        guard case .done(let report) = try await world.cleanup().run(isExtra: true) else { return }
        #expect(report.pending == 3)
        #expect(report.orphans == past.left(world.retention).orphans, "what is noted is no orphan")
        #expect(world.objects.keys.intersection(gone) == locked)
        let sweeper = ObjectSweeper(world.environment(), store: world.store)
        for _ in 0..<6 {
            world.clock.pass(.seconds(3_600))
            _ = try await sweeper.round()
        }
        #expect(world.alertCodes == ["deletion_refused"])
        world.objects.refuse([])
        world.clock.pass(.seconds(3_600))
        let round = try await sweeper.round()
        #expect(round.tried == 3 && round.gone == 3)
        #expect(world.resolved.withLock { $0 } == ["deletion_refused"])
        try await world.expectExactly(past)
        await world.close()
    }

    @Test func `a store that is down keeps nothing from being tried again`() async throws {
        let world = try await CleanupWorld(.file)
        let past = Past(animations: 60, now: world.now, seed: 2)
        try await past.make(in: world)
        world.objects.setDown(true)
        await #expect(throws: StorageError.self) { try await world.cleanup().run(isExtra: true) }
        // The rows are gone, and so are all addresses; the objects are noted, and the day is not done.
        #expect(try await world.ids("jobs") == past.left(world.retention).jobs)
        #expect(try await world.count("object_deletions") > 0)
        #expect(try await world.store.cleanupSchedule()?.lastFinishedAt == nil)
        world.objects.setDown(false)
        world.clock.pass(.seconds(3_600))
        _ = try await world.cleanup().run(isExtra: true)
        try await world.expectExactly(past)
        await world.close()
    }

    // MARK: Looking only

    @Test(arguments: backends)
    func `a dry run says what would go, and writes nothing`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: 500, now: world.now, seed: 4)
        try await past.make(in: world)
        let before = try await world.everything()
        let keys = world.objects.keys
        let (report, held) = try await world.cleanup().preview()
        let left = past.left(world.retention)
        #expect(held == nil && report.refusal == nil)
        #expect(
            Census(animations: report.animations, restores: report.restores, jobs: report.jobs) == left.expired
        )
        // Orphans are those of now: what is to expire still has its rows.
        #expect(report.byteCount > 0 && report.unfinished == nil)
        #expect(try await world.everything() == before)
        #expect(world.objects.keys == keys)
        try await world.liftCap()
        guard case .done(let done) = try await world.cleanup().run() else { return }
        #expect(done.byteCount == report.byteCount)
        #expect((done.animations, done.restores, done.jobs) == (report.animations, report.restores, report.jobs))
        await world.close()
    }

    @Test func `a report is read as it was written`() {
        var report = CleanupReport()
        report.animations = 1
        report.unfinished = 2
        report.byteCount = 1 << 40
        report.refusal = "why"
        report.missing = 3
        report.milliseconds = 4
        #expect(CleanupReport(json: report.json) == report)
        #expect(CleanupReport(json: ["animations": 7, "news": "x"]).animations == 7)
    }
}

extension CleanupWorld {
    /// Every row of every table, as text.
    func everything() async throws -> [String] {
        try await database.read { session in
            try [
                "jobs", "restore_attempts", "animation_attempts", "animation_runs", "undo_records", "callbacks",
                "object_deletions", "schedules", "idempotency_keys", "webhook_inbox",
            ]
            .flatMap { table in
                try session.query("SELECT * FROM \(table)").map { "\(table) \($0.values)" }.sorted()
            }
        }
    }
}
