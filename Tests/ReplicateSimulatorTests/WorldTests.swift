import ReplicateSimulator
import Testing

/// The service as a value: requests and times in, answers out.
struct WorldTests {
    static let start = Moment(nanoseconds: 1_767_225_600_000_000_000)
    static let tokens = ["r8_first", "r8_second"]

    private var world = World(
        token: tokens[0],
        otherToken: tokens[1],
        webhookSecret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        seed: 7,
        now: start
    )

    private mutating func call(
        _ method: String,
        _ target: String,
        _ body: JSONValue? = nil,
        at seconds: Double = 0,
        token: String = tokens[0],
        headers: [Header] = []
    ) -> Answer {
        let request = IncomingRequest(
            method: method,
            target: target,
            headers: [Header("Host", "api.test"), Header("Authorization", "Bearer \(token)")] + headers,
            body: body?.bytes ?? []
        )
        return world.answer(request, now: Self.start + seconds)
    }

    private mutating func create(
        _ model: String = "minimax/video-01-live",
        input: JSONValue = .object(Caller.live),
        at seconds: Double = 0,
        token: String = tokens[0],
        headers: [Header] = []
    ) -> JSONValue {
        let target = "/v1/models/\(model)/predictions"
        return call("POST", target, ["input": input], at: seconds, token: token, headers: headers).json ?? .null
    }

    private mutating func get(_ id: String, at seconds: Double, token: String = tokens[0]) -> JSONValue {
        call("GET", "/v1/predictions/\(id)", at: seconds, token: token).json ?? .null
    }

    @Test mutating func `two accounts do not see each other`() {
        let id = create()["id"]?.string ?? ""
        #expect(get(id, at: 1)["id"] == .string(id))
        #expect(call("GET", "/v1/predictions/\(id)", token: Self.tokens[1]).status == 404)
        #expect(call("POST", "/v1/predictions/\(id)/cancel", token: Self.tokens[1]).status == 404)
        #expect(call("GET", "/v1/predictions", token: Self.tokens[1]).json?["results"] == [])
    }

    @Test mutating func `ids are 26 characters of the Crockford alphabet, and no two are alike`() {
        world.set(unlimited, now: Self.start)
        var ids: Set<String> = []
        for _ in 0..<500 { ids.insert(create()["id"]?.string ?? "") }
        #expect(ids.count == 500)
        let allowed = Set("0123456789abcdefghjkmnpqrstvwxyz")
        #expect(ids.allSatisfy { $0.count == 26 && $0.allSatisfy(allowed.contains) })
    }

    private var unlimited: Switches {
        var switches = Switches()
        switches.rateLimits = false
        return switches
    }

    // MARK: Retention

    @Test mutating func `data is removed an hour after the end`() {
        let id = create()["id"]?.string ?? ""
        let last = get(id, at: 152 + 3599.9)
        #expect(last["output"]?.string?.hasSuffix(".mp4") == true)
        #expect(last["data_removed"] == false)
        let removed = get(id, at: 152 + 3600)
        #expect(removed["data_removed"] == true)
        #expect(removed["output"] == .null)
        #expect(removed["input"] == [:])
        #expect(removed["logs"] == "")
        #expect(removed["status"] == "succeeded")
        #expect(removed["metrics"]?["predict_time"]?.int == 150)
    }

    @Test mutating func `removed data can leave nulls`() {
        var switches = Switches()
        switches.removedShape = .null
        world.set(switches, now: Self.start)
        let id = create()["id"]?.string ?? ""
        let removed = get(id, at: 4000)
        #expect(removed["input"] == .null)
        #expect(removed["logs"] == .null)
    }

    // MARK: The list

    /// The ids on the pages from a target on, following `next`.
    private mutating func pages(_ target: String, at seconds: Double = 1000) -> [[String]] {
        var pages: [[String]] = []
        var next: String? = target
        while let target = next, pages.count < 20 {
            let page = call("GET", target, at: seconds).json
            pages.append(page?["results"]?.array?.compactMap { $0["id"]?.string } ?? [])
            next = page?["next"]?.string.map { String($0.dropFirst("http://api.test".count)) }
        }
        return pages
    }

