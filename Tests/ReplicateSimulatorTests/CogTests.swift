import ReplicateSimulator
import Testing

/// The self-hosted Cog server.
@Suite(.timeLimit(.minutes(2)))
struct CogTests {
    private static let body: JSONValue = ["input": ["image": "https://e.com/a.png", "unknown": 1]]

    private func withCog(
        _ change: (inout CogSwitches) -> Void = { _ in },
        rules: [Rule] = [],
        _ body: (ReplicateSimulator, String) async throws -> Void
    ) async throws {
        var switches = Switches()
        change(&switches.cog)
        let small = Plan.VideoOverrides(seconds: 1, width: 64, height: 64, framesPerSecond: 10)
        let all = rules + [.init(on: .cogCreate, .plan(Plan(video: small)), times: nil)]
        try await withManualSimulator(cogPort: 0, switches: switches, rules: all) { simulator, _ in
            try await body(simulator, simulator.cogURL ?? "")
        }
    }

    private func put(
        _ url: String,
        _ id: String = "abc",
        body: JSONValue = body,
        isAsync: Bool = true
    ) async throws -> Wire.Answer {
        let headers = isAsync ? [("Prefer", "respond-async")] : []
        return try await Wire.send(url, method: "PUT", "/predictions/\(id)", headers: headers, body: body.bytes)
    }

