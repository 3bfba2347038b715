import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// A self-hosted model server, as its two generations answer.
@Suite(.timeLimit(.minutes(2)))
struct CogTests {
    private struct Server: Sendable {
        let simulator: ReplicateSimulator
        let client: CogClient
        let clock: SteppingClock
    }

    private static let input: [String: Replicate.JSONValue] = ["prompt": "x", "image": "data:image/png;base64,AAAA"]

    private static func run(
        rules: [Rule] = [],
        cog: CogSwitches = CogSwitches(),
        _ body: @Sendable (Server) async throws -> Void
    ) async throws {
        var configuration = ReplicateSimulator.Configuration()
        configuration.clock = .manual
        configuration.cogPort = 0
        configuration.switches.cog = cog
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            for rule in rules { simulator.add(rule) }
            let clock = SteppingClock { await simulator.advance(by: $0) }
            let client = try CogClient(baseURL: try #require(simulator.cogURL), clock: clock)
            try await body(Server(simulator: simulator, client: client, clock: clock))
        }
    }

    private static func python(_ change: (inout CogSwitches) -> Void = { _ in }) -> CogSwitches {
        var switches = CogSwitches()
        switches.server = .python
        change(&switches)
        return switches
    }

    private static func coglet(_ change: (inout CogSwitches) -> Void = { _ in }) -> CogSwitches {
        var switches = CogSwitches()
        change(&switches)
        return switches
    }

    @Test(arguments: [coglet(), python()])
    func `a held call returns the result with its file inside`(cog: CogSwitches) async throws {
        try await Self.run(cog: cog) { server in
            async let held = server.client.predict("job-1", input: Self.input)
            try await SimulatedReplicate.until { !server.simulator.ledger.cogRuns.isEmpty }
            #expect(try await server.client.health().status == .busy)
            await server.simulator.advance(by: .seconds(60))
            let prediction = try await held
            #expect(prediction.id == "job-1")
            #expect(prediction.status == .succeeded)
            let output = try #require(prediction.outputFiles.first)
            let file = try #require(DataURI(output))
            #expect(file.mediaType == "video/mp4")
            #expect(file.bytes.dropFirst(4).prefix(4) == Data("ftyp".utf8))
            #expect(try await server.client.health().status == .ready)
        }
    }

    @Test
    func `an id that is in flight starts nothing new`() async throws {
        try await Self.run { server in
            let first = try await server.client.startPrediction(
                "job-1",
                input: Self.input,
                webhook: "http://127.0.0.1:9/"
            )
            #expect(first.status == .starting)
            let again = try await server.client.startPrediction(
                "job-1",
                input: Self.input,
                webhook: "http://127.0.0.1:9/"
            )
            #expect(again.id == "job-1")
            #expect(server.simulator.ledger.cogRuns.count == 1)
        }
    }

    @Test(arguments: [coglet(), python()])
    func `a full server throttles`(cog: CogSwitches) async throws {
        try await Self.run(cog: cog) { server in
            _ = try await server.client.startPrediction("job-1", input: Self.input, webhook: "http://127.0.0.1:9/")
            let error = try await #require(throws: ReplicateError.self) {
                try await server.client.startPrediction("job-2", input: Self.input, webhook: "http://127.0.0.1:9/")
            }
            #expect(error.kind == .throttled, "\(error)")
            #expect(error.status == 409)
            #expect(server.simulator.ledger.cogRuns.count == 1)
        }
    }

    @Test
    func `a server that is being set up is transient, and tells so`() async throws {
        try await Self.run(cog: Self.coglet { $0.setupSeconds = 30 }) { server in
            #expect(try await server.client.health().status == .starting)
            let error = try await #require(throws: ReplicateError.self) {
                try await server.client.predict("job-1", input: Self.input)
            }
            #expect(error.kind == .transient, "\(error)")
            #expect(error.status == 503)
            await server.simulator.advance(by: .seconds(31))
            let health = try await server.client.health()
            #expect(health.status == .ready)
            #expect(health.setupCompletedAt != nil)
        }
    }

    @Test(arguments: CogSwitches.Health.allCases)
    func `a health of any word is read`(health: CogSwitches.Health) async throws {
        try await Self.run(cog: Self.coglet { $0.health = health }) { server in
            let expected = health == .auto ? "READY" : health.rawValue
            let status = try await server.client.health().status
            #expect(status.rawValue == expected)
        }
    }

    @Test(arguments: [Fault.close(.after), .close(.after, at: .midBody), .truncatedJSON, .answer(.init(500), .after)])
    func `a lost answer is ambiguous and nothing is sent again`(fault: Fault) async throws {
        try await Self.run(rules: [.fault(.cogCreate, fault)]) { server in
            let error = try await #require(throws: ReplicateError.self) {
                try await server.client.startPrediction("job-1", input: Self.input, webhook: "http://127.0.0.1:9/")
            }
            #expect(error.kind == .ambiguous, "\(error)")
            #expect(server.simulator.ledger.cogRuns.map(\.requests) == [1])
            // The same id may be sent again by the caller: while it runs, that only asks.
            let again = try await server.client.startPrediction(
                "job-1",
                input: Self.input,
                webhook: "http://127.0.0.1:9/"
            )
            #expect(again.id == "job-1")
            #expect(server.simulator.ledger.cogRuns.map(\.requests) == [2])
        }
    }

    @Test
    func `cancelling tells whether something ran`() async throws {
        try await Self.run(rules: [.fault(.cogCancel, .answer(.init(502)))]) { server in
            _ = try await server.client.startPrediction("job-1", input: Self.input, webhook: "http://127.0.0.1:9/")
            #expect(try await server.client.cancelPrediction("job-1"))
            #expect(try await server.client.cancelPrediction("job-2") == false)
            #expect(server.simulator.ledger.cogRuns.first?.status == "canceled")
        }
    }

    @Test
    func `hanging up cancels a held run`() async throws {
        try await Self.run { server in
            let held = Task { try await server.client.predict("job-1", input: Self.input) }
            try await SimulatedReplicate.until { !server.simulator.ledger.cogRuns.isEmpty }
            held.cancel()
            await #expect(throws: (any Error).self) { try await held.value }
            try await SimulatedReplicate.until { server.simulator.ledger.cogRuns.first?.status == "canceled" }
        }
    }

    @Test(arguments: ["", "a/b", "..", "a b", "ü", String(repeating: "x", count: 129)])
    func `an id that is none is refused before anything is sent`(id: String) async throws {
        let client = try CogClient(baseURL: "http://127.0.0.1:9")
        let error = try await #require(throws: ReplicateError.self) {
            try await client.predict(Replicate.Prediction.ID(rawValue: id), input: [:])
        }
        #expect(error.kind == .permanent)
        let cancel = try await #require(throws: ReplicateError.self) {
            try await client.cancelPrediction(Replicate.Prediction.ID(rawValue: id))
        }
        #expect(cancel.kind == .permanent)
    }

    @Test
    func `with nobody there it is transient`() async throws {
        let client = try CogClient(baseURL: "http://127.0.0.1:9")
        let error = try await #require(throws: ReplicateError.self) { try await client.predict("a", input: [:]) }
        #expect(error.kind == .transient)
    }
}
