import Foundation
import Synchronization
import Testing
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// The real engine in a simulated world (`docs/proof.md`).
///
/// `scripts/simulate.sh` runs as many seeds as wanted. One test after the other: each of these uses both processors.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SimulationTests {
    @Sendable private static func onSQLite(_ seed: UInt64) -> Simulation {
        Simulation(seed: seed) { try await SQLRunStore.inMemory(now: $0) }
    }

    @Test func `whatever fails, nothing is lost and nothing is paid twice`() async {
        // One history in a thousand dies between a scene's objects and its rows (K33): from here on some do.
        let total = await Simulation.total(2_000) { Simulation(seed: UInt64($0 + 6_901)) }
        expectClean(total, "memory")
        #expect(total.cells(below: 1).isEmpty, "cells of the fault table that nothing hit")
        #expect(total.crashes.allSatisfy { $0 > 0 }, "crash points at which nobody died")
    }

    @Test func `nor on SQLite`() async {
        expectClean(await Simulation.total(300) { Self.onSQLite(UInt64($0 + 1)) }, "sqlite")
    }

    private func expectClean(_ total: SimulationTotal, _ store: String) {
        for (seed, violation) in total.failures {
            let command = "scripts/simulate.sh replay \(seed) --store \(store)"
            Issue.record("seed \(seed) at commit \(Project.commit): \(violation); \(command) repeats it")
        }
        print(
            "simulated \(total.count) seeds on \(store), \(total.failureCount) failed,",
            "\(Int(total.virtualTime / .seconds(3_600))) h of service, \(total.faultCount) faults,",
            "\(total.paidCreates) paid creates, \(total.lateWritesRefused) late writes refused"
        )
    }

    @Test func `the same seed is the same history, in whatever process`() async throws {
        let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "zoetrope-simulate").path
        // Swift hashes differently in each process.
        let processes = try await [1, 2]
            .concurrently { _ in
                try await ToolRunner.run(program, ["seeds", "--seeds", "40", "--hashes", "--jobs", "1"])
            }
        let here = await Simulation.many((UInt64(1)...40).map { Simulation(seed: $0) })
            .map { "\($0.seed) \(String($0.hash, radix: 16))" }
        for process in processes {
            #expect(process.status == 0)
            #expect(process.text.split(separator: "\n").map(String.init) == here)
        }
        #expect(Set(here.map { $0.split(separator: " ")[1] }).count == here.count)
    }

    @Test func `memory and SQLite live through the same history, event by event`() async {
        let seeds = (1...100).map { UInt64($0) }
        let memory = await Simulation.many(seeds.map { Simulation(seed: $0) })
        let sqlite = await Simulation.many(seeds.map(Self.onSQLite))
        let different = zip(memory, sqlite).filter { $0.hash != $1.hash }.map { $0.0.seed }
        #expect(different.isEmpty)
    }

    /// I18: perfect, lost altogether, or lost, doubled, out of order and under foreign tags.
    @Test func `whatever becomes of webhooks, the end is the same`() async {
        func ends(_ webhooks: Simulation.Webhooks) async -> [[String]] {
            let simulations = (UInt64(1)...200)
                .map { seed in
                    var simulation = Simulation(seed: seed)
                    simulation.isCalm = true
                    simulation.isObedient = true
                    simulation.webhooks = webhooks
                    return simulation
                }
            let reports = await Simulation.many(simulations)
            #expect(reports.allSatisfy { $0.violations.isEmpty })
            return reports.map(\.ends)
        }
        let perfect = await ends(.perfect)
        #expect(await ends(.none) == perfect)
        #expect(await ends(.mangled) == perfect)
    }

    @Test func `a failure is told by the few faults that it takes`() async throws {
        let found = try #require(await PlantedBug.find(.repeatsPost, seeds: 400))
        var simulation = Simulation(seed: found.seed)
        simulation.mutant = .repeatsPost
        let whole = simulation
        let shrunk = try #require(await Simulation.onOwnThread { whole.shrunk() })
        #expect(shrunk.faults.count <= 3)
        #expect(shrunk.faults.count < found.faults.count)
        simulation.only = Set(shrunk.faults)
        let again = await Simulation.many([simulation])[0]
        #expect(again.invariant == found.invariant)
        // Without the bug the same faults do no harm.
        simulation.mutant = nil
        let sound = await Simulation.many([simulation])[0]
        #expect(sound.violations.isEmpty)
    }
}

extension Sequence where Element: Sendable {
    fileprivate func concurrently<Value: Sendable>(
        _ body: @escaping @Sendable (Element) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { group in
            for element in self { group.addTask { try await body(element) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
