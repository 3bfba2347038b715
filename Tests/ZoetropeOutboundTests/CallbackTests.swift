import Foundation
import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

private let now = Date(timeIntervalSince1970: 1_784_635_200)  // 2026-07-21T12:00:00Z

struct CallbackTests {
    /// The secret of the standard's own example, `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
    private let secret: [UInt8] = [
        49, 242, 144, 246, 191, 6, 41, 138, 171, 79, 8, 212, 60, 63, 8, 44, 246, 72, 163, 98, 218, 45, 164, 176,
    ]

    private func callback(_ url: String = "http://127.0.0.77/") -> OutgoingCallback {
        OutgoingCallback(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            url: url,
            body: Array(#"{"test": 2432232314}"#.utf8),
            secret: secret,
            at: Date(timeIntervalSince1970: 1_614_265_330.999)
        )
    }

    private func answer(to answer: Origin.Answer, total: Duration = .seconds(15)) async throws -> CallbackAnswer {
        var result: CallbackAnswer?
        try await Origin.run(answer: { _ in answer }) { _, port async throws in
            var rules = GuardedClient.Rules.lenient(port)
            rules.callback.total = total
            result = await (try GuardedClient(rules: rules, now: { now })).send(callback("http://127.0.0.77:\(port)/"))
        }
        return try #require(result)
    }

    @Test func `a signature is that of the standard's example`() {
        // Made anew with Python: base64(hmac.new(secret, b'msg_….1614265330.{"test": 2432232314}', sha256).digest()).
        let signature = CallbackSignature(callback())
        #expect(signature.timestamp == "1614265330")
        #expect(signature.value == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `a callback goes out whole, with its signature and nothing of ours besides`() async throws {
        try await Origin.run(answer: { _ in .status(204) }) { origin, port async throws in
            let rules = GuardedClient.Rules.lenient(port, names: ["hooks.example": ["127.0.0.77"]])
            let client = try GuardedClient(rules: rules, now: { now })
            let url = "http://hooks.example:\(port)/hook?key=1"
            try await client.checkCallback(url)
            #expect(origin.requests == [])
            #expect(await client.send(callback(url)) == .delivered(status: 204))
            #expect(
                origin.requests == [
                    [
                        "POST /hook?key=1 HTTP/1.1", "host: hooks.example:\(port)", "user-agent: zoetrope/1",
                        "connection: close", "content-type: application/json", "content-length: 20",
                        "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp: 1614265330",
                        "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "",
                        #"{"test": 2432232314}"#,
                    ]
                    .joined(separator: "\r\n")
                ]
            )
        }
    }

