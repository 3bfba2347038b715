import Testing
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// Every crash point, killed, with its next call dropped before it is done, and after.
@Suite(.serialized, .timeLimit(.minutes(20)))
struct CrashMatrixTests {
    @Test func `one failure`() async {
        #expect(await CrashMatrix.run(CrashMatrix.singles, of: Simulation(seed: 1)).complaints == [])
    }

    @Test func `one failure, on SQLite`() async {
        let base = Simulation(seed: 1) { try await SQLRunStore.inMemory(now: $0) }
        #expect(await CrashMatrix.run(CrashMatrix.singles, of: base).complaints == [])
    }

    /// On SQLite, too, by `scripts/simulate.sh crashes --store sqlite`.
    @Test func `two failures, one after the other`() async {
        #expect(await CrashMatrix.run(CrashMatrix.pairs, of: Simulation(seed: 1)).complaints == [])
    }
}

/// The provider accepts every order, and the answer is lost.
@Suite(.timeLimit(.minutes(15)))
struct DroppedAnswersTests {
    @Test(arguments: DroppedAnswers.allCases)
    func `nothing is paid twice while the list can show it, and what is comes to light`(scenario: DroppedAnswers) async
    {
        let total = await Simulation.total(5) { scenario.simulation(of: Simulation(seed: UInt64($0 + 1))) }
        #expect(total.orderCount == 500)
        #expect(scenario.complaint(total) == nil)
    }
}
