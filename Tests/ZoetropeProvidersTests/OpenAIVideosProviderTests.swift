import Foundation
import HTTPTypes
import Hummingbird
import StrictJSON
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// The engines and the gateway that speak OpenAI's Videos interface, each with its own deviations.
@Suite(.timeLimit(.minutes(2)))
struct OpenAIVideosProviderTests {
    private static let clip = Array("....ftypisom".utf8) + [UInt8](repeating: 7, count: 5_000)

    // MARK: From picture to file

    @Test(arguments: FakeEngine.Kind.allCases)
    func `a clip goes from the picture to a file`(kind: FakeEngine.Kind) async throws {
        try await FakeEngine.run(kind) { engine, server, address in
            let world = try OpenAIVideosWorld(kind, address)
            let generation = try await world.accepted("tag1", kind)
            #expect(generation.tag == "tag1")
            #expect(generation.state == .running(hasStarted: false))
            #expect(abs((generation.createdAt ?? .distantPast).timeIntervalSinceNow) < 600)
            #expect(engine.with { $0.jobs.keys.sorted() } == [generation.id])

            #expect(try await world.state(generation.id) == .running(hasStarted: false))
            engine.start(generation.id)
            #expect(try await world.state(generation.id) == .running(hasStarted: true))
            engine.finish(generation.id, Self.clip)
            let output = "openai-videos:\(generation.id)"
            #expect(try await world.state(generation.id) == .succeeded(output: output))
            #expect(try await world.fetch(output) == Self.clip)
            // A finishing step that is done again gets it again.
            #expect(try await world.fetch(output) == Self.clip)
            #expect(server.requests.filter { $0.path.hasSuffix("/content") }.allSatisfy { $0.query == nil })
            #expect(server.requests.filter { $0.method == "POST" }.count == 1)
            #expect(server.requests.filter { $0.method == "DELETE" }.isEmpty)
        }
    }

    @Test(arguments: FakeEngine.Kind.allCases)
    func `a create is one form with the picture as a file`(kind: FakeEngine.Kind) async throws {
        try await FakeEngine.run(kind) { _, server, address in
            let world = try OpenAIVideosWorld(kind, address)
            try await world.prepare("tag-1")
            let order = try world.order("tag-1", OpenAIVideosWorld.model(kind), seed: 1 << 31 | 5)
            guard case .accepted = await world.provider.submit(order) else { throw ProviderError(.rejected, "") }
            let request = try #require(server.requests.first)
            #expect(request.path == "/v1/videos")
            #expect(request.header("idempotency-key") == "tag-1")
            #expect(request.header("connection") == "close")
            #expect(request.header("content-length") == "\(request.body.count)")
            #expect(request.header("authorization") == (kind == .liteLLM ? "Bearer \(FakeEngine.key)" : nil))
            let form = try #require(ReceivedForm(request))
            var fields = ["prompt": order.request.composedPrompt, "seconds": "5", "size": "1280x720", "seed": "5"]
            if kind == .liteLLM { fields["model"] = "video-model" }
            #expect(form.fields == fields)
            #expect(form.names.last == "input_reference")
            #expect(form.names.count == fields.count + 1)
            #expect(form.fileName == "tag-1.jpg")
            #expect(form.fileType == "image/jpeg")
            #expect(form.file == OpenAIVideosWorld.jpeg(width: 1_600, height: 900))
        }
    }

