import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

/// What operators see of real processes: how they go down, what they tell, and what they keep to themselves.
@Suite(.timeLimit(.minutes(10))) struct OperationsTests {
    /// Runs that are looked at in SQLite's file.
    private struct Place {
        let installation: Installation
        let database: StormDatabase
        var simulator: ReplicateSimulator { installation.simulator }

        init(_ simulator: ReplicateSimulator, settings: [String: String] = [:]) async throws {
            installation = try await Installation(.sqlite, simulator, settings: settings)
            database = .sqlite(path: installation.folder.path("data/zoetrope.sqlite"))
        }

        /// Orders an animation; returns its path.
        func order(_ address: String) async throws -> String {
            let job = try #require(try await installation.createJob(address, kind: "photo"))
            let answer = try await installation.call(
                "POST",
                "\(address)/api/v1/jobs/\(job)/animations",
                ["--json", #"{"model": "replicate_video_01_live"}"#]
            )
            let id = try #require(answer?.body["id"]?.string, "\(String(describing: answer))")
            return "/api/v1/jobs/\(job)/animations/\(id)"
        }

        /// Waits until a run, which is named by its path, is in a state.
        func wait(for path: String, in state: String, isHeld: Bool? = nil) async throws {
            let id = path.suffix(36)
            while true {
                let row = try await runs().first { $0["id"]?.string == String(id) }
                let owner = row?["lease_owner"] ?? .null
                if row?["state"] == .string(state), isHeld == nil || isHeld == (owner != .null) { return }
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        func runs() async throws -> [StrictJSON.JSONValue] {
            try await database.rows("SELECT id, state, outcome, lease_owner FROM animation_runs")
        }
    }

    /// A receiver of alerts: real HTTP, bodies in a file, one a line.
    private final class Receiver: Sendable {
        private let python: Foundation.Process
        let file: String
        let port: Int

        private static let script = """
            import http.server, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["content-length"]))
                    with open(sys.argv[1], "ab") as out: out.write(self.headers["content-type"].encode() + b" " + body + b"\\n")
                    self.send_response(204); self.end_headers()
                def log_message(self, *rest): pass
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            with open(sys.argv[1] + ".port", "w") as out: out.write(str(server.server_port) + "\\n")
            server.serve_forever()
            """

        init(in folder: TemporaryFolder) async throws {
            file = folder.path("alerts")
            try Data().write(to: URL(filePath: file))
            python = Foundation.Process()
            python.executableURL = URL(filePath: "/usr/bin/env")
            python.arguments = ["python3", "-c", Self.script, file]
            try python.start()
            var port: Int?
            while port == nil {
                try await Task.sleep(for: .milliseconds(10))
                let text = (try? String(contentsOfFile: "\(file).port", encoding: .utf8)) ?? ""
                port = text.hasSuffix("\n") ? Int(text.dropLast()) : nil
            }
            self.port = port ?? 0
        }

        deinit { kill(python.processIdentifier, SIGKILL) }

        /// Waits for an alert of a code and severity.
        func alert(_ code: String, _ severity: String) async throws -> StrictJSON.JSONValue {
            while true {
                for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
                    let space = try #require(line.firstIndex(of: " "))
                    #expect(line[..<space] == "application/json")
                    let json = try StrictJSON.JSONValue(parsing: Array(line[line.index(after: space)...].utf8))
                    if json["code"] == .string(code), json["severity"] == .string(severity) { return json }
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

// MARK: Going down

extension OperationsTests {
    @Test func `SIGTERM hands runs over within seconds, ends streams and finishes requests`() async throws {
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                // The first is made and its file comes slowly; the second is under way for long.
                simulator.add(
                    .plan(Plan(queueSeconds: 0.1, runSeconds: 0.2, video: .init(width: 1280, height: 720))),
                    Rule(on: .output, .fault(.slow(bytesPerSecond: 2_000)), times: nil),
                    .plan(Plan(queueSeconds: 0.1, runSeconds: 300, video: .init(width: 256, height: 144)))
                )
                let place = try await Place(simulator, settings: ["ZOETROPE_LEASE": "60s"])
                let service = try place.installation.start(
                    "serve",
                    "--port",
                    "0",
                    "--role",
                    "all",
                    "--log-format",
                    "json"
                )
                let address = try await service.address()
                let finishing = try await place.order(address)
                try await place.wait(for: finishing, in: "finishing", isHeld: true)
                let generating = try await place.order(address)
                try await place.wait(for: generating, in: "generating")

                // A stream, and an upload that is half there when the end begins.
                let stream = Task { try await ToolRunner.run("curl", ["-sSN", "\(address)\(generating)/events"]) }
                var isOpen = false
                while !isOpen {
                    let metrics = try await ToolRunner.run("curl", ["-sS", "\(address)/metrics"]).text
                    isOpen = metrics.contains("zoetrope_http_event_streams 1\n")
                }
                let upload = Task {
                    try await ToolRunner.run(
                        "curl",
                        [
                            "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--limit-rate", "80K",
                            "-F", "image=@\(Program.photo("landscape"))", "\(address)/api/v1/jobs",
                        ]
                    )
                }
                // It must have begun: a connection that comes after the end has begun is not taken any more.
                let data = place.installation.folder.path("data")
                while !(FileManager.default.subpaths(atPath: data) ?? []).contains(where: { $0.hasSuffix("/upload-0") })
                {
                    try await Task.sleep(for: .milliseconds(5))
                }
                let start = ContinuousClock.now
                service.signal(SIGTERM)
                while try await place.runs().contains(where: { $0["lease_owner"] != .null }) {
                    try #require(ContinuousClock.now - start < .seconds(60), "leases are still held: \(service.log)")
                }
                // 5 s on a machine that has nothing else to do.
                #expect(ContinuousClock.now - start < .seconds(15))
                let streamed = try await stream.value
                #expect(streamed.text.contains("event: progress"))
                let uploaded = try await upload.value
                #expect(uploaded.text == "201", "\(uploaded.errorText)")
                let end = try await service.end()
                #expect(end.status == 0 && !end.wasKilled, "\(service.log)")
                // Nothing was decided by the interruption, and nothing paid for again.
                let runs = try await place.runs()
                #expect(runs.allSatisfy { $0["outcome"] == .null }, "\(runs)")
                #expect(simulator.ledger.accepted == 2)
            }
        }
    }

    @Test func `a worker hands its run over on SIGTERM`() async throws {
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(
                    .plan(Plan(queueSeconds: 0.1, runSeconds: 0.2, video: .init(width: 1280, height: 720)), times: nil),
                    Rule(on: .output, .fault(.slow(bytesPerSecond: 2_000)), times: 1)
                )
                let place = try await Place(simulator, settings: ["ZOETROPE_LEASE": "60s"])
                let api = try place.installation.start("serve", "--port", "0", "--role", "api")
                let address = try await api.address()
                let worker = try place.installation.start("worker", "--metrics-port", "0")
                let operations = try await worker.address()
                let path = try await place.order(address)
                try await place.wait(for: path, in: "finishing", isHeld: true)
                #expect(try await place.installation.call("GET", "\(operations)/readyz")?.status == 200)
                #expect(try await place.installation.call("GET", "\(operations)/healthz")?.status == 200)
                #expect(try await place.installation.call("GET", "\(operations)/api/v1/jobs")?.status == 404)
                let metrics = try await ToolRunner.run("curl", ["-sS", "\(operations)/metrics"]).text
                for line in [
                    #"zoetrope_provider_calls_total{provider="replicate",call="submit",outcome="accepted"} 1"#,
                    #"zoetrope_step_duration_seconds_count{step="post",outcome="done"} 1"#,
                    #"zoetrope_runs{state="finishing"} 1"#, #"zoetrope_dependency_up{dependency="database"} 1"#,
                ] { #expect(metrics.contains("\(line)\n"), "\(line) in \(metrics)") }
                let start = ContinuousClock.now
                worker.signal(SIGTERM)
                while try await place.runs().contains(where: { $0["lease_owner"] != .null }) {
                    try #require(ContinuousClock.now - start < .seconds(60))
                }
                #expect(ContinuousClock.now - start < .seconds(15))
                #expect(try await worker.end().status == 0)

                let second = try place.installation.start("worker", "--metrics-port", "0")
                let last = try await second.address()
                let final = try await place.installation.final(address, path, sceneIsGone: false)
                #expect(final["status"] == "ready", "\(final)")
                let counted = try await ToolRunner.run("curl", ["-sS", "\(last)/metrics"]).text
                #expect(counted.contains("zoetrope_run_outcomes_total{outcome=\"ready\",code=\"\"} 1\n"), "\(counted)")
                #expect(counted.contains("zoetrope_provider_done_to_playable_seconds_count 1\n"))
                for process in [second, api] { process.signal(SIGTERM) }
            }
        }
    }
}

// MARK: Alerts and secrets

extension OperationsTests {
    @Test func `a refused token is told, and its recovery, and no secret is`() async throws {
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(
                    Rule(
                        on: .create,
                        .fault(.answer(CannedAnswer(401), .before)),
                        times: nil
                    )
                )
                let folder = try TemporaryFolder()
                let receiver = try await Receiver(in: folder)
                let canary = "canary\(UUID().uuidString.lowercased().replacing("-", with: ""))"
                let place = try await Place(
                    simulator,
                    settings: [
                        "ZOETROPE_ALERT_WEBHOOK_URL": "http://127.0.0.1:\(receiver.port)/\(canary)?key=\(canary)",
                        "ZOETROPE_JWT_SECRET": "jwt\(canary)\(canary)",
                        "ZOETROPE_REPLICATE_WEBHOOK_SECRET": "whsec_\(Data(canary.utf8).base64EncodedString())",
                    ]
                )
                let service = try place.installation.start("serve", "--port", "0", "--log-level", "debug")
                let address = try await service.address()
                let path = try await place.order(address)
                let alert = try await receiver.alert("provider_auth_refused", "critical")
                #expect(alert["text"]?.string?.contains("replicate") == true)
                #expect(alert["time"]?.string?.hasSuffix("Z") == true)
                // A null, and no lack of it.
                #expect(alert["animation_id"] == .null)
                let closed = try await receiver.alert("provider_closed", "critical")
                #expect(closed["animation_id"] == .string(String(path.suffix(36))))
                // The next upload is let in.
                _ = try await place.order(address)
                let over = try await receiver.alert("provider_auth_refused", "resolved")
                #expect(over["text"]?.string?.contains("again") == true)

                // Whatever callers do wrong is answered and logged without secrets, too.
                var bodies = ""
                for arguments in [
                    ["\(address)/media/none?expires=1&signature=\(canary)"],
                    ["-H", "Authorization: Bearer \(canary)", "\(address)/api/v1/jobs/\(canary)"],
                    ["--json", "{\"image_url\": \"http://\(canary):\(canary)@127.0.0.1/\"}", "\(address)/api/v1/jobs"],
                    [
                        "-H", "webhook-signature: \(canary)", "--json", "{}",
                        "\(address)/api/v1/webhooks/replicate?attempt=\(canary)",
                    ],
                    ["-X", "TRACE", "\(address)/\(canary)"], ["\(address)/metrics"], ["\(address)/readyz"],
                ] {
                    bodies += try await ToolRunner.run("curl", ["-sS"] + arguments).text
                }
                let secrets = try FileManager.default
                    .contentsOfDirectory(atPath: place.installation.folder.path("data/secrets"))
                    .map {
                        try String(
                            contentsOfFile: place.installation.folder.path("data/secrets/\($0)"),
                            encoding: .utf8
                        )
                    }
                #expect(!secrets.isEmpty)
                service.signal(SIGTERM)
                #expect(try await service.end().status == 0)
                let told = try String(contentsOfFile: receiver.file, encoding: .utf8)
                let tag = try #require(
                    try await place.database.rows("SELECT tag FROM paid_intents").first?["tag"]?.string
                )
                for secret in [canary, simulator.token, tag]
                    + secrets.flatMap({ $0.split(separator: "\n").map(String.init) })
                where secret.count >= 16 {
                    for (name, text) in [("log", service.log), ("bodies", bodies), ("alerts", told)] {
                        #expect(!text.contains(secret), "a secret is in the \(name)")
                    }
                }
                // Every line of the log but the first, which is for people, is one object.
                let lines = service.log.split(separator: "\n").filter { !$0.hasPrefix("Zoetrope is at") }
                #expect(lines.count > 5)
                for line in lines {
                    let json = try? StrictJSON.JSONValue(parsing: Array(line.utf8))
                    #expect(json?["time"]?.string != nil && json?["level"] != nil, "\(line)")
                }
                #expect(lines.contains { $0.contains("\"animation_id\":\"\(path.suffix(36))\"") })
                #expect(lines.contains { $0.contains("\"route\":\"/api/v1/jobs/{job}\"") })
            }
        }
    }

    @Test(.enabled(if: TestPostgres.isInstalled, "apt-get install postgresql"))
    func `a database that goes away is told, and that it is back`() async throws {
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                let server = try await TestPostgres.launch()
                let folder = try TemporaryFolder()
                let receiver = try await Receiver(in: folder)
                let url = try await server.makeDatabase()
                let place = try await Place(
                    simulator,
                    settings: [
                        "ZOETROPE_ALERT_WEBHOOK_URL": "http://127.0.0.1:\(receiver.port)/",
                        "ZOETROPE_DATABASE_URL": url,
                    ]
                )
                let service = try place.installation.serve()
                let address = try await service.address()
                func readiness() async throws -> (status: Int, body: StrictJSON.JSONValue)? {
                    try await place.installation.call("GET", "\(address)/readyz")
                }
                #expect(try await readiness()?.status == 200)
                try await server.stopImmediately()
                while try await readiness()?.status != 503 {}
                #expect(try await readiness()?.body["detail"] == "Cannot be reached: database")
                #expect(try await place.installation.call("GET", "\(address)/healthz")?.status == 200)
                _ = try await receiver.alert("database_unreachable", "critical")
                try await server.start()
                while try await readiness()?.status != 200 {}
                _ = try await receiver.alert("database_unreachable", "resolved")
                service.signal(SIGTERM)
                #expect(try await service.end().status == 0)
                try await server.stopImmediately()
            }
        }
    }
}
