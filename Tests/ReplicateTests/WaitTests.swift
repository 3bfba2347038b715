import Foundation
import Replicate
import ReplicateSimulator
import Synchronization
import Testing
import ZoetropeTestKit

/// Waiting for the end, on the simulator's clock.
@Suite(.timeLimit(.minutes(2)))
struct WaitTests {
    @Test
    func `a wait ends with the prediction and looks less and less often`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(queueSeconds: 10, runSeconds: 390))]) { replicate in
            let id = try await replicate.create().id
            let seen = Mutex<[PredictionStatus]>([])
            let done = try await replicate.client.waitUntilTerminal(id) { prediction in
                seen.withLock { $0.append(prediction.status) }
            }
            #expect(done.status == .succeeded)
            #expect(done.outputFiles.count == 1)
            #expect(done.metrics["predict_time"]?.number == 390)
            let sleeps = replicate.clock.sleeps
            #expect(sleeps.count == seen.withLock { $0.count } - 1)
            #expect(sleeps.filter { $0 == .seconds(3) }.count == 20)
            #expect(sleeps.filter { $0 == .seconds(5) }.count == 48)
            #expect(sleeps.filter { $0 == .seconds(10) }.count == 10)
            #expect(seen.withLock { Set($0) } == [.starting, .processing, .succeeded])
        }
    }

    @Test(arguments: FailureText.allCases)
    func `a failed prediction ends the wait, and its failure is sorted`(text: FailureText) async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(result: .failed(text.text)))]) { replicate in
            let id = try await replicate.create().id
            let done = try await replicate.client.waitUntilTerminal(id)
            #expect(done.status == .failed)
            let failure = try #require(done.failure)
            #expect(failure.text == text.text)
            #expect(done.error == text.text)
            #expect(replicate.simulator.ledger.chargeTotal == 0)
        }
    }

    @Test(arguments: [PredictionStatus.canceled, .aborted])
    func `a prediction that the platform ended ends the wait`(status: PredictionStatus) async throws {
        let result: Plan.Result = status == .canceled ? .canceled : .aborted
        try await SimulatedReplicate.run(rules: [.plan(.init(result: result, endsBeforeStart: true))]) { replicate in
            let id = try await replicate.create().id
            let done = try await replicate.client.waitUntilTerminal(id)
            #expect(done.status == status)
            #expect(done.failure?.reason == (status == .canceled ? .canceled : .aborted))
        }
    }

    @Test(arguments: [true, false])
    func `Cancel-After ends what is stuck, without charge before it started`(hasStarted: Bool) async throws {
        let plan = Plan(result: hasStarted ? .stuckInProcessing : .stuckInStarting)
        try await SimulatedReplicate.run(rules: [.plan(plan)]) { replicate in
            let id = try await replicate.create(cancelAfter: .seconds(60)).id
            let done = try await replicate.client.waitUntilTerminal(id)
            #expect(done.status == (hasStarted ? .canceled : .aborted))
            #expect(replicate.simulator.ledger.chargeTotal == (hasStarted ? 0.5 : 0))
        }
    }

    @Test
    func `a wait that is over says so and cancels nothing`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(result: .stuckInProcessing))]) { replicate in
            let id = try await replicate.create().id
            let error = try await #require(throws: WaitTimedOut.self) {
                try await replicate.client.waitUntilTerminal(id, timeout: .seconds(100))
            }
            #expect(error.id == id)
            #expect(error.last?.status == .processing)
            #expect(error.waited == .seconds(100))
            #expect(replicate.requests("POST", "/cancel").isEmpty)
        }
    }

    @Test
    func `a server that hangs does not hold a wait beyond its end`() async throws {
        let rules = [Rule.fault(.get, .hang(), times: nil)]
        try await SimulatedReplicate.run(rules: rules, configure: { $0.readTimeout = .seconds(2) }) {
            replicate in
            let id = try await replicate.create().id
            let error = try await #require(throws: WaitTimedOut.self) {
                try await replicate.client.waitUntilTerminal(id, timeout: .seconds(7))
            }
            #expect(error.last == nil)
            // One look at 0, 3, 6 and 7 s.
            #expect(replicate.requests("GET", "/\(id)").count == 4)
        }
    }

    @Test
    func `a look that is told to wait waits`() async throws {
        let rules = [Rule.fault(.get, .throttle(.init(.plain, retryAfter: 90)))]
        try await SimulatedReplicate.run(rules: rules) { replicate in
            let id = try await replicate.create().id
            _ = try await replicate.client.waitUntilTerminal(id)
            #expect(replicate.clock.sleeps.first == .seconds(90))
        }
    }

    @Test
    func `an unknown status is waited out`() async throws {
        try await SimulatedReplicate.run(rules: [
            .plan(.init(queueSeconds: 0, runSeconds: 1, result: .status("paused")))
        ]) {
            replicate in
            let id = try await replicate.create().id
            let error = try await #require(throws: WaitTimedOut.self) {
                try await replicate.client.waitUntilTerminal(id, timeout: .seconds(60))
            }
            #expect(error.last?.status == PredictionStatus(rawValue: "paused"))
        }
    }

    @Test
    func `a 404 just after the create is waited out, a late one is not`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(notFoundFor: 40)), .plan(.init(notFoundFor: 1_000))]) {
            replicate in
            let early = try await replicate.create(tag: "1").id
            #expect(try await replicate.client.waitUntilTerminal(early).status == .succeeded)
            let late = try await replicate.create(tag: "2").id
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.waitUntilTerminal(late)
            }
            #expect(error.status == 404)
        }
    }

    @Test
    func `failed looks do not end a wait`() async throws {
        let rules: [Rule] = [
            .fault(.get, .answer(.init(503)), times: 12), .fault(.get, .throttle(.init(.plain, retryAfter: 90))),
            .fault(.get, .close(), times: 12),
        ]
        try await SimulatedReplicate.run(rules: rules) { replicate in
            let id = try await replicate.create().id
            #expect(try await replicate.client.waitUntilTerminal(id).status == .succeeded)
        }
    }

    @Test
    func `a refused look ends a wait`() async throws {
        try await SimulatedReplicate.run(rules: [.fault(.get, .answer(.init(401, .json(["detail": "no"]))))]) {
            replicate in
            let id = try await replicate.create().id
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.waitUntilTerminal(id)
            }
            #expect(error.status == 401)
        }
    }

    @Test
    func `a success without output is a failure, and an array with one element is an output`() async throws {
        try await SimulatedReplicate.run(rules: [.plan(.init(output: .null)), .plan(.init(output: .array))]) {
            replicate in
            let lost = try await replicate.create(tag: "1").id
            #expect(try await replicate.client.waitUntilTerminal(lost).failure?.reason == .missingOutput)
            let array = try await replicate.create(tag: "2").id
            let done = try await replicate.client.waitUntilTerminal(array)
            #expect(done.output.array?.count == 1)
            #expect(done.outputFiles.count == 1)
            #expect(done.failure == nil)
        }
    }

    @Test
    func `a prediction that fails while it is cancelled ends as failed`() async throws {
        let plan = Plan(cancelLag: 5, failsOnCancel: FailureText.nonTerminal.text)
        try await SimulatedReplicate.run(rules: [.plan(plan)]) { replicate in
            let id = try await replicate.create().id
            let asked = try await replicate.client.cancelPrediction(id)
            #expect(!asked.status.isTerminal)
            let done = try await replicate.client.waitUntilTerminal(id)
            #expect(done.status == .failed)
            #expect(done.failure?.code == "E8367")
        }
    }

    @Test
    func `data are gone an hour after the end`() async throws {
        for shape in Switches.RemovedShape.allCases {
            var switches = Switches()
            switches.removedShape = shape
            try await SimulatedReplicate.run(switches: switches) { replicate in
                let id = try await replicate.create().id
                let done = try await replicate.client.waitUntilTerminal(id)
                #expect(!done.dataRemoved)
                await replicate.simulator.advance(by: .seconds(3_700))
                let later = try await replicate.client.prediction(id)
                #expect(later.dataRemoved)
                #expect(later.status == .succeeded)
                #expect(later.outputFiles.isEmpty)
                #expect(later.failure == nil)
                #expect(later.input.isEmpty)
            }
        }
    }
}
