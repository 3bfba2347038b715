import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// When the clean-up runs, and when it must not.
@Suite(.timeLimit(.minutes(5)))
struct CleanupScheduleTests {
    /// A process that looks at the clock.
    private struct Process {
        let service: CleanupService
        var memory = CleanupService.Memory()

        init(_ world: CleanupWorld, _ owner: String = "a") {
            service = CleanupService(world.cleanup(owner: owner), world.environment(), store: world.store)
        }

        /// Looks every half minute while time passes; returns how often it cleaned up.
        mutating func live(_ world: CleanupWorld, for time: Duration, step: Duration = .seconds(30)) async -> Int {
            var runs = 0
            var left = time
            while left > .zero {
                world.clock.pass(min(step, left))
                left -= step
                if case .done = await service.look(&memory) { runs += 1 }
            }
            return runs
        }
    }

    private static func world(_ animations: Int = 60) async throws -> (CleanupWorld, Past) {
        let world = try await CleanupWorld(.file)
        let past = Past(animations: animations, now: world.now, seed: 11)
        try await past.make(in: world)
        return (world, past)
    }

    @Test func `it runs at 03:00, once a day, and not on the day on which the service began`() async throws {
        let (world, past) = try await Self.world()
        var process = Process(world)
        await process.service.look(&process.memory)
        // From 12:00 to 02:59:30.
        #expect(await process.live(world, for: .seconds(15 * 3_600 - 30)) == 0)
        #expect(try await world.ids("jobs").count == past.scenes.count)
        #expect(await process.live(world, for: .seconds(30)) == 1)
        #expect(try await world.ids("jobs").count < past.scenes.count)
        #expect(await process.live(world, for: .seconds(24 * 3_600 - 30)) == 0)
        #expect(await process.live(world, for: .seconds(30)) == 1)
        #expect(world.alertCodes == [])
        await world.close()
    }