    @Test func `the fake vLLM-Omni takes forms only and no other model than its own`() async throws {
        try await FakeEngine.run(.vllmOmni) { engine, _, address in
            let json = ReceivedRequest(
                method: "POST",
                path: "/v1/videos",
                query: nil,
                headers: [.contentType: "application/json"],
                body: Array(#"{"prompt":"x"}"#.utf8)
            )
            #expect(engine.answer(json).status.code == 422)
            let world = try OpenAIVideosWorld(.vllmOmni, address)
            #expect(try refusal(await world.submit("a", OpenAIVideosWorld.model(.liteLLM))) == .rejected)
            #expect(engine.with { $0.created } == 0)
        }
    }

    @Test func `a model that always makes as much is asked for that much`() async throws {
        try await FakeEngine.run(.vllmOmni) { _, server, address in
            let world = try OpenAIVideosWorld(.vllmOmni, address)
            try await world.prepare("tag1")
            let model = VideoModel(alias: "own", provider: .openAIVideos, durations: [10], generatedSeconds: 6)
            _ = await world.provider.submit(try world.order("tag1", model))
            #expect(server.requests.first.flatMap { ReceivedForm($0) }?.fields["seconds"] == "6")
        }
    }

    // MARK: Sizes

    @Test(arguments: [(1_920, 1_080), (1_080, 1_920), (2_000, 800), (800, 2_000), (1_000, 1_000), (1_333, 1_000)])
    func `the clip has the picture's own aspect, so that nothing is stretched`(width: Int, height: Int) {
        let picture = FrameSize(width: width, height: height)
        for resolution in Resolution.allCases {
            let size = FrameSize.ofEngineClip(for: picture, resolution: resolution)
            #expect(size.width % 16 == 0 && size.height % 16 == 0)
            #expect(abs(size.aspect / picture.aspect - 1) < 0.025, "\(picture) gave \(size)")
            #expect(size.pixels <= resolution.area)
            #expect(Double(size.pixels) > Double(resolution.area) * 0.85, "\(picture) gave \(size)")
        }
    }

    @Test func `a last frame keeps its size, so that the parts of a clip fit`() {
        for resolution in Resolution.allCases {
            for width in stride(from: 400, to: 2_000, by: 37) {
                let picture = FrameSize(width: width, height: 1_000)
                guard picture.aspect > 0.4, picture.aspect < 2.5 else { continue }
                let first = FrameSize.ofEngineClip(for: picture, resolution: resolution)
                #expect(FrameSize.ofEngineClip(for: first, resolution: resolution) == first)
            }
        }
    }

    // MARK: Failed jobs

    @Test(arguments: FakeEngine.Kind.allCases)
    func `a failed job is a failure, however it is told`(kind: FakeEngine.Kind) async throws {
        try await FakeEngine.run(kind) { engine, server, address in
            let world = try OpenAIVideosWorld(kind, address)
            let id = try await world.accepted("tag1", kind).id
            engine.fail(id, code: 503, "CUDA out of memory")
            let before = server.requests.count
            guard case .failed(let failure) = try await world.state(id) else { throw ProviderError(.rejected, "") }
            #expect(failure.code == .providerUnavailable)
            #expect(failure.detail.contains("CUDA out of memory"))
            #expect(failure.retries == 1)
            // It is the job's end and not a fault of the transport, so it is not asked again.
            #expect(server.requests.count == before + 1)
            let output = "openai-videos:\(id)"
            if kind == .vllmOmni { #expect(try await world.fetchError(output).kind == .invalidOutput) }
        }
    }

    @Test(arguments: [
        (#"{"code":400,"message":"size"}"#, FailureCode.providerRejected, 0),
        (#"{"code":"moderation_blocked","message":"no"}"#, .contentRejected, 0),
        (#"{"code":500,"message":"x"}"#, .providerUnavailable, 1),
        (#"{"message":"x"}"#, .providerUnavailable, 1),
        (#""gone wrong""#, .providerUnavailable, 1),
        (#"[[]]"#, .providerUnavailable, 1),
        ("null", .providerUnavailable, 1),
    ])
    func `a failure says whether another try is worth it`(error: String, code: FailureCode, retries: Int) async throws {
        let body = #"{"id":"v1","object":"video","status":"failed","error":\#(error)}"#
        try await LoopbackServer.run({ _ in Response(200, text: body) }) { _, address in
            let world = try OpenAIVideosWorld(address)
            guard case .failed(let failure) = try await world.state("v1") else { throw ProviderError(.rejected, "") }
            #expect(failure.code == code)
            #expect(failure.retries == retries)
            #expect(!failure.detail.isEmpty)
        }
    }

    @Test(arguments: [
        ("queued", Generation.State.running(hasStarted: false)), ("in_progress", .running(hasStarted: true)),
        ("processing", .running(hasStarted: true)), ("", .running(hasStarted: true)),
        ("completed", .succeeded(output: "openai-videos:v1")),
    ])
    func `a status that is not known counts as running`(status: String, state: Generation.State) async throws {
        let body: JSONValue = ["id": "v1", "status": .string(status), "created_at": "soon", "completed_at": -5]
        try await LoopbackServer.run({ _ in Response(200, json: body) }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.state("v1") == state)
        }
    }

    @Test func `a job that somebody cancelled is cancelled`() async throws {
        let body: JSONValue = ["id": "v1", "status": "failed", "error": ["code": "cancelled"]]
        try await LoopbackServer.run({ _ in Response(200, json: body) }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.state("v1") == .canceled(hasStarted: true))
        }
    }

    // MARK: Restarts

    @Test(arguments: FakeEngine.Kind.allCases)
    func `after a restart the engine knows no job`(kind: FakeEngine.Kind) async throws {
        try await FakeEngine.run(kind) { engine, server, address in
            let world = try OpenAIVideosWorld(kind, address)
            let id = try await world.accepted("tag1", kind).id
            engine.restart()
            #expect(await world.provider.status(of: [id]) == [id: .missing])
            await #expect { _ = try await world.provider.cancel(id) } throws: {
                ($0 as? ProviderError)?.kind == .missing
            }
            #expect(try await world.fetchError("openai-videos:\(id)").kind == .expired)
            #expect(server.requests.filter { $0.method == "DELETE" }.isEmpty)
        }
    }

    @Test func `a 404 that is not the engine's own says nothing about the job`() async throws {
        try await LoopbackServer.run({ _ in Response(404, text: "default backend - 404") }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.statusError("v1").kind == .unavailable)
            #expect(try await world.fetchError("openai-videos:v1").kind == .unavailable)
        }
    }

    // MARK: Cancelling

    @Test(arguments: FakeEngine.Kind.allCases, [true, false])
    func `cancelling stops what can be stopped and tells what became of it`(
        kind: FakeEngine.Kind,
        hasStarted: Bool
    ) async throws {
        try await FakeEngine.run(kind) { engine, _, address in
            let world = try OpenAIVideosWorld(kind, address)
            let id = try await world.accepted("tag1", kind).id
            if hasStarted { engine.start(id) }
            let generation = try await world.provider.cancel(id)
            #expect(generation.id == id)
            switch kind {
            case .vllmOmni, .sglang:
                #expect(generation.state == .canceled(hasStarted: hasStarted))
                #expect(engine.with { $0.jobs.isEmpty })
                #expect(engine.with { $0.orphans } == (kind == .sglang ? 1 : 0))
                #expect(await world.provider.status(of: [id]) == [id: .missing])
            case .liteLLM:
                // There is no delete: it runs on, and its result is still there to be had.
                #expect(generation.state == .running(hasStarted: hasStarted))
                engine.finish(id, Self.clip)
                #expect(try await world.provider.cancel(id).state == .succeeded(output: "openai-videos:\(id)"))
            }
        }
    }

    @Test func `a delete that vLLM-Omni refuses leaves the job running`() async throws {
        try await FakeEngine.run(.vllmOmni) { engine, _, address in
            let world = try OpenAIVideosWorld(.vllmOmni, address)
            let id = try await world.accepted("tag1").id
            engine.start(id)
            engine.with { $0.refusesDelete = true }
            #expect(try await world.provider.cancel(id).state == .running(hasStarted: true))
            engine.with { $0.refusesDelete = false }
            #expect(try await world.provider.cancel(id).state == .canceled(hasStarted: true))
        }
    }

    @Test(arguments: FakeEngine.Kind.allCases)
    func `what has ended keeps its result when it is cancelled`(kind: FakeEngine.Kind) async throws {
        try await FakeEngine.run(kind) { engine, server, address in
            let world = try OpenAIVideosWorld(kind, address)
            let id = try await world.accepted("tag1", kind).id
            engine.finish(id, Self.clip)
            #expect(try await world.provider.cancel(id).state == .succeeded(output: "openai-videos:\(id)"))
            #expect(server.requests.filter { $0.method == "DELETE" }.isEmpty)
            #expect(try await world.fetch("openai-videos:\(id)") == Self.clip)
        }
    }

    @Test func `a receipt that was lost does not make a deleted job one that never was`() async throws {
        let deletes = Atomic(0)
        let running: JSONValue = ["id": "v1", "status": "in_progress"]
        try await LoopbackServer.run({ request in
            let isGone = deletes.load(ordering: .sequentiallyConsistent) > 0
            if request.method == "DELETE" {
                deletes.add(1, ordering: .sequentiallyConsistent)
                if !isGone { return Response(502, text: "bad gateway") }
            }
            return isGone ? Response(404, json: ["detail": "Video not found"]) : Response(200, json: running)
        }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.provider.cancel("v1").state == .canceled(hasStarted: true))
        }
    }

    @Test func `a delete that says it did nothing did nothing`() async throws {
        let running: JSONValue = ["id": "v1", "status": "in_progress", "deleted": false]
        try await LoopbackServer.run({ _ in Response(200, json: running) }) { _, address in
            let world = try OpenAIVideosWorld(address)
            #expect(try await world.provider.cancel("v1").state == .running(hasStarted: true))
        }
    }

    // MARK: Results outside the engine

    @Test func `a result that SGLang put into an object store is fetched there, without the key`() async throws {
        try await LoopbackServer.run({ _ in Response(200, text: "the clip") }) { store, storeAddress in
            try await FakeEngine.run(.sglang) { engine, _, address in
                let world = try OpenAIVideosWorld(address, key: FakeEngine.key, origins: [storeAddress])
                let id = try await world.accepted("tag1", .sglang).id
                engine.with { $0.storeURL = "\(storeAddress)/bucket" }
                engine.finish(id, [])
                #expect(try await world.state(id) == .succeeded(output: "openai-videos:\(id)"))
                #expect(try await world.fetch("openai-videos:\(id)") == Array("the clip".utf8))
                #expect(store.requests.map(\.path) == ["/bucket/\(id).mp4"])
                #expect(store.requests.allSatisfy { $0.header("authorization") == nil })
            }
        }
    }

    @Test func `nothing is asked of an origin that is not allowed`() async throws {
        try await LoopbackServer.run({ _ in Response(200, text: "the clip") }) { store, storeAddress in
            try await FakeEngine.run(.sglang) { engine, _, address in
                let world = try OpenAIVideosWorld(.sglang, address, origins: ["https://bucket.example"])
                let id = try await world.accepted("tag1", .sglang).id
                engine.finish(id, [])
                for url in [
                    storeAddress, storeAddress.replacing("127.0.0.1", with: "bucket.example@127.0.0.1"),
                    storeAddress.replacing("http://", with: "ftp://"), "file:///etc/passwd", "", "//bucket.example/a",
                ] {
                    engine.with { $0.storeURL = url }
                    let error = try await world.fetchError("openai-videos:\(id)")
                    #expect(error.kind == .invalidOutput)
                }
                engine.with { $0.storeURL = storeAddress }
                #expect(try await world.fetchError("openai-videos:\(id)").detail.contains(storeAddress))
            }
            #expect(store.requests.isEmpty)
        }
    }

    @Test(arguments: [403, 404, 500])
    func `an object store's refusal is no word about the key`(status: Int) async throws {
        try await LoopbackServer.run({ _ in Response(status, text: "<Error/>") }) { _, storeAddress in
            try await FakeEngine.run(.sglang) { engine, _, address in
                let world = try OpenAIVideosWorld(.sglang, address, origins: [storeAddress])
                let id = try await world.accepted("tag1", .sglang).id
                engine.with { $0.storeURL = storeAddress }
                engine.finish(id, [])
                let error = try await world.fetchError("openai-videos:\(id)")
                #expect(error.kind == (status == 404 ? .expired : .unavailable))
            }
        }
    }

    @Test func `a redirect of a result is followed to allowed origins only, and without the key`() async throws {
        try await LoopbackServer.run({ _ in Response(200, text: "the clip") }) { store, storeAddress in
            let target = Mutex("\(storeAddress)/a%20b?X-Signature=c%2Bd")
            try await LoopbackServer.run({ _ in Response(302, headers: [.location: target.withLock { $0 }]) }) {
                _,
                address in
                let world = try OpenAIVideosWorld("\(address)/v1", key: FakeEngine.key, origins: [storeAddress])
                #expect(try await world.fetch("openai-videos:v1") == Array("the clip".utf8))
                #expect(store.requests.map(\.path) == ["/a%20b"])
                #expect(store.requests.first?.query == "X-Signature=c%2Bd")
                #expect(store.requests.first?.header("authorization") == nil)
                for elsewhere in ["\(address)/v1/videos/v1/content", "http://127.0.0.1:9/", "/relative", ""] {
                    target.withLock { $0 = elsewhere }
                    #expect(try await world.fetchError("openai-videos:v1").kind == .invalidOutput)
                }
                #expect(store.requests.count == 1)
            }
        }
    }

    @Test func `redirects in a circle come to an end`() async throws {
        let server = Mutex("")
        try await LoopbackServer.run({ _ in Response(302, headers: [.location: server.withLock { $0 }]) }) {
            received,
            address in
            server.withLock { $0 = "\(address)/again" }
            let world = try OpenAIVideosWorld("\(address)/v1", origins: [address])
            #expect(try await world.fetchError("openai-videos:v1").kind == .invalidOutput)
            #expect(received.requests.count == 4)
        }
    }

    // MARK: Many at once

    @Test func `many jobs are asked for one by one, and a dead engine for a few of them only`() async throws {
        let isDead = Atomic(false)
        let running: JSONValue = ["id": "x", "status": "in_progress"]
        try await LoopbackServer.run({ _ in
            isDead.load(ordering: .sequentiallyConsistent) ? Response(503) : Response(200, json: running)
        }) { server, address in
            let world = try OpenAIVideosWorld(address)
            let ids = (0..<50).map { "video-\($0)" }
            #expect(world.provider.callsForStatus(of: 50) == 50)
            let answers = await world.provider.status(of: ids)
            #expect(Set(answers.keys) == Set(ids))
            #expect(server.requests.count == 50)
            isDead.store(true, ordering: .sequentiallyConsistent)
            let failures = await world.provider.status(of: ids)
            #expect(Set(failures.keys) == Set(ids))
            for outcome in failures.values {
                guard case .failed(let error) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
                #expect(error.kind == .unavailable)
            }
            // 15 were under way at most when the eighth failed; three tries each.
            #expect(server.requests.count - 50 <= 45)
        }
    }

    // MARK: Searching

    @Test func `a lost job is never guessed at`() async throws {
        try await FakeEngine.run(.vllmOmni) { _, server, address in
            let world = try OpenAIVideosWorld(.vllmOmni, address)
            _ = try await world.accepted("tag1")
            let search = TagSearch(
                tag: "tag1",
                inputURL: "openai-videos:tag1",
                model: "",
                sentAt: .now - 5,
                overAt: .now + 60
            )
            #expect(try await world.provider.find(search).isEmpty)
            #expect(try await world.provider.generations(since: .distantPast).isEmpty)
            #expect(server.requests.count == 1)
            #expect(!world.provider.traits.isIdempotentByTag)
            #expect(world.provider.traits.provider == .openAIVideos)
            #expect(world.provider.traits.wantsInput)
        }
    }

    // MARK: Pictures

    @Test func `a picture is kept until it is removed or a day old`() async throws {
        let now = Mutex(Date.now)
        let world = try OpenAIVideosWorld("http://127.0.0.1:1/v1", now: { now.withLock { $0 } })
        func kept() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: world.folder.path("pictures")).sorted()
        }
        for tag in ["a", "a", "b"] { try await world.prepare(tag) }
        #expect(try kept() == ["a.jpg", "b.jpg"])
        for _ in 1...2 { try await world.provider.removeInput(tag: "a", fileID: nil) }
        #expect(try kept() == ["b.jpg"])
        now.withLock { $0 += 90_000 }
        try await world.prepare("c")
        #expect(try kept() == ["c.jpg"])
    }

    @Test func `an order whose picture is elsewhere is refused and must be prepared again`() async throws {
        let world = try OpenAIVideosWorld("http://127.0.0.1:1/v1")
        #expect(try refusal(await world.provider.submit(try world.order("a"))) == .unavailable)
        let order = try world.order("a")
        let other = GenerationOrder(
            animationID: order.animationID,
            tag: "b",
            request: order.request,
            source: order.source,
            input: order.input,
            part: 0,
            cancelAfter: .seconds(1)
        )
        #expect(try refusal(await world.provider.submit(other)) == .unavailable)
    }

    @Test(arguments: ["../x", "a/b", "", "a\u{0}b", "a\"\r\nX: y", String(repeating: "a", count: 129)])
    func `a tag that cannot name a file is refused`(tag: String) async throws {
        let world = try OpenAIVideosWorld("http://127.0.0.1:1/v1")
        await #expect { _ = try await world.provider.prepareInput(world.folder.path("x"), tag: tag) } throws: {
            ($0 as? ProviderError)?.kind == .rejected
        }
        guard case .refused = await world.provider.submit(try world.order(tag)) else {
            throw ProviderError(.rejected, "it was not refused")
        }
    }

