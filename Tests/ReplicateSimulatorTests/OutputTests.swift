import FoundationEssentials
import ReplicateSimulator
import Testing
import ZoetropeMedia

/// The host of the outputs.
@Suite(.timeLimit(.minutes(5)))
struct OutputTests {
    /// A small clip, so that ffmpeg is soon done.
    private static let small = Plan(
        queueSeconds: 1,
        runSeconds: 1,
        video: .init(seconds: 1, width: 320, height: 180, framesPerSecond: 10, hasAudio: false)
    )

    private func withFinished(
        _ rules: [Rule] = [],
        _ body: (ReplicateSimulator, Caller, String) async throws -> Void
    ) async throws {
        try await withManualSimulator(rules: [.plan(Self.small)] + rules) { simulator, caller in
            let id = try await caller.createdID()
            await simulator.advance(by: .seconds(2))
            try await body(simulator, caller, id)
        }
    }

    @Test func `an output has the headers of the real host`() async throws {
        try await withFinished { simulator, caller, id in
            let answer = try await caller.download(id)
            #expect(answer.status == 200)
            #expect(answer.isWhole)
            #expect(answer.header("content-type") == "video/mp4")
            #expect(answer.header("cache-control") == "public,max-age=3600")
            #expect(answer.header("accept-ranges") == "bytes")
            let tag = answer.header("etag") ?? ""
            #expect(tag.count == 34 && tag.hasPrefix("\"") && tag.hasSuffix("\""))
            #expect(answer.header("last-modified")?.hasSuffix(" GMT") == true)
            #expect(answer.header("x-goog-hash")?.hasPrefix("md5=") == true)
            let path = try await caller.get(id)["output"]?.string?.dropFirst(simulator.outputURL.count) ?? ""
            let parts = path.split(separator: "/")
            try #require(parts.count == 3)
            #expect(parts[0] == "xezq" && parts[1].count == 48)
            #expect(parts[2].hasPrefix("tmp") && parts[2].hasSuffix(".mp4") && parts[2].count == 17)

            let output = try #require(simulator.ledger.creates.first).output
            #expect(output.complete == 1)
            #expect(output.bytesSent == answer.body.count)
            #expect(!output.sawAuthorization)
        }
    }

    @Test func `a token on the wrong host is noticed`() async throws {
        try await withFinished { simulator, caller, id in
            _ = try await caller.download(id, headers: [("Authorization", "Bearer x")])
            #expect(simulator.ledger.creates.first?.output.sawAuthorization == true)
            let requests = simulator.requests.filter { $0.origin == .output }
            #expect(requests.map { $0.header("authorization") } == ["Bearer …"])
        }
    }

    @Test func `a range continues a download under the same tag only`() async throws {
        try await withFinished { simulator, caller, id in
            let whole = try await caller.download(id)
            let size = whole.body.count
            let tag = whole.header("etag") ?? ""
            let part = try await caller.download(id, headers: [("Range", "bytes=100-"), ("If-Range", tag)])
            #expect(part.status == 206)
            #expect(part.header("content-range") == "bytes 100-\(size - 1)/\(size)")
            #expect(part.body == Array(whole.body[100...]))
            let middle = try await caller.download(id, headers: [("Range", "bytes=5-9")])
            #expect(middle.body == Array(whole.body[5...9]))
            let tail = try await caller.download(id, headers: [("Range", "bytes=-7")])
            #expect(tail.body == Array(whole.body.suffix(7)))
            let other = try await caller.download(id, headers: [("Range", "bytes=100-"), ("If-Range", "\"x\"")])
            #expect(other.status == 200 && other.body == whole.body)
            let beyond = try await caller.download(id, headers: [("Range", "bytes=\(size)-")])
            #expect(beyond.status == 416)
            #expect(beyond.header("content-range") == "bytes */\(size)")
            for strange in ["bytes=9-5", "bytes=1-2,4-5", "bytes=x-", "lines=1-2", "bytes=-", "bytes=+1-2"] {
                #expect(try await caller.download(id, headers: [("Range", strange)]).status == 200, "\(strange)")
            }
            let huge = try await caller.download(id, headers: [("Range", "bytes=0-99999999999999999999")])
            #expect(huge.status == 200 || huge.status == 206)
            let head = try await caller.download(id, method: "HEAD")
            #expect(head.header("content-length") == "\(size)" && head.body.isEmpty)
            #expect(simulator.ledger.creates.first?.output.ranges.first == "bytes=100-")
        }
    }

