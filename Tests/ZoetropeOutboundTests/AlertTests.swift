import Foundation
import Logging
import StrictJSON
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeOutbound
import ZoetropeWorkflow

private let start = Date(timeIntervalSince1970: 1_784_635_200)  // 2026-07-21T12:00:00Z

struct AlertPolicyTests {
    private var policy = AlertPolicy()

    private func alert(_ text: String, _ code: String = "provider_closed") -> Alert {
        Alert(.critical, code, text, nil)
    }

    @Test mutating func `the first alert goes out at once, later ones every ten minutes with a count`() {
        #expect(policy.raise(alert("a"), at: start)?.text == "a")
        for minute in 1..<10 { #expect(policy.raise(alert("b"), at: start + .seconds(60 * minute)) == nil) }
        #expect(policy.due(at: start + .seconds(599)) == [])
        let due = policy.due(at: start + .seconds(600))
        #expect(due.map(\.text) == ["b (and 8 more since the last message)"])
        #expect(due.map(\.severity) == ["critical"])
        #expect(policy.due(at: start + .seconds(6_000)) == [])
        // The next ten minutes began with that.
        #expect(policy.raise(alert("c"), at: start + .seconds(1_199)) == nil)
        #expect(policy.raise(alert("d"), at: start + .seconds(1_200))?.text == "d (and 1 more since the last message)")
    }

    @Test mutating func `codes do not hold one another back`() {
        #expect(policy.raise(alert("a"), at: start) != nil)
        #expect(policy.raise(alert("a", "late_bind"), at: start) != nil)
        #expect(policy.resolve("late_bind", "over", at: start)?.code == "late_bind")
        #expect(policy.resolve("provider_closed", "over", at: start)?.severity == "resolved")
    }

    @Test mutating func `an end is told once, to those who know of the beginning`() {
        #expect(policy.resolve("provider_closed", "over", at: start) == nil)
        _ = policy.raise(alert("a"), at: start)
        _ = policy.raise(alert("b"), at: start + .seconds(1))
        let notice = policy.resolve("provider_closed", "over", at: start + .seconds(2))
        #expect(notice?.text == "over (and 1 more since the last message)")
        #expect(policy.resolve("provider_closed", "over", at: start + .seconds(3)) == nil)
        #expect(policy.due(at: start + .seconds(6_000)) == [])
    }

    @Test mutating func `trouble that comes and goes makes two messages in ten minutes`() {
        var sent = 0
        for second in 0..<600 {
            if policy.raise(alert("a"), at: start + .seconds(second)) != nil { sent += 1 }
            sent += policy.due(at: start + .seconds(second)).count
            if policy.resolve("provider_closed", "over", at: start + .seconds(second)) != nil { sent += 1 }
        }
        #expect(sent == 2)
        #expect(policy.raise(alert("z"), at: start + .seconds(600))?.text == "z (and 599 more since the last message)")
    }

    @Test mutating func `a clock that is set back silences nothing`() {
        _ = policy.raise(alert("a"), at: start)
        #expect(policy.raise(alert("b"), at: start + .seconds(-86_400)) != nil)
    }

    @Test mutating func `many codes take no more memory than some`() {
        for number in 0..<1_000 { _ = policy.raise(alert("a", "code_\(number)"), at: start) }
        #expect(policy.raise(alert("a", "one_more"), at: start) == nil)
        #expect(policy.due(at: start + .seconds(600)).count == 1)
    }
}

/// What a sender sees of the world: the bodies that were posted, a clock, and sleeps that end when the test says so.
private final class World: Sendable {
    struct State {
        var bodies: [JSONValue] = []
        var sleeps: [Duration] = []
        var answers: [Int?] = []
        var now = start
    }

    let state = Mutex(State())
    let minutes = AsyncStream.makeStream(of: Void.self)
    let log = Mutex<[String]>([])

    struct NoAnswer: Error {}

    func makeSender() -> AlertSender {
        AlertSender(
            post: { body in
                let answer = try self.state.withLock { state in
                    state.bodies.append(try JSONValue(parsing: body))
                    return state.answers.isEmpty ? 200 : state.answers.removeFirst()
                }
                guard let answer else { throw NoAnswer() }
                return answer
            },
            logger: Logger(label: "alerts") { _ in LogRecorder(log: self) },
            now: { self.state.withLock { $0.now } },
            sleep: { duration in
                self.state.withLock { $0.sleeps.append(duration) }
                if duration == .seconds(60) {
                    for await _ in self.minutes.stream { return }
                    throw CancellationError()
                }
                try Task.checkCancellation()
            }
        )
    }

    func posted(_ count: Int) async -> [JSONValue] {
        while state.withLock({ $0.bodies.count }) < count { await Task.yield() }
        return state.withLock { $0.bodies }
    }
}

private struct LogRecorder: LogHandler {
    let log: World
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        log.log.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct AlertSenderTests {
    @Test func `an alert is posted as JSON`() async throws {
        let world = World()
        let sender = world.makeSender()
        let run = Task { await sender.run() }
        let id = AnimationID(UUID())
        sender.raise(Alert(.critical, "late_bind", "a \"late\" prediction", id))
        sender.resolve(code: "late_bind", text: "over")
        sender.resolve(code: "never_raised", text: "over")
        let bodies = await world.posted(2)
        #expect(
            bodies == [
                [
                    "text": "a \"late\" prediction", "severity": "critical", "code": "late_bind",
                    "animation_id": .string(id.description), "time": "2026-07-21T12:00:00Z",
                ],
                [
                    "text": "over", "severity": "resolved", "code": "late_bind", "animation_id": nil,
                    "time": "2026-07-21T12:00:00Z",
                ],
            ]
        )
        run.cancel()
        await run.value
        #expect(world.state.withLock { $0.bodies.count } == 2)
    }

