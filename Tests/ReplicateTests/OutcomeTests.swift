import Foundation
import Replicate
import Testing

/// The tables of error answers, without a network.
struct OutcomeTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let body: String
        let onCreate: ReplicateError.Kind
        let onRead: ReplicateError.Kind

        init(_ status: Int, _ body: String, create: ReplicateError.Kind, read: ReplicateError.Kind) {
            (self.status, self.body, onCreate, onRead) = (status, body, create, read)
        }

        var testDescription: String { "\(status) \(body.prefix(60))" }
    }

    private static let html = "<html><head><title>502 Bad Gateway</title></head></html>"

    static let rows = [
        Row(
            401,
            #"{"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401}"#,
            create: .refused,
            read: .refused
        ),
        Row(401, #"{"detail":"Authorization header required"}"#, create: .refused, read: .refused),
        Row(
            402,
            #"{"title":"Insufficient credit","detail":"You have …","status":402}"#,
            create: .refused,
            read: .refused
        ),
        Row(403, #"{"detail":"no"}"#, create: .refused, read: .refused),
        Row(
            404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n",
            create: .refused,
            read: .refused
        ),
        Row(413, #"{"detail":"Files must be less than 100MB in size"}"#, create: .refused, read: .refused),
        Row(422, #"{"detail":"- input: prompt is required\n","status":422}"#, create: .refused, read: .refused),
        Row(429, #"{"detail":"Request was throttled.","status":429}"#, create: .throttled, read: .throttled),
        // Something in between answered: nobody knows what came of the create.
        Row(403, html, create: .ambiguous, read: .transient),
        Row(413, html, create: .ambiguous, read: .transient),
        Row(429, html, create: .ambiguous, read: .throttled),
        Row(404, "", create: .ambiguous, read: .transient),
        Row(422, "[1]", create: .ambiguous, read: .transient),
        Row(408, #"{"detail":"x"}"#, create: .ambiguous, read: .transient),
        Row(409, #"{"detail":"x"}"#, create: .ambiguous, read: .transient),
        Row(425, #"{"detail":"x"}"#, create: .ambiguous, read: .transient),
        Row(499, "", create: .ambiguous, read: .transient),
        Row(500, #"{"detail":"x"}"#, create: .ambiguous, read: .transient),
        Row(502, html, create: .ambiguous, read: .transient),
        Row(503, html, create: .ambiguous, read: .transient),
        Row(504, html, create: .ambiguous, read: .transient),
        Row(520, html, create: .ambiguous, read: .transient),
        Row(524, "", create: .ambiguous, read: .transient),
        Row(301, "", create: .ambiguous, read: .permanent),
        Row(308, html, create: .ambiguous, read: .permanent),
    ]

    /// Sorts an answer.
    static func error(
        _ status: Int,
        _ body: String,
        retryAfter: String? = nil,
        repeatable: Bool = true,
        now: Date = Date()
    ) -> ReplicateError {
        Outcome.refusal(
            of: "test",
            isRepeatable: repeatable,
            status: status,
            retryAfter: retryAfter,
            body: Array(body.utf8),
            dialect: .replicate,
            secret: "r8_secret",
            now: now
        )
    }

    @Test(arguments: rows)
    func `a status means what the table says, for creates and for reads`(row: Row) {
        #expect(Self.error(row.status, row.body, repeatable: false).kind == row.onCreate)
        #expect(Self.error(row.status, row.body).kind == row.onRead)
    }

    @Test(arguments: [
        (#"{"detail":"Request was throttled. Your rate limit resets in ~7s.","status":429,"retry_after":7}"#, nil, 7),
        (#"{"detail":"Request was throttled. Your rate limit resets in ~30s."}"#, nil, 30),
        (#"{"detail":"Request was throttled. Expected available in 1 second."}"#, nil, 1),
        (#"{"detail":"slow down"}"#, "12", 12),
        (#"{"detail":"slow down"}"#, "Thu, 01 Jan 2026 00:00:42 GMT", 42),
        (#"{"detail":"slow down"}"#, "Wed, 31 Dec 2025 00:00:42 GMT", 0),
        (#"{"detail":"resets in ~30s","retry_after":7}"#, "12", 30),
        (#"{"detail":"resets in ~3s","retry_after":7}"#, "12", 12),
        (#"{"detail":"slow down","retry_after":1e300}"#, nil, 3_600),
        (#"{"detail":"resets in ~999999999s"}"#, nil, 3_600),
        (#"{"detail":"slow down","retry_after":-5}"#, "-3", nil),
        (#"{"detail":"slow down"}"#, "nan", nil),
        (#"{"detail":"slow down"}"#, "soon", nil),
        (#"{"detail":"slow down","retry_after":"7"}"#, nil, nil),
        (#"{"detail":"slow down"}"#, nil, nil),
    ])
    func `the wait is the largest that header, body and text name`(body: String, header: String?, seconds: Int?) {
        let now = Date(timeIntervalSince1970: 1_767_225_600)
        let error = Self.error(429, body, retryAfter: header, repeatable: false, now: now)
        #expect(error.kind == .throttled)
        #expect(error.retryAfter == seconds.map { .seconds($0) })
    }

    @Test
    func `a 422 tells its fields`() {
        let error = Self.error(
            422,
            #"{"detail":"- input.duration: duration must be one of the following: 5, 10\n","status":422,"title":"Input validation failed","invalid_fields":[{"type":"enum","field":"input.duration","description":"duration must be one of the following: 5, 10"},7]}"#
        )
        #expect(error.title == "Input validation failed")
        #expect(error.invalidFields.count == 1)
        #expect(error.invalidFields.first?.type == "enum")
        #expect(error.invalidFields.first?.field == "input.duration")
        #expect(error.description.contains("duration must be one of the following: 5, 10"))
    }

    @Test
    func `a detail may be a list`() {
        let cog = Self.error(
            422,
            #"{"detail":[{"loc":["body","input","x"],"msg":"field required","type":"value_error.missing"},"plain"]}"#
        )
        #expect(cog.detail == "input.x: field required\nplain")
        #expect(cog.invalidFields.first?.field == "input.x")
        #expect(cog.invalidFields.first?.type == "value_error.missing")
    }

    @Test(arguments: [
        #"{"title":"r8_secret","detail":"bad token r8_secret"}"#,
        #"{"detail":"x","invalid_fields":[{"type":"r8_secret","field":"r8_secret","description":"r8_secret"}]}"#,
        #"{"detail":[{"loc":["r8_secret"],"msg":"r8_secret","type":"r8_secret"}]}"#, #"{"error":"r8_secret"}"#,
        #"{"detail":"r8_secret\u0301 r8_secretr8_secret"}"#,
        "{\"detail\":\"\(String(repeating: "x", count: 3_995))r8_secret\"}",
    ])
    func `a token that an answer repeats does not reach the error, not even in part`(body: String) {
        let error = Self.error(422, body)
        #expect(
            !String(reflecting: error).unicodeScalars.split(separator: "§")
                .contains { String($0).utf8.contains("r8_s".utf8) }
        )
        var dumped = ""
        dump(error, to: &dumped)
        #expect(!dumped.utf8.contains("r8_s".utf8))
    }

    @Test
    func `an error is one line, whatever the answer holds`() {
        let error = Self.error(422, #"{"title":"a\r\nb","detail":"c\r\nd\u0000\u001b[31m\ne"}"#)
        #expect(!error.description.contains { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } })
    }

    @Test
    func `a 503 keeps the wait that it names`() {
        #expect(Self.error(503, "", retryAfter: "12").retryAfter == .seconds(12))
    }

    @Test
    func `a huge error text is cut`() {
        let error = Self.error(422, #"{"detail":"\#(String(repeating: "x", count: 1_000_000))"}"#)
        #expect((error.detail?.count ?? 0) <= 4_000)
    }

    @Test(arguments: [
        (409, ReplicateError.Kind.throttled), (503, .transient), (422, .refused), (500, .ambiguous), (404, .refused),
    ])
    func `a model server's words are its own`(status: Int, kind: ReplicateError.Kind) {
        let problem = ProblemBody(parsing: Array(#"{"error":"At capacity","status":"failed"}"#.utf8))
        #expect(problem.detail == "At capacity")
        #expect(Outcome.kind(status, problem, .cog, isRepeatable: false) == kind)
    }
}

struct RetryPolicyTests {
    private let policy = RetryPolicy()

    @Test
    func `waits double up to the cap and shrink with the jitter`() {
        let error = ReplicateError(.transient, "get", "x")
        #expect(policy.wait(afterAttempt: 1, error, jitter: 1) == .milliseconds(500))
        #expect(policy.wait(afterAttempt: 2, error, jitter: 1) == .seconds(1))
        #expect(policy.wait(afterAttempt: 4, error, jitter: 1) == .seconds(4))
        #expect(policy.wait(afterAttempt: 4, error, jitter: 0.5) == .seconds(2))
        #expect(policy.wait(afterAttempt: 5, error, jitter: 1) == nil)
        #expect(RetryPolicy(maximumAttempts: 100).wait(afterAttempt: 90, error, jitter: 1) == .seconds(8))
    }

    @Test
    func `a named wait is kept, and given up when it is too long`() {
        let short = ReplicateError(.throttled, "get", "x", retryAfter: .seconds(7))
        #expect(policy.wait(afterAttempt: 1, short, jitter: 1) == .seconds(8))
        #expect(policy.wait(afterAttempt: 1, short, jitter: 0) == .seconds(7))
        let long = ReplicateError(.throttled, "get", "x", retryAfter: .seconds(61))
        #expect(policy.wait(afterAttempt: 1, long, jitter: 0) == nil)
    }

    @Test(arguments: [ReplicateError.Kind.refused, .ambiguous, .permanent])
    func `what cannot get better is not tried again`(kind: ReplicateError.Kind) {
        #expect(policy.wait(afterAttempt: 1, ReplicateError(kind, "get", "x"), jitter: 1) == nil)
    }

    @Test(arguments: [(0, 2.4, 3.6), (59, 2.4, 3.6), (60, 4, 6), (299, 4, 6), (300, 8, 12), (3_000, 8, 12)])
    func `polling slows down`(elapsed: Int, least: Double, most: Double) {
        let shortest = PollSchedule.wait(elapsed: .seconds(elapsed), jitter: 0) / .seconds(1)
        let longest = PollSchedule.wait(elapsed: .seconds(elapsed), jitter: 1) / .seconds(1)
        #expect(abs(shortest - least) < 1e-9)
        #expect(abs(longest - most) < 1e-9)
    }
}
