import ReplicateSimulator
import Testing

/// `Prefer: wait`.
@Suite(.timeLimit(.minutes(2)))
struct WaitTests {
    @Test(arguments: [Switches.WaitAnswer.processing, .current])
    func `a held create is answered when the prediction is done`(kind: Switches.WaitAnswer) async throws {
        var switches = Switches()
        switches.waitAnswer = kind
        try await withManualSimulator(switches: switches, rules: [.plan(Plan(runSeconds: 5))]) { simulator, caller in
            async let answer = caller.create(headers: [("Prefer", "wait=10")])
            try await eventually { simulator.ledger.accepted > 0 }
            await simulator.advance(by: .seconds(7))
            let held = try await answer
            #expect(held.status == 201)
            #expect(held.header("preference-applied") == "wait=10")
            #expect(held.header("location") == nil)
            #expect(held.json["output"]?.string != nil)
            #expect(held.json["status"] == (kind == .processing ? "processing" : "succeeded"))
            #expect((held.json["completed_at"] == nil) == (kind == .processing))
            #expect((held.json["metrics"] == nil) == (kind == .processing))
        }
    }

    @Test(arguments: [Switches.WaitTimeoutStatus.starting, .current])
    func `a wait that runs out says where the prediction is`(kind: Switches.WaitTimeoutStatus) async throws {
        var switches = Switches()
        switches.waitTimeoutStatus = kind
        try await withManualSimulator(switches: switches) { simulator, caller in
            async let answer = caller.create(headers: [("Prefer", "wait")])
            try await eventually { simulator.ledger.accepted > 0 }
            await simulator.advance(by: .seconds(60))
            let held = try await answer
            #expect(held.header("preference-applied") == "wait")
            let id = held.json["id"]?.string ?? ""
            #expect(held.header("location") == "\(simulator.baseURL)/v1/predictions/\(id)")
            #expect(held.json["status"] == (kind == .starting ? "starting" : "processing"))
        }
    }

    @Test func `a cancel ends the wait`() async throws {
        try await withManualSimulator { simulator, caller in
            async let answer = caller.create(headers: [("Prefer", "wait=60")])
            try await eventually { simulator.ledger.accepted > 0 }
            let id = try #require(simulator.ledger.creates.first).id
            _ = try await caller.call("POST", "/v1/predictions/\(id)/cancel")
            #expect(try await answer.json["status"] == "canceled")
        }
    }

    @Test(arguments: ["respond-async", "wait=0", "wait=61", "wait=x", "waiting"])
    func `other preferences are not waited for`(value: String) async throws {
        try await withManualSimulator { _, caller in
            let answer = try await caller.create(headers: [("Prefer", value)])
            #expect(answer.json["status"] == "starting")
            #expect(answer.header("preference-applied") == nil)
        }
    }
}