    @Test func `an id with a line break goes nowhere`() async throws {
        try await Origin.run(answer: { _ in .status(204) }) { origin, port async throws in
            let client = try GuardedClient(rules: .lenient(port), now: { now })
            let evil = OutgoingCallback(
                id: "a\r\nx-evil: 1",
                url: "http://127.0.0.77:\(port)/",
                body: [],
                secret: secret,
                at: now
            )
            guard case .failed(nil, _, nil) = await client.send(evil) else { return #expect(Bool(false)) }
            #expect(origin.requests == [])
        }
    }

    @Test(arguments: [200, 201, 202, 204, 206, 299])
    func `any 2xx is delivered`(status: Int) async throws {
        #expect(try await answer(to: .status(status)) == .delivered(status: status))
    }

    @Test(arguments: [300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 409, 422, 429, 500, 502, 503])
    func `any other status is a failure, a redirect too`(status: Int) async throws {
        let answer = try await answer(to: .status(status, "Location: http://127.0.0.77/"))
        #expect(answer == .failed(status: status, detail: "the receiver answered \(status)", retryAfter: nil))
    }

    @Test func `410 stops`() async throws {
        #expect(try await answer(to: .status(410)) == .gone)
    }

    @Test(arguments: [
        ("0", Duration.seconds(0)), ("120", .seconds(120)), (" 7 ", .seconds(7)), ("36000", .seconds(36_000)),
        ("36001", .seconds(36_000)), ("99999999999999999999999", .seconds(36_000)),
        ("Tue, 21 Jul 2026 12:00:30 GMT", .seconds(30)), ("Tue, 21 Jul 2026 11:00:00 GMT", .seconds(0)),
        ("Tue, 21 Jul 2099 12:00:00 GMT", .seconds(36_000)),
    ])
    func `the receiver may ask for a longer wait`(header: String, wait: Duration) async throws {
        let answer = try await answer(to: .status(503, "Retry-After: \(header)"))
        #expect(answer == .failed(status: 503, detail: "the receiver answered 503", retryAfter: wait))
    }

    @Test(arguments: ["", "-1", "1.5", "soon", "Tue, 21 Jul 2026", "0x10", "１２０", String(repeating: "1", count: 65)])
    func `a wait that cannot be read is none`(header: String) async throws {
        let answer = try await answer(to: .status(503, "Retry-After: \(header)"))
        #expect(answer == .failed(status: 503, detail: "the receiver answered 503", retryAfter: nil))
    }

    @Test func `what a receiver says besides its status does not matter, and is not read for ever`() async throws {
        let chunk = "1000\r\n\(String(repeating: "a", count: 4_096))\r\n"
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(try await answer(to: .endless(head, chunk, pause: .zero)) == .delivered(status: 200))
        #expect(try await answer(to: .closing(head + "zz")) == .delivered(status: 200))
        // But it has to be done in time.
        let slow = Origin.Answer.endless(head, "1\r\na\r\n", pause: .milliseconds(20))
        guard case .failed(nil, let detail, nil) = try await answer(to: slow, total: .milliseconds(300)) else {
            return #expect(Bool(false))
        }
        #expect(detail.contains("too slow"))
    }

    @Test func `a receiver that does not answer has failed`() async throws {
        for bad in [Origin.Answer.closing(""), .closing("nonsense\r\n\r\n")] {
            guard case .failed(nil, let detail, nil) = try await answer(to: bad) else { return #expect(Bool(false)) }
            #expect(detail.contains("127.0.0.77"))
        }
        guard case .failed(nil, _, nil) = try await answer(to: .bytes(""), total: .milliseconds(200)) else {
            return #expect(Bool(false))
        }
    }

    @Test func `the schedule has eight tries in less than 28 hours`() {
        let usual = (0..<8).compactMap { CallbackSchedule.wait(after: $0, unit: 0) }
        #expect(
            usual == [
                .zero, .seconds(5), .seconds(300), .seconds(1_800), .seconds(7_200), .seconds(18_000), .seconds(36_000),
                .seconds(36_000),
            ]
        )
        #expect(usual.reduce(.zero, +) < .seconds(28 * 3_600))
        #expect(CallbackSchedule.mostTries == 8)
        for tries in [8, 9, .max, -1] { #expect(CallbackSchedule.wait(after: tries, unit: 0) == nil) }
        for tries in 0..<8 {
            let shortest = CallbackSchedule.wait(after: tries, unit: 0.999_999) ?? .zero
            #expect(shortest >= usual[tries] * 0.9 && shortest <= usual[tries])
        }
    }

    @Test func `what a receiver asks for only lengthens the wait, and not beyond ten hours`() {
        #expect(CallbackSchedule.wait(after: 1, unit: 0, retryAfter: .seconds(60)) == .seconds(60))
        #expect(CallbackSchedule.wait(after: 2, unit: 0, retryAfter: .seconds(60)) == .seconds(300))
        #expect(CallbackSchedule.wait(after: 1, unit: 0, retryAfter: .seconds(1_000_000)) == .seconds(36_000))
        #expect(CallbackSchedule.wait(after: 1, unit: 0, retryAfter: .seconds(-5)) == .seconds(5))
        #expect(CallbackSchedule.wait(after: 8, unit: 0, retryAfter: .seconds(5)) == nil)
    }
}
