import Testing
import ZoetropeTestKit

/// A judge that finds nothing proves nothing: bugs are planted, and it must find each.
@Suite(.timeLimit(.minutes(5)))
struct PlantedBugTests {
    @Test(arguments: Mutant.allCases)
    func `is found within 10,000 seeds`(mutant: Mutant) async throws {
        let found = try #require(await PlantedBug.find(mutant, seeds: 10_000))
        // A simulation that breaks down has found nothing.
        #expect(found.invariant != "I0", "\(found.violations)")
    }
}
