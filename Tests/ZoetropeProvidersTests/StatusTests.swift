import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// How predictions stand: asked for one by one, or found in the list.
@Suite(.timeLimit(.minutes(2)))
struct StatusTests {
    /// Makes the next creates take a course.
    private static func status(
        after seconds: Double,
        plan: Plan,
        rules: [Rule] = [],
        _ body: @Sendable (SimulatedProvider, Generation.State) async throws -> Void
    ) async throws {
        try await SimulatedProvider.run(rules: [.plan(plan)] + rules) { world in
            let id = try await world.submit(tag: "tag1").id
            await world.simulator.advance(by: .seconds(seconds))
            guard case .found(let generation) = await world.provider.status(of: [id])[id] else {
                throw ProviderError(.missing, id)
            }
            #expect(generation.id == id)
            #expect(generation.state.isTerminal == (generation.completedAt != nil))
            try await body(world, generation.state)
        }
    }

    @Test(arguments: [
        (0.5, Plan(queueSeconds: 1, runSeconds: 10), Generation.State.running(hasStarted: false)),
        (5, Plan(queueSeconds: 1, runSeconds: 10), .running(hasStarted: true)),
        (5, Plan(queueSeconds: 1, runSeconds: 2, result: .canceled), .canceled(hasStarted: true)),
        (
            5, Plan(queueSeconds: 1, runSeconds: 2, result: .canceled, endsBeforeStart: true),
            .canceled(hasStarted: false)
        ),
        (
            5, Plan(queueSeconds: 1, runSeconds: 2, result: .aborted, endsBeforeStart: true),
            .canceled(hasStarted: false)
        ),
        (500, Plan(result: .stuckInStarting), .running(hasStarted: false)),
        (500, Plan(result: .stuckInProcessing), .running(hasStarted: true)),
    ])
    func `a prediction that goes on or was ended says whether it had started`(
        seconds: Double,
        plan: Plan,
        expected: Generation.State
    ) async throws {
        try await Self.status(after: seconds, plan: plan) { _, state in #expect(state == expected) }
    }

    @Test
    func `a word that nobody knows is running`() async throws {
        let rule = Rule.fault(.get, .rewrite(.init(set: .init([("status", "hatching")]))), times: nil)
        try await SimulatedProvider.run(rules: [rule]) { world in
            let id = try await world.submit(tag: "tag1").id
            let outcome = await world.provider.status(of: [id])[id]
            guard case .found(let generation) = outcome else { throw ProviderError(.missing, "\(outcome as Any)") }
            #expect(generation.state == .running(hasStarted: false))
        }
    }

    @Test(arguments: [Plan.OutputShape.string, .array])
    func `a result is one file, in an array or not`(shape: Plan.OutputShape) async throws {
        try await Self.status(after: 20, plan: Plan(queueSeconds: 1, runSeconds: 2, output: shape)) { world, state in
            let url = try #require(world.simulator.ledger.creates.first?.output.url)
            #expect(state == .succeeded(output: url))
        }
    }

    struct Failure: Sendable, CustomTestStringConvertible {
        let text: String
        let code: FailureCode
        let retries: Int
        var seconds = 0

        var testDescription: String { text }
    }

    static let failures: [Failure] = [
        Failure(
            text: "The input or output was flagged as sensitive. (E005) (aBc123)",
            code: .contentRejected,
            retries: 0
        ),
        Failure(text: "status_code: 1026", code: .contentRejected, retries: 0),
        Failure(text: "NSFW content detected", code: .contentRejected, retries: 0),
        Failure(text: "cannot identify image file <_io.BytesIO>", code: .sourceUnreadable, retries: 0),
        Failure(text: "Invalid image", code: .sourceUnreadable, retries: 0),
        Failure(text: "404 Client Error: Not Found for url", code: .sourceUnreadable, retries: 1),
        Failure(text: "Out of memory (E1001)", code: .providerRejected, retries: 0),
        Failure(text: "CUDA out of memory", code: .providerRejected, retries: 0),
        Failure(text: "status_code: 2013", code: .providerRejected, retries: 0),
        Failure(text: "An error occurred (E001)", code: .providerUnavailable, retries: 1, seconds: 600),
        Failure(text: "Model is gone (E002)", code: .providerUnavailable, retries: 0),
        Failure(text: "High demand. (E003)", code: .providerUnavailable, retries: 3, seconds: 30),
        Failure(text: "Temporarily unavailable (E004)", code: .providerUnavailable, retries: 3, seconds: 15),
        Failure(
            text: "Prediction interrupted; please retry (code: PA)",
            code: .providerUnavailable,
            retries: 2,
            seconds: 5
        ),
        Failure(text: "Director: unexpected error (E9828)", code: .providerUnavailable, retries: 2, seconds: 5),
        Failure(text: "no webhook (E4875)", code: .providerUnavailable, retries: 1, seconds: 5),
        Failure(text: "Prediction timed out", code: .generationTimeout, retries: 1, seconds: 5),
        Failure(text: "the moon is in the wrong house", code: .providerRejected, retries: 1, seconds: 15),
        Failure(text: "", code: .providerRejected, retries: 1, seconds: 15),
    ]

    @Test(arguments: failures)
    func `a failure is told in our words, and whether trying again is worth it`(failure: Failure) async throws {
        let plan = Plan(queueSeconds: 1, runSeconds: 2, result: .failed(failure.text))
        try await Self.status(after: 10, plan: plan) { _, state in
            guard case .failed(let found) = state else { throw ProviderError(.rejected, "\(state)") }
            #expect(found.code == failure.code)
            #expect(found.retries == failure.retries)
            #expect(found.retryDelay == .seconds(failure.seconds))
            #expect(found.detail.hasSuffix(failure.text) || failure.text.isEmpty)
        }
    }

    @Test(arguments: [
        (20.0, Plan.OutputShape.null, FailureCode.outputInvalid, 1), (2 * 3_600, .string, .outputExpired, 0),
    ])
    func `a success without a result is a failure`(
        seconds: Double,
        shape: Plan.OutputShape,
        code: FailureCode,
        retries: Int
    ) async throws {
        try await Self.status(after: seconds, plan: Plan(queueSeconds: 1, runSeconds: 2, output: shape)) { _, state in
            guard case .failed(let found) = state else { throw ProviderError(.rejected, "\(state)") }
            #expect(found.code == code)
            #expect(found.retries == retries)
        }
    }

    @Test
    func `a result that is no file is invalid`() async throws {
        let odd = Rewrite(set: .init([("output", ["text": "hello"])]))
        let plan = Plan(queueSeconds: 1, runSeconds: 2)
        try await Self.status(after: 10, plan: plan, rules: [.fault(.get, .rewrite(odd))]) { _, state in
            guard case .failed(let found) = state else { throw ProviderError(.rejected, "\(state)") }
            #expect(found.code == .outputInvalid)
        }
    }

    // MARK: Many at once

    private static func kinds(_ answers: [String: StatusOutcome]) -> [String: String] {
        answers.mapValues { outcome in
            switch outcome {
            case .found: "found"
            case .missing: "missing"
            case .failed(let error): error.kind.rawValue
            }
        }
    }

    /// Submits so many and returns their ids, oldest first.
    private static func submit(_ count: Int, _ world: SimulatedProvider) async throws -> [String] {
        var ids: [String] = []
        for number in 0..<count { ids.append(try await world.submit(tag: "tag\(number)").id) }
        return ids
    }

    @Test(arguments: [0, 1, 8, 9, 100, 101, 250])
    func `looking at many takes as many calls as announced`(count: Int) async throws {
        try await SimulatedProvider.run { world in
            let ids = try await Self.submit(count, world)
            let announced = world.provider.callsForStatus(of: count)
            let answers = await world.provider.status(of: ids)
            #expect(world.requests("GET").count == announced)
            #expect(announced == (count <= 8 ? count : (count + 99) / 100))
            #expect(Self.kinds(answers) == Dictionary(uniqueKeysWithValues: ids.map { ($0, "found") }))
            // The list looks as before, so the next forecast is right, too.
            _ = await world.provider.status(of: ids)
            #expect(world.requests("GET").count == announced * 2)
        }
    }

    @Test
    func `an id that is asked for twice is looked at once`() async throws {
        try await SimulatedProvider.run { world in
            let ids = try await Self.submit(1, world)
            #expect(await world.provider.status(of: ids + ids).count == 1)
            #expect(world.requests("GET").count == 1)
        }
    }

    @Test
    func `among others' predictions a sweep gives up early, and the next forecast knows`() async throws {
        var switches = Switches()
        switches.rateLimits = false
        try await SimulatedProvider.run(switches: switches) { world in
            let ids = try await Self.submit(20, world)
            _ = try await Self.submit(580, world)
            let answers = await world.provider.status(of: ids)
            #expect(Self.kinds(answers).values.allSatisfy { $0 == "found" })
            #expect(answers.count == 20)
            // Five pages without any of them, then each by itself.
            #expect(world.requests("GET").count == 25)
            #expect(world.provider.callsForStatus(of: 20) == 25)
            #expect(world.provider.callsForStatus(of: 9) == 11)
            #expect(world.provider.callsForStatus(of: 8) == 8)
            let recent = try await Self.submit(20, world)
            _ = await world.provider.status(of: recent)
            #expect(world.provider.callsForStatus(of: 20) == 1)
        }
    }

    @Test
    func `what the list leaves out is asked for singly`() async throws {
        let lagging = Rule.plan(Plan(listedAfter: 100), tag: "tag7")
        try await SimulatedProvider.run(rules: [lagging]) { world in
            let ids = try await Self.submit(12, world)
            let answers = await world.provider.status(of: ids)
            #expect(Self.kinds(answers).values.allSatisfy { $0 == "found" })
            #expect(world.requests("GET").count == 2)
            #expect(world.requests("GET", ids[7]).count == 1)
        }
    }

    @Test
    func `one bad item does not spoil the others`() async throws {
        let rules = [Rule.plan(Plan(notFoundFor: 1_000, listedAfter: 1_000), tag: "tag2")]
        try await SimulatedProvider.run(rules: rules) { world in
            let ids = try await Self.submit(8, world)
            world.simulator.add(.fault(.get, .malformedJSON, prediction: ids[5], times: nil))
            world.simulator.add(
                .fault(.get, .answer(.init(422, .json(["detail": "no"]))), prediction: ids[6], times: nil)
            )
            var expected = Dictionary(uniqueKeysWithValues: ids.map { ($0, "found") })
            expected[ids[2]] = "missing"
            expected[ids[5]] = "unavailable"
            expected[ids[6]] = "rejected"
            #expect(Self.kinds(await world.provider.status(of: ids)) == expected)
        }
    }

    @Test
    func `bad news from the list is confirmed by the prediction itself`() async throws {
        try await SimulatedProvider.run { world in
            let ids = try await Self.submit(9, world)
            await world.simulator.advance(by: .seconds(300))
            // A list that leaves the outputs out must not turn paid results into failures.
            world.simulator.add(
                .fault(
                    .list,
                    .rewrite(.init(set: .init([("results", [["id": .string(ids[3]), "status": "succeeded"]])]))),
                    times: nil
                )
            )
            let answers = await world.provider.status(of: ids)
            for id in ids {
                guard case .found(let generation) = answers[id], case .succeeded = generation.state else {
                    throw ProviderError(.missing, "\(answers[id] as Any)")
                }
            }
        }
    }

    @Test
    func `a list that is out of order does not hide what single calls tell`() async throws {
        try await SimulatedProvider.run(rules: [.fault(.list, .malformedJSON, times: nil)]) { world in
            let ids = try await Self.submit(9, world)
            #expect(Self.kinds(await world.provider.status(of: ids)).values.allSatisfy { $0 == "found" })
        }
    }

    @Test
    func `a token that is refused is not tried for each`() async throws {
        let no = Fault.answer(.init(401, .json(["detail": "no"])))
        try await SimulatedProvider.run(rules: [.fault(.list, no, times: nil), .fault(.get, no, times: nil)]) { world in
            let ids = (0..<100).map { "p\($0)" }
            let answers = await world.provider.status(of: ids)
            #expect(Self.kinds(answers) == Dictionary(uniqueKeysWithValues: ids.map { ($0, "credentials") }))
            #expect(world.requests("GET").count == 1)
            let few = await world.provider.status(of: Array(ids.prefix(8)))
            #expect(Self.kinds(few).values.allSatisfy { $0 == "credentials" })
        }
    }

    @Test
    func `when the provider is down not everything is tried`() async throws {
        let down = Fault.answer(.init(503))
        let rules = [Rule.fault(.list, down, times: nil), .fault(.get, down, times: nil)]
        try await SimulatedProvider.run(rules: rules, configure: { $0.retry.maximumAttempts = 1 }) { world in
            let ids = (0..<100).map { "p\($0)" }
            let answers = await world.provider.status(of: ids)
            #expect(Self.kinds(answers) == Dictionary(uniqueKeysWithValues: ids.map { ($0, "unavailable") }))
            // The list, eight at once, and what was sent until the eighth had failed.
            #expect(world.requests("GET").count <= 1 + 8 + 7)
        }
    }
}