    @Test func `it is off unless asked for`() async throws {
        try await withManualSimulator { simulator, _ in #expect(simulator.cogURL == nil) }
    }

    @Test func `discovery, health and schema are there`() async throws {
        try await withCog { _, url in
            #expect(try await Wire.send(url, "/").json["predictions_url"] == "/predictions")
            let health = try await Wire.send(url, "/health-check")
            #expect(health.status == 200)
            #expect(health.json["status"] == "READY")
            #expect(health.json["setup"]?["status"] == "succeeded")
            let schema = try await Wire.send(url, "/openapi.json").json
            #expect(schema["components"]?["schemas"]?["Input"]?["properties"]?["image"]?["format"] == "uri")
            #expect(try await Wire.send(url, "/predictions/abc").status == 405)
        }
    }

    @Test func `an asynchronous run is in flight until it ends, and then forgotten`() async throws {
        try await withCog { simulator, url in
            let first = try await put(url)
            #expect(first.status == 202)
            #expect(first.text == #"{"id":"abc","status":"starting"}"#)
            let again = try await put(url)
            #expect(again.status == 202)
            #expect(again.json["status"] == "processing")
            #expect(again.json["input"] == ["image": "https://e.com/a.png"])
            #expect(simulator.ledger.cogRuns.map(\.requests) == [2])
            await simulator.advance(by: .seconds(40))
            #expect(simulator.ledger.cogRuns.map(\.status) == ["succeeded"])
            #expect(try await put(url).status == 202)
            #expect(simulator.ledger.cogRuns.map(\.id) == ["abc", "abc"])
        }
    }

    @Test(arguments: [CogSwitches.Server.coglet, .python])
    func `a synchronous run is held until its end`(server: CogSwitches.Server) async throws {
        try await withCog({ $0.server = server }) { simulator, url in
            async let held = put(url, isAsync: false)
            try await eventually { !simulator.ledger.cogRuns.isEmpty }
            await simulator.advance(by: .seconds(40))
            let answer = try await held
            #expect(answer.status == 200)
            #expect(answer.json["status"] == "succeeded")
            #expect(answer.json["output"]?.string?.hasPrefix("data:video/mp4;base64,") == true)
            #expect(answer.json["metrics"]?["predict_time"] == 40)
            #expect((answer.json["created_at"] != nil) == (server == .python))
            #expect((answer.json["input"] != nil) == (server == .python))
        }
    }

    @Test func `a failed run is a 200`() async throws {
        let plan = Rule(on: .cogCreate, .plan(Plan(result: .failed("boom"))))
        try await withCog(rules: [plan]) { simulator, url in
            async let held = put(url, isAsync: false)
            try await eventually { !simulator.ledger.cogRuns.isEmpty }
            await simulator.advance(by: .seconds(40))
            let answer = try await held
            #expect(answer.status == 200)
            #expect(answer.json["status"] == "failed")
            #expect(answer.json["error"] == "boom")
        }
    }

    @Test func `a client that leaves cancels its synchronous run`() async throws {
        try await withCog { simulator, url in
            let host = String(url.dropFirst(7))
            let request =
                "PUT /predictions/abc HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.body.bytes.count)\r\n\r\n"
                + Self.body.text
            _ = try await Wire.exchange(host: host, Array(request.utf8), leavesEarly: true)
            try await eventually { simulator.ledger.cogRuns.first?.status == "canceled" }
            #expect(try await Wire.send(url, "/health-check").json["status"] == "READY")
        }
    }

    @Test func `a cancel answers 200 in flight and 404 otherwise`() async throws {
        try await withCog { simulator, url in
            _ = try await put(url)
            let cancel = try await Wire.send(url, method: "POST", "/predictions/abc/cancel")
            #expect(cancel.status == 200 && cancel.text == "{}")
            let again = try await Wire.send(url, method: "POST", "/predictions/abc/cancel")
            #expect(again.status == 404 && again.text == "{}")
            #expect(simulator.ledger.cogRuns.map(\.status) == ["canceled"])
        }
    }

    @Test func `one slot is one run`() async throws {
        try await withCog { simulator, url in
            _ = try await put(url)
            #expect(try await Wire.send(url, "/health-check").json["status"] == "BUSY")
            let other = try await put(url, "other")
            #expect(other.status == 409)
            #expect(other.text == #"{"error":"At capacity - all prediction slots busy","status":"failed"}"#)
            await simulator.advance(by: .seconds(40))
            #expect(try await put(url, "other").status == 202)
        }
    }

    @Test func `set-up takes its time`() async throws {
        try await withCog({ $0.setupSeconds = 30 }) { simulator, url in
            #expect(try await Wire.send(url, "/health-check").json["status"] == "STARTING")
            let early = try await put(url)
            #expect(early.status == 503)
            #expect(early.json["status"] == "failed")
            #expect(early.json["error"]?.string?.hasPrefix("Setup has not finished yet") == true)
            await simulator.advance(by: .seconds(30))
            #expect(try await put(url).status == 202)
        }
    }

    @Test(arguments: [
        (#"{"input":{}}"#, #"["body","input","image"]"#), (#"{"input":{"image":5}}"#, #"["body","input","image"]"#),
        (#"{"id":"other","input":{"image":"https://e.com/a"}}"#, #"["body","id"]"#), ("nonsense", #"["body"]"#),
    ])
    func `a body that does not fit is a 422 with details`(body: String, place: String) async throws {
        try await withCog { (simulator, url) async throws in
            let answer = try await Wire.send(url, method: "PUT", "/predictions/abc", body: Array(body.utf8))
            #expect(answer.status == 422)
            #expect(answer.json["detail"]?.array?.first?["loc"]?.text == place)
            #expect(simulator.ledger.cogRuns.isEmpty)
        }
    }

    @Test func `webhooks are unsigned, can have a bearer, and the last one is retried`() async throws {
        let receiver = try Receiver(answers: [500, 500, 500, 200, 503])
        try await withCog({ $0.webhookToken = "secret" }) { (simulator, url) async throws in
            var body = Self.body.object ?? .init()
            body["webhook"] = .string(receiver.url)
            body["webhook_events_filter"] = ["start", "completed"]
            _ = try await put(url, body: .object(body))
            await simulator.advance(by: .seconds(100))
            #expect(receiver.deliveries.map(\.status) == ["processing", "succeeded", "succeeded", "succeeded"])
            let last = try #require(receiver.deliveries.last)
            #expect(last.headers["authorization"] == "Bearer secret")
            #expect(last.headers["webhook-signature"] == nil)
            #expect(last.headers["user-agent"]?.hasPrefix("coglet/") == true)
            #expect(last.json.object?.keys == ["id", "output", "logs", "status", "metrics"])
            let times = try #require(simulator.ledger.cogRuns.first).deliveries.filter { $0.event == "completed" }
                .map(\.time)
            let gaps = zip(times.dropFirst(), times).map { ($0 - $1).rounded(toPlaces: 3) }
            #expect(gaps == [0.2, 0.4])
        }
    }

    @Test func `an output can be uploaded`() async throws {
        let receiver = try Receiver(answers: [201], location: "http://files.test/out.mp4?token=x")
        try await withCog({ $0.uploadURL = "http://127.0.0.1:\(receiver.port)/up/" }) { (simulator, url) async throws in
            async let held = put(url, isAsync: false)
            try await eventually { !simulator.ledger.cogRuns.isEmpty }
            await simulator.advance(by: .seconds(40))
            #expect(try await held.json["output"] == "http://files.test/out.mp4")
            #expect(receiver.deliveries.map(\.path) == ["/up/output.1.mp4"])
            #expect(receiver.deliveries.first?.body.count ?? 0 > 500)
        }
    }

    @Test func `faults work here, too`() async throws {
        let rules: [Rule] = [
            .fault(.cogHealth, .answer(CannedAnswer(500, .text("x")))), .fault(.cogCreate, .close(.after)),
            .fault(.cogCancel, .close(.before)),
        ]
        try await withCog(rules: rules) { (simulator, url) async throws in
            #expect(try await Wire.send(url, "/health-check").status == 500)
            #expect(try await put(url).status == 0)
            #expect(simulator.ledger.cogRuns.count == 1)
            #expect(try await Wire.send(url, method: "POST", "/predictions/abc/cancel").status == 0)
            #expect(simulator.ledger.cogRuns.map(\.status) == ["processing"])
        }
    }
}

extension Double {
    fileprivate func rounded(toPlaces places: Int) -> Double {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        return (self * factor).rounded() / factor
    }
}
