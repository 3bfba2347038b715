import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeTestKit
import ZoetropeWorkflow

/// What needs no client of OpenAI's; the rest is `Tests/OpenAIPythonClient`.
@Suite(.timeLimit(.minutes(1)))
struct VideoTests {
    private let objects = MemoryObjectStore()
    private let api: TestAPI

    init() {
        api = TestAPI(objects: objects)
    }

    private func form(
        _ fields: [String: String] = ["prompt": "waves"],
        image: [UInt8] = TestForm.photo
    ) -> TestForm {
        var form = TestForm()
        for (name, value) in fields { form.add(name, Array(value.utf8)) }
        form.add("input_reference", image, file: "upload")
        return form
    }

    private func create(_ form: TestForm, _ headers: [String: String] = [:]) async throws -> Answer {
        try await api.call(.post, "/v1/videos", form.headers.merging(headers) { $1 }, body: form.bytes)
    }

    /// The path of the same animation in the native API.
    private func native(_ video: JSONValue) async throws -> String {
        let jobs = try await api.call(.get, "/api/v1/jobs?limit=100").json["jobs"]?.array ?? []
        let id = video["id"]?.string?.dropFirst("video_".count)
        let animations = jobs.flatMap { $0["animation_attempts"]?.array ?? [] }
        let animation = try #require(
            animations.first { $0["id"]?.string?.filter { $0 != "-" } == id.map(String.init) }
        )
        return
            "/api/v1/jobs/\(animation["job_id"]?.string ?? "")/animations/\(animation["id"]?.string ?? "")"
    }

    @Test func `a form and a JSON object of the same values are the same call`() async throws {
        let made = try await create(
            form(["prompt": "waves", "size": "480x832"]),
            ["idempotency-key": "k"]
        )
        #expect(made.status == 200)
        #expect(made.headers[.contentType] == "application/json")
        let id = try #require(made.json["id"]?.string)
        #expect(
            made.json == [
                "id": .string(id), "object": "video", "model": "replicate_wan", "status": "queued",
                "progress": 0,
                "created_at": 1_767_225_600, "completed_at": nil, "expires_at": nil, "prompt": "waves",
                "seconds": "5",
                "size": "624x624", "remixed_from_video_id": nil, "error": nil,
            ]
        )
        let image = "data:image/jpeg;base64," + Data(TestForm.photo).base64EncodedString()
        let again = try await api.post(
            "/v1/videos",
            ["prompt": "waves", "size": "480x832", "input_reference": ["image_url": .string(image)]],
            ["idempotency-key": "k"]
        )
        #expect(again.json == made.json)
        #expect(again.headers[try #require(HTTPField.Name("Idempotency-Replayed"))] == "true")
        #expect(try await objects.keys(withPrefix: "uploads/").count == 1)
    }

    @Test func `image and animation come in one transaction, and one whose answer was lost is there`()
        async throws
    {
        api.store.loseAnswers(1)
        let made = try await create(form())
        #expect(made.status == 200)
        #expect(api.store.calls.filter { $0.hasPrefix("accept") }.count == 1)
        #expect(try await api.call(.get, "/v1/videos").json["data"] == [made.json])
    }

    @Test(arguments: [
        (0, "Zg=="), (0, "Zg"), (0, "Zm9v"), (0, "+/+/"), (400, "Z"), (400, "Zg="), (400, "Zg==="),
        (400, "Zh=="),
        (400, "Zm 9v"), (400, "Zm9v\n"), (400, "=Zm9"), (400, "Z-_v"),
    ])
    func `a data URL is base64 to the letter`(refusal: Int, text: String) async throws {
        let answer = try await api.post(
            "/v1/videos",
            ["prompt": "waves", "input_reference": ["image_url": .string("data:;base64,\(text)")]]
        )
        #expect(answer.status == 400)
        // What is base64 is looked at, and is no image.
        let code: JSONValue = refusal == 0 ? "image_unsupported" : "invalid_value"
        #expect(answer.json["error"]?["code"] == code)
        #expect(answer.json["error"]?["param"] == "input_reference")
    }

    /// The second ends with a piece of seven characters.
    @Test(arguments: [1_000_003, 884_723])
    func `a data URL of many pieces arrives whole`(byteCount: Int) async throws {
        let image = HostileImage.jpeg(bytes: byteCount)
        let url = "data:image/jpeg;base64," + Data(image).base64EncodedString()
        var form = TestForm()
        form.add("prompt", Array("waves".utf8))
        form.add("input_reference[image_url]", Array(url.utf8))
        let first = try await create(form, ["idempotency-key": "k"])
        #expect(first.status == 200)
        // The file itself makes the same call: not a byte is lost or changed.
        let second = try await create(self.form(image: image), ["idempotency-key": "k"])
        #expect(second.json["id"] == first.json["id"])
    }

    @Test func `a refused video leaves no image`() async throws {
        let limits = TierLimits(active: 1)
        let limited = TestAPI(
            settings: ServerSettings(
                port: 0,
                auth: .token { _ throws(AccessError) in Caller(userID: "u", tier: .free) },
                limits: [.free: limits]
            ),
            objects: objects
        )
        let form = form()
        var headers = form.headers
        headers["authorization"] = "Bearer x"
        #expect(try await limited.call(.post, "/v1/videos", headers, body: form.bytes).status == 200)
        #expect(try await objects.keys(withPrefix: "uploads/").count == 1)
        let refused = try await limited.call(.post, "/v1/videos", headers, body: form.bytes)
        #expect(refused.status == 429)
        #expect(refused.json["error"]?["code"] == "rate_limit_exceeded")
        #expect(refused.headers[try #require(HTTPField.Name("retry-after-ms"))] == "15000")
        #expect(try await objects.keys(withPrefix: "uploads/").count == 1)
        // The retry of the one that was taken is no further one.
        headers["x-stainless-retry-count"] = "1"
        #expect(try await limited.call(.post, "/v1/videos", headers, body: form.bytes).status == 200)
    }

    @Test(arguments: [("idempotency-key", "k"), ("x-stainless-retry-count", "1")])
    func `a twin of a call under way is a 409 that is worth a retry`(name: String, value: String)
        async throws
    {
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        var outbound = Outbound.refusing
        outbound.fetchImage = { _, _ throws(OutboundError) in
            started.yield()
            for await _ in releases {}
            throw OutboundError(.unreachable, "nothing answers there")
        }
        let order: JSONValue = ["prompt": "waves", "input_reference": ["image_url": "http://a.example/b.png"]]
        let body = try order.encoded()
        let type = ["content-type": "application/json"]
        // What is under way is known to one server.
        try await TestAPI(outbound: outbound).server.application()
            .test(.router) { client in
                // A client's first try counts no retry.
                let fields = name == "idempotency-key" ? [name: value] : [:]
                async let first = client.call(.post, "/v1/videos", type.merging(fields) { $1 }, body: body)
                for await _ in starts { break }
                let again = type.merging([name: value]) { $1 }
                let twin = try await client.call(.post, "/v1/videos", again, body: body)
                #expect(twin.status == 409)
                #expect(twin.json["error"]?.object?.keys.sorted() == ["code", "message", "param", "type"])
                #expect(twin.json["error"]?["code"] == "idempotency_key_in_use")
                #expect(twin.headers[try #require(HTTPField.Name("retry-after-ms"))] == "1000")
                #expect(twin.headers[try #require(HTTPField.Name("x-should-retry"))] == nil)
                release.finish()
                let refused = try await first
                #expect(refused.status == 400)
                #expect(refused.json["error"]?["code"] == "image_url_unreachable")
                // The key is free again.
                #expect(try await client.call(.post, "/v1/videos", again, body: body).status == 400)
            }
    }

    @Test func `a remix of a remix names the video that it was made from`() async throws {
        let first = try await create(form()).json
        var parent = first["id"]?.string ?? ""
        for prompt in ["storm", "fog"] {
            let remix = try await api.post("/v1/videos/\(parent)/remix", ["prompt": .string(prompt)])
            #expect(remix.status == 200)
            #expect(remix.json["remixed_from_video_id"] == .string(parent))
            #expect(remix.json["prompt"] == .string(prompt))
            parent = remix.json["id"]?.string ?? ""
        }
    }

    @Test func `a finished video tells when its content goes`() async throws {
        let video = try await create(form()).json
        try await api.makeReady(native(video))
        let json = try await api.call(.get, "/v1/videos/\(video["id"]?.string ?? "")").json
        #expect(json["status"] == "completed")
        #expect(json["progress"] == 100)
        #expect(json["completed_at"] == 1_767_225_661)
        #expect(json["expires_at"] == .integer(1_767_225_600 + 30 * 86_400))
    }

    @Test func `content that has expired is gone, and content that is not in the store is not there`()
        async throws
    {
        for (age, status, code) in [(30.0 * 86_400, 410, "expired"), (60, 404, "content_not_found")] {
            let id = try await animation(age: age)
            try await api.makeReady("\(id)")
            for variant in ["video", "thumbnail", "spritesheet"] {
                let answer = try await api.call(.get, "/v1/videos/\(id)/content?variant=\(variant)")
                #expect(answer.status == status, "\(variant)")
                #expect(answer.json["error"]?["code"] == .string(code))
            }
        }
    }

    /// An animation of the caller's own that is so many seconds old.
    private func animation(age: Double) async throws -> AnimationID {
        let job = JobID(UUID())
        let id = AnimationID(UUID())
        let at = TestAPI.start - age
        let image = SourceImage(
            key: .source(job, .jpeg),
            contentType: "image/jpeg",
            size: FrameSize(width: 64, height: 64),
            byteCount: 1,
            sha256: String(repeating: "0", count: 64)
        )
        let row = Job(
            id: job,
            userID: "local",
            kind: .photo,
            onFailure: .keep,
            source: image,
            createdAt: at
        )
        let attempt = AnimationAttempt(
            id: id,
            jobID: job,
            model: "local",
            params: .object([:]),
            createdAt: at
        )
        let run = Run(
            id: id,
            jobID: job,
            request: try AnimationRequest(),
            source: image,
            onFailure: .keep,
            createdAt: at
        )
        let animation = AnimationIntake(attempt: attempt, run: run, userID: "local")
        #expect(try await api.store.accept(Intake(job: row, animation: animation)) == .accepted)
        return id
    }

    @Test func `a database that is away is a 503 that says when to come back`() async throws {
        api.store.fail(with: RunStoreError(.unavailable, "away"))
        let answer = try await api.call(.get, "/v1/videos")
        #expect(answer.status == 503)
        #expect(answer.json["error"]?.object?.keys.sorted() == ["code", "message", "param", "type"])
        #expect(answer.json["error"]?["type"] == "server_error")
        #expect(answer.headers[try #require(HTTPField.Name("retry-after-ms"))] == "5000")
        #expect(answer.headers[try #require(HTTPField.Name("x-request-id"))] != nil)
    }

    @Test func `names that look like one are no video`() async throws {
        let id = try #require(try await create(form()).json["id"]?.string)
        let digits = id.dropFirst("video_".count)
        for other in [
            "video_\(digits.uppercased())", "\(digits)", "video_\(digits)0", "video_",
            "video_\(digits.dropLast())é",
        ] {
            let path = other.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let answer = try await api.call(.get, "/v1/videos/\(path)")
            #expect(answer.status == (other == id ? 200 : 404), "\(other)")
        }
    }
}
