import FoundationEssentials
import ReplicateSimulator
import Testing

/// Deliveries to a receiver of the test's own.
@Suite(.timeLimit(.minutes(2)))
struct WebhookTests {
    private static let all: JSONValue = ["start", "output", "logs", "completed"]

    private func create(_ caller: Caller, _ receiver: Receiver, filter: JSONValue? = ["start", "completed"])
        async throws -> String
    {
        var extra: JSONObject = ["webhook": .string("\(receiver.url)?attempt=t1")]
        extra["webhook_events_filter"] = filter
        return try await caller.createdID(extra)
    }

    /// The right signature of a delivery.
    private func signature(_ delivery: Receiver.Delivery, _ secret: String) throws -> String {
        let signer = try #require(WebhookSigner(secret: secret))
        return signer.signature(
            id: delivery.headers["webhook-id"] ?? "",
            timestamp: delivery.headers["webhook-timestamp"] ?? "",
            body: delivery.body
        )
    }

    @Test func `a delivery is signed and has the prediction with its keys in order`() async throws {
        let receiver = try Receiver()
        try await withManualSimulator { simulator, caller in
            let id = try await create(caller, receiver)
            await simulator.advance(by: .seconds(152))
            #expect(receiver.deliveries.map(\.status) == ["processing", "succeeded"])
            let last = try #require(receiver.deliveries.last)
            #expect(last.path == "/hook?attempt=t1")
            #expect(last.headers["content-type"] == "application/json")
            let right = try signature(last, simulator.webhookSecret)
            #expect(last.headers["webhook-signature"] == right)
            #expect(last.headers["webhook-timestamp"].flatMap { Int($0) } == Moment(simulator.now).unixSeconds)
            #expect(
                last.json.object?.keys == [
                    "completed_at", "created_at", "data_removed", "error", "id", "input", "logs", "metrics", "model",
                    "output", "started_at", "status", "urls", "version", "webhook", "webhook_events_filter",
                ]
            )
            #expect(last.json["id"] == .string(id))
            #expect(last.json["completed_at"]?.string?.count == 30)
            #expect(last.json["created_at"]?.string?.count == 24)
            #expect(last.json["metrics"]?["total_time"] == nil)
            #expect(last.json["urls"]?["get"] == .string("\(simulator.baseURL)/v1/predictions/\(id)"))
            #expect(simulator.ledger.creates.first?.deliveries.map(\.event) == ["start", "completed"])
            #expect(simulator.ledger.creates.first?.deliveries.map(\.status) == [200, 200])
        }
    }

    @Test(
        arguments: [
            (nil, ["output", "completed"]), (["start"], ["start"]), (["completed"], ["completed"]),
            (all, ["start", "logs", "logs", "logs", "output", "completed"]), ([], []),
        ] as [(JSONValue?, [String])]
    )
    func `only the events that were asked for are sent`(filter: JSONValue?, events: [String]) async throws {
        let receiver = try Receiver()
        try await withManualSimulator(rules: [.plan(Plan(logs: "a\nb\nc\n"))]) { simulator, caller in
            _ = try await create(caller, receiver, filter: filter)
            await simulator.advance(by: .seconds(300))
            #expect(simulator.ledger.creates.first?.deliveries.map(\.event) == events)
            #expect(receiver.deliveries.count == events.count)
        }
    }

    @Test func `logs are sent twice a second at most`() async throws {
        let receiver = try Receiver()
        let plan = Plan(runSeconds: 1, logs: String(repeating: "x\n", count: 40))
        try await withManualSimulator(rules: [.plan(plan)]) { simulator, caller in
            _ = try await create(caller, receiver, filter: ["logs"])
            await simulator.advance(by: .seconds(10))
            #expect((2...3).contains(receiver.deliveries.count))
        }
    }

    @Test func `a terminal delivery is tried at 0, 1, 3, 7, 15, 31 and 60 seconds, others once`() async throws {
        let receiver = try Receiver(answers: Array(repeating: 500, count: 50))
        try await withManualSimulator { simulator, caller in
            _ = try await create(caller, receiver)
            await simulator.advance(by: .seconds(1000))
            let entry = try #require(simulator.ledger.creates.first)
            let starts = entry.deliveries.filter { $0.event == "start" }
            let ends = entry.deliveries.filter { $0.event == "completed" }
            #expect(starts.count == 1)
            #expect(ends.map { $0.time - (entry.completedAt ?? $0.time) } == [0, 1, 3, 7, 15, 31, 60])
            #expect(ends.map(\.attempt) == [1, 2, 3, 4, 5, 6, 7])
            #expect(ends.allSatisfy { $0.status == 500 })
            let sent = receiver.deliveries.dropFirst()
            #expect(Set(sent.map { $0.headers["webhook-id"] ?? "" }).count == 1)
            #expect(Set(sent.map { $0.headers["webhook-timestamp"] ?? "" }).count == 7)
            #expect(Set(sent.map(\.body)).count == 1)
        }
    }

    @Test(arguments: [0, 400, 404, 413, 503])
    func `a failed terminal delivery is tried again until it succeeds`(answer: Int) async throws {
        let receiver = try Receiver(answers: [answer, answer])
        try await withManualSimulator { simulator, caller in
            _ = try await create(caller, receiver, filter: ["completed"])
            await simulator.advance(by: .seconds(1000))
            #expect(receiver.deliveries.count == 3)
            let tries = try #require(simulator.ledger.creates.first).deliveries
            #expect(tries.map(\.status) == [answer == 0 ? nil : answer, answer == 0 ? nil : answer, 200])
            #expect((tries.first?.error != nil) == (answer == 0))
        }
    }

    @Test func `redirects are not followed`() async throws {
        let other = try Receiver()
        let receiver = try Receiver(answers: [301], location: other.url)
        try await withManualSimulator { simulator, caller in
            _ = try await create(caller, receiver, filter: ["start"])
            await simulator.advance(by: .seconds(10))
            #expect(receiver.deliveries.count == 1)
            #expect(other.deliveries.isEmpty)
            #expect(simulator.ledger.creates.first?.deliveries.map(\.status) == [301])
        }
    }

    /// A fault of a webhook and the statuses that then arrive.
    static let faults: [(Fault, WebhookEvent?, [String])] = [
        (.drop, .completed, ["processing"]), (.duplicate, .completed, ["processing", "succeeded", "succeeded"]),
        (.reorder, nil, ["succeeded", "processing"]), (.early, nil, ["starting", "succeeded"]),
    ]

    @Test(arguments: faults)
    func `deliveries can be dropped, doubled, turned round and early`(
        fault: Fault,
        event: WebhookEvent?,
        statuses: [String]
    ) async throws {
        let receiver = try Receiver()
        try await withManualSimulator(rules: [.fault(.webhook, fault, event: event)]) { simulator, caller in
            _ = try await create(caller, receiver)
            if fault == .early { #expect(receiver.deliveries.count == 1) }
            await simulator.advance(by: .seconds(300))
            #expect(receiver.deliveries.map(\.status) == statuses)
            let ids = receiver.deliveries.compactMap { $0.headers["webhook-id"] }
            #expect(Set(ids).count == (fault == .drop ? 1 : 2))
            if fault == .drop { #expect(simulator.ledger.creates.first?.deliveries.last?.error == "dropped") }
        }
    }

    @Test(arguments: [Fault.wrongSignature, .oldTimestamp(seconds: 600), .twoSignatures, .extraSignature])
    func `signatures can be wrong in every way`(fault: Fault) async throws {
        let receiver = try Receiver()
        try await withManualSimulator(rules: [.fault(.webhook, fault)]) { simulator, caller in
            _ = try await create(caller, receiver, filter: ["completed"])
            await simulator.advance(by: .seconds(152))
            let delivery = try #require(receiver.deliveries.first)
            let right = try signature(delivery, simulator.webhookSecret)
            let items = delivery.headers["webhook-signature"]?.split(separator: " ").map(String.init) ?? []
            let age = Moment(simulator.now).unixSeconds - (Int(delivery.headers["webhook-timestamp"] ?? "") ?? 0)
            switch fault {
            case .wrongSignature:
                #expect(items.count == 1)
                #expect(items != [right])
            case .oldTimestamp:
                #expect(items == [right])
                #expect(age == 600)
            case .twoSignatures:
                #expect(items.count == 2)
                #expect(items.first?.hasPrefix("v1,") == true && items.first != right && items.last == right)
            default: #expect(items == ["v1a,AAAA", right])
            }
        }
    }

    @Test func `a cancel sends its webhook at once`() async throws {
        let receiver = try Receiver()
        try await withManualSimulator { simulator, caller in
            let id = try await create(caller, receiver, filter: ["completed"])
            await simulator.advance(by: .seconds(10))
            _ = try await caller.call("POST", "/v1/predictions/\(id)/cancel")
            await simulator.advance(by: .zero)
            #expect(receiver.deliveries.map(\.status) == ["canceled"])
            await simulator.advance(by: .seconds(1000))
            #expect(receiver.deliveries.count == 1)
        }
    }

    @Test func `a scaled clock delivers by itself`() async throws {
        let receiver = try Receiver()
        try await ReplicateSimulator.withRunning(.init(clock: .scaled(1000))) { simulator in
            _ = try await create(Caller(simulator: simulator), receiver)
            await simulator.advance(by: .seconds(200))
            try await eventually { receiver.deliveries.count >= 2 }
            #expect(receiver.deliveries.map(\.status) == ["processing", "succeeded"])
            // The stamp is of the receiver's own clock, not of the fast one.
            let stamp = Int(receiver.deliveries.last?.headers["webhook-timestamp"] ?? "") ?? 0
            #expect(abs(stamp - Moment(.now).unixSeconds) < 60)
        }
    }

    @Test(arguments: [true, false])
    func `an input that cannot be fetched fails the prediction, if that is switched on`(isOn: Bool) async throws {
        let receiver = try Receiver(answers: [404])
        var switches = Switches()
        switches.fetchInputs = isOn
        try await withManualSimulator(switches: switches) { simulator, caller in
            let input: JSONObject = ["prompt": "x", "first_frame_image": .string(receiver.url)]
            let id = try await caller.createdID(input: input)
            await simulator.advance(by: .seconds(200))
            let prediction = try await caller.get(id)
            #expect(prediction["status"] == (isOn ? "failed" : "succeeded"))
            #expect((prediction["error"]?.string?.hasPrefix("404 Client Error: ") ?? false) == isOn)
        }
    }
}
