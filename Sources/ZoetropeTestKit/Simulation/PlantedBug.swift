/// Looks for planted bugs.
package enum PlantedBug {
    /// The first seed under which the judge finds a bug, and what it found; nil when no seed does.
    package static func find(
        _ mutant: Mutant,
        seeds: Int,
        threads: Int = 2,
        _ simulation: (UInt64) -> Simulation = { Simulation(seed: $0) }
    ) async -> SimulationReport? {
        for first in stride(from: 1, through: UInt64(seeds), by: 40) {
            let simulations = (first..<first + 40)
                .map { seed in
                    var planted = simulation(seed)
                    planted.mutant = mutant
                    return planted
                }
            let reports = await Simulation.many(simulations, threads: threads)
            if let found = reports.first(where: { !$0.violations.isEmpty }) { return found }
        }
        return nil
    }
}