    @Test func `of many hosts one runs it`() async throws {
        let (world, past) = try await Self.world(400)
        try await world.liftCap()
        let outcomes = await withTaskGroup(of: Cleanup.Outcome?.self) { group in
            for number in 0..<6 {
                group.addTask {
                    var process = Process(world, "host \(number)")
                    return await process.service.look(&process.memory)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let runs = outcomes.filter { if case .done = $0 { true } else { false } }
        #expect(runs.count == 1)
        try await world.expectExactly(past)
        await world.close()
    }

    @Test func `a missed day is caught up as soon as somebody is there`() async throws {
        let (world, _) = try await Self.world()
        var process = Process(world)
        #expect(await process.live(world, for: .seconds(16 * 3_600)) == 1)
        // Off from 04:00 to 04:30 of the next day: that is less than 25 hours.
        world.clock.pass(.seconds(24 * 3_600 + 1_800))
        var next = Process(world, "b")
        #expect(await next.live(world, for: .seconds(30)) == 1)
        #expect(world.alertCodes == [])
        await world.close()
    }

    @Test func `after a longer silence an operator must say that the clock is right`() async throws {
        let (world, _) = try await Self.world()
        var process = Process(world)
        #expect(await process.live(world, for: .seconds(16 * 3_600)) == 1)
        world.clock.pass(.seconds(26 * 3_600))
        let rows = try await world.ids("jobs").count
        var next = Process(world, "b")
        #expect(await next.live(world, for: .seconds(10 * 86_400), step: .seconds(600)) == 0)
        #expect(try await world.ids("jobs").count == rows)
        // Told once a day.
        #expect(Set(world.alertCodes) == ["cleanup_refused"] && (10...11).contains(world.alertCodes.count))
        guard case .held(let reason) = try await world.cleanup(owner: "shell").run(isExtra: true) else {
            Issue.record("it ran")
            return
        }
        #expect(reason.contains("the service was off, or the clock jumped"))
        guard case .done = try await world.cleanup(owner: "shell").run(isExtra: true, isConfirmed: true) else {
            Issue.record("it did not run")
            return
        }
        #expect(await next.live(world, for: .seconds(86_400), step: .seconds(600)) == 1)
        #expect(world.resolved.withLock { $0 } == ["cleanup_refused"])
        await world.close()
    }

    @Test(arguments: [3_456_000.0, 93_600.0, 3_600.0, 301.0])
    func `a clock that jumps ahead deletes nothing, whoever looks and however long it lasts`(jump: Double) async throws
    {
        let (world, past) = try await Self.world(300)
        var processes = [Process(world, "a"), Process(world, "b"), Process(world, "c")]
        for index in processes.indices { _ = await processes[index].live(world, for: .seconds(30)) }
        let keys = world.objects.keys
        world.clock.jump(.seconds(jump))
        for index in processes.indices {
            #expect(await processes[index].live(world, for: .seconds(3 * 86_400), step: .seconds(1_200)) == 0)
        }
        #expect(try await world.ids("animation_attempts").count == past.scenes.reduce(0) { $0 + $1.animations.count })
        #expect(world.objects.keys == keys)
        #expect(Set(world.alertCodes) == ["cleanup_refused"])
        // A new process does not know of the jump, and finds it written down.
        var fresh = Process(world, "d")
        #expect(await fresh.live(world, for: .seconds(86_400), step: .seconds(1_200)) == 0)
        let overview = try await world.store.overview()
        #expect(overview.cleanup?.heldReason?.contains("jumped") == true)
        await world.close()
    }

    @Test func `a jump of forty days while everything is off deletes nothing, neither at the shell`() async throws {
        let (world, _) = try await Self.world(300)
        var process = Process(world)
        #expect(await process.live(world, for: .seconds(16 * 3_600)) == 1)
        let before = try await world.ids("animation_attempts")
        world.clock.jump(.seconds(40 * 86_400))
        guard case .held = try await world.cleanup(owner: "shell").run(isExtra: true) else {
            Issue.record("it ran")
            return
        }
        var next = Process(world, "b")
        #expect(await next.live(world, for: .seconds(86_400), step: .seconds(600)) == 0)
        #expect(try await world.ids("animation_attempts") == before)
        await world.close()
    }

    @Test func `a clock that is set back makes nothing due`() async throws {
        let (world, _) = try await Self.world()
        var process = Process(world)
        #expect(await process.live(world, for: .seconds(16 * 3_600)) == 1)
        world.clock.jump(.seconds(-3 * 86_400))
        #expect(await process.live(world, for: .seconds(2 * 86_400), step: .seconds(600)) == 0)
        #expect(world.alertCodes == [])
        #expect(await process.live(world, for: .seconds(2 * 86_400), step: .seconds(600)) == 1)
        await world.close()
    }

    @Test func `a run that stops is told of, tried again, and told to be over`() async throws {
        let (world, past) = try await Self.world()
        try await world.liftCap()
        world.objects.setDown(true)
        var process = Process(world)
        #expect(await process.live(world, for: .seconds(120)) == 0)
        #expect(Set(world.alertCodes) == ["cleanup_failed"])
        world.objects.setDown(false)
        world.clock.pass(.seconds(3_600))
        #expect(await process.live(world, for: .seconds(30)) == 1)
        #expect(world.resolved.withLock { $0 } == ["cleanup_failed"])
        try await world.expectExactly(past)
        await world.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `a schedule is read as it was written`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        #expect(try await world.store.cleanupSchedule() == nil)
        var schedule = CleanupSchedule(lastDay: 20_000)
        schedule.owner = "host:1"
        schedule.leaseEpoch = 9
        schedule.leaseExpiresAt = Date(timeIntervalSince1970: 1_000)
        schedule.seenAt = Date(timeIntervalSince1970: 1_001)
        schedule.lastStartedAt = Date(timeIntervalSince1970: 1_002)
        schedule.lastFinishedAt = Date(timeIntervalSince1970: 1_003)
        schedule.heldReason = "because"
        schedule.allowanceDay = 3
        schedule.allowance = 4
        schedule.report = CleanupReport()
        schedule.report?.jobs = 5
        let written = schedule
        try await world.store.amendSchedule { schedule, _ in schedule = written }
        #expect(try await world.store.cleanupSchedule() == written)
        #expect(try await world.store.overview().cleanup == written)
        try await world.store.amendSchedule { schedule, _ in schedule?.owner = nil }
        #expect(try await world.store.cleanupSchedule()?.owner == nil)
        await world.close()
    }
}