    @Test func `what was held back is told after ten minutes`() async throws {
        let world = World()
        let sender = world.makeSender()
        let run = Task { await sender.run() }
        for number in 0..<5 { sender.raise(Alert(.warning, "slow", "\(number)", nil)) }
        #expect(await world.posted(1).map { $0["text"] } == ["0"])
        world.state.withLock { $0.now = start + .seconds(600) }
        world.minutes.continuation.yield()
        #expect(await world.posted(2).last?["text"] == "4 (and 3 more since the last message)")
        run.cancel()
        await run.value
    }

    @Test func `delivering is tried a few times, then given up and logged`() async throws {
        let world = World()
        world.state.withLock { $0.answers = [500, nil, 429, 200, 503, 503, 503, 503, 404] }
        let sender = world.makeSender()
        let run = Task { await sender.run() }
        for code in ["one", "two", "three", "four"] { sender.raise(Alert(.critical, code, "text", nil)) }
        let codes = await world.posted(10).map { $0["code"]?.string }
        #expect(codes == ["one", "one", "one", "one", "two", "two", "two", "two", "three", "four"])
        run.cancel()
        await run.value
        let waits = world.state.withLock { $0.sleeps }.filter { $0 != .seconds(60) }
        #expect(waits == [.seconds(1), .seconds(5), .seconds(30), .seconds(1), .seconds(5), .seconds(30)])
        let log = world.log.withLock { $0 }
        #expect(log.count == 2)
        #expect(log[0].contains("two") && log[0].contains("503"))
        #expect(log[1].contains("three") && log[1].contains("404"))
    }

    @Test func `the queue is bounded, and the oldest go first`() async throws {
        let world = World()
        let sender = world.makeSender()
        for number in 0..<150 { sender.raise(Alert(.warning, "code_\(number)", "text", nil)) }
        #expect(sender.dropped == 50)
        let run = Task { await sender.run() }
        let bodies = await world.posted(100)
        #expect(bodies.first?["code"] == "code_50" && bodies.last?["code"] == "code_149")
        run.cancel()
        await run.value
        #expect(world.log.withLock { $0.count } == 50)
    }

    @Test func `what waits at the end is still sent`() async throws {
        let world = World()
        let sender = world.makeSender()
        let run = Task { await sender.run() }
        run.cancel()
        sender.raise(Alert(.critical, "last", "text", nil))
        await run.value
        #expect(world.state.withLock { $0.bodies }.map { $0["code"] } == ["last"])
    }

    @Test func `the end does not wait for a webhook that hangs`() async throws {
        let began = Mutex(0)
        let sender = AlertSender(
            post: { _ in
                began.withLock { $0 += 1 }
                try await Task.sleep(for: .seconds(3_600))
                return 200
            },
            logger: Logger(label: "alerts"),
            now: { start },
            sleep: { try await Task.sleep(for: $0) }
        )
        let run = Task { await sender.run() }
        sender.raise(Alert(.critical, "last", "text", nil))
        while began.withLock({ $0 }) == 0 { await Task.yield() }
        let clock = ContinuousClock()
        let spent = await clock.measure {
            run.cancel()
            await run.value
        }
        #expect(spent < .seconds(30))
        // Cut off once, and tried once more.
        #expect(began.withLock { $0 } == 2)
    }

    @Test func `the webhook may be on this machine, and its address stays secret`() async throws {
        let world = World()
        try await Origin.run(answer: { $0.contains("bad") ? .status(404) : .status(200) }) {
            origin,
            port async throws in
            let logger = Logger(label: "alerts") { _ in LogRecorder(log: world) }
            let urls = [
                "127.0.0.77:\(port)/secret", "127.0.0.77:\(port)/secret/bad", "127.0.0.77:1/secret",
                "nowhere.invalid/secret",
            ]
            for url in urls {
                let sender = AlertSender(
                    url: "http://\(url)",
                    logger: logger,
                    now: { start },
                    sleep: { if $0 == .seconds(60) { try await Task.sleep(for: $0) } }
                )
                sender.raise(Alert(.critical, "late_bind", "text", nil))
                let run = Task { await sender.run() }
                while origin.requests.isEmpty { await Task.yield() }
                while url != urls[0], world.log.withLock({ $0.count }) < urls.firstIndex(of: url) ?? 0 {
                    await Task.yield()
                }
                run.cancel()
                await run.value
            }
            #expect(origin.requests.count == 2)
            #expect(
                origin.requests.allSatisfy { $0.contains("content-type: application/json") && $0.contains("late_bind") }
            )
        }
        let log = world.log.withLock { $0 }
        #expect(log.count == 3)
        for text in ["secret", "127.0.0", "nowhere", "http:"] {
            #expect(!log.contains { $0.contains(text) }, "\(text)")
        }
    }
}
