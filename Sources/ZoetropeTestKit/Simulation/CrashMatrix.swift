import Synchronization
import ZoetropeWorkflow

/// Every way to fail at the named crash points: one failure, or two, one after the other.
package enum CrashMatrix {
    /// Each point with each failure.
    package static let singles: [[StagedFault]] = CrashPoint.ofRuns.flatMap { point in
        StagedFault.Action.allCases.map { [StagedFault(point, $0)] }
    }

    /// All ordered pairs of ``singles``.
    package static let pairs: [[StagedFault]] = singles.flatMap { first in singles.map { first + $0 } }

    /// The story that passes every point, with these failures.
    static func simulation(_ faults: [StagedFault], of base: Simulation) -> Simulation {
        var simulation = base
        simulation.story = .everyPoint
        simulation.isCalm = true
        simulation.staged = faults
        return simulation
    }

    /// Runs the story with each of these, and tells what is wrong.
    package static func run(
        _ cases: [[StagedFault]],
        of base: Simulation,
        threads: Int = 2,
        progress: @escaping @Sendable (SimulationTotal) -> Void = { _ in }
    ) async -> (total: SimulationTotal, complaints: [String]) {
        let complaints = Mutex<[String]>([])
        let total = await Simulation.total(cases.count, threads: threads) { index in
            simulation(cases[index], of: base)
        } check: { index, report in
            guard let complaint = complaint(report, cases[index]) else { return }
            complaints.withLock { $0.append(complaint) }
        } progress: {
            progress($0)
        }
        return (total, complaints.withLock { $0.sorted() })
    }

    /// What is wrong with how such a history ended; nil when nothing is.
    static func complaint(_ report: SimulationReport, _ faults: [StagedFault]) -> String? {
        let name = faults.map(\.description).joined(separator: ", then ")
        if let violation = report.violations.first { return "\(name): \(violation)" }
        if let never = report.unstaged.first { return "\(name): \(never) never had an occasion" }
        if let open = report.ends.first(where: { $0.isEmpty }) { return "\(name): an order has no end \(open)" }
        return nil
    }
}
