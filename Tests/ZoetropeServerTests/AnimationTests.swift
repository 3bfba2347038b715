import Foundation
import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct AnimationTests {
    private let api = TestAPI()

    @Test func `an order is accepted and shown with every field of the contract`() async throws {
        let job = try await api.makeJob()
        let answer = try await api.post("\(job)/animations", ["params": ["prompt": " waves ", "mine": [1]]])
        #expect(answer.status == 202)
        let id = try #require(answer.json["id"]?.string)
        #expect(answer.headers[.location] == "\(job)/animations/\(id)")
        #expect(
            answer.json == [
                "id": .string(id), "job_id": .string(String(job.suffix(36))), "restore_id": nil, "status": "pending",
                "step": "queued", "progress": 0, "preview_s3_key": "", "result_s3_key": nil, "thumb_s3_key": nil,
                "preview_url": nil, "result_url": nil, "thumb_url": nil, "model": "replicate_wan",
                "params": [
                    "prompt": " waves ", "mine": [1], "resolution": "720p", "duration": 5, "provider": "replicate",
                ],
                "ai_generated": true,
                "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
                "cost_usd": 0.0, "error": nil, "created_at": "2026-01-01T00:00:00.250Z", "provider_done_at": nil,
                "playable_at": nil, "expires_at": "2026-01-31T00:00:00.250Z",
            ]
        )
        #expect(try await api.call(.get, "\(job)/animations/\(id)").json == answer.json)
        #expect(
            try await api.call(.get, "\(job)/animations").json == ["animations": [answer.json], "next_cursor": nil]
        )
        #expect(try await api.call(.get, job).json["animation_attempts"] == [answer.json])
    }

    @Test func `a finished animation shows its files, its cost and its times`() async throws {
        let path = try await api.makeAnimation()
        try await api.makeReady(path)
        let json = try await api.call(.get, path).json
        let (job, id) = (json["job_id"]?.string ?? "", json["id"]?.string ?? "")
        #expect(json["status"] == "ready")
        #expect(json["step"] == "done")
        #expect(json["progress"] == 100)
        #expect(json["preview_s3_key"] == .string("animations/\(job)/\(id).mp4"))
        #expect(json["result_s3_key"] == .null)
        #expect(json["thumb_s3_key"] == .string("animations/\(job)/\(id).jpg"))
        #expect(json["provider_done_at"] == "2026-01-01T00:01:00.250Z")
        #expect(json["playable_at"] == "2026-01-01T00:01:01.750Z")
        #expect(json["error"] == .null)
    }

    @Test func `a failed animation says why`() async throws {
        let path = try await api.makeAnimation(["params": ["prompt": "x", "error": "mine"]])
        #expect(try await api.call(.get, path).json["error"] == .null)
        try await api.work(path) { change in
            change.run.state = .compensating
            change.run.outcome = .failed
            change.attempt = AttemptChange(
                previewS3Key: AnimationAttempt.failedKey,
                params: ["error": ["code": "output_expired", "message": "Gone."]]
            )
        }
        let json = try await api.call(.get, path).json
        #expect(json["status"] == "failed")
        #expect(json["step"] == "compensating")
        #expect(json["progress"] == 0)
        #expect(json["error"] == ["code": "output_expired", "message": "Gone."])
    }

    @Test func `progress grows while a run goes on`() async throws {
        let path = try await api.makeAnimation(["model": "replicate_video_01_live", "params": ["duration": 10]])
        let steps: [(RunState, Int, Int)] = [
            (.queued, 0, 0), (.submitting, 0, 0), (.generating, 0, 0), (.generating, 0, 10), (.generating, 0, 1_000),
            (.finishing, 0, 1_000), (.submitting, 1, 0), (.generating, 1, 5), (.finishing, 1, 5),
        ]
        var seen: [Int64] = []
        for (state, part, polls) in steps {
            try await api.work(path) { change in
                change.run.state = state
                change.run.part = part
                change.run.polls = polls
            }
            let json = try await api.call(.get, path).json
            #expect(json["step"] == .string(state.rawValue))
            seen.append(try #require(json["progress"]?.integer))
        }
        #expect(seen == [0, 1, 2, 2, 2, 45, 46, 47, 90])
    }

    @Test(arguments: [
        ("photo", "algorithmicallyEnhanced"), ("scene", "compositeWithTrainedAlgorithmicMedia"),
    ])
    func `what the local renderer moves was not drawn by a model`(kind: String, source: String) async throws {
        let job = try await api.makeJob(kind: kind)
        let json = try await api.post("\(job)/animations", ["model": "local"]).json
        #expect(json["ai_generated"] == false)
        #expect(
            json["digital_source_type"] == .string("http://cv.iptc.org/newscodes/digitalsourcetype/\(source)")
        )
    }

    // MARK: The contract's messages

    @Test(
        arguments: [
            ([:], "prompt", "Prompt is required (max 500 characters)"),
            (["params": ["prompt": "  \n "]], "prompt", "Prompt is required (max 500 characters)"),
            (
                ["params": ["prompt": .string(String(repeating: "é", count: 501))]], "prompt",
                "Prompt is required (max 500 characters)"
            ),
            (["params": ["prompt": 5]], "prompt", "Invalid prompt. Send a string"),
            (
                ["params": ["prompt": "x", "resolution": "4k"]], "resolution",
                "Invalid resolution. Choose 480p, 720p, or 1080p"
            ),
            (
                ["model": "replicate_video_01_live", "params": ["duration": 7]], "duration",
                "Invalid duration. Choose 6 or 10 seconds"
            ),
            (["params": ["prompt": "x", "duration": 6]], "duration", "Invalid duration. Choose 5 seconds"),
            (["params": []], "params", "Invalid params. Send a JSON object"),
            (
                ["params": ["prompt": "x", "seed": -1]], "seed",
                "Invalid seed. Choose a whole number from 0 to 2147483647"
            ),
            (
                ["model": "sora"], "model",
                "Unknown model \"sora\". Choose replicate_video_01_live, replicate_wan, local"
            ),
            (["model": 1], "model", "Invalid model. Send a string"),
            (["restore_id": 1, "params": ["prompt": "x"]], "restore_id", "Invalid restore_id. Send a string"),
            (["callback_url": 7], "callback_url", "Invalid callback_url. Send a string"),
        ] as [(JSONValue, String, String)]
    )
    func `a value against a rule is refused with the contract's words`(
        order: JSONValue,
        field: String,
        message: String
    ) async throws {
        let answer = try await api.post("\(api.makeJob())/animations", order)
        #expect(answer.status == 422)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(answer.code == "validation_failed")
        #expect(answer.detail == message)
        #expect(answer.json["errors"] == [["field": .string(field), "message": .string(message)]])
        #expect(answer.json["type"] == "about:blank")
        #expect(answer.json["title"]?.string?.isEmpty == false)
        #expect(answer.json["status"] == 422)
        #expect(answer.json["request_id"]?.string == answer.headers[try #require(.init("x-request-id"))])
    }

    @Test func `an address that may not be called is refused when it is ordered`() async throws {
        let job = try await api.makeJob()
        let answer = try await api.post(
            "\(job)/animations",
            ["callback_url": "https://a.example", "params": ["prompt": "x"]]
        )
        #expect(answer.status == 422 && answer.code == "callback_url_forbidden_address")
        #expect(answer.fields == ["callback_url"])
        #expect(try await api.call(.get, job).json["animation_attempts"] == [])
    }

    @Test func `all rules that are broken are named`() async throws {
        let answer = try await api.post("\(api.makeJob())/animations", ["params": ["resolution": "4k", "duration": 1]])
        #expect(answer.fields == ["prompt", "resolution", "duration"])
    }

    @Test(arguments: ["00000000-0000-4000-8000-000000000000", "x", ""])
    func `a restore that is not the job's is not found`(id: String) async throws {
        let order: JSONValue = ["restore_id": .string(id), "params": ["prompt": "x"]]
        let answer = try await api.post("\(api.makeJob())/animations", order)
        #expect(answer.status == 404)
        #expect(answer.detail == "Restore attempt not found")
        let foreign = try await api.post("\(api.makeForeignJob())/animations", order)
        #expect(foreign.detail == "Job not found")
    }

    @Test func `ten seconds are there for the operator's own machine`() async throws {
        let order: JSONValue = ["model": "replicate_video_01_live", "params": ["duration": 10]]
        #expect(try await api.post("\(api.makeJob())/animations", order).status == 202)
    }

    @Test(arguments: ["", "{", "[]", "\"x\"", "null", "{\"a\":1}{}", "{\"a\":}", "\u{0}", "{'a':1}"])
    func `a body that is no JSON object is refused`(text: String) async throws {
        let answer = try await api.call(.post, "\(api.makeJob())/animations", body: Array(text.utf8))
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_json")
        #expect(answer.detail?.hasPrefix("The body ") == true)
    }

    @Test func `a body nested without end is refused at once`() async throws {
        let body = [UInt8](repeating: UInt8(ascii: "["), count: 60_000)
        #expect(try await api.call(.post, "\(api.makeJob())/animations", body: body).status == 400)
    }

    @Test func `a body of more than 64 KiB is refused`() async throws {
        let order: JSONValue = ["params": ["prompt": "x", "mine": .string(String(repeating: "x", count: 65_536))]]
        let answer = try await api.post("\(api.makeJob())/animations", order)
        #expect(answer.status == 413)
        #expect(answer.code == "body_too_large")
    }

    @Test func `a body of another type is refused`() async throws {
        let answer = try await api.post("\(api.makeJob())/animations", [:], ["content-type": "text/plain"])
        #expect(answer.status == 415)
        let charset = ["content-type": "application/json; charset=utf-8"]
        let order: JSONValue = ["params": ["prompt": "x"]]
        #expect(try await api.post("\(api.makeJob())/animations", order, charset).status == 202)
    }

    // MARK: Idempotency

    private static let order: JSONValue = ["params": ["prompt": "x"]]

    @Test func `an order whose commit was not answered is there once`() async throws {
        api.store.loseAnswers(1)
        let job = try await api.makeJob()
        api.store.loseAnswers(1)
        let answer = try await api.post("\(job)/animations", Self.order, ["idempotency-key": "k"])
        #expect(answer.status == 202)
        let again = try await api.post("\(job)/animations", Self.order, ["idempotency-key": "k"])
        #expect(again.json["id"] == answer.json["id"])
        #expect(try await api.call(.get, "\(job)/animations").json["animations"]?.array?.count == 1)
    }

    @Test func `a repeated key with the same body gives the first animation`() async throws {
        let job = try await api.makeJob()
        let key = ["idempotency-key": "k"]
        let first = try await api.post("\(job)/animations", Self.order, key)
        let again = try await api.call(
            .post,
            "\(job)/animations",
            key,
            // Another spelling of the same body.
            body: Array("{ \"params\": {\"prompt\": \"\\u0078\"} }".utf8)
        )
        #expect(again.status == 202)
        #expect(again.json == first.json)
        #expect(again.headers[.location] == first.headers[.location])
        #expect(try await api.call(.get, "\(job)/animations").json["animations"]?.array?.count == 1)
    }

    @Test func `a repeated key with another body or for another job is refused`() async throws {
        let job = try await api.makeJob()
        let other = try await api.makeJob()
        let key = ["idempotency-key": "k"]
        #expect(try await api.post("\(job)/animations", Self.order, key).status == 202)
        let otherOrder: JSONValue = ["params": ["prompt": "y"]]
        for (job, order) in [(job, otherOrder), (other, Self.order)] {
            let answer = try await api.post("\(job)/animations", order, key)
            #expect(answer.status == 422)
            #expect(answer.code == "idempotency_mismatch")
        }
        #expect(try await api.call(.get, "\(other)/animations").json["animations"] == [])
    }

    @Test func `fifty calls at once with one key make one animation`() async throws {
        let job = try await api.makeJob()
        let body = try Self.order.encoded()
        let answers: [Answer] = try await api.server.application()
            .test(.router) { client in
                try await withThrowingTaskGroup(of: Answer.self) { group in
                    for _ in 0..<50 {
                        group.addTask {
                            try await client.call(.post, "\(job)/animations", ["idempotency-key": "k"], body: body)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
        #expect(answers.count == 50)
        let taken = answers.filter { $0.status == 202 }
        #expect(Set(taken.compactMap { $0.json["id"]?.string }).count == 1)
        // A twin of a call that is under way is told to come back for its answer.
        let twins = answers.filter { $0.status != 202 }
        #expect(twins.allSatisfy { $0.status == 409 && $0.code == "idempotency_key_in_use" })
        #expect(try await api.call(.get, "\(job)/animations").json["animations"]?.array?.count == 1)
    }

    @Test(arguments: ["", " ", "a b", "é", String(repeating: "k", count: 256)])
    func `a key of other characters is refused`(key: String) async throws {
        let answer = try await api.post("\(api.makeJob())/animations", Self.order, ["idempotency-key": key])
        #expect(answer.status == 400)
        #expect(answer.detail == "Idempotency-Key must be 1 to 255 visible ASCII characters")
    }

    @Test func `a key of 255 characters is taken`() async throws {
        let key = String(repeating: "~", count: 255)
        let answer = try await api.post("\(api.makeJob())/animations", Self.order, ["idempotency-key": key])
        #expect(answer.status == 202)
    }

    // MARK: Cancelling and retrying

    @Test func `cancelling is final and may be repeated`() async throws {
        let path = try await api.makeAnimation()
        let first = try await api.call(.post, "\(path)/cancel")
        #expect(first.status == 202)
        #expect(first.json["status"] == "failed")
        #expect(first.json["error"]?["code"] == "canceled")
        #expect(first.json["error"]?["message"]?.string?.isEmpty == false)
        let again = try await api.call(.post, "\(path)/cancel")
        #expect(again.status == 202)
        #expect(again.json["error"] == first.json["error"])
    }

    @Test func `what is ready cannot be cancelled`() async throws {
        let path = try await api.makeAnimation()
        try await api.makeReady(path)
        let answer = try await api.call(.post, "\(path)/cancel")
        #expect(answer.status == 409)
        #expect(answer.code == "already_final")
        #expect(try await api.call(.get, path).json["status"] == "ready")
    }

    @Test func `a retry is a new animation with the same wishes`() async throws {
        let path = try await api.makeAnimation(["params": ["prompt": "x", "seed": 7, "mine": true]])
        _ = try await api.call(.post, "\(path)/cancel")
        let first = try await api.call(.get, path).json
        let answer = try await api.call(.post, "\(path)/retry")
        #expect(answer.status == 202)
        #expect(answer.json["id"] != first["id"])
        #expect(answer.json["status"] == "pending")
        #expect(answer.json["error"] == .null)
        #expect(answer.json["params"]?["mine"] == true)
        #expect(answer.json["params"]?["seed"] == 7)
        #expect(answer.headers[.location].map { $0.hasSuffix(answer.json["id"]?.string ?? "-") } == true)
    }

    @Test(arguments: ["00000000-0000-4000-8000-000000000000", "x", "%00"])
    func `an animation that is not the job's is not found`(id: String) async throws {
        let own = try await api.makeAnimation()
        let other = try await api.makeJob()
        let routes: [(HTTPRequest.Method, String)] = [(.get, ""), (.post, "/cancel"), (.post, "/retry")]
        for (method, path) in routes {
            let headers = ["x-request-id": "same"]
            let unknown = try await api.call(method, "\(other)/animations/\(id)\(path)", headers)
            let moved = try await api.call(method, "\(other)/animations/\(own.suffix(36))\(path)", headers)
            #expect(unknown.status == 404)
            #expect(unknown.detail == "Animation not found")
            #expect(unknown.body == moved.body)
        }
        #expect(try await api.call(.get, own).json["status"] == "pending")
    }
}
