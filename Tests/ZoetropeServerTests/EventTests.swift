import Foundation
import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

/// Server-sent events, through real connections and curl.
@Suite(.timeLimit(.minutes(1)))
struct EventTests {
    @Test func `a stream tells progress, then the end, and closes`() async throws {
        try await LiveServer.run { api, port in
            let path = try await api.makeAnimation()
            let curl = try Curl(["-sN", "http://127.0.0.1:\(port)\(path)/events"])
            try await curl.waitFor("event: progress")
            try await api.work(path) { change in
                change.run.state = .generating
            }
            try await curl.waitFor("\"step\":\"generating\"")
            try await api.makeReady(path)
            let text = try await curl.end()
            let events = Event.parse(text)
            #expect(events.map(\.name) == ["progress", "progress", "ready"])
            #expect(events.map(\.id) == ["0", "1", "2"])
            #expect(events.last?.data["status"] == "ready")
            #expect(events.last?.data == (try await api.call(.get, path)).json.at("127.0.0.1:\(port)"))
            #expect(text.hasPrefix("retry: 2000\n\n"))
        }
    }

    @Test func `a client that comes back gets what it has missed and nothing twice`() async throws {
        try await LiveServer.run { api, port in
            let path = try await api.makeAnimation()
            try await api.makeReady(path)
            let url = "http://127.0.0.1:\(port)\(path)/events"
            let all = try await Curl(["-sN", url]).end()
            #expect(Event.parse(all).map(\.name) == ["ready"])
            let missed = try await Curl(["-sN", "-H", "Last-Event-ID: 0", url]).end()
            #expect(Event.parse(missed).map(\.id) == ["1"])
            // 204 tells an EventSource to stop.
            let none = try await Curl(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Last-Event-ID: 1", url])
                .end()
            #expect(none == "204")
            let odd = try await Curl(["-sN", "-H", "Last-Event-ID: banana", url]).end()
            #expect(Event.parse(odd).map(\.name) == ["ready"])
        }
    }

    @Test func `a failed animation and a deleted one end their streams`() async throws {
        try await LiveServer.run { api, port in
            let failing = try await api.makeAnimation()
            let deleted = try await api.makeAnimation()
            let one = try Curl(["-sN", "http://127.0.0.1:\(port)\(failing)/events"])
            let two = try Curl(["-sN", "http://127.0.0.1:\(port)\(deleted)/events"])
            try await one.waitFor("event: progress")
            try await two.waitFor("event: progress")
            #expect(try await api.call(.post, "\(failing)/cancel").status == 202)
            #expect(try await api.call(.delete, deleted).status == 204)
            let events = Event.parse(try await one.end())
            #expect(events.last?.name == "failed")
            #expect(events.last?.data["error"]?["code"] == "canceled")
            #expect(Event.parse(try await two.end()).map(\.name) == ["progress"])
        }
    }

    @Test func `those who watch one animation share one look at it`() async throws {
        try await LiveServer.run { api, port in
            let path = try await api.makeAnimation()
            let curls = try (0..<10).map { _ in try Curl(["-sN", "http://127.0.0.1:\(port)\(path)/events"]) }
            for curl in curls { try await curl.waitFor("event: progress") }
            func looks() -> Int { api.store.calls.filter { $0 == "animation(_:)" }.count }
            let before = looks()
            try await api.makeReady(path)
            for curl in curls { #expect(Event.parse(try await curl.end()).last?.name == "ready") }
            #expect(looks() - before == 1)
        }
    }

    @Test func `a stream of a foreign or unknown animation is 404`() async throws {
        let api = TestAPI()
        let path = try await api.makeAnimation()
        let id = path.suffix(36)
        let foreign = try await api.makeForeignJob()
        #expect(try await api.call(.get, "\(foreign)/animations/\(id)/events").detail == "Job not found")
        let job = path.split(separator: "/animations")[0]
        #expect(
            try await api.call(.get, "\(job)/animations/00000000-0000-0000-0000-000000000000/events").detail
                == "Animation not found"
        )
    }

    @Test func `a server that shuts down ends its streams`() async throws {
        let curl = try await LiveServer.run { api, port in
            let path = try await api.makeAnimation()
            let curl = try Curl(["-sN", "http://127.0.0.1:\(port)\(path)/events"])
            try await curl.waitFor("event: progress")
            return curl
        }
        #expect(Event.parse(try await curl.end()).count == 1)
    }
}

/// One event, as a client reads it.
private struct Event {
    let id: String
    let name: String
    let data: JSONValue

    static func parse(_ text: String) -> [Event] {
        text.components(separatedBy: "\n\n")
            .compactMap { block in
                var fields: [String: String] = [:]
                for line in block.split(separator: "\n") {
                    guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { continue }
                    fields[String(line[..<colon])] = String(line[line.index(colon, offsetBy: 2)...])
                }
                guard let name = fields["event"], let id = fields["id"],
                    let data = fields["data"].flatMap({ try? JSONValue(parsing: Array($0.utf8)) })
                else { return nil }
                return Event(id: id, name: name, data: data)
            }
    }
}

extension JSONValue {
    /// With the addresses as another request would have got them.
    fileprivate func at(_ authority: String) -> JSONValue {
        guard var members = object else { return self }
        for name in ["preview_url", "result_url", "thumb_url"] {
            guard let text = members[name]?.string, let path = text.firstRange(of: "/api/") else { continue }
            members[name] = .string("http://\(authority)\(text[path.lowerBound...])")
        }
        return .object(members)
    }
}
