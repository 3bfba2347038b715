package import Foundation
import Synchronization
import ZoetropeCore
package import ZoetropeWorkflow

/// One seeded history of services, workers, a provider, a store and clients, in virtual time and on one thread.
package struct Simulation: Sendable {
    /// What happens in a history.
    package enum Story: Sendable, Hashable {
        /// Everything hangs on the seed.
        case seeded
        /// Passes every crash point twice, always in the same way.
        case everyPoint
        /// The answer to every paid call is lost, and the provider's list lags by so many seconds.
        case answersDropped(lag: ClosedRange<Double>)
    }

    /// What becomes of webhooks, whatever the seed says.
    package enum Webhooks: Sendable, CaseIterable {
        case perfect, none, mangled
    }

    package var seed: UInt64
    package var story = Story.seeded
    /// Without faults, kills and outages.
    package var isCalm = false
    /// Nobody cancels and no money is short, so that the end does not hang on who comes first.
    package var isObedient = false
    package var webhooks: Webhooks?
    package var ambiguousCreate: RunPolicy.AmbiguousCreate?
    package var mutant: Mutant?
    /// Faults that strike by name, one after the other.
    package var staged: [StagedFault] = []
    /// When set, of all faults of the seed only these strike.
    package var only: Set<SimulatedFault>?
    package var isTraced = false
    /// Makes the store that everything is kept in; it is given the database's clock.
    ///
    /// Its calls must come back on the thread that made them.
    package var makeStore: @Sendable (@escaping @Sendable () -> Date) async throws -> any RunStore

    package init(
        seed: UInt64,
        makeStore: @escaping @Sendable (@escaping @Sendable () -> Date) async throws -> any RunStore = {
            MemoryRunStore(now: $0)
        }
    ) {
        self.seed = seed
        self.makeStore = makeStore
    }

    /// Lives through the history, on the calling thread.
    package func run() -> SimulationReport {
        let world = World(self)
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
        return SimulationReport(self, world)
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
    /// What went wrong, in the order in which it did.
    package let faults: [SimulatedFault]
    /// By ``FaultCell``, in their order.
    package let cells: [Int]
    /// Deaths by crash point, in the order of `CrashPoint.allCases`.
    package let crashes: [Int]
    /// Staged faults that never had an occasion.
    package let unstaged: [StagedFault]
    package let lateWritesRefused: Int
    package let orderCount: Int
    package let paidCreates: Int
    package let explainedDuplicates: Int
    /// Objects that only a sweep can find.
    package let orphans: Int
    /// How often operators were told what.
    package let alerts: [String: Int]
    /// How the runs ended, in the order in which they were ordered.
    package let ends: [String]

    init(_ simulation: Simulation, _ world: World) {
        seed = simulation.seed
        hash = world.trace.hash
        violations = world.judge.violations
        trace = world.trace.lines
        virtualTime = world.time.now
        faults = world.faults
        cells = world.cells
        crashes = world.crashes
        unstaged = world.staged
        lateWritesRefused = world.lateWritesRefused
        orderCount = world.orders.count
        paidCreates = world.providers.filter { !$0.traits.isIdempotentByTag }.reduce(0) { $0 + $1.predictions.count }
        explainedDuplicates = world.judge.explainedDuplicates
        orphans = world.judge.orphans
        alerts = world.alerts
        ends = world.orders.map { $0.final ?? ($0.wasRefused ? "refused" : "") }
    }

    /// The name of the first invariant that did not hold.
    package var invariant: String? {
        violations.first.map { String($0.prefix { $0 != ":" }) }
    }
}