    @Test func `an output is gone an hour later`() async throws {
        try await withFinished { simulator, caller, id in
            let path = try await caller.get(id)["output"]?.string?.dropFirst(simulator.outputURL.count) ?? ""
            await simulator.advance(by: .seconds(3599))
            #expect(try await Wire.send(simulator.outputURL, String(path)).status == 200)
            await simulator.advance(by: .seconds(1))
            #expect(try await Wire.send(simulator.outputURL, String(path)).status == 404)
            #expect(try await Wire.send(simulator.outputURL, "/xezq/no/tmpthing.mp4").status == 404)
        }
    }

    @Test func `an output is not there before it is made`() async throws {
        try await withManualSimulator(rules: [.plan(Self.small)]) { simulator, caller in
            let id = try await caller.createdID()
            #expect(try await caller.get(id)["output"] == .null)
        }
    }

    /// A fault of a download and what it looks like.
    struct Case: Sendable, CustomTestStringConvertible {
        let fault: Fault
        var status = 200
        var isWhole = true
        var contentType = "video/mp4"
        var isSameVideo = false
        var isCounted = true

        var testDescription: String { "\(fault)" }
    }

    static let faults: [Case] = [
        Case(fault: .answer(CannedAnswer(403)), status: 403, contentType: "text/html; charset=UTF-8", isCounted: false),
        Case(
            fault: .answer(CannedAnswer(404, .text("x"))),
            status: 404,
            contentType: "text/plain; charset=utf-8",
            isCounted: false
        ),
        Case(fault: .shortRead(), isWhole: false, isCounted: false),
        Case(fault: .shortRead(bytes: 0), isWhole: false, isCounted: false),
        Case(fault: .contentType("text/html"), contentType: "text/html", isSameVideo: true),
        Case(fault: .notVideo(.html)), Case(fault: .notVideo(.garbage)), Case(fault: .notVideo(.empty)),
        Case(fault: .slow(bytesPerSecond: 200_000), isSameVideo: true),
        Case(fault: .changingETag, isSameVideo: true),
        Case(fault: .noContentLength, isSameVideo: true),
        Case(fault: .close(.after), status: 0, isWhole: false, contentType: "", isCounted: false),
        Case(fault: .close(.after, at: .midBody), isWhole: false, isCounted: false),
        Case(fault: .redirect(to: "http://127.0.0.1:9/other.mp4"), status: 307, contentType: "", isCounted: false),
    ]

