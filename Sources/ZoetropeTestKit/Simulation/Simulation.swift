package import Foundation
import Synchronization
import ZoetropeCore
package import ZoetropeWorkflow

/// One seeded history of workers, a provider, a store and clients, in virtual time and on one thread.
package struct Simulation: Sendable {
    package var seed: UInt64
    /// Without faults, kills and outages.
    package var isCalm = false
    package var mutant: Mutant?
    package var isTraced = false
    /// Makes the store that everything is kept in; it is given the database's clock.
    package var makeStore: @Sendable (@escaping @Sendable () -> Date) async throws -> any RunStore

    package init(
        seed: UInt64,
        makeStore: @escaping @Sendable (@escaping @Sendable () -> Date) async throws -> any RunStore
    ) {
        self.seed = seed
        self.makeStore = makeStore
    }

    /// Lives through the history, on the calling thread.
    package func run() -> SimulationReport {
        let world = World(seed: seed, isCalm: isCalm, mutant: mutant, isTraced: isTraced)
        let play = Play(world)
        let isDone = Mutex(false)
        let root = Task(executorPreference: world.executor) {
            do {
                let store = try await makeStore { world.now }
                try await play.run(on: store)
            } catch {
                world.judge.fail("I0", "the simulation broke: \(error)")
            }
            isDone.withLock { $0 = true }
        }
        let executor = world.executor
        while true {
            executor.run()
            if isDone.withLock({ $0 }) { break }
            guard world.time.advance() else {
                world.judge.fail("I14", "everything waits for nothing")
                break
            }
        }
        play.finish()
        root.cancel()
        for _ in 0..<10_000 {
            executor.run()
            guard world.time.advance() else { break }
        }
        return SimulationReport(seed: seed, world)
    }
}

/// What came of one simulation.
package struct SimulationReport: Sendable {
    package let seed: UInt64
    /// Equal for equal histories.
    package let hash: UInt64
    package let violations: [String]
    package let trace: [String]
    package let virtualTime: Duration
    package let jobCount: Int
    /// By call site: passed, failed before, answer lost.
    package let hits: [[Int]]
    /// Deaths by crash point, in the order of `CrashPoint.allCases`.
    package let crashes: [Int]
    package let lateWritesRefused: Int
    package let paidCreates: Int
    package let explainedDuplicates: Int
    /// How the runs ended, in the order in which they were ordered.
    package let ends: [String]

    init(seed: UInt64, _ world: World) {
        self.seed = seed
        hash = world.trace.hash
        violations = world.judge.violations
        trace = world.trace.lines
        virtualTime = world.time.now
        jobCount = world.executor.count
        hits = world.hits
        crashes = world.crashes
        lateWritesRefused = world.lateWritesRefused
        paidCreates = world.providers.reduce(0) { $0 + $1.predictions.count }
        explainedDuplicates = world.judge.explainedDuplicates
        ends = world.orders.map { $0.final ?? ($0.wasRefused ? "refused" : "") }
    }

    /// One line that says what went wrong and how to see it again; nil when nothing did.
    package var failure: String? {
        violations.first.map { "seed \(seed): \($0) (ZOETROPE_SEED=\(seed) repeats it)" }
    }
}
