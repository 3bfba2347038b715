import Foundation
import Logging
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct HealthTests {
    /// What a check asks, and who is told.
    private final class World: Sendable {
        struct State {
            var failures: Set<String> = []
            var asked = 0
            var free: Double? = 0.5
            var told: [String] = []
            var uptime = Duration.zero
        }

        struct Down: Error {}

        let state = Mutex(State())

        func fail(_ names: String...) { state.withLock { $0.failures = Set(names) } }

        func ask(_ name: String) throws {
            try state.withLock { state in
                state.asked += 1
                if state.failures.contains(name) { throw Down() }
            }
        }

        var time: EngineTime {
            EngineTime(
                sleep: { _ in try await Task.sleep(for: .seconds(3_600)) },
                uptime: { self.state.withLock { $0.uptime } }
            )
        }

        var environment: WorkerEnvironment {
            WorkerEnvironment(
                store: WatchedRunStore { .now },
                objects: MemoryObjectStore(),
                media: NoMedia(),
                scratch: UploadFolder().scratch,
                providers: [],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                alert: { alert in self.state.withLock { $0.told.append("\(alert.severity) \(alert.code)") } },
                resolve: { code, _ in self.state.withLock { $0.told.append("over \(code)") } }
            )
        }

        func watch() -> HealthWatch {
            HealthWatch(
                environment,
                checks: ["database", "storage"]
                    .map { name in
                        HealthCheck(name, time: time, keep: .zero) { try self.ask(name) }
                    },
                freeSpace: { self.state.withLock { $0.free } }
            )
        }

        func told() -> [String] {
            state.withLock { state in
                defer { state.told = [] }
                return state.told
            }
        }
    }

    private let world = World()

    @Test func `trouble is told at the second look, its end at the first`() async {
        let watch = world.watch()
        var troubles: [String: HealthWatch.Trouble] = [:]
        await watch.look(&troubles)
        #expect(world.told() == [])
        world.fail("database")
        await watch.look(&troubles)
        #expect(world.told() == [])
        await watch.look(&troubles)
        #expect(world.told() == ["critical database_unreachable"])
        world.fail("storage")
        await watch.look(&troubles)
        #expect(world.told() == ["over database_unreachable"])
        await watch.look(&troubles)
        #expect(world.told() == ["critical storage_unreachable"])
        world.fail()
        await watch.look(&troubles)
        #expect(world.told() == ["over storage_unreachable"])
        await watch.look(&troubles)
        #expect(world.told() == [])
    }

    @Test func `one failure between two successes is told to nobody`() async {
        let watch = world.watch()
        var troubles: [String: HealthWatch.Trouble] = [:]
        for _ in 0..<3 {
            world.fail("database")
            await watch.look(&troubles)
            world.fail()
            await watch.look(&troubles)
        }
        #expect(world.told() == [])
    }

    @Test func `a disk with less than a twentieth free is told`() async {
        let watch = world.watch()
        var troubles: [String: HealthWatch.Trouble] = [:]
        for free in [0.051, 0.05, 0.049, 0.0] as [Double] {
            world.state.withLock { $0.free = free }
            await watch.look(&troubles)
        }
        #expect(world.told() == ["critical storage_full"])
        world.state.withLock { $0.free = nil }
        await watch.look(&troubles)
        #expect(world.told() == [])
        world.state.withLock { $0.free = 0.2 }
        await watch.look(&troubles)
        #expect(world.told() == ["over storage_full"])
    }

    @Test func `an answer is good for a second`() async {
        let check = HealthCheck("x", time: world.time) { try self.world.ask("x") }
        for _ in 0..<5 { #expect(await check.finding() == nil) }
        #expect(world.state.withLock { $0.asked } == 1)
        world.fail("x")
        world.state.withLock { $0.uptime = .milliseconds(999) }
        #expect(await check.finding() == nil)
        world.state.withLock { $0.uptime = .milliseconds(1_000) }
        #expect(await check.finding() != nil)
        #expect(world.state.withLock { $0.asked } == 2)
    }

    @Test func `a question without an answer fails in time, and is asked once`() async {
        let bell = Bell()
        let time = EngineTime(sleep: { _ in }, uptime: { .zero })
        let asked = Mutex(0)
        let check = HealthCheck("x", time: time) {
            asked.withLock { $0 += 1 }
            await bell.wait()
        }
        for _ in 0..<5 { #expect(await check.finding()?.contains("no answer") == true) }
        while asked.withLock({ $0 }) == 0 { await Task.yield() }
        #expect(asked.withLock { $0 } == 1)
        bell.ring()
        while await check.finding() != nil { await Task.yield() }
        #expect(asked.withLock { $0 } == 1)
    }
}
