import Foundation
import Synchronization

extension Simulation {
    /// Runs many simulations on threads of their own, each of which is deterministic.
    ///
    /// - Returns: A report each, in the order of the seeds.
    package static func many(_ simulations: [Simulation], threads: Int = 2) async -> [SimulationReport] {
        let reports = Mutex([Int: SimulationReport]())
        await each(simulations.count, threads: threads) { index in
            let report = simulations[index].run()
            reports.withLock { $0[index] = report }
        }
        return reports.withLock { reports in simulations.indices.compactMap { reports[$0] } }
    }

    /// Runs as many simulations as wanted and keeps only what they amount to.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - threads: How many at a time.
    ///   - make: The simulation of an index, from 0.
    ///   - check: Shown each report; on any thread.
    ///   - progress: Told after each, with what there is so far; on any thread.
    /// - Returns: The sum.
    package static func total(
        _ count: Int,
        threads: Int = 2,
        _ make: @escaping @Sendable (Int) -> Simulation,
        check: @escaping @Sendable (Int, SimulationReport) -> Void = { _, _ in },
        progress: @escaping @Sendable (SimulationTotal) -> Void = { _ in }
    ) async -> SimulationTotal {
        let total = Mutex(SimulationTotal())
        await each(count, threads: threads) { index in
            let report = make(index).run()
            check(index, report)
            let sum = total.withLock { total in
                total.add(report)
                return total
            }
            progress(sum)
        }
        return total.withLock { $0 }
    }

    private static func each(_ count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Void) async {
        let turns = Turns(count)
        await withTaskGroup { group in
            for _ in 0..<threads {
                group.addTask { await onOwnThread { while let index = turns.next() { body(index) } } }
            }
        }
    }

    /// Runs `body` on a new thread: a simulation's jobs must not run inside a job of the pool's.
    package static func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: body()) }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }
}

/// Hands out indices, each once.
private final class Turns: Sendable {
    private let count: Int
    private let taken = Mutex(0)

    init(_ count: Int) {
        self.count = count
    }

    func next() -> Int? {
        taken.withLock { taken in
            guard taken < count else { return nil }
            taken += 1
            return taken - 1
        }
    }
}

/// What many simulations amount to.
package struct SimulationTotal: Sendable {
    package private(set) var count = 0
    /// The first failures by seed, at most twenty.
    package private(set) var failures: [(seed: UInt64, violation: String)] = []
    package private(set) var failureCount = 0
    package private(set) var virtualTime = Duration.zero
    package private(set) var cells = [Int](repeating: 0, count: FaultCell.allCases.count)
    package private(set) var crashes: [Int] = []
    package private(set) var faultCount = 0
    package private(set) var lateWritesRefused = 0
    package private(set) var orderCount = 0
    /// Orders that ended with a video.
    package private(set) var ready = 0
    package private(set) var paidCreates = 0
    package private(set) var explainedDuplicates = 0
    package private(set) var orphans = 0
    package private(set) var alerts: [String: Int] = [:]

    mutating func add(_ report: SimulationReport) {
        count += 1
        if let violation = report.violations.first {
            failureCount += 1
            failures.append((report.seed, violation))
            failures.sort { $0.seed < $1.seed }
            if failures.count > 20 { failures.removeLast() }
        }
        virtualTime += report.virtualTime
        for (index, hits) in report.cells.enumerated() { cells[index] += hits }
        if crashes.isEmpty { crashes = report.crashes.map { _ in 0 } }
        for (index, deaths) in report.crashes.enumerated() { crashes[index] += deaths }
        faultCount += report.faults.count
        lateWritesRefused += report.lateWritesRefused
        orderCount += report.orderCount
        ready += report.ends.count { $0.hasPrefix("ready") }
        paidCreates += report.paidCreates
        explainedDuplicates += report.explainedDuplicates
        orphans += report.orphans
        alerts.merge(report.alerts) { $0 + $1 }
    }

    package func hits(_ cell: FaultCell) -> Int { cells[cell.index] }

    /// Cells of the fault table that were hit less than so many times.
    package func cells(below least: Int) -> [FaultCell] {
        zip(FaultCell.allCases, cells).filter { $1 < least }.map { $0.0 }
    }
}
