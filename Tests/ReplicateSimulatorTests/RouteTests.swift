import ReplicateSimulator
import Testing

/// Every route over the wire, byte by byte where the fact sheet shows bytes.
@Suite(.timeLimit(.minutes(2)))
struct RouteTests {
    @Test func `a create is answered as recorded`() async throws {
        let time = try #require(Moment(text: "2025-07-30T01:38:07.143999Z"))
        var configuration = ReplicateSimulator.Configuration(clock: .manual, startTime: time.date)
        configuration.seed = 3
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            let answer = try await Caller(simulator: simulator)
                .create(
                    input: [
                        "prompt": "a man", "prompt_optimizer": true, "first_frame_image": "https://e.com/x.png",
                    ]
                )
            #expect(answer.status == 201)
            #expect(answer.header("content-type") == "application/json")
            #expect(answer.header("ratelimit-remaining") == "599")
            #expect(answer.header("ratelimit-reset") == "1")
            let id = answer.json["id"]?.string ?? ""
            let stream = answer.json["urls"]?["stream"]?.string ?? ""
            let base = simulator.baseURL
            let expected =
                #"{"id":"\#(id)","model":"minimax/video-01-live","version":"hidden","input":{"first_frame_image":"#
                + #""https://e.com/x.png","prompt":"a man","prompt_optimizer":true},"logs":"","output":null,"#
                + #""data_removed":false,"error":null,"status":"starting","created_at":"2025-07-30T01:38:07.143Z","#
                + #""urls":{"cancel":"\#(base)/v1/predictions/\#(id)/cancel","get":"\#(base)/v1/predictions/\#(id)","#
                + #""stream":"\#(stream)","web":"\#(base)/p/\#(id)"}}"# + "\n"
            #expect(answer.text == expected)
        }
    }

    /// Method, path, token, and the exact answer.
    static let refusals: [(String, String, String?, Int, String)] = [
        (
            "GET", "/v1/account", "Bearer wrong", 401,
            #"{"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401}"#
        ),
        (
            "GET", "/v1/predictions", nil, 401,
            #"{"title":"Unauthenticated","detail":"You did not pass an authentication token","status":401}"#
        ),
        (
            "POST", "/v1/models/minimax/video-01-live/predictions", "Bearer wrong", 401,
            #"{"status":401,"detail":"Invalid or expired API token.","title":"Authentication required"}"#
        ),
        (
            "POST", "/v1/models/minimax/video-01-live/predictions", nil, 401,
            #"{"detail":"Authorization header required"}"#
        ),
        (
            "GET", "/v1/predictions/nothere", "Bearer", 404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"
        ),
        (
            "POST", "/v1/models/acme/still-walker/predictions", "Bearer", 404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"
        ),
        (
            "POST", "/v1/models/no/such/predictions", "Token", 404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"
        ),
        (
            "POST", "/v1/deployments/no/such/predictions", "bearer", 404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"
        ),
        ("GET", "/v1/files/nothere", "Bearer", 404, #"{"detail":"File not found"}"#),
        (
            "GET", "/v2/account", "Bearer", 404,
            #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"
        ),
        ("GET", "/", "Bearer", 404, #"{"detail":"The requested resource could not be found.","status":404}"# + "\n"),
    ]

    @Test(arguments: refusals)
    func `a refusal has its body`(method: String, path: String, scheme: String?, status: Int, body: String) async throws
    {
        try await withManualSimulator { simulator, _ in
            var headers: [(String, String)] = []
            if let scheme {
                headers.append(("Authorization", scheme.contains(" ") ? scheme : "\(scheme) \(simulator.token)"))
            }
            let sent = method == "POST" ? Array(#"{"input":{}}"#.utf8) : nil
            let answer = try await Wire.send(simulator.baseURL, method: method, path, headers: headers, body: sent)
            #expect(answer.status == status)
            #expect(answer.text == body)
            #expect(simulator.ledger.accepted == 0)
            #expect(simulator.ledger.refused == ["\(status)": 1])
        }
    }

    /// A body for video-01-live and the problems' types and fields.
    static let bodies: [(String, Int, String)] = [
        ("nonsense", 400, ""), ("[1]", 422, "invalid_type "), ("{}", 422, "required "),
        (#"{"input":[]}"#, 422, "invalid_type input"),
        (#"{"input":{}}"#, 422, "required input,required input"),
        (
            #"{"input":{"prompt":"x"},"model":"a","id":"b"}"#, 422,
            "additional_property_not_allowed ,additional_property_not_allowed "
        ),
        (#"{"input":{"prompt":1,"first_frame_image":"x"},"stream":1}"#, 422, "invalid_type stream"),
        (#"{"input":{},"webhook":"http://example.com/x"}"#, 422, "format webhook"),
        (#"{"input":{},"webhook":"ftp://127.0.0.1/x"}"#, 422, "format webhook"),
        (#"{"input":{},"webhook":"https://"}"#, 422, "format webhook"),
        (#"{"input":{},"webhook":"http://8.8.8.8"}"#, 422, "format webhook"),
        (#"{"input":{},"webhook_events_filter":["end"]}"#, 422, "enum webhook_events_filter"),
        (#"{"input":{},"version":"x"}"#, 422, "additional_property_not_allowed "),
    ]

    @Test(arguments: bodies)
    func `a body that does not fit is refused with its problems`(body: String, status: Int, problems: String)
        async throws
    {
        try await withManualSimulator { simulator, _ in
            let answer = try await Wire.send(
                simulator.baseURL,
                method: "POST",
                "/v1/models/minimax/video-01-live/predictions",
                headers: [("Authorization", "Bearer \(simulator.token)")],
                body: Array(body.utf8)
            )
            #expect(answer.status == status)
            let found = answer.json["invalid_fields"]?.array ?? []
            #expect(
                found.map { "\($0["type"]?.string ?? "") \($0["field"]?.string ?? "")" }.joined(separator: ",")
                    == problems
            )
            #expect(simulator.ledger.accepted == 0)
        }
    }

    @Test func `a 422 has one line per problem`() async throws {
        try await withManualSimulator { _, caller in
            let answer = try await caller.create(
                input: ["prompt": "x", "duration": 7, "seed": "s"],
                model: "wan-video/wan-2.5-i2v"
            )
            #expect(answer.header("content-type") == "application/problem+json")
            let expected =
                #"{"detail":"- input: image is required\n- input.duration: duration must be one of the following: 5, 10\n"#
                + #"- input.seed: Invalid type. Expected: integer, given: string\n","status":422,"#
                + #""title":"Input validation failed","invalid_fields":[{"type":"required","field":"input","#
                + #""description":"image is required"},{"type":"enum","field":"input.duration","description":"#
                + #""duration must be one of the following: 5, 10"},{"type":"invalid_type","field":"input.seed","#
                + #""description":"Invalid type. Expected: integer, given: string"}]}"#
            #expect(answer.text == expected)
        }
    }

    private static let hex = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"

    @Test(arguments: [
        (hex, 201), ("acme/still-walker:\(hex)", 201), ("acme/other:\(hex)", 422), ("acme/still-walker", 422),
        (String(hex.dropLast()), 422), ("", 422), ("a:b:c", 422),
    ])
    func `a version is found by its id, with or without the name`(version: String, status: Int) async throws {
        try await withManualSimulator { simulator, caller in
            let body: JSONValue = ["version": .string(version), "input": ["image": "https://e.com/a.png"]]
            let answer = try await caller.call("POST", "/v1/predictions", body)
            #expect(answer.status == status)
            if status == 201 {
                #expect(answer.json["version"] == .string(Self.hex))
            } else {
                let expected =
                    #"{"title":"Invalid version or not permitted","detail":"The specified version does not exist (or "#
                    + #"perhaps you don't have permission to use it?)","status":422}"#
                #expect(answer.text == expected)
            }
        }
    }

    @Test func `an official model can be created by its name as a version`() async throws {
        try await withManualSimulator { (_, caller) async throws in
            let body: JSONValue = ["version": "minimax/video-01-live", "input": .object(Caller.live)]
            #expect(try await caller.call("POST", "/v1/predictions", body).json["version"] == "hidden")
        }
    }

    @Test func `a deployment runs its model and is named`() async throws {
        try await withManualSimulator { simulator, caller in
            let answer = try await caller.call(
                "POST",
                "/v1/deployments/acme/portraits/predictions",
                ["input": ["image": "https://e.com/a.png"]]
            )
            #expect(answer.status == 201)
            #expect(answer.json["deployment"] == "acme/portraits")
            #expect(simulator.ledger.creates.first?.deployment == "acme/portraits")
        }
    }

    @Test func `a finished prediction has times, metrics and a source`() async throws {
        try await withManualSimulator { simulator, caller in
            let id = try await caller.createdID()
            await simulator.advance(by: .seconds(200))
            let answer = try await caller.call("GET", "/v1/predictions/\(id)")
            #expect(answer.header("ratelimit-remaining") == "59999")
            #expect(answer.body.last == 0x0A)
            #expect(answer.json["source"] == "api")
            #expect(
                answer.json["metrics"]?.text
                    == #"{"predict_time":150,"total_time":152,"video_output_count":1,"video_output_duration_seconds":5.64}"#
            )
            for key in ["created_at", "started_at", "completed_at"] {
                #expect(answer.json[key]?.string?.count == 27, "\(key) has six digits")
            }
            #expect(
                answer.json.object?.keys == [
                    "id", "model", "version", "input", "logs", "output", "data_removed", "error", "source", "status",
                    "created_at", "started_at", "completed_at", "metrics", "urls",
                ]
            )
            #expect(answer.json["output"]?.string?.hasPrefix("\(simulator.outputURL)/xezq/") == true)
        }
    }

    @Test func `a cancel is answered as recorded`() async throws {
        try await withManualSimulator { simulator, caller in
            let id = try await caller.createdID()
            await simulator.advance(by: .seconds(10))
            let answer = try await caller.call("POST", "/v1/predictions/\(id)/cancel")
            #expect(answer.status == 200)
            #expect(answer.header("ratelimit-remaining") == "2999")
            let json = answer.json
            #expect(json["status"] == "canceled")
            #expect(json["output"] == .null)
            #expect(json["logs"] == .null)
            #expect(json["webhook_completed"] == .null)
            #expect(json["metrics"]?.text == #"{"predict_time":8,"total_time":10}"#)
        }
    }

    @Test(arguments: [("4", 422), ("x", 422), ("", 422), ("5", 201), ("20m", 201)])
    func `Cancel-After is checked and gives a deadline`(value: String, status: Int) async throws {
        try await withManualSimulator { _, caller in
            let answer = try await caller.create(headers: [("Cancel-After", value)])
            #expect(answer.status == status)
            #expect((answer.json["deadline"] != nil) == (status == 201))
        }
    }

    @Test func `account, secret and model are there`() async throws {
        try await withManualSimulator { simulator, caller in
            let account = try await caller.call("GET", "/v1/account")
            #expect(account.json["type"] == "user")
            #expect(account.json["username"] == "simulator")
            let secret = try await caller.call("GET", "/v1/webhooks/default/secret")
            #expect(secret.text == #"{"key":"\#(simulator.webhookSecret)"}"#)
            let model = try await caller.call("GET", "/v1/models/wan-video/wan-2.5-i2v")
            #expect(model.json["is_official"] == true)
            let schemas = model.json["latest_version"]?["openapi_schema"]?["components"]?["schemas"]
            let input = schemas?["Input"]
            #expect(input?["required"] == ["image", "prompt"])
            #expect(
                input?["properties"]?["duration"]?["allOf"]?.text == ##"[{"$ref":"#/components/schemas/duration"}]"##
            )
            #expect(schemas?["duration"]?["enum"] == [5, 10])
            #expect(input?["properties"]?["prompt"]?["x-order"] == 1)
            #expect(schemas?["Output"]?.text == #"{"type":"string","title":"Output","format":"uri"}"#)
            #expect(try await caller.call("GET", "/v1/models/no/such").status == 404)
        }
    }

    @Test func `a list's next page is an absolute URL of the host that was called`() async throws {
        var switches = Switches()
        switches.rateLimits = false
        try await withManualSimulator(switches: switches) { simulator, caller in
            for _ in 0..<101 { _ = try await caller.create() }
            let first = try await caller.call("GET", "/v1/predictions")
            let next = try #require(first.json["next"]?.string)
            #expect(next.hasPrefix("\(simulator.baseURL)/v1/predictions?cursor="))
            #expect(first.json["previous"] == .null)
            let second = try await caller.call("GET", String(next.dropFirst(simulator.baseURL.count)))
            #expect(second.json["results"]?.array?.count == 1)
        }
    }

    @Test func `the two hundredth create of an account with little credit waits like the second`() async throws {
        var switches = Switches()
        switches.lowCredit = true
        switches.retryAfterHeader = .seconds
        try await withManualSimulator(switches: switches) { simulator, caller in
            #expect(try await caller.create().status == 201)
            let refused = try await caller.create()
            #expect(refused.status == 429)
            #expect(refused.header("retry-after") == "10")
            await simulator.advance(by: .seconds(10))
            #expect(try await caller.create().status == 201)
            #expect(simulator.ledger.refused == ["429": 1])
            #expect(simulator.ledger.accepted == 2)
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "\r\n\r\n\r\n", "GET /v1/\u{0} HTTP/1.1\r\nHost: x\r\n\r\n", "nonsense\r\n\r\n",
        "GET /v1/predictions?cursor=%ff%fe&created_after=%00 HTTP/1.1\r\nHost: \"x\"\r\nConnection: close\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=\r\nContent-Length: 2\r\n\r\n--",
        "GET /v1/predictions?created_after=9999-12-31T23:59:59Z&source=x&cursor=bj05MjIzMzcyMDM2ODU0Nzc1ODA3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET //////v1//predictions/%2e%2e/%00?%%%=&&&==== HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    ])
    func `a hostile request is answered with an error, and the server lives on`(request: String) async throws {
        try await withManualSimulator { simulator, caller in
            let host = String(simulator.baseURL.dropFirst(7))
            let bytes = Array(
                request.replacing("\r\nHost", with: "\r\nAuthorization: Bearer \(simulator.token)\r\nHost").utf8
            )
            let answer = try await Wire.exchange(host: host, bytes + Array("GET / HTTP/1.0\r\n\r\n".utf8))
            // An empty page is an answer, too.
            #expect(answer.status == 0 || answer.status >= 400 || answer.json["results"] == [])
            #expect(try await caller.call("GET", "/v1/account").status == 200)
        }
    }
}