    @Test func `a picture that is none is the source's fault`() async throws {
        let world = try OpenAIVideosWorld("http://127.0.0.1:1/v1")
        let path = world.folder.path("x.jpg")
        try Data("no picture".utf8).write(to: URL(filePath: path))
        _ = try await world.provider.prepareInput(path, tag: "a")
        #expect(try refusal(await world.provider.submit(try world.order("a"))) == .sourceUnreadable)
    }

    // MARK: Settings

    @Test(arguments: [
        ("http://u:CANARY@host/v1", nil, []), ("ftp://host", nil, []), ("host:8000", nil, []), ("", nil, []),
        ("http://host/v1?x=CANARY@", nil, []), ("http://host", "CANARY\r\nX: y", []), ("http://host", "", []),
        ("http://host", nil, ["https://*"]), ("http://host", nil, ["https://bucket.example/path"]),
    ])
    func `settings that cannot be right are refused without a secret in the words`(
        address: String,
        key: String?,
        origins: [String]
    ) throws {
        #expect {
            _ = try OpenAIVideosClient(baseURL: address, apiKey: key, outputOrigins: origins)
        } throws: { error in
            (error as? ProviderError)?.kind == .rejected && !"\(error)".contains("CANARY")
        }
    }

    private static func check(_ address: String, key: String? = nil) async throws(ProviderError) -> String {
        try await OpenAIVideosProvider.check(try OpenAIVideosClient(baseURL: address, apiKey: key))
    }

    private static func kind(_ address: String, key: String? = nil) async throws -> ProviderError.Kind {
        do throws(ProviderError) {
            throw ProviderError(.storage, try await check(address, key: key))
        } catch {
            #expect(!error.detail.contains("wrong-CANARY"))
            return error.kind
        }
    }

    @Test func `a check tells a wrong key from a wrong address and from a server without a list`() async throws {
        try await FakeEngine.run(.liteLLM) { _, server, address in
            let words = try await Self.check(address, key: FakeEngine.key)
            #expect(words == "it answers")
            #expect(server.requests.map { "\($0.method) \($0.path)?\($0.query ?? "")" } == ["GET /v1/videos?limit=1"])
            #expect(try await Self.kind(address, key: "wrong-CANARY") == .credentials)
            #expect(try await Self.kind("\(address)/v2", key: FakeEngine.key) == .rejected)
        }
        #expect(try await Self.kind("http://127.0.0.1:1/v1") == .unavailable)
    }
}
