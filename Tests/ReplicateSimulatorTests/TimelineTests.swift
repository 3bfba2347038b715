import FoundationEssentials
import ReplicateSimulator
import Testing

/// What is true of a prediction at a time.
struct TimelineTests {
    private static let created = Moment(nanoseconds: 1_767_225_600_000_000_000)

    /// A timeline and what is expected of it, in seconds from the creation.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var timeline: Timeline
        /// Second, status, start, end.
        let states: [(Double, String, Double?, Double?)]
    }

    private static func timeline(
        _ result: Plan.Result = .succeeded,
        _ change: (inout Timeline) -> Void = { _ in }
    ) -> Timeline {
        var timeline = Timeline(createdAt: created, startsAt: created + 2, endsAt: created + 152, result: result)
        change(&timeline)
        return timeline
    }

    static let cases: [Case] = [
        Case(
            testDescription: "a success",
            timeline: timeline(),
            states: [
                (0, "starting", nil, nil), (1.999, "starting", nil, nil), (2, "processing", 2, nil),
                (151.999, "processing", 2, nil), (152, "succeeded", 2, 152), (9000, "succeeded", 2, 152),
            ]
        ),
        Case(
            testDescription: "a failure before the start",
            timeline: timeline(.failed("x")) {
                $0.endsBeforeStart = true
                $0.endsAt = created + 2
            },
            states: [(1, "starting", nil, nil), (2, "failed", nil, 2)]
        ),
        Case(
            testDescription: "a deadline before the start aborts",
            timeline: timeline {
                $0.startsAt = created + 30
                $0.deadline = created + 5
            },
            states: [(4, "starting", nil, nil), (5, "aborted", nil, 5), (60, "aborted", nil, 5)]
        ),
        Case(
            testDescription: "a deadline at the start aborts",
            timeline: timeline { $0.deadline = created + 2 },
            states: [(2, "aborted", nil, 2)]
        ),
        Case(
            testDescription: "a deadline in the run cancels",
            timeline: timeline { $0.deadline = created + 50 },
            states: [(49, "processing", 2, nil), (50, "canceled", 2, 50)]
        ),
        Case(
            testDescription: "a deadline after the end is nothing",
            timeline: timeline { $0.deadline = created + 200 },
            states: [(152, "succeeded", 2, 152), (300, "succeeded", 2, 152)]
        ),
        Case(
            testDescription: "a cancel in the queue",
            timeline: timeline { $0.cancelsAt = created + 1 },
            states: [(0.5, "starting", nil, nil), (1, "canceled", nil, 1)]
        ),
        Case(
            testDescription: "a cancel in the run",
            timeline: timeline { $0.cancelsAt = created + 60 },
            states: [(59, "processing", 2, nil), (60, "canceled", 2, 60)]
        ),
        Case(
            testDescription: "a cancel that comes with the end is too late",
            timeline: timeline { $0.cancelsAt = created + 152 },
            states: [(152, "succeeded", 2, 152)]
        ),
        Case(
            testDescription: "a failure while the cancel is under way",
            timeline: timeline {
                $0.cancelsAt = created + 60
                $0.failsOnCancel = "broke"
            },
            states: [(59, "processing", 2, nil), (60, "failed", 2, 60)]
        ),
        Case(
            testDescription: "thirty minutes are the limit of a run",
            timeline: timeline { $0.endsAt = created + 4000 },
            states: [(1801, "processing", 2, nil), (1802, "failed", 2, 1802)]
        ),
        Case(
            testDescription: "stuck in the queue",
            timeline: timeline(.stuckInStarting) { ($0.startsAt, $0.endsAt) = (nil, nil) },
            states: [(1e6, "starting", nil, nil)]
        ),
        Case(
            testDescription: "stuck in the run",
            timeline: timeline(.stuckInProcessing) { ($0.endsAt, $0.runLimit) = (nil, 1e9) },
            states: [(1e6, "processing", 2, nil)]
        ),
        Case(
            testDescription: "a status that nobody knows",
            timeline: timeline(.status("melted")),
            states: [(151, "processing", 2, nil), (152, "melted", 2, 152)]
        ),
        Case(
            testDescription: "no run at all",
            timeline: timeline { $0.endsAt = created + 2 },
            states: [(1, "starting", nil, nil), (2, "succeeded", 2, 2)]
        ),
    ]

    @Test(arguments: cases)
    func `a state follows from the time alone`(_ item: Case) {
        for (second, status, start, end) in item.states {
            let state = item.timeline.state(at: Self.created + second)
            #expect(state.status.rawValue == status, "at \(second)")
            #expect(state.startedAt.map { $0 - Self.created } == start, "at \(second)")
            #expect(state.completedAt.map { $0 - Self.created } == end, "at \(second)")
        }
    }

    @Test(
        arguments: [
            ("90", 90), ("20m", 1200), ("1h30m45s", 5445), ("5s", 5), ("2h", 7200), ("1h5s", 3605), ("0", 0), ("4", 4),
            ("", nil), ("m", nil), ("20x", nil), ("-5", nil), ("+5", nil), ("5m5h", nil), ("1.5m", nil), ("1h1h", nil),
            ("99999999999999999999", nil), ("9999999h", nil), ("20 m", 1200),
        ] as [(String, Int?)]
    )
    func `Cancel-After is read in its units`(text: String, seconds: Int?) {
        #expect(CancelAfter.seconds(text) == seconds)
    }

    @Test func `a bucket gives its burst, then its rate`() {
        var bucket = RateBucket(perMinute: 6, burst: 1, now: Self.created)
        #expect(bucket.take(now: Self.created) == .taken(remaining: 0))
        #expect(bucket.take(now: Self.created) == .refused(seconds: 10))
        #expect(bucket.take(now: Self.created + 3) == .refused(seconds: 7))
        #expect(bucket.take(now: Self.created + 10) == .taken(remaining: 0))
        #expect(bucket.take(now: Self.created + 1000) == .taken(remaining: 0))
        #expect(bucket.take(now: Self.created + 1001) == .refused(seconds: 9))
    }

    @Test func `a refused request can cost a bucket what it had gathered`() {
        var bucket = RateBucket(perMinute: 6, burst: 1, now: Self.created)
        _ = bucket.take(now: Self.created)
        #expect(bucket.take(now: Self.created + 9, refusalsCost: true) == .refused(seconds: 10))
        #expect(bucket.take(now: Self.created + 10, refusalsCost: true) == .refused(seconds: 10))
    }

    @Test func `six hundred creates a minute pass, one more does not`() {
        var bucket = RateBucket(perMinute: 600, now: Self.created)
        for left in (0..<600).reversed() { #expect(bucket.take(now: Self.created) == .taken(remaining: left)) }
        #expect(bucket.take(now: Self.created) == .refused(seconds: 1))
        #expect(bucket.take(now: Self.created + 0.1) == .taken(remaining: 0))
    }

    @Test(arguments: [
        (0, "2026-01-01T00:00:00Z"), (3, "2026-01-01T00:00:00.123Z"), (6, "2026-01-01T00:00:00.123456Z"),
        (9, "2026-01-01T00:00:00.123456789Z"),
    ])
    func `times have the digits that are asked for, cut and not rounded`(digits: Int, text: String) {
        #expect(Moment(nanoseconds: 1_767_225_600_123_456_789).text(digits: digits) == text)
    }

    @Test(
        arguments: [
            ("2026-01-01T00:00:00Z", 1_767_225_600_000_000_000),
            ("2026-01-01T01:30:00.5+01:30", 1_767_225_600_500_000_000),
            ("2025-12-31 23:00:00-01:00", 1_767_225_600_000_000_000), ("2026-01-01", 1_767_225_600_000_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000_000), ("2024-02-29T12:00:00.123456789Z", 1_709_208_000_123_456_789),
            ("9999-12-31T23:59:59Z", .max), ("0001-01-01T00:00:00Z", .min),
            ("2026-13-01T00:00:00Z", nil), ("2026-01-01T24:00:00Z", nil), ("2026-01-01T00:00Z", nil),
            ("2026-01-01T00:00:00", nil), ("yesterday", nil), ("2026-01-01T00:00:00.Z", nil), ("", nil),
        ] as [(String, Int?)]
    )
    func `times are read as RFC 3339`(text: String, nanoseconds: Int?) {
        #expect(Moment(text: text)?.nanoseconds == nanoseconds)
    }

    @Test func `a header's date has its weekday`() {
        #expect(Moment(nanoseconds: 784_111_777_000_000_000).httpDate == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