    @Test mutating func `the list pages by a hundred, newest first, without gaps`() {
        world.set(unlimited, now: Self.start)
        var ids: [String] = []
        for number in 0..<250 { ids.append(create(at: Double(number))["id"]?.string ?? "") }
        let pages = pages("/v1/predictions")
        #expect(pages.map(\.count) == [100, 100, 50])
        #expect(pages.flatMap(\.self) == ids.reversed())
    }

    @Test mutating func `a page stays what it was when newer ones come`() {
        world.set(unlimited, now: Self.start)
        for number in 0..<150 { _ = create(at: Double(number)) }
        let first = call("GET", "/v1/predictions", at: 200).json
        for number in 200..<250 { _ = create(at: Double(number)) }
        let next = first?["next"]?.string?.dropFirst("http://api.test".count) ?? ""
        let second = call("GET", String(next), at: 300).json
        #expect(second?["results"]?.array?.count == 50)
        #expect(second?["next"] == .null)
        let previous = second?["previous"]?.string?.dropFirst("http://api.test".count) ?? ""
        let back = call("GET", String(previous), at: 300).json
        #expect(back?["results"] != nil)
        let ids = { (page: JSONValue?) in page?["results"]?.array?.compactMap { $0["id"]?.string } ?? [] }
        #expect(ids(back) == ids(first))
    }

    @Test(
        arguments: [
            ("created_after=2026-01-01T00:00:05Z", 5..<10), ("created_after=2026-01-01T00:00:05.000001Z", 6..<10),
            ("created_before=2026-01-01T00:00:05Z", 0..<5), ("created_before=2026-01-01T00:00:05.1Z", 0..<6),
            ("created_after=2026-01-01T00:00:02Z&created_before=2026-01-01T00:00:04Z", 2..<4),
            ("created_after=2026-01-01T01:00:03%2B01:00", 3..<10), ("created_after=2027-01-01T00:00:00Z", 0..<0),
            ("created_before=2025-01-01T00:00:00Z", 0..<0), ("source=web", 0..<0),
        ] as [(String, Range<Int>)]
    )
    func `created_after includes its moment, created_before does not`(query: String, expected: Range<Int>) {
        var copy = self
        var ids: [String] = []
        for number in 0..<10 { ids.append(copy.create(at: Double(number))["id"]?.string ?? "") }
        #expect(copy.pages("/v1/predictions?\(query)") == [Array(ids[expected].reversed())])
    }

    @Test mutating func `the next page keeps the filter`() {
        world.set(unlimited, now: Self.start)
        for number in 0..<260 { _ = create(at: Double(number)) }
        #expect(pages("/v1/predictions?created_after=2026-01-01T00:01:00Z").map(\.count) == [100, 100])
    }

    @Test(arguments: [
        "cursor=%%%", "cursor=bm9wZQ==", "cursor=bj0tNQ==", "cursor=\(String(repeating: "A", count: 500))",
    ])
    func `a cursor that nobody made is refused`(query: String) {
        var copy = self
        #expect(copy.call("GET", "/v1/predictions?\(query)").status == 404)
    }

    @Test mutating func `a wrong date in a filter is refused`() {
        #expect(call("GET", "/v1/predictions?created_after=yesterday").status == 422)
    }

    @Test mutating func `the list can lag`() {
        var switches = Switches()
        switches.listLag = 5
        world.set(switches, now: Self.start)
        world.add([.plan(Plan(listedAfter: 9))])
        let late = create()["id"]?.string ?? ""
        let id = create()["id"]?.string ?? ""
        #expect(pages("/v1/predictions", at: 4.9) == [[]])
        #expect(pages("/v1/predictions", at: 5) == [[id]])
        #expect(pages("/v1/predictions", at: 9) == [[id, late]])
        #expect(get(late, at: 0.1)["id"] == .string(late))
    }

