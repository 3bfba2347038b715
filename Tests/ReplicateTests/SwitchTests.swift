import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// What Replicate's documents leave open: the client copes with either.
@Suite(.timeLimit(.minutes(2)))
struct SwitchTests {
    private static func with(_ change: (inout Switches) -> Void) -> Switches {
        var switches = Switches()
        change(&switches)
        return switches
    }

    @Test(arguments: Throttle.RetryAfterHeader.allCases)
    func `with little credit a second create is throttled, for as long as the provider says`(
        header: Throttle.RetryAfterHeader
    ) async throws {
        let switches = Self.with {
            $0.lowCredit = true
            $0.retryAfterHeader = header
        }
        try await SimulatedReplicate.run(switches: switches) { replicate in
            _ = try await replicate.create(tag: "1")
            let error = try await #require(throws: ReplicateError.self) { try await replicate.create(tag: "2") }
            #expect(error.kind == .throttled)
            #expect(error.detail?.contains("6 requests per minute") == true)
            let wait = try #require(error.retryAfter)
            #expect(wait > .zero && wait <= .seconds(60))
            #expect(replicate.simulator.ledger.accepted == 1)
            await replicate.simulator.advance(by: wait)
            _ = try await replicate.create(tag: "2")
            #expect(replicate.simulator.ledger.accepted == 2)
        }
    }

    @Test(arguments: Switches.UnknownInputKeys.allCases)
    func `an input that the model does not know is dropped or refused`(keys: Switches.UnknownInputKeys) async throws {
        try await SimulatedReplicate.run(switches: Self.with { $0.unknownInputKeys = keys }) { replicate in
            var input = SimulatedReplicate.input
            input["duration"] = 5
            let create = { [input] in
                try await replicate.client.createPrediction(.model("minimax/video-01-live"), input: input)
            }
            if keys == .dropped {
                #expect(try await create().status == .starting)
            } else {
                let error = try await #require(throws: ReplicateError.self) { try await create() }
                #expect(error.kind == .refused)
                #expect(error.invalidFields.first?.type == "additional_property_not_allowed")
            }
        }
    }

    @Test
    func `a list may lag behind`() async throws {
        try await SimulatedReplicate.run(switches: Self.with { $0.listLag = 10 }) { replicate in
            let id = try await replicate.create().id
            func listed() async throws -> [Replicate.Prediction.ID] {
                var ids: [Replicate.Prediction.ID] = []
                for try await page in replicate.client.predictions() { ids += page.elements.map(\.id) }
                return ids
            }
            #expect(try await listed().isEmpty)
            #expect(try await replicate.client.prediction(id).id == id)
            await replicate.simulator.advance(by: .seconds(11))
            #expect(try await listed() == [id])
        }
    }

    @Test(arguments: [true, false])
    func `a webhook may be echoed or not`(echoed: Bool) async throws {
        try await SimulatedReplicate.run(switches: Self.with { $0.webhookEchoed = echoed }) { replicate in
            let id = try await replicate.create(tag: "abc").id
            let webhook = try await replicate.client.prediction(id).webhook
            #expect(webhook == (echoed ? "http://127.0.0.1:9/hook?attempt=abc" : nil))
        }
    }

    @Test(arguments: Switches.DataURIEcho.allCases)
    func `a data URI may come back shortened`(echo: Switches.DataURIEcho) async throws {
        try await SimulatedReplicate.run(switches: Self.with { $0.dataURIEcho = echo }) { replicate in
            let image = "data:image/png;base64,\(String(repeating: "A", count: 4_000))"
            let prediction = try await replicate.client.createPrediction(
                .model("minimax/video-01-live"),
                input: ["prompt": "x", "first_frame_image": .string(image)]
            )
            let echoed = try await replicate.client.prediction(prediction.id).input["first_frame_image"]?.string
            #expect((echoed == image) == (echo == .verbatim))
        }
    }

    @Test
    func `a detail may come as a list, an output as an array`() async throws {
        let list = Rule.fault(.account, .rewrite(.init(detailAsArray: true)))
        try await SimulatedReplicate.run(rules: [list]) { replicate in
            let stranger = try ReplicateClient(token: "r8_wrong", baseURL: replicate.simulator.baseURL)
            let error = try await #require(throws: ReplicateError.self) { try await stranger.account() }
            #expect(error.detail == "You did not pass a valid authentication token")
            let id = try await replicate.create().id
            _ = try await replicate.client.waitUntilTerminal(id)
            replicate.simulator.add(.fault(.get, .rewrite(.init(outputAsArray: true))))
            let done = try await replicate.client.prediction(id)
            #expect(done.output.array?.count == 1)
            #expect(try done.outputFile().hasPrefix("http"))
        }
    }
}
