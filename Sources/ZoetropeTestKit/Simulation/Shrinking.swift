extension Simulation {
    /// The fewest faults found that still break the same invariant, in the order in which they strike.
    ///
    /// Delta debugging (Zeller and Hildebrandt, 2002): leaves out ever smaller groups as long as the failure stays. Nil when
    /// the simulation does not fail.
    package func shrunk(runs: Int = 400) -> (faults: [SimulatedFault], violation: String)? {
        let whole = run()
        guard let invariant = whole.invariant, let violation = whole.violations.first else { return nil }
        var best = (faults: whole.faults, violation: violation)
        var runsLeft = runs
        func attempt(_ faults: [SimulatedFault]) -> Bool {
            guard runsLeft > 0 else { return false }
            runsLeft -= 1
            var smaller = self
            smaller.only = Set(faults)
            let report = smaller.run()
            guard report.invariant == invariant, let violation = report.violations.first else { return false }
            // A history with fewer faults may not even come to all of those that it was left.
            best = (report.faults.count <= faults.count ? report.faults : faults, violation)
            return true
        }
        if attempt([]) { return best }
        var groups = 2
        while best.faults.count >= 2, runsLeft > 0 {
            let faults = best.faults
            let size = (faults.count + groups - 1) / groups
            let isSmaller = stride(from: 0, to: faults.count, by: size)
                .contains { first in
                    attempt(Array(faults[..<first] + faults[min(first + size, faults.count)...]))
                }
            if isSmaller {
                groups = max(2, groups - 1)
            } else if size > 1 {
                groups = min(groups * 2, faults.count)
            } else {
                break
            }
        }
        return best
    }
}
