import Foundation
import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct OperationsTests {
    /// Runs a server with metrics, and calls it as curl would.
    private func serve(
        isPublic: Bool = false,
        _ body: @Sendable (TestAPI, String) async throws -> Void
    ) async throws {
        var settings = ServerSettings(port: 0)
        settings.metricsArePublic = isPublic
        let (ports, told) = AsyncStream<Int>.makeStream()
        let api = TestAPI(settings: settings, onRunning: { port in told.yield(port) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { told.finish() }
                try await api.server.run()
            }
            let port = try #require(await ports.first { _ in true })
            try await body(api, "http://127.0.0.1:\(port)")
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func curl(_ arguments: String...) async throws -> (status: String, text: String) {
        let result = try await ToolRunner.run("curl", ["-sS", "-m", "20", "-w", "\n%{http_code}"] + arguments)
        let split = try #require(result.text.lastIndex(of: "\n"), "\(result.errorText)")
        return (String(result.text[result.text.index(after: split)...]), String(result.text[..<split]))
    }

    @Test func `metrics count requests by route, never by path`() async throws {
        try await serve { api, address in
            _ = try await curl("\(address)/api/v1/jobs")
            _ = try await curl("\(address)/api/v1/jobs/\(UUID().uuidString.lowercased())")
            _ = try await curl("\(address)/secret-\(UUID().uuidString)?token=canary")
            _ = try await curl("-X", "PROPFIND", "\(address)/api/v1/jobs")
            let answer = try await curl("\(address)/metrics")
            #expect(answer.status == "200")
            let lines = Set(answer.text.split(separator: "\n").map(String.init))
            for line in [
                #"zoetrope_http_requests_total{method="GET",route="/api/v1/jobs",status="200"} 1"#,
                #"zoetrope_http_requests_total{method="GET",route="/api/v1/jobs/{job}",status="404"} 1"#,
                #"zoetrope_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
                #"zoetrope_http_requests_total{method="other",route="unmatched",status="404"} 1"#,
                #"zoetrope_http_request_duration_seconds_count{route="unmatched"} 2"#,
                #"zoetrope_runs{state="queued"} 0"#, "zoetrope_http_event_streams 0",
            ] { #expect(lines.contains(line), "\(line) in \(answer.text)") }
            #expect(!answer.text.contains("canary") && !answer.text.contains("secret-"))
            #expect(api.log.lines.filter { $0.contains("answered") && $0.contains("canary") }.isEmpty)
            let header = try await ToolRunner.run("curl", ["-sSI", "\(address)/metrics"])
            #expect(header.text.contains("text/plain; version=0.0.4; charset=utf-8"))
        }
    }

    @Test func `metrics are for this machine unless they are public`() async throws {
        try await serve { _, address in
            for header in [
                "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1", "Via: 1.1 a",
                "Host: rebound.example",
            ] {
                let answer = try await curl("-H", header, "\(address)/metrics")
                #expect(answer.status == "403", "\(header)")
                #expect(answer.text.contains("ZOETROPE_METRICS"))
                #expect(!answer.text.contains("zoetrope_runs"))
            }
        }
        try await serve(isPublic: true) { _, address in
            let answer = try await curl("-H", "X-Forwarded-For: 192.0.2.1", "\(address)/metrics")
            #expect(answer.status == "200")
        }
        // Without a connection nobody knows who asks.
        #expect(try await TestAPI().call(.get, "/metrics").status == 403)
    }

    @Test func `a database that fails leaves its numbers out and the others in`() async throws {
        try await serve { api, address in
            api.store.fail(with: RunStoreError(.unavailable, "host db.internal"))
            let answer = try await curl("\(address)/metrics")
            #expect(answer.status == "200")
            #expect(!answer.text.contains("\nzoetrope_runs{"))
            #expect(answer.text.contains("\nprocess_open_fds "))
            #expect(!answer.text.contains("db.internal"))
            let ready = try await curl("\(address)/readyz")
            #expect(ready.status == "503")
            #expect(ready.text.contains("database"))
            #expect(!ready.text.contains("storage") && !ready.text.contains("db.internal"))
        }
    }

    @Test func `requests are logged with their route, status and bytes, probes only for debugging`() async throws {
        let api = TestAPI()
        _ = try await api.call(.get, "/api/v1/jobs?limit=3", ["x-request-id": "one"])
        _ = try await api.call(.get, "/healthz")
        let lines = api.log.lines.filter { $0.contains("answered") }
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("info answered bytes="))
        #expect(lines[0].contains("method=GET request_id=one route=/api/v1/jobs status=200"))
        #expect(lines[0].contains("duration_ms="))
        #expect(!lines[0].contains("limit"))
        #expect(lines[1].hasPrefix("debug answered"))
    }

    @Test func `every metric that deploy names is one that we write`() throws {
        let metrics = ServiceMetrics(version: "1", startedAt: .now)
        var names: Set<String> = []
        for line in metrics.text().split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let words = line.split(separator: " ")
            let name = String(words[2])
            names.insert(name)
            if words[3] == "histogram" { names.formUnion(["_bucket", "_sum", "_count"].map { name + $0 }) }
        }
        var used: Set<String> = []
        for file in ["prometheus-alerts.yaml", "grafana-dashboard.json"] {
            let text = try String(contentsOf: Project.root.appending(path: "deploy/\(file)"), encoding: .utf8)
            let inFile = text.matches(of: /\b(?:zoetrope|process)_[a-z_]+\b/).map { String($0.output) }
            #expect(inFile.count > 10)
            used.formUnion(inFile)
        }
        #expect(used.subtracting(names) == [])
        // And the dashboard shows every family.
        let json = try JSONValue(
            parsing: Array(Data(contentsOf: Project.root.appending(path: "deploy/grafana-dashboard.json")))
        )
        let panels = try #require(json["panels"]?.array)
        let expressions = panels.flatMap { $0["targets"]?.array ?? [] }.compactMap { $0["expr"]?.string }.joined()
        for line in metrics.text().split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let name = line.split(separator: " ")[2]
            #expect(expressions.contains(name), "no panel shows \(name)")
        }
        #expect(Set(panels.compactMap { $0["id"]?.integer }).count == panels.count)
    }

    @Test func `docs/operations_md has every metric and every alert`() throws {
        let page = try String(contentsOf: Project.root.appending(path: "docs/operations.md"), encoding: .utf8)
        for line in ServiceMetrics(version: "1", startedAt: .now).text().split(separator: "\n")
        where line.hasPrefix("# TYPE ") {
            #expect(page.contains("`\(line.split(separator: " ")[2])"), "\(line)")
        }
        let sources = FileManager.default.enumerator(
            at: Project.root.appending(path: "Sources/ZoetropeWorkflow"),
            includingPropertiesForKeys: nil
        )
        var codes: Set<String> = ["database_unreachable", "storage_unreachable", "storage_full"]
        while let file = sources?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            codes.formUnion(
                text.matches(of: /[Aa]lert\(\s*\.(?:critical|warning),\s*"([a-z_]+)"/).map { String($0.output.1) }
            )
        }
        #expect(codes.count > 8)
        for code in codes { #expect(page.contains("`\(code)`"), "\(code)") }
    }
}
