import Testing
import ZoetropeTestKit
import ZoetropeWorkflow

/// A judge that finds nothing proves nothing: bugs are planted, and it must find each.
@Suite(.timeLimit(.minutes(2)))
struct PlantedBugTests {
    @Test(arguments: Mutant.allCases)
    func `is found within 10,000 seeds`(mutant: Mutant) async throws {
        for first in stride(from: UInt64(1), to: 10_000, by: 40) {
            let simulations = (first..<first + 40)
                .map { seed in
                    var simulation = Simulation(seed: seed) { MemoryRunStore(now: $0) }
                    simulation.mutant = mutant
                    return simulation
                }
            if await Simulation.many(simulations).contains(where: { $0.failure != nil }) { return }
        }
        Issue.record("\(mutant) was not found")
    }
}
