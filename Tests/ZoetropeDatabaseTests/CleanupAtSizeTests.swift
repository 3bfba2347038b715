import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// The clean-up of a large service: killed again and again, while two schedulers compete and callers read.
///
/// `ZOETROPE_CLEANUP_ROWS` sets how many animations there are; `scripts/clean-up-at-size.sh` takes 200,000.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct CleanupAtSizeTests {
    private static let animations =
        ProcessInfo.processInfo.environment["ZOETROPE_CLEANUP_ROWS"].flatMap { Int($0) } ?? 3_000
    private static let kills = 20

    private struct Death: Error {}

    /// What happened meanwhile.
    private final class Record: Sendable {
        private let tally = Mutex(Tally())

        func withLock<Result: Sendable>(_ body: (inout Tally) -> Result) -> Result { tally.withLock { body(&$0) } }
    }

    private struct Tally {
        var passes = 0
        var killsLeft = CleanupAtSizeTests.kills
        var nextKill = 1
        var runs = 0
        var isOver = false
        var reads = 0
        var goneReads = 0
        var wrong: [String] = []
    }

    @Test(arguments: [Backend.file, .postgres])
    func `what it deletes is right to the object, whatever happens meanwhile`(backend: Backend) async throws {
        let world = try await CleanupWorld(backend)
        let past = Past(animations: Self.animations, now: world.now, seed: 21)
        try await past.make(in: world)
        try await world.liftCap()
        let isLarge = Self.animations > 10_000
        // Deaths are spread over the work, which passes about so many points.
        let gap = isLarge ? Self.animations / 300 / Self.kills : 5
        let tally = Record()
        let objectCount = world.objects.keys.count
        let start = ContinuousClock.now

        let reached: @Sendable (CrashPoint) async throws -> Void = { _ in
            let dies = tally.withLock { tally in
                tally.passes += 1
                tally.nextKill -= 1
                guard tally.killsLeft > 0, tally.nextKill <= 0 else { return false }
                tally.killsLeft -= 1
                tally.nextKill = Int.random(in: 1...(2 * gap))
                return true
            }
            if dies { throw Death() }
        }
        let left = past.left(world.retention)
        await withDiscardingTaskGroup { group in
            for scheduler in ["a", "b"] {
                group.addTask {
                    let cleanup = world.cleanup(
                        owner: scheduler,
                        batch: isLarge ? 500 : 20,
                        page: isLarge ? 1_000 : 50,
                        reached: reached
                    )
                    let service = CleanupService(cleanup, world.environment(), store: world.store)
                    while !tally.withLock({ $0.isOver }) {
                        var memory = CleanupService.Memory()
                        switch await service.look(&memory) {
                        case .done: tally.withLock { ($0.runs, $0.isOver) = ($0.runs + 1, true) }
                        // It died: nobody else goes on before its lease has run out.
                        case nil: try? await world.lapse()
                        case .busy, .lost: try? await Task.sleep(for: .milliseconds(2))
                        case .held, .notDue:
                            tally.withLock { tally in
                                if !tally.isOver { tally.wrong.append("it did not run") }
                                tally.isOver = true
                            }
                        }
                    }
                }
            }
            group.addTask {
                // A worker's sweeper, beside that of the run.
                let sweeper = ObjectSweeper(world.environment(), store: world.store)
                while !tally.withLock({ $0.isOver }) {
                    _ = try? await sweeper.round()
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
            for reader in 0..<3 {
                group.addTask {
                    var dice = SplitMix64(seed: UInt64(reader))
                    while !tally.withLock({ $0.isOver }) {
                        let finding = await Self.read(past, left, world, &dice)
                        tally.withLock { tally in
                            tally.reads += 1
                            if finding.isGone { tally.goneReads += 1 }
                            if let wrong = finding.wrong { tally.wrong.append(wrong) }
                        }
                        try? await Task.sleep(for: .milliseconds(1))
                    }
                }
            }
        }
        // What a worker's sweeper was doing at the end.
        try await world.lapse()
        while try await ObjectSweeper(world.environment(), store: world.store).round().tried > 0 {}

        let took = ContinuousClock.now - start
        let end = tally.withLock { $0 }
        #expect(end.wrong.isEmpty, "\(end.wrong.prefix(5))")
        #expect(end.killsLeft == 0, "all \(Self.kills) deaths happened")
        #expect(end.runs == 1)
        #expect(end.reads > 50)
        try await world.expectExactly(past)
        let report = try #require(try await world.store.cleanupSchedule()?.report)
        #expect(report.missing == 0 && report.refusal == nil)
        print(
            """
            clean-up on \(backend.rawValue): \(past.rowCount) rows and \(objectCount) objects; \
            \(past.rowCount - left.jobs.count - left.restores.count - left.animations.count) rows and \
            \(objectCount - left.objects.count) objects went in \(took), killed \(Self.kills) times at \(end.passes) points; \
            \(end.reads) reads, \(end.goneReads) of what was gone, \(end.wrong.count) wrong
            """
        )
        await world.close()
    }

    /// Reads an animation as a caller does: the row, then the object, a piece at a time.
    private static func read(
        _ past: Past,
        _ left: Past.Left,
        _ world: CleanupWorld,
        _ dice: inout SplitMix64
    ) async -> (isGone: Bool, wrong: String?) {
        guard let scene = past.scenes.randomElement(using: &dice),
            let animation = scene.animations.filter(\.kind.isReady).randomElement(using: &dice)
        else { return (false, nil) }
        let id = animation.id
        let mustStay = left.animations.contains(id.uuid)
        do {
            guard try await world.store.animation(id) != nil else {
                return (true, mustStay ? "\(id) was deleted" : nil)
            }
            for key in past.objects(of: animation, in: scene) {
                guard let object = try await world.objects.open(key) else {
                    let isGone = try await world.store.animation(id) == nil
                    return (isGone, mustStay || !isGone ? "\(key) is missing, and its row is there" : nil)
                }
                var bytes: [UInt8] = []
                while true {
                    let piece = try await object.bytes(at: Int64(bytes.count), count: 40)
                    if piece.isEmpty { break }
                    bytes += piece
                    await Task.yield()
                }
                if bytes != ShelfObjects.content(of: key) { return (false, "\(key) was read in part") }
            }
            return (false, nil)
        } catch {
            return (false, "\(error)")
        }
    }
}
