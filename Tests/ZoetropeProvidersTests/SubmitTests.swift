import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// The call that costs money: sent once, and its outcome sorted.
@Suite(.timeLimit(.minutes(2)))
struct SubmitTests {
    enum Expected: Sendable, Equatable {
        case accepted
        case refused(ProviderError.Kind, retryAfter: Duration? = nil)
        case unknown
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let rules: [Rule]
        let expected: Expected
        let wasCreated: Bool

        init(_ name: String, _ fault: Fault?, _ expected: Expected, created: Bool) {
            self.name = name
            rules = fault.map { [.fault(.create, $0, times: nil)] } ?? []
            (self.expected, wasCreated) = (expected, created)
        }

        var testDescription: String { name }
    }

    static let rows: [Row] = {
        var rows = [
            Row("all is well", nil, .accepted, created: true),
            Row("no status", .rewrite(.init(remove: ["status"])), .accepted, created: true),
            Row("closed before", .close(.before), .unknown, created: false),
            Row("closed after", .close(.after), .unknown, created: true),
            Row("reset after", .close(.after, reset: true), .unknown, created: true),
            Row("closed in the head", .close(.after, at: .midHead), .unknown, created: true),
            Row("closed in the body", .close(.after, at: .midBody), .unknown, created: true),
            Row("no answer, nothing happened", .hang(.before), .unknown, created: false),
            Row("no answer, all happened", .hang(.after), .unknown, created: true),
            Row("broken JSON", .malformedJSON, .unknown, created: true),
            Row("half of the JSON", .truncatedJSON, .unknown, created: true),
            Row("no id", .rewrite(.init(remove: ["id"])), .unknown, created: true),
            Row("a redirect", .redirect(to: "https://example.com/"), .unknown, created: false),
            Row(
                "throttled",
                .throttle(.init(.plain, retryAfter: 7)),
                .refused(.throttled, retryAfter: .seconds(7)),
                created: false
            ),
        ]
        let refusals: [(Int, ProviderError.Kind)] = [
            (400, .rejected), (401, .credentials), (402, .credit), (403, .credentials), (404, .rejected),
            (413, .rejected), (422, .rejected),
        ]
        for (status, kind) in refusals {
            let said = CannedAnswer(status, .json(["detail": "no", "status": .int(status)]))
            rows.append(Row("\(status)", .answer(said), .refused(kind), created: false))
            let page = CannedAnswer(status, .html("<html>no</html>"))
            rows.append(Row("\(status) from the edge", .answer(page, .after), .unknown, created: true))
        }
        for status in [408, 409, 425, 500, 502, 503, 504, 520, 524] {
            let said = CannedAnswer(status, .json(["detail": "perhaps"]))
            rows.append(Row("\(status) before", .answer(said), .unknown, created: false))
            rows.append(Row("\(status) after", .answer(said, .after), .unknown, created: true))
        }
        return rows
    }()

    private static func sorted(_ outcome: SubmitOutcome) -> Expected {
        switch outcome {
        case .accepted: .accepted
        case .refused(let error): .refused(error.kind, retryAfter: error.retryAfter)
        case .unknown: .unknown
        }
    }

    @Test(arguments: rows)
    func `a submit is sent once and its outcome is sorted`(row: Row) async throws {
        try await SimulatedProvider.run(
            rules: row.rules,
            configure: { $0.createTimeout = .milliseconds(row.name.hasPrefix("no answer") ? 500 : 20_000) }
        ) { world in
            let outcome = await world.provider.submit(try SimulatedProvider.order(tag: "tag1"))
            #expect(Self.sorted(outcome) == row.expected, "\(outcome)")
            #expect(world.requests("POST", "/predictions").count == 1)
            #expect(world.simulator.ledger.accepted == (row.wasCreated ? 1 : 0))
            #expect(!"\(outcome)".contains(world.simulator.token))
        }
    }

