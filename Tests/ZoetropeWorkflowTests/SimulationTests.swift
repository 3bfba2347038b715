import Foundation
import Testing
import ZoetropeTestKit
import ZoetropeWorkflow

/// The real engine in a simulated world; see `Sources/ZoetropeTestKit/Simulation`.
@Suite(.timeLimit(.minutes(5)))
struct SimulationTests {
    private static func simulation(_ seed: UInt64) -> Simulation {
        Simulation(seed: seed) { MemoryRunStore(now: $0) }
    }

    /// More by `ZOETROPE_SEEDS`, from another place by `ZOETROPE_FIRST_SEED`.
    private static func seeds(_ count: Int) -> ClosedRange<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["ZOETROPE_FIRST_SEED"].flatMap { UInt64($0) } ?? 1
        return first...(first + UInt64(environment["ZOETROPE_SEEDS"].flatMap { Int($0) } ?? count) - 1)
    }

    @Test func `whatever fails, nothing is lost and nothing is paid twice`() async {
        if let seed = Simulation.chosenSeed {
            var simulation = Self.simulation(seed)
            simulation.isTraced = true
            let report = await Simulation.many([simulation])[0]
            print(report.trace.joined(separator: "\n"))
            #expect(report.violations.isEmpty, "\(report.violations)")
            return
        }
        let started = ContinuousClock.now
        let reports = await Simulation.many(Self.seeds(500).map(Self.simulation))
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        for failure in reports.compactMap(\.failure).prefix(20) { Issue.record("\(failure)") }
        let failed = reports.filter { $0.failure != nil }.count
        let hours = reports.reduce(0) { $0 + $1.virtualTime / .seconds(3_600) }
        print(
            "simulated \(reports.count) seeds, \(failed) failed, \(Int(Double(reports.count) / seconds)) seeds/s,",
            "\(Int(hours)) h of service, \(reports.reduce(0) { $0 + $1.jobCount } / reports.count) jobs each,",
            "\(reports.reduce(0) { $0 + $1.paidCreates }) paid creates,",
            "\(reports.reduce(0) { $0 + $1.explainedDuplicates }) explained duplicates,",
            "\(reports.reduce(0) { $0 + $1.lateWritesRefused }) late writes refused"
        )
    }

    @Test func `the same seed is the same history`() async {
        let seeds = stride(from: UInt64(1), to: 500, by: 25)
        let once = await Simulation.many(seeds.map(Self.simulation))
        let again = await Simulation.many(seeds.map(Self.simulation), threads: 1)
        #expect(once.map(\.hash) == again.map(\.hash))
        #expect(Set(once.map(\.hash)).count == once.count)
    }
}