    @Test mutating func `list items have no logs`() {
        _ = create()
        let item = call("GET", "/v1/predictions", at: 200).json?["results"]?.array?.first
        #expect(
            item?.object?.keys == [
                "id", "model", "version", "input", "output", "data_removed", "error", "source", "status", "created_at",
                "started_at", "completed_at", "metrics", "urls",
            ]
        )
    }

    // MARK: Money

    /// How a prediction comes to its end, and what that costs of $0.50.
    struct Charge: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var plan = Plan()
        var cancelAt: Double?
        var cancelAfter: String?
        var switches: @Sendable (inout Switches) -> Void = { _ in }
        let charge: Double
    }

    static let charges: [Charge] = [
        Charge(testDescription: "succeeded: the price", charge: 0.5),
        Charge(testDescription: "failed: nothing", plan: .failing(.highDemand), charge: 0),
        Charge(
            testDescription: "failed, by the switch: the price",
            plan: .failing(.highDemand),
            switches: { $0.failedCharge = .full },
            charge: 0.5
        ),
        Charge(
            testDescription: "failed before the start, by the switch: nothing",
            plan: .failing(.interrupted),
            switches: { $0.failedCharge = .full },
            charge: 0
        ),
        Charge(testDescription: "canceled in the queue: nothing", cancelAt: 1, charge: 0),
        Charge(testDescription: "canceled in the run: the price", cancelAt: 77, charge: 0.5),
        Charge(
            testDescription: "canceled in the run, pro rata: half",
            cancelAt: 77,
            switches: { $0.cancelCharge = .proRata },
            charge: 0.25
        ),
        Charge(
            testDescription: "aborted: nothing",
            plan: Plan(queueSeconds: 60),
            cancelAfter: "10",
            charge: 0
        ),
        Charge(testDescription: "deadline in the run: the price", cancelAfter: "1m", charge: 0.5),
        Charge(testDescription: "stuck: nothing yet", plan: Plan(result: .stuckInProcessing), charge: 0),
        Charge(testDescription: "an unknown end: the price", plan: Plan(result: .status("melted")), charge: 0.5),
    ]

    @Test(arguments: charges)
    func `an end has its charge`(_ item: Charge) {
        var copy = self
        var switches = Switches()
        item.switches(&switches)
        copy.world.set(switches, now: Self.start)
        copy.world.add([.plan(item.plan)])
        let headers = item.cancelAfter.map { [Header("Cancel-After", $0)] } ?? []
        let id = copy.create(headers: headers)["id"]?.string ?? ""
        if let second = item.cancelAt { _ = copy.call("POST", "/v1/predictions/\(id)/cancel", at: second) }
        let ledger = copy.world.ledger(now: Self.start + 4000)
        #expect(ledger.creates.map(\.charge) == [item.charge])
        #expect(ledger.chargeTotal == item.charge)
        #expect(ledger.charged == (item.charge > 0 ? 1 : 0))
        #expect(ledger.accepted == 1)
    }

    @Test(
        arguments: [
            ("minimax/video-01-live", [:], 0.5), ("wan-video/wan-2.5-i2v", [:], 0.5),
            ("wan-video/wan-2.5-i2v", ["duration": 10, "resolution": "1080p"], 1.5),
            ("wan-video/wan-2.5-i2v", ["resolution": "480p"], 0.25), ("wan-video/wan-2.5-i2v-fast", [:], 0.34),
            ("wan-video/wan-2.5-i2v-fast", ["resolution": "1080p", "duration": 10], 1.02),
            ("minimax/hailuo-2.3", [:], 0.26), ("minimax/hailuo-02", [:], 0.54),
        ] as [(String, JSONObject, Double)]
    )
    func `a model has its price`(model: String, extra: JSONObject, price: Double) {
        var copy = self
        var input: JSONObject = [
            "prompt": "x", "image": "https://e.com/a.png", "first_frame_image": "https://e.com/a.png",
        ]
        for member in extra.members { input[member.key] = member.value }
        _ = copy.create(model, input: .object(input))
        let priced = copy.world.ledger(now: Self.start).creates.first?.price ?? 0
        #expect(abs(priced - price) < 1e-9)
    }

    // MARK: The course of a prediction

    @Test mutating func `nothing is found for as long as the plan says, and the prediction is there`() {
        world.add([.plan(Plan(notFoundFor: 10))])
        let id = create()["id"]?.string ?? ""
        #expect(call("GET", "/v1/predictions/\(id)", at: 9.9).status == 404)
        #expect(call("POST", "/v1/predictions/\(id)/cancel", at: 9.9).status == 404)
        #expect(call("GET", "/v1/predictions/\(id)", at: 10).status == 200)
    }

    @Test mutating func `a lagging cancel first shows what was`() {
        world.add([.plan(Plan(cancelLag: 5))])
        let id = create()["id"]?.string ?? ""
        #expect(call("POST", "/v1/predictions/\(id)/cancel", at: 10).json?["status"] == "processing")
        #expect(get(id, at: 14.9)["status"] == "processing")
        #expect(get(id, at: 15)["status"] == "canceled")
    }

    @Test mutating func `cancelling twice keeps the first time`() {
        let id = create()["id"]?.string ?? ""
        _ = call("POST", "/v1/predictions/\(id)/cancel", at: 10)
        let again = call("POST", "/v1/predictions/\(id)/cancel", at: 20)
        #expect(again.status == 200)
        #expect(again.json?["completed_at"] == "2026-01-01T00:00:10.000000Z")
    }

    @Test mutating func `cancelling a finished one changes nothing, or is refused by the switch`() {
        let id = create()["id"]?.string ?? ""
        let answer = call("POST", "/v1/predictions/\(id)/cancel", at: 200)
        #expect(answer.status == 200)
        #expect(answer.json?["status"] == "succeeded")
        var switches = Switches()
        switches.cancelFinishedStatus = 409
        world.set(switches, now: Self.start)
        #expect(call("POST", "/v1/predictions/\(id)/cancel", at: 200).status == 409)
    }

    @Test mutating func `logs grow with the run`() {
        world.add([.plan(Plan(logs: "a\nb\nc\nd\n"))])
        let id = create()["id"]?.string ?? ""
        #expect(get(id, at: 1)["logs"] == "")
        #expect(get(id, at: 77)["logs"] == "a\nb\n")
        #expect(get(id, at: 152)["logs"] == "a\nb\nc\nd\n")
    }

    @Test(arguments: [
        (Plan.OutputShape.string, "string"), (.array, "array"), (.null, "null"), (.dataURI, "string"),
    ])
    func `an output has the shape of its plan`(shape: Plan.OutputShape, type: String) {
        var copy = self
        copy.world.add([.plan(Plan(output: shape))])
        let id = copy.create()["id"]?.string ?? ""
        #expect(copy.get(id, at: 200)["output"]?.typeName == type)
    }

    @Test mutating func `a rule skips, applies and is used up`() {
        world.add([.plan(Plan(result: .failed("x")), skip: 1, times: 2)])
        var statuses: [String] = []
        for _ in 0..<4 {
            let id = create()["id"]?.string ?? ""
            statuses.append(get(id, at: 500)["status"]?.string ?? "")
        }
        #expect(statuses == ["succeeded", "failed", "failed", "succeeded"])
    }

    @Test mutating func `low credit lets one create through, then one in ten seconds`() {
        var switches = Switches()
        switches.lowCredit = true
        world.set(switches, now: Self.start)
        #expect(create()["status"] == "starting")
        let refused = create(at: 3)
        #expect(refused["retry_after"] == 7)
        #expect(
            refused["detail"]
                == .string(
                    "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per minute "
                        + "with a burst of 1 requests while you have less than $5.0 in credit. "
                        + "Your rate limit resets in ~7s."
                )
        )
        #expect(create(at: 10)["status"] == "starting")
        #expect(world.ledger(now: Self.start).accepted == 2)
    }
}
