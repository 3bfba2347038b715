import FoundationEssentials
import ReplicateSimulator
import Testing

/// Rules as Swift values and as JSON.
struct ScriptTests {
    static let faults: [(Exchange, Fault)] = [
        (.create, .close()), (.get, .close(.before, at: .midHead, reset: true)), (.list, .close(.after, at: .midBody)),
        (.create, .delay(2.5, .before)), (.cancel, .hang(.before)), (.create, .answer(CannedAnswer(502))),
        (.get, .answer(CannedAnswer(503, .html("<p>"), headers: [Header("X-A", "b")]), .after)),
        (.get, .answer(CannedAnswer(500, .json(["detail": ["a"]])))), (.get, .answer(CannedAnswer(418, .text("tea")))),
        (.get, .malformedJSON), (.account, .truncatedJSON),
        (.create, .throttle(Throttle(.old, retryAfter: nil, header: .date))), (.create, .throttle()),
        (
            .get,
            .rewrite(
                Rewrite(
                    set: ["status": "melted"],
                    remove: ["logs"],
                    fractionDigits: 0,
                    outputAsArray: true,
                    detailAsArray: true
                )
            )
        ),
        (.model, .redirect(to: "http://example.com/", status: 301)), (.fileGet, .contentType("text/plain")),
        (.output, .shortRead(bytes: 10)), (.output, .shortRead()), (.output, .notVideo(.garbage)),
        (.output, .slow(bytesPerSecond: 5)), (.output, .changingETag), (.output, .ignoresRange),
        (.output, .noContentLength), (.output, .endless), (.webhook, .drop), (.webhook, .duplicate), (.webhook, .early),
        (.webhook, .reorder), (.webhook, .wrongSignature), (.webhook, .oldTimestamp(seconds: 5)),
        (.webhook, .twoSignatures), (.webhook, .extraSignature), (.connection, .cut(Cut(.received(5)))),
        (.connection, .cut(Cut(.sent(0), reset: true))),
        (.connection, .cut(Cut(.random(seed: 9, probability: 0.25, receivedUpTo: 10, sentUpTo: 20)))),
    ]

    @Test(arguments: faults)
    func `a fault goes through JSON and back`(exchange: Exchange, fault: Fault) throws {
        let rule = Rule(
            on: exchange,
            .fault(fault),
            name: "n",
            model: "a/b",
            tag: "t",
            prediction: "p",
            event: .completed,
            origin: .output,
            skip: 3,
            times: nil
        )
        let data = try JSONEncoder().encode(rule)
        #expect(try JSONDecoder().decode(Rule.self, from: data) == rule)
        let script = try Script(json: ["rules": [JSONValue(parsing: data)]])
        #expect(script.rules == [rule])
    }

    static let plans: [Plan] = [
        Plan(), Plan(queueSeconds: 1, runSeconds: 2.5, result: .failed("x"), endsBeforeStart: true),
        Plan(result: .canceled, output: .array), Plan(result: .aborted, output: .dataURI),
        Plan(result: .stuckInStarting), Plan(result: .stuckInProcessing), Plan(result: .status("melted")),
        Plan(
            video: .init(seconds: 1, width: 64, height: 32, framesPerSecond: 10, hasAudio: true, file: "a.mp4"),
            notFoundFor: 1,
            listedAfter: 2,
            cancelLag: 3,
            failsOnCancel: "y",
            logs: "z",
            metrics: ["a": 1]
        ),
    ]

    @Test(arguments: plans)
    func `a plan goes through JSON and back`(plan: Plan) throws {
        let data = try JSONEncoder().encode(Rule.plan(plan))
        #expect(try JSONDecoder().decode(Rule.self, from: data) == .plan(plan))
    }

    @Test func `switches go through JSON and back, and absent ones keep their defaults`() throws {
        var switches = Switches()
        switches.createStatus = 202
        switches.cog.uploadURL = "http://127.0.0.1:1/up"
        switches.waitTimeoutStatus = .current
        let data = try JSONEncoder().encode(switches)
        #expect(try JSONDecoder().decode(Switches.self, from: data) == switches)
        #expect(try JSONDecoder().decode(Switches.self, from: Data("{}".utf8)) == Switches())
    }

    /// A script and a part of each message that it must give.
    static let mistakes: [(JSONValue, [String])] = [
        (["rule": []], ["rule is not known; known here: reset, rules, switches"]),
        (["rules": 5], ["rules must be a list of rules, got 5"]),
        (["rules": [["on": "create"]]], [#"rules[0] needs "fault" or "plan""#]),
        (["rules": [["fault": ["kind": "hang"]]]], ["rules[0].on is missing"]),
        (
            ["rules": [["on": "creat", "fault": ["kind": "hang"]]]],
            [#"rules[0].on must be one of "create", "#]
        ),
        (
            ["rules": [["on": "create", "fault": ["kind": "delay", "seconds": -1, "secs": 2]]]],
            ["rules[0].fault.seconds must be seconds, 0 to 1e9, got -1", "rules[0].fault.secs is not known"]
        ),
        (
            ["rules": [["on": "create", "times": 0, "fault": ["kind": "drop"]]]],
            [
                "rules[0].times must be a whole number from 1 on or null, got 0",
                #"rules[0].fault.kind "drop" is not for "create""#,
            ]
        ),
        (["rules": [["on": "get", "plan": [:]]]], [#"rules[0].plan is only for "on": "create""#]),
        (["rules": [["on": "create", "plan": ["result": "lost"]]]], ["rules[0].plan.result must be one of"]),
        (
            ["rules": [["on": "create", "plan": ["video": ["fps": 0]]]]],
            ["rules[0].plan.video.fps must be a whole number"]
        ),
        (
            ["rules": [["on": "create", "plan": ["video": ["file": "../a.mp4"]]]]],
            [#"rules[0].plan.video.file must be a file's name without a folder, or null, got "../a.mp4""#]
        ),
        (["switches": ["low_credit": 1]], ["switches.low_credit must be true or false, got 1"]),
        (["switches": ["cog": ["slot": 1]]], ["switches.cog.slot is not known"]),
        (
            ["rules": [["on": "connection", "fault": ["kind": "cut", "sent": 1, "received": 2]]]],
            [#"needs exactly one of "received", "sent", "random""#]
        ),
        (
            ["rules": [["on": "get", "fault": ["kind": "answer", "status": 99, "headers": ["a\r\nb": "c"]]]]],
            ["rules[0].fault.status must be a whole number from 200 to 599, got 99", "a header name"]
        ),
    ]

    @Test(arguments: mistakes)
    func `a script's mistakes are all named, with what would be right`(script: JSONValue, wanted: [String]) {
        #expect { try Script(json: script) } throws: { error in
            let problems = (error as? ScriptError)?.problems ?? []
            return wanted.allSatisfy { part in problems.contains { $0.contains(part) } }
        }
    }

    @Test(arguments: FailureText.allCases)
    func `every known failure can be asked for by its code`(failure: FailureText) throws {
        let script = try Script(json: ["rules": [["on": "create", "plan": ["error_code": .string(failure.rawValue)]]]])
        let wanted = Plan(result: .failed(failure.text), endsBeforeStart: Plan.failing(failure).endsBeforeStart)
        #expect(script.rules.map(\.action) == [.plan(wanted)])
    }
}
