import Foundation
import Glibc
import Synchronization
import ZoetropeTestKit
import ZoetropeWorkflow

/// Says on the terminal how far a long run is, once a second.
final class Progress: Sendable {
    private let count: Int
    private let what: String
    private let started = ContinuousClock.now
    private let shown = Mutex(ContinuousClock.now)
    private let isTerminal = isatty(2) == 1

    init(_ count: Int, _ what: String) {
        self.count = count
        self.what = what
    }

    var seconds: Double { (ContinuousClock.now - started) / .seconds(1) }

    func show(_ done: Int, _ note: String) {
        let now = ContinuousClock.now
        let isTime = shown.withLock { shown in
            guard now - shown >= .seconds(isTerminal ? 1 : 10) else { return false }
            shown = now
            return true
        }
        guard isTime else { return }
        let rate = Double(done) / seconds
        let left = Duration.seconds(Double(count - done) / rate)
        let text =
            "\(done.formatted()) of \(count.formatted()) \(what), \(note), \(Int(rate))/s, "
            + "\(left.formatted(.time(pattern: .minuteSecond))) left"
        write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
    }

    func end() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

enum Report {
    static func summary(_ total: SimulationTotal, seconds: Double, threads: Int) -> String {
        let rate = Double(total.count) / seconds
        let years = total.virtualTime / .seconds(86_400 * 365)
        return """
            \(total.count.formatted()) seeds, \(total.failureCount) failed, \(Int(rate)) seeds/s on \(threads) threads
            \(String(format: "%.1f", years)) years of service, \(total.orderCount.formatted()) orders, \
            \(total.faultCount.formatted()) faults, \(total.crashes.reduce(0, +).formatted()) deaths at named points
            \(total.paidCreates.formatted()) paid creates, \(total.explainedDuplicates) explained duplicates, \
            \(total.lateWritesRefused.formatted()) late writes refused, 0 landed, \(total.orphans) objects left for a sweep
            """
    }

    static func cells(_ total: SimulationTotal) -> String {
        let cells = zip(FaultCell.allCases, total.cells)
            .map { cell, hits in "  \(String(hits).leftPadded(to: 9))  \(cell.rawValue)" }
        let deaths = zip(CrashPoint.ofRuns, total.crashes).map { "\($0.rawValue) \($1)" }
        return "cells of the fault table\n" + cells.joined(separator: "\n") + "\ndeaths by point: "
            + deaths.joined(separator: ", ")
    }

    static func shrunk(_ seed: UInt64, _ shrunk: (faults: [SimulatedFault], violation: String)) -> String {
        let faults = shrunk.faults.map { "  \($0)" }.joined(separator: "\n")
        return "seed \(seed) still breaks with \(shrunk.faults.count) faults: \(shrunk.violation)\n\(faults)"
    }
}

extension Simulation {
    func shrunkOnOwnThread() async -> (faults: [SimulatedFault], violation: String)? {
        await Self.onOwnThread { shrunk() }
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}
