import Foundation
import Synchronization

extension Simulation {
    /// Runs many simulations on threads of their own, each of which is deterministic.
    ///
    /// - Returns: A report each, in the order of the seeds.
    package static func many(_ simulations: [Simulation], threads: Int = 2) async -> [SimulationReport] {
        let queue = Queue(simulations)
        await withTaskGroup { group in
            for _ in 0..<threads {
                group.addTask { await onThread { queue.work() } }
            }
        }
        return queue.reports
    }

    /// Runs `body` on a new thread: a simulation's jobs must not run inside a job of the pool's.
    private static func onThread(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                body()
                continuation.resume()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// What `ZOETROPE_SEED` asks for, to repeat a failure and read its trace.
    package static var chosenSeed: UInt64? {
        ProcessInfo.processInfo.environment["ZOETROPE_SEED"].flatMap { UInt64($0) }
    }
}

private final class Queue: Sendable {
    private struct State {
        var next = 0
        var reports: [SimulationReport?]
    }

    private let simulations: [Simulation]
    private let state: Mutex<State>

    init(_ simulations: [Simulation]) {
        self.simulations = simulations
        state = Mutex(State(reports: Array(repeating: nil, count: simulations.count)))
    }

    var reports: [SimulationReport] { state.withLock { $0.reports.compactMap { $0 } } }

    func work() {
        while let index = take() {
            let report = simulations[index].run()
            state.withLock { $0.reports[index] = report }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < simulations.count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }
}
