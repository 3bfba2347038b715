import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// What comes of a create, whatever happens to it: it is sent once, and the error tells what may have been made.
@Suite(.timeLimit(.minutes(2)))
struct CreateTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let rules: [Rule]
        var switches = Switches()
        /// `nil` when the create succeeds.
        let kind: ReplicateError.Kind?
        let wasCreated: Bool
        var status: Int?
        var retryAfter: Duration?

        init(
            _ name: String,
            _ fault: Fault?,
            _ kind: ReplicateError.Kind?,
            created: Bool,
            status: Int? = nil,
            retryAfter: Duration? = nil,
            on exchange: Exchange = .create,
            switches: Switches = Switches()
        ) {
            self.name = name
            rules = fault.map { [.fault(exchange, $0, times: nil)] } ?? []
            (self.kind, wasCreated, self.status, self.retryAfter) = (kind, created, status, retryAfter)
            self.switches = switches
        }

        var testDescription: String { name }
    }

    static let rows: [Row] = {
        var rows = [
            Row("all is well", nil, nil, created: true),
            Row("202", nil, nil, created: true, switches: with { $0.createStatus = 202 }),
            Row("closed before anything happened", .close(.before), .ambiguous, created: false),
            Row("closed after all had happened", .close(.after), .ambiguous, created: true),
            Row("reset after all had happened", .close(.after, reset: true), .ambiguous, created: true),
            Row("closed in the head", .close(.after, at: .midHead), .ambiguous, created: true),
            Row("closed in the body", .close(.after, at: .midBody), .ambiguous, created: true),
            Row("no answer, nothing happened", .hang(.before), .ambiguous, created: false),
            Row("no answer, all happened", .hang(.after), .ambiguous, created: true),
            Row("broken JSON", .malformedJSON, .ambiguous, created: true, status: 201),
            Row("half of the JSON", .truncatedJSON, .ambiguous, created: true, status: 201),
            Row("a redirect", .redirect(to: "https://example.com/"), .ambiguous, created: false, status: 307),
            Row("no id", .rewrite(.init(remove: ["id"])), .ambiguous, created: true, status: 201),
            Row("no status", .rewrite(.init(remove: ["status"])), nil, created: true),
            Row("another content type", .contentType("text/html"), nil, created: true),
            Row(
                "throttled, a wait in text and body",
                .throttle(.init(.lowCredit, retryAfter: 7)),
                .throttled,
                created: false,
                status: 429,
                retryAfter: .seconds(7)
            ),
            Row(
                "throttled, a wait in the text",
                .throttle(.init(.old, retryAfter: nil)),
                .throttled,
                created: false,
                status: 429,
                retryAfter: .seconds(1)
            ),
            Row(
                "throttled, no wait at all",
                .throttle(.init(.bare, retryAfter: nil)),
                .throttled,
                created: false,
                status: 429
            ),
            Row(
                "throttled, a wait in the header",
                .throttle(.init(.bare, retryAfter: 9, header: .seconds)),
                .throttled,
                created: false,
                status: 429,
                retryAfter: .seconds(9)
            ),
        ]
        for status in [401, 402, 403, 404, 413, 422] {
            let said = CannedAnswer(status, .json(["detail": "no", "status": .int(status)]))
            rows.append(Row("\(status)", .answer(said), .refused, created: false, status: status))
            // Something in between: it may have answered for a server that had begun.
            rows.append(
                Row(
                    "\(status) from the edge",
                    .answer(.init(status, .html("<html>no</html>"))),
                    .ambiguous,
                    created: false,
                    status: status
                )
            )
        }
        for status in [500, 502, 503, 504, 520, 522, 524] {
            rows.append(Row("\(status) before", .answer(.init(status)), .ambiguous, created: false, status: status))
            rows.append(
                Row("\(status) after", .answer(.init(status), .after), .ambiguous, created: true, status: status)
            )
        }
        for status in [408, 409, 425, 499] {
            let said = CannedAnswer(status, .json(["detail": "perhaps"]))
            rows.append(Row("\(status)", .answer(said, .after), .ambiguous, created: true, status: status))
        }
        return rows
    }()

    private static func with(_ change: (inout Switches) -> Void) -> Switches {
        var switches = Switches()
        change(&switches)
        return switches
    }

    @Test(arguments: rows)
    func `a create is sent once and its outcome is sorted`(row: Row) async throws {
        try await SimulatedReplicate.run(
            rules: row.rules,
            switches: row.switches,
            configure: { $0.createTimeout = .milliseconds(row.name.hasPrefix("no answer") ? 3_000 : 20_000) }
        ) { replicate in
            do {
                let prediction = try await replicate.create()
                #expect(row.kind == nil)
                #expect(replicate.simulator.ledger.creates.map(\.id) == [prediction.id.rawValue])
            } catch let error as ReplicateError {
                #expect(error.kind == row.kind, "\(error)")
                #expect(error.status == row.status)
                #expect(error.retryAfter == row.retryAfter)
                #expect(!"\(error)".contains(replicate.simulator.token))
            }
            #expect(replicate.requests("POST", "/predictions").count == 1)
            #expect(replicate.simulator.ledger.accepted == (row.wasCreated ? 1 : 0))
            #expect(replicate.clock.sleeps.isEmpty)
        }
    }

    @Test
    func `with nobody there a create is transient, not ambiguous`() async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        let error = try await #require(throws: ReplicateError.self) {
            try await client.createPrediction(.model("a/b"), input: [:])
        }
        #expect(error.kind == .transient)
        #expect(error.message.hasPrefix("no connection"))
    }

    @Test
    func `a host that does not exist is transient`() async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://does-not-exist.invalid")
        let error = try await #require(throws: ReplicateError.self) {
            try await client.createPrediction(.model("a/b"), input: [:])
        }
        #expect(error.kind == .transient, "\(error)")
    }

    @Test
    func `plain HTTP at a TLS address is transient: no request left`() async throws {
        try await SimulatedReplicate.run { replicate in
            let base = replicate.simulator.baseURL.replacing("http://", with: "https://")
            let client = try ReplicateClient(token: "r8_x", baseURL: base)
            let error = try await #require(throws: ReplicateError.self) {
                try await client.createPrediction(.model("a/b"), input: [:])
            }
            #expect(error.kind == .transient, "\(error)")
        }
    }

    @Test(arguments: [
        ("model", "minimax/video-01-live/x"), ("model", "video"), ("model", "/x"), ("model", "x/"), ("deployment", ""),
    ])
    func `a name that is none is refused before anything is sent`(way: String, name: String) async throws {
        let target: PredictionTarget = way == "model" ? .model(name) : .deployment(name)
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        let error = try await #require(throws: ReplicateError.self) {
            try await client.createPrediction(target, input: [:])
        }
        #expect(error.kind == .permanent)
        #expect(error.message.contains("\"\(name)\""))
    }

    @Test
    func `arguments out of range are refused before anything is sent`() async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        for (cancelAfter, wait, input): (Duration?, Duration?, [String: Replicate.JSONValue]) in [
            (.seconds(4), nil, [:]), (.seconds(-5), nil, [:]), (nil, .zero, [:]), (nil, .seconds(61), [:]),
            (nil, nil, ["x": .number(.nan)]),
        ] {
            let error = try await #require(throws: ReplicateError.self) {
                try await client.createPrediction(.model("a/b"), input: input, cancelAfter: cancelAfter, wait: wait)
            }
            #expect(error.kind == .permanent)
        }
    }

    @Test
    func `what is sent is what Replicate documents`() async throws {
        try await SimulatedReplicate.run { replicate in
            let prediction = try await replicate.create(tag: "abc", cancelAfter: .seconds(1_200))
            #expect(prediction.status == .starting)
            #expect(prediction.model == "minimax/video-01-live")
            let deadline = try #require(prediction.deadline)
            let created = try #require(prediction.createdAt)
            #expect(abs(deadline.timeIntervalSince(created) - 1_200) < 0.01)
            let request = try #require(replicate.requests("POST", "/predictions").first)
            #expect(request.header("content-type") == "application/json")
            #expect(request.header("cancel-after") == "1200s")
            #expect(request.header("connection") == "close")
            #expect(request.header("prefer") == nil)
            #expect(request.header("user-agent")?.hasPrefix("replicate-client-swift/") == true)
            let create = try #require(replicate.simulator.ledger.creates.first)
            #expect(create.tag == "abc")
            #expect(create.webhook == "http://127.0.0.1:9/hook?attempt=abc")
        }
    }

    @Test
    func `each create has a connection of its own`() async throws {
        try await SimulatedReplicate.run { replicate in
            _ = try await replicate.client.account()
            for number in 1...5 { _ = try await replicate.create(tag: "\(number)") }
            _ = try await replicate.client.account()
            let creates = replicate.requests("POST", "/predictions")
            #expect(Set(creates.map(\.connection)).count == 5)
            let reads = replicate.requests("GET", "/account")
            #expect(Set(reads.map(\.connection)).isDisjoint(with: creates.map(\.connection)))
            #expect(Set(reads.map(\.connection)).count == 1)
        }
    }

    @Test
    func `cancelling the task does not lose the id of what was paid for`() async throws {
        try await SimulatedReplicate.run(rules: [.fault(.create, .delay(5, .after))]) { replicate in
            let creating = Task { try await replicate.create() }
            try await SimulatedReplicate.until { replicate.simulator.ledger.accepted != 0 }
            creating.cancel()
            await replicate.simulator.advance(by: .seconds(6))
            let prediction = try await creating.value
            #expect(replicate.simulator.ledger.creates.map(\.id) == [prediction.id.rawValue])
        }
    }

    @Test
    func `a task that was cancelled before sends nothing`() async throws {
        try await SimulatedReplicate.run { replicate in
            let creating = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await replicate.create()
            }
            creating.cancel()
            await #expect(throws: CancellationError.self) { try await creating.value }
            #expect(replicate.requests("POST", "/predictions").isEmpty)
        }
    }

    @Test
    func `a 422 names the input, by version and by deployment as well`() async throws {
        try await SimulatedReplicate.run { replicate in
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.createPrediction(
                    .model("wan-video/wan-2.5-i2v"),
                    input: ["image": "https://example.com/a.jpg", "duration": 7]
                )
            }
            #expect(error.kind == .refused)
            #expect(error.status == 422)
            #expect(error.title == "Input validation failed")
            #expect(Set(error.invalidFields.compactMap(\.field)) == ["input", "input.duration"])
            let missing = try await #require(throws: ReplicateError.self) {
                try await replicate.client.createPrediction(.version("no-such-version"), input: [:])
            }
            #expect(missing.status == 422)
            #expect(missing.title == "Invalid version or not permitted")
            let deployment = try await #require(throws: ReplicateError.self) {
                try await replicate.client.createPrediction(.deployment("no/such"), input: [:])
            }
            #expect(deployment.status == 404)
            #expect(deployment.kind == .refused)
        }
    }

    @Test
    func `a held create comes back with the prediction as it then is`() async throws {
        try await SimulatedReplicate.run { replicate in
            async let held = replicate.client.createPrediction(
                .model("minimax/video-01-live"),
                input: SimulatedReplicate.input,
                wait: .seconds(60)
            )
            try await SimulatedReplicate.until { replicate.simulator.ledger.accepted != 0 }
            await replicate.simulator.advance(by: .seconds(61))
            let prediction = try await held
            #expect(!prediction.status.isTerminal)
            #expect(replicate.requests("POST", "/predictions").first?.header("prefer") == "wait=60")
        }
    }
}
