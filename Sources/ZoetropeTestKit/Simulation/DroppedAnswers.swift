import ZoetropeWorkflow

/// What happens when the provider accepts every order and its answer is lost, by how long the list hides what it made.
package enum DroppedAnswers: CaseIterable, Sendable {
    /// Shown at once, and up to fifteen minutes later.
    case listed, lagging
    /// Up to fifteen minutes later, where what was not found is ordered again.
    case laggingResent
    /// Longer than all looks, within the watch.
    case hidden, hiddenResent

    private var lag: ClosedRange<Double> {
        switch self {
        case .listed: 0...0
        case .lagging, .laggingResent: 0...900
        case .hidden, .hiddenResent: 1_500...3_300
        }
    }

    private var isResent: Bool { self == .laggingResent || self == .hiddenResent }

    package func simulation(of base: Simulation) -> Simulation {
        var simulation = base
        simulation.story = .answersDropped(lag: lag)
        simulation.isCalm = true
        simulation.ambiguousCreate = isResent ? .resendIfAbsent : .neverResend
        return simulation
    }

    /// A row of the table in `docs/proof.md`.
    package func row(_ total: SimulationTotal) -> String {
        let lag = lag.upperBound == 0 ? "0" : "\(Int(lag.lowerBound / 60))–\(Int(lag.upperBound / 60)) min"
        return "| \(lag) | \(isResent ? "ordered again" : "given up") | \(total.orderCount) | \(total.paidCreates) | "
            + "\(total.ready) | \(total.orderCount - total.ready) | \(total.paidCreates - total.orderCount) | "
            + "\(total.alerts["late_bind"] ?? 0) |"
    }

    /// What is wrong; nil when nothing is.
    package func complaint(_ total: SimulationTotal) -> String? {
        if let failure = total.failures.first { return "seed \(failure.seed): \(failure.violation)" }
        let duplicates = total.paidCreates - total.orderCount
        let dropped = total.hits(.submitLost)
        if dropped != total.orderCount { return "\(dropped) answers to \(total.orderCount) orders were lost" }
        let late = total.alerts["late_bind"] ?? 0
        switch self {
        case .listed, .lagging, .laggingResent:
            if duplicates != 0 { return "\(duplicates) orders were paid twice although the list showed the first" }
            if total.ready != total.orderCount { return "\(total.orderCount - total.ready) orders failed" }
        case .hidden:
            if duplicates != 0 { return "\(duplicates) orders were paid twice by a policy that never pays again" }
            if late != total.paidCreates { return "\(late) of \(total.paidCreates) late predictions were reported" }
        case .hiddenResent:
            if duplicates != total.orderCount { return "\(duplicates) of \(total.orderCount) were ordered again" }
            if late != duplicates { return "\(late) of \(duplicates) duplicates were reported" }
        }
        return nil
    }
}