    @Test(arguments: faults)
    func `a fault of a download looks like one`(_ item: Case) async throws {
        try await withFinished([.fault(.output, item.fault)]) { simulator, caller, id in
            let broken = try await caller.download(id)
            #expect(broken.status == item.status)
            #expect(broken.isWhole == item.isWhole)
            #expect((broken.header("content-type") ?? "") == item.contentType)
            let counted = simulator.ledger.creates.first?.output.complete
            let whole = try await caller.download(id)
            #expect(whole.status == 200 && whole.isWhole)
            #expect((broken.body == whole.body) == item.isSameVideo)
            #expect(counted == (item.isCounted ? 1 : 0))
            if item.fault == .changingETag { #expect(broken.header("etag") != whole.header("etag")) }
            if item.fault == .noContentLength { #expect(broken.header("content-length") == nil) }
            if item.fault == .shortRead() { #expect(broken.body.count == whole.body.count / 2) }
        }
    }

    @Test func `a range can be ignored`() async throws {
        try await withFinished([.fault(.output, .ignoresRange)]) { _, caller, id in
            let answer = try await caller.download(id, headers: [("Range", "bytes=5-9")])
            #expect(answer.status == 200)
            #expect(answer.body.count > 100)
        }
    }

    @Test func `a body can be without an end`() async throws {
        try await withFinished([.fault(.output, .endless)]) { _, caller, id in
            // The client gives up after 64 MB.
            let answer = try await caller.download(id)
            #expect(!answer.isWhole)
            #expect(answer.body.count > 32 << 20)
        }
    }

    /// A model, an input and what its clip is.
    static let clips: [(String, JSONObject, VideoRecipe)] = [
        (
            "minimax/video-01-live", [:],
            VideoRecipe(width: 1280, height: 720, framesPerSecond: 25, frames: 141, hasAudio: false)
        ),
        (
            "wan-video/wan-2.5-i2v", [:],
            VideoRecipe(width: 1280, height: 720, framesPerSecond: 24, frames: 120, hasAudio: true)
        ),
        (
            "wan-video/wan-2.5-i2v", ["resolution": "480p", "duration": 10],
            VideoRecipe(width: 832, height: 480, framesPerSecond: 24, frames: 240, hasAudio: true)
        ),
        (
            "wan-video/wan-2.5-i2v-fast", ["resolution": "1080p"],
            VideoRecipe(width: 1920, height: 1080, framesPerSecond: 24, frames: 120, hasAudio: true)
        ),
        (
            "minimax/hailuo-2.3", [:],
            VideoRecipe(width: 1366, height: 768, framesPerSecond: 24, frames: 144, hasAudio: false)
        ),
    ]

    @Test(arguments: clips)
    func `a clip is a real video of its model`(model: String, extra: JSONObject, recipe: VideoRecipe) async throws {
        try await withManualSimulator { simulator, caller in
            var input: JSONObject = [
                "prompt": "x", "image": "https://e.com/a.png", "first_frame_image": "https://e.com/a.png",
            ]
            for member in extra.members { input[member.key] = member.value }
            let id = try await caller.create(input: input, model: model).json["id"]?.string ?? ""
            await simulator.advance(by: .seconds(1000))
            let bytes = try await caller.download(id).body
            #expect(bytes.count < 300_000)
            let movie = try MP4Movie.read(from: MemoryByteSource(bytes))
            let video = try #require(movie.videoTrack)
            #expect(video.codec == FourCC("avc1"))
            #expect((video.width, video.height) == (recipe.width, recipe.height))
            #expect(video.sampleCount == recipe.frames)
            let seconds = Double(video.mediaDuration ?? 0) / Double(max(video.timeScale, 1))
            #expect(abs(seconds - recipe.seconds) < 0.001)
            #expect((movie.soundTrack != nil) == recipe.hasAudio)
            if recipe.hasAudio { #expect(movie.soundTrack?.codec == FourCC("mp4a")) }
            let order = movie.boxes.map(\.type)
            let index = try #require(order.firstIndex(of: FourCC("moov")))
            let media = try #require(order.firstIndex(of: FourCC("mdat")))
            #expect(index < media)
            #expect(try await caller.get(id)["metrics"]?["video_output_duration_seconds"]?.double == recipe.seconds)
        }
    }

    @Test func `an output can be a file as it lies in the folder of videos`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "videos-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // More than the buffers between the two hold, so that a part still waits when all is written.
        let content = (0..<32 << 20).map { UInt8(truncatingIfNeeded: $0 / 4_093) }
        try Data(content).write(to: folder.appending(path: "my-own.mp4"))
        let rules = ["my-own.mp4", "missing.mp4"].map { Rule.plan(Plan(runSeconds: 1, video: .init(file: $0))) }
        let configuration = ReplicateSimulator.Configuration(clock: .manual, videoFolder: folder.path, rules: rules)
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            let caller = Caller(simulator: simulator)
            let ids = [try await caller.createdID(), try await caller.createdID()]
            await simulator.advance(by: .seconds(5))
            let answer = try await caller.download(ids[0])
            #expect(answer.status == 200 && answer.isWhole && answer.body == content)
            // Nobody can say it better to a client than by hanging up.
            #expect(try await caller.download(ids[1]).status == 0)
        }
    }

    @Test func `an output can be a data URI`() async throws {
        var plan = Self.small
        plan.output = .dataURI
        try await withManualSimulator(rules: [.plan(plan)]) { simulator, caller in
            let id = try await caller.createdID()
            await simulator.advance(by: .seconds(5))
            let text = try await caller.get(id)["output"]?.string ?? ""
            #expect(text.hasPrefix("data:video/mp4;base64,"))
            let bytes = try #require([UInt8](base64: text.dropFirst(22)))
            #expect(try MP4Movie.read(from: MemoryByteSource(bytes)).videoTrack?.sampleCount == 10)
            let listed = try await caller.call("GET", "/v1/predictions").json["results"]?.array?.first
            #expect(listed?["output"]?.string == text)
        }
    }
}
