import Foundation
import Replicate
import ReplicateSimulator
import Synchronization
import Testing
import ZoetropeTestKit

/// Ten thousand creates over connections that are cut at random bytes.
@Suite(.timeLimit(.minutes(5)))
struct CreateStormTests {
    /// What the client said about each tag.
    private final class Tally: Sendable {
        struct Outcomes {
            var ids: [String: Replicate.Prediction.ID] = [:]
            var kinds: [String: ReplicateError.Kind] = [:]
        }

        let outcomes = Mutex(Outcomes())
    }

    @Test(arguments: [11 as UInt64])
    func `no create is sent twice, and no outcome is told wrong`(seed: UInt64) async throws {
        let count = 10_000
        var configuration = ReplicateSimulator.Configuration()
        configuration.clock = .manual
        configuration.switches.rateLimits = false
        let tally = Tally()
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            let random = Cut.Point.random(seed: seed, probability: 0.75, receivedUpTo: 900, sentUpTo: 1_300)
            simulator.add(
                .fault(.connection, .cut(.init(random)), times: 5_000),
                .fault(.connection, .cut(.init(random, reset: true)), times: nil)
            )
            let client = try ReplicateClient(token: simulator.token, baseURL: simulator.baseURL)
            await withTaskGroup { group in
                for lane in 0..<50 {
                    group.addTask {
                        for number in stride(from: lane, to: count, by: 50) {
                            await Self.create(tag: "storm-\(number)", client, tally)
                        }
                    }
                }
            }
            let outcome = tally.outcomes.withLock { $0 }
            let ledger = simulator.ledger

            // Sent once: no tag twice, never two requests on a connection, and no more connections on which anything was
            // sent than creates that may have been sent. A second try after a cut would need one more.
            #expect(ledger.createsReceivedByTag.values.allSatisfy { $0 == 1 })
            #expect(Set(ledger.creates.compactMap(\.tag)).count == ledger.creates.count)
            let connections = simulator.connections
            let unsent = outcome.kinds.values.filter { $0 == .transient }.count
            #expect(connections.allSatisfy { $0.requests <= 1 })
            #expect(connections.filter { $0.bytesReceived > 0 }.count <= count - unsent)

            // Told right: an id only for what exists; refused or transient only for what does not.
            let created = Dictionary(
                ledger.creates.map { ($0.tag ?? "", $0.id) },
                uniquingKeysWith: { first, _ in first }
            )
            #expect(outcome.ids.count + outcome.kinds.count == count)
            #expect(outcome.ids.allSatisfy { created[$0] == $1.rawValue })
            #expect(outcome.kinds.allSatisfy { $1 == .ambiguous || created[$0] == nil })
            #expect(outcome.kinds.values.allSatisfy { $0 == .ambiguous || $0 == .transient })

            // The storm was one: every kind of outcome is there in number.
            let lost = created.keys.filter { outcome.ids[$0] == nil }.count
            let neverArrived = outcome.kinds.filter { created[$0.key] == nil }.count
            #expect(outcome.ids.count > 1_000)
            #expect(lost > 1_000)
            #expect(neverArrived > 1_000)
            print(
                "storm: \(outcome.ids.count) answered, \(lost) created and the answer lost, \(neverArrived) never arrived"
            )
        }
    }

    private static func create(tag: String, _ client: ReplicateClient, _ tally: Tally) async {
        do {
            let prediction = try await client.createPrediction(
                .model("minimax/video-01-live"),
                input: SimulatedReplicate.input,
                webhook: "http://127.0.0.1:9/hook?attempt=\(tag)",
                webhookEvents: [.start]
            )
            tally.outcomes.withLock { $0.ids[tag] = prediction.id }
        } catch let error as ReplicateError {
            tally.outcomes.withLock { $0.kinds[tag] = error.kind }
        } catch {
            Issue.record("\(error)")
        }
    }
}
