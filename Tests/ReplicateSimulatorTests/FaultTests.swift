import ReplicateSimulator
import Testing

/// What goes wrong with an exchange, seen from the wire.
@Suite(.timeLimit(.minutes(2)))
struct FaultTests {
    /// How a create with a fault looks from outside, and whether it happened.
    struct Case: Sendable, CustomTestStringConvertible {
        let fault: Fault
        var status = 0
        /// A whole answer came.
        var isWhole = false
        /// The prediction exists.
        let exists: Bool
        var wasReset = false
        /// A part of the body.
        var contains = ""
        var contentType: String?

        var testDescription: String { "\(fault)" }
    }

    static let cases: [Case] = [
        Case(fault: .close(.before), exists: false),
        Case(fault: .close(.after), exists: true),
        Case(fault: .close(.after, reset: true), exists: true, wasReset: true),
        Case(fault: .close(.before, reset: true), exists: false, wasReset: true),
        Case(fault: .close(.after, at: .midHead), exists: true),
        Case(fault: .close(.before, at: .midHead), exists: false),
        Case(fault: .close(.after, at: .midBody), status: 201, exists: true, contains: #"{"id":"#),
        Case(
            fault: .answer(CannedAnswer(502)),
            status: 502,
            isWhole: true,
            exists: false,
            contains: "<title>api.replicate.com | 502: Bad gateway</title>",
            contentType: "text/html; charset=UTF-8"
        ),
        Case(fault: .answer(CannedAnswer(502), .after), status: 502, isWhole: true, exists: true, contains: "<html"),
        Case(fault: .answer(CannedAnswer(524), .after), status: 524, isWhole: true, exists: true, contains: "<html"),
        Case(
            fault: .answer(CannedAnswer(500, .text("oops")), .after),
            status: 500,
            isWhole: true,
            exists: true,
            contains: "oops",
            contentType: "text/plain; charset=utf-8"
        ),
        Case(
            fault: .answer(CannedAnswer(400, .json(["detail": ["a", "b"]]))),
            status: 400,
            isWhole: true,
            exists: false,
            contains: #"{"detail":["a","b"]}"#
        ),
        Case(
            fault: .answer(CannedAnswer(402)),
            status: 402,
            isWhole: true,
            exists: false,
            contains:
                #"{"title":"Insufficient credit","detail":"You have insufficient credit to run this model. Go to "#
                + "https://replicate.com/account/billing#billing to purchase credit. Once you purchase credit, please wait a "
                + #"few minutes before trying again.","status":402}"#
        ),
        Case(fault: .answer(CannedAnswer(403)), status: 403, isWhole: true, exists: false, contains: "Access denied"),
        Case(fault: .malformedJSON, status: 201, isWhole: true, exists: true, contains: #"{"id"=""#),
        Case(fault: .truncatedJSON, status: 201, isWhole: true, exists: true, contains: #"{"id":""#),
        Case(
            fault: .throttle(),
            status: 429,
            isWhole: true,
            exists: false,
            contains:
                #"{"detail":"Request was throttled. Your rate limit for creating predictions is reduced to 6 requests "#
                + "per minute with a burst of 1 requests while you have less than $5.0 in credit. Your rate limit resets in "
                + #"~7s.","status":429,"retry_after":7}"#
        ),
        Case(
            fault: .throttle(Throttle(.plain, retryAfter: nil)),
            status: 429,
            isWhole: true,
            exists: false,
            contains: #"{"detail":"Request was throttled. Your rate limit resets in ~1s."}"#
        ),
        Case(
            fault: .throttle(Throttle(.old, retryAfter: nil)),
            status: 429,
            isWhole: true,
            exists: false,
            contains: #"{"detail":"Request was throttled. Expected available in 1 second."}"#
        ),
        Case(
            fault: .rewrite(Rewrite(set: ["status": "melted", "extra": [1]], remove: ["logs", "error"])),
            status: 201,
            isWhole: true,
            exists: true,
            contains: #""status":"melted""#
        ),
        Case(
            fault: .rewrite(Rewrite(fractionDigits: 0)),
            status: 201,
            isWhole: true,
            exists: true,
            contains: #":00Z","urls""#
        ),
        Case(fault: .redirect(to: "http://127.0.0.1:9/x"), status: 307, isWhole: true, exists: false),
        Case(
            fault: .contentType("text/html"),
            status: 201,
            isWhole: true,
            exists: true,
            contains: "{",
            contentType: "text/html"
        ),
    ]

    @Test(arguments: cases)
    func `a fault of a create looks like one, and the ledger knows whether it happened`(_ item: Case) async throws {
        let time = try #require(Moment(text: "2026-01-01T00:00:00Z"))
        let configuration = ReplicateSimulator.Configuration(
            clock: .manual,
            startTime: time.date,
            rules: [.fault(.create, item.fault, tag: "t1")]
        )
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            let caller = Caller(simulator: simulator)
            // The rule is for another tag: this one passes.
            #expect(try await caller.create(["webhook": "https://e.com/h?attempt=t0"]).isWhole)
            let answer = try await caller.create(["webhook": "https://e.com/h?attempt=t1"])
            #expect(answer.status == item.status)
            #expect(answer.isWhole == item.isWhole)
            #expect(answer.wasReset == item.wasReset)
            #expect(item.contains.isEmpty || answer.text.contains(item.contains), "\(answer.text)")
            if let type = item.contentType { #expect(answer.header("content-type") == type) }
            let ledger = simulator.ledger
            #expect(ledger.creates.map(\.tag) == (item.exists ? ["t0", "t1"] : ["t0"]))
            #expect(ledger.createsReceivedByTag == ["t0": 1, "t1": 1])
            // Once is enough.
            #expect(try await caller.create(["webhook": "https://e.com/h?attempt=t1"]).isWhole)
        }
    }

    @Test(arguments: [
        (Exchange.get, "GET", "/v1/predictions/x"), (.list, "GET", "/v1/predictions"),
        (.cancel, "POST", "/v1/predictions/x/cancel"), (.model, "GET", "/v1/models/minimax/video-01-live"),
        (.account, "GET", "/v1/account"), (.webhookSecret, "GET", "/v1/webhooks/default/secret"),
        (.fileUpload, "POST", "/v1/files"), (.fileGet, "GET", "/v1/files/x"), (.fileList, "GET", "/v1/files"),
        (.fileDelete, "DELETE", "/v1/files/x"), (.fileDownload, "GET", "/v1/files/x/download"),
        (.create, "POST", "/v1/predictions"), (.create, "POST", "/v1/deployments/a/b/predictions"),
        (.create, "POST", "/v1/models/a/b/predictions"),
    ])
    func `every route has its exchange`(exchange: Exchange, method: String, path: String) async throws {
        let rules: [Rule] = [.fault(exchange, .answer(CannedAnswer(503, .text(exchange.rawValue))))]
        try await withManualSimulator(rules: rules) { _, caller in
            let answer = try await caller.call(method, path, method == "POST" ? [:] : nil)
            #expect(answer.status == 503)
            #expect(answer.text == exchange.rawValue)
        }
    }

    @Test func `Retry-After can be seconds or a date`() async throws {
        let time = try #require(Moment(text: "2026-01-01T00:00:00Z"))
        let rules: [Rule] = [
            .fault(.create, .throttle(Throttle(.plain, retryAfter: 30, header: .seconds))),
            .fault(.create, .throttle(Throttle(.plain, retryAfter: 30, header: .date))),
        ]
        let configuration = ReplicateSimulator.Configuration(clock: .manual, startTime: time.date, rules: rules)
        try await ReplicateSimulator.withRunning(configuration) { simulator async throws in
            let caller = Caller(simulator: simulator)
            #expect(try await caller.create().header("retry-after") == "30")
            #expect(try await caller.create().header("retry-after") == "Thu, 01 Jan 2026 00:00:30 GMT")
        }
    }

    @Test(arguments: [Fault.When.before, .after])
    func `a delay holds the answer for virtual seconds`(when: Fault.When) async throws {
        try await withManualSimulator(rules: [.fault(.create, .delay(30, when))]) { (simulator, caller) async throws in
            async let answer = caller.create()
            try await eventually { !simulator.ledger.createsReceivedByTag.isEmpty }
            #expect(simulator.ledger.accepted == (when == .before ? 0 : 1))
            await simulator.advance(by: .seconds(29))
            #expect(simulator.requests.last?.status == nil)
            await simulator.advance(by: .seconds(1))
            #expect(try await answer.status == 201)
            #expect(simulator.ledger.accepted == 1)
        }
    }

    @Test(arguments: [Fault.When.before, .after])
    func `a hanging exchange ends when the client leaves`(when: Fault.When) async throws {
        try await withManualSimulator(rules: [.fault(.create, .hang(when))]) { simulator, caller in
            let body: JSONValue = ["input": .object(Caller.live)]
            let host = simulator.baseURL.dropFirst(7)
            let request =
                "POST /v1/models/minimax/video-01-live/predictions HTTP/1.1\r\nHost: \(host)\r\n"
                + "Authorization: Bearer \(simulator.token)\r\nContent-Length: \(body.bytes.count)\r\n\r\n\(body.text)"
            _ = try await Wire.exchange(host: String(host), Array(request.utf8), leavesEarly: true)
            try await eventually { simulator.connections.first?.isClosed == true }
            try await eventually { simulator.ledger.createsReceivedByTag.count == 1 }
            try await eventually { simulator.ledger.accepted == (when == .before ? 0 : 1) }
            #expect(simulator.connections.first?.bytesSent == 0)
            #expect(try await caller.create().status == 201)
        }
    }

    @Test func `tokens are not in the record`() async throws {
        try await withManualSimulator { simulator, caller in
            _ = try await caller.call("GET", "/v1/account")
            let recorded = try #require(simulator.requests.first)
            #expect(recorded.header("authorization") == "Bearer …")
            let page = try await Wire.send(simulator.baseURL, "/_simulator/requests")
            #expect(page.status == 200)
            #expect(!page.text.contains(simulator.token))
        }
    }
}
