import FoundationEssentials
import ReplicateSimulator
import Testing

/// The control surface.
@Suite(.timeLimit(.minutes(2)))
struct ControlTests {
    private func send(_ simulator: ReplicateSimulator, _ method: String, _ path: String, _ body: String? = nil)
        async throws -> Wire.Answer
    {
        try await Wire.send(simulator.baseURL, method: method, "/_simulator\(path)", body: body.map { Array($0.utf8) })
    }

    @Test func `the index names every call, and every call answers`() async throws {
        try await withManualSimulator { simulator, _ in
            let index = try await send(simulator, "GET", "")
            let calls = index.json.object?.keys.filter { $0.contains(" /_simulator/") } ?? []
            #expect(calls.count == 9)
            for call in calls where call.hasPrefix("GET") {
                let path = String(call.dropFirst("GET /_simulator".count))
                #expect(try await send(simulator, "GET", path).status == 200, "\(call)")
            }
            #expect(try await send(simulator, "DELETE", "/ledger").status == 405)
            #expect(try await send(simulator, "GET", "/other").status == 404)
        }
    }

    @Test func `a script adds rules and switches over HTTP`() async throws {
        try await withManualSimulator { simulator, caller in
            let script = #"{"switches":{"create_status":202},"rules":[{"on":"create","plan":{"error_code":"E005"}}]}"#
            #expect(try await send(simulator, "POST", "/script", script).text == #"{"rules_added":1}"#)
            let created = try await caller.create()
            #expect(created.status == 202)
            #expect(try await send(simulator, "POST", "/clock", #"{"advance":200}"#).status == 200)
            let prediction = try await caller.get(created.json["id"]?.string ?? "")
            #expect(prediction["status"] == "failed")
            #expect(prediction["error"]?.string?.contains("(E005)") == true)
            let rules = try await send(simulator, "GET", "/rules").json
            #expect(rules["rules"]?.array?.first?["met"] == 1)
        }
    }

    @Test func `a script with mistakes changes nothing and names them all`() async throws {
        try await withManualSimulator { simulator, _ in
            let script = #"{"switches":{"create_status":202,"x":1},"rules":[{"on":"get"}],"reset":true}"#
            let answer = try await send(simulator, "POST", "/script", script)
            #expect(answer.status == 422)
            #expect(answer.json["problems"]?.array?.count == 2)
            #expect(simulator.switches == Switches())
            #expect(try await send(simulator, "POST", "/script", "{").status == 422)
            #expect(try await send(simulator, "POST", "/script", "[]").status == 422)
        }
    }

    @Test func `the ledger over HTTP is the one of the library`() async throws {
        try await withManualSimulator { simulator, caller in
            let input: JSONObject = [
                "prompt": .string(String(repeating: "x", count: 5000)), "first_frame_image": "https://e.com/a.png?a=t5",
            ]
            _ = try await caller.create(input: input)
            await simulator.advance(by: .seconds(200))
            let answer = try await send(simulator, "GET", "/ledger")
            let ledger = try JSONDecoder().decode(Ledger.self, from: Data(answer.body))
            #expect(ledger == simulator.ledger)
            #expect(ledger.creates.first?.tag == "t5")
            #expect(ledger.creates.first?.input["prompt"]?.string?.count == 201)
            #expect(ledger.chargeTotal == 0.5)
        }
    }

    @Test func `a reset forgets predictions, rules, switches and records`() async throws {
        try await withManualSimulator { simulator, caller in
            _ = try await caller.upload([1])
            let id = try await caller.createdID()
            simulator.add(.fault(.get, .answer(CannedAnswer(500)), times: nil))
            simulator.switches.createStatus = 202
            #expect(try await send(simulator, "POST", "/reset").status == 200)
            #expect(simulator.ledger == Ledger())
            #expect(simulator.switches == Switches())
            #expect(try await caller.call("GET", "/v1/predictions/\(id)").status == 404)
            #expect(try await caller.call("GET", "/v1/files").json["results"] == [])
            #expect(simulator.requests.count == 2)
        }
    }

    @Test(arguments: [
        "", "{}", #"{"advance":-1}"#, #"{"advance":"x"}"#, #"{"advance":1e300}"#, #"{"advance":1,"b":2}"#,
    ])
    func `a clock is only moved forward`(body: String) async throws {
        try await withManualSimulator { (simulator, _) async throws in
            let before = simulator.now
            #expect(try await send(simulator, "POST", "/clock", body).status == 422)
            #expect(simulator.now == before)
        }
    }

    @Test func `a scaled clock is not moved by hand`() async throws {
        try await ReplicateSimulator.withRunning(.init(clock: .scaled(20))) { simulator async throws in
            #expect(try await send(simulator, "POST", "/clock", #"{"advance":1}"#).status == 409)
            #expect(try await send(simulator, "GET", "/clock").json["speed"] == 20)
        }
    }

    @Test func `a taken port is named, with the flag that changes it`() async throws {
        try await ReplicateSimulator.withRunning { simulator in
            let port = try #require(Int(simulator.baseURL.split(separator: ":").last ?? ""))
            await #expect {
                try await ReplicateSimulator.withRunning(.init(port: port)) { _ in }
            } throws: { error in
                "\(error)" == "port \(port) is in use; choose another with --port"
            }
            await #expect {
                try await ReplicateSimulator.withRunning(.init(outputPort: port)) { _ in }
            } throws: { error in
                "\(error)" == "port \(port) is in use; choose another with --output-port"
            }
        }
    }

    @Test func `ports are free afterwards`() async throws {
        var wasFree = false
        // Another test may be given the port meanwhile, though hardly five times.
        for _ in 0..<5 where !wasFree {
            let port = try await ReplicateSimulator.withRunning { simulator in
                try #require(Int(simulator.baseURL.split(separator: ":").last ?? ""))
            }
            do {
                let again = ReplicateSimulator.Configuration(port: port)
                wasFree = try await ReplicateSimulator.withRunning(again) { $0.baseURL.hasSuffix(":\(port)") }
            } catch is SimulatorError {}
        }
        #expect(wasFree)
    }

    @Test func `it stops while clients hang and hold`() async throws {
        try await withManualSimulator(rules: [.fault(.get, .hang(), times: nil)]) { simulator, caller in
            let url = simulator.baseURL
            let token = simulator.token
            // Left alone on purpose: the simulator's end ends them.
            Task { _ = try? await Wire.send(url, "/v1/predictions/x", headers: [("Authorization", "Bearer \(token)")]) }
            Task { _ = try? await caller.create(headers: [("Prefer", "wait")]) }
            try await eventually { simulator.ledger.accepted > 0 && simulator.requests.count >= 2 }
        }
    }

    @Test func `it stops while connections come in`() async throws {
        for _ in 0..<20 {
            let clients = try await ReplicateSimulator.withRunning { simulator in
                let url = simulator.baseURL
                // They outlive the simulator on purpose, and are waited for below.
                return (0..<20).map { _ in Task { try? await Wire.send(url, "/v1/account") } }
            }
            for client in clients { _ = await client.value }
        }
    }
}