    @Test
    func `a submit carries tag, webhook, deadline and the model's input`() async throws {
        try await SimulatedProvider.run { world in
            let order = try SimulatedProvider.order(
                tag: "tag1",
                alias: "replicate_wan",
                cancelAfter: .seconds(90)
            )
            let outcome = await world.provider.submit(order)
            guard case .accepted(let generation) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
            #expect(generation.tag == "tag1")
            #expect(generation.model == "wan-video/wan-2.5-i2v")
            #expect(generation.state == .running(hasStarted: false))
            #expect(generation.createdAt != nil)
            let create = try #require(world.simulator.ledger.creates.first)
            #expect(create.id == generation.id)
            #expect(create.tag == "tag1")
            #expect(create.webhook == "http://127.0.0.1:9/api/v1/webhooks/replicate?attempt=tag1")
            #expect(create.input["image"]?.string == "https://files.example/tag1.jpg")
            #expect(create.input["prompt"]?.string?.hasPrefix("The sea is calm.") == true)
            #expect(create.input["enable_prompt_expansion"]?.bool == false)
            #expect(world.requests("POST", "/predictions").first?.header("cancel-after") == "90s")
            await world.simulator.advance(by: .seconds(95))
            #expect(world.simulator.ledger.creates.first?.status == "canceled")
            // Asked for and delivered: start and completed, no others.
            let events = world.simulator.ledger.creates.first?.deliveries.map(\.event) ?? []
            #expect(Set(events) == ["start", "completed"])
        }
    }

    @Test
    func `without a public address there is no webhook`() async throws {
        try await SimulatedProvider.run(webhookBase: nil) { world in
            try await world.submit(tag: "tag1")
            #expect(world.simulator.ledger.creates.map(\.webhook) == [nil])
        }
    }

    @Test
    func `an account with little credit is throttled, not refused for good`() async throws {
        var switches = Switches()
        switches.lowCredit = true
        try await SimulatedProvider.run(switches: switches) { world in
            try await world.submit(tag: "tag1")
            let outcome = await world.provider.submit(try SimulatedProvider.order(tag: "tag2"))
            guard case .refused(let error) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
            #expect(error.kind == .throttled)
            #expect(error.retryAfter != nil)
        }
    }

    @Test
    func `an empty account is a matter of credit`() async throws {
        try await SimulatedProvider.run(rules: [.fault(.create, .answer(.init(402)))]) { world in
            let outcome = await world.provider.submit(try SimulatedProvider.order(tag: "tag1"))
            #expect(Self.sorted(outcome) == .refused(.credit))
        }
    }

    @Test(arguments: ["http://127.0.0.1:9", "http://does-not-exist.invalid", "https://127.0.0.1:9"])
    func `who cannot be reached made nothing`(address: String) async throws {
        let provider = ReplicateProvider(client: try ReplicateClient(token: "r8_x", baseURL: address))
        let outcome = await provider.submit(try SimulatedProvider.order(tag: "tag1"))
        #expect(Self.sorted(outcome) == .refused(.unavailable), "\(outcome)")
    }

    @Test
    func `plain HTTP at a TLS address made nothing`() async throws {
        try await SimulatedProvider.run { world in
            let base = world.simulator.baseURL.replacing("http://", with: "https://")
            let provider = ReplicateProvider(client: try ReplicateClient(token: "r8_x", baseURL: base))
            let outcome = await provider.submit(try SimulatedProvider.order(tag: "tag1"))
            #expect(Self.sorted(outcome) == .refused(.unavailable), "\(outcome)")
            #expect(world.simulator.ledger.accepted == 0)
        }
    }

    @Test
    func `what the client refuses itself is rejected, and nothing is sent`() async throws {
        try await SimulatedProvider.run { world in
            let order = try SimulatedProvider.order(tag: "tag1", cancelAfter: .seconds(4))
            let outcome = await world.provider.submit(order)
            #expect(Self.sorted(outcome) == .refused(.rejected), "\(outcome)")
            #expect(world.simulator.requests.isEmpty)
        }
    }

    @Test
    func `a task that is cancelled before made nothing`() async throws {
        try await SimulatedProvider.run { world in
            let order = try SimulatedProvider.order(tag: "tag1")
            let (released, release) = AsyncStream<Void>.makeStream()
            let task = Task {
                for await _ in released {}
                return await world.provider.submit(order)
            }
            task.cancel()
            release.finish()
            let outcome = await task.value
            #expect(Self.sorted(outcome) == .refused(.unavailable), "\(outcome)")
            #expect(world.simulator.requests.isEmpty)
        }
    }

    @Test
    func `a task that is cancelled meanwhile does not lose the prediction`() async throws {
        try await SimulatedProvider.run(rules: [.fault(.create, .delay(5, .after))]) { world in
            let order = try SimulatedProvider.order(tag: "tag1")
            let task = Task { await world.provider.submit(order) }
            try await until { world.simulator.ledger.accepted == 1 }
            task.cancel()
            await world.simulator.advance(by: .seconds(5))
            #expect(Self.sorted(await task.value) == .accepted)
        }
    }
}
