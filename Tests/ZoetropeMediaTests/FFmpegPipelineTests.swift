import Foundation
import Synchronization
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit
import ZoetropeWorkflow

/// The engine's media port on real files and the real ffmpeg.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FFmpegPipelineTests {
    private let folder: TemporaryFolder
    private let pipeline: FFmpegPipeline

    init() async throws {
        folder = try TemporaryFolder()
        pipeline = FFmpegPipeline(tools: try await TestTools.find())
    }

    private func source(_ size: FrameSize, orientation: ImageOrientation = .upright) throws -> SourceImage {
        SourceImage(
            key: try #require(ObjectKey("uploads/source.jpg")),
            contentType: "image/jpeg",
            size: size,
            orientation: orientation,
            byteCount: 1,
            sha256: String(repeating: "0", count: 64)
        )
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: folder.url.appending(path: name)))
    }

    /// Makes a file with ffmpeg from its lavfi sources.
    private func make(_ name: String, _ sources: [String], _ options: [String] = []) async throws {
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-y"] + sources.flatMap { ["-f", "lavfi", "-i", $0] } + options + [folder.path(name)]
        )
    }

    /// A clip whose frames carry their number, from `first` on, as ten black or white stripes.
    private func makeNumbered(_ name: String, rate: Int, first: Int, count: Int) async throws {
        try await make(
            name,
            ["color=black:s=320x192:r=\(rate):d=20"],
            [
                "-vf", "format=gray,geq=lum='235*mod(floor((N+\(first))/pow(2,floor(X/32))),2)',format=yuv420p",
                "-frames:v", "\(count)", "-c:v", "libx264", "-preset", "ultrafast",
            ]
        )
    }

    /// The numbers of a clip's frames.
    private func numbers(_ path: String) async throws -> [Int] {
        let raw = try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-i", path, "-vf", "scale=10:1:flags=area,format=gray", "-fps_mode", "passthrough", "-f",
                "rawvideo", "-",
            ]
        )
        let pixels = [UInt8](raw.stdout)
        return stride(from: 0, to: pixels.count - 9, by: 10)
            .map { start in
                (0..<10).reduce(0) { $0 + (pixels[start + $1] > 128 ? 1 << $1 : 0) }
            }
    }

    private func order(seconds: Int, wantsSound: Bool) -> PublishOrder {
        PublishOrder(
            seconds: seconds,
            wantsSound: wantsSound,
            provenance: Provenance(source: .trainedAlgorithmicMedia, system: nil)
        )
    }

    /// The hashes of a clip's packets, as they are stored.
    private func hashes(_ name: String) async throws -> [String] {
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-i", folder.path(name), "-c", "copy", "-f", "framemd5", "-"]
        )
        .text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    private func check(_ video: PublishableVideo) async throws {
        let verdict = try await ToolRunner.run(Project.checker, [video.video, "\(video.seconds)"])
        #expect(verdict.status == 0, "\(verdict.text)")
        let poster = try StillImage(parsing: [UInt8](Data(contentsOf: URL(filePath: video.poster))))
        #expect(poster.header.format == .jpeg)
        #expect(poster.header.uprightSize == video.size.poster)
        try await pipeline.check(video.video, seconds: video.seconds, allowsSound: true)
    }

    // MARK: The input

    @Test(arguments: [ImageOrientation.upright, .rotated90, .mirrored])
    func `a stored photo becomes an upright baseline JPEG that says nothing`(orientation: ImageOrientation) async throws
    {
        try FileManager.default.copyItem(at: Project.photo("people"), to: folder.url.appending(path: "photo.jpg"))
        try await ToolRunner.succeed(
            "exiftool",
            [
                "-q", "-overwrite_original", "-Artist=CANARY", "-GPSLatitude=48.1371", "-GPSLatitudeRef=N",
                "-XMP:Title=CANARY", "-Comment=CANARY", "-IPTC:Keywords=CANARY", folder.path("photo.jpg"),
            ]
        )
        let photo = try StillImage(stored: bytes("photo.jpg"), orientation: orientation)
        let expected = InputImage(of: photo.header.uprightSize).size
        try await pipeline.makeInput(
            from: folder.path("photo.jpg"),
            source(photo.header.uprightSize, orientation: orientation),
            to: folder.path("input.jpg")
        )
        let report = try await ToolRunner.succeed("exiftool", ["-G1", "-a", "-u", folder.path("input.jpg")]).text
        let groups = Set(report.split(separator: "\n").compactMap { $0.firstMatch(of: /^\[(.+?)\]/)?.output.1 })
        #expect(groups.isSubset(of: ["ExifTool", "System", "File", "JFIF", "Composite"]), "\(report)")
        #expect(report.contains("Baseline DCT"))
        #expect(report.contains("YCbCr4:2:0"))
        #expect(!report.contains("Comment") && !report.contains("CANARY"))
        let made = try StillImage(parsing: bytes("input.jpg"))
        #expect(made.header == ImageHeader(format: .jpeg, width: expected.width, height: expected.height))
        #expect(try bytes("input.jpg").count <= 5_000_000)

        // It is the picture itself, turned: the colours survive as well as the shapes.
        let turn = [.rotated90: "transpose=clock", .mirrored: "hflip"][orientation, default: "null"]
        let result = try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "info", "-noautorotate", "-i", folder.path("photo.jpg"), "-i", folder.path("input.jpg"),
                "-filter_complex",
                "[0:v]\(turn),scale=\(expected.width):\(expected.height),format=yuv444p[a];[1:v]format=yuv444p[b];[a][b]ssim",
                "-f", "null", "-",
            ]
        )
        let similarity = try #require(result.errorText.firstMatch(of: /All:([0-9.]+)/)).output.1
        #expect(try #require(Double(similarity)) > 0.95, "\(similarity)")
    }

    @Test(arguments: ["red", "lime", "blue", "white", "black", "0x7f7f7f"])
    func `colours stay what they are`(colour: String) async throws {
        try await make("flat.png", ["color=\(colour):s=640x480"], ["-vf", "format=rgb24", "-frames:v", "1"])
        let size = FrameSize(width: 640, height: 480)
        try await pipeline.makeInput(from: folder.path("flat.png"), source(size), to: folder.path("input.jpg"))
        var pixels: [[UInt8]] = []
        for name in ["flat.png", "input.jpg"] {
            let raw = try await ToolRunner.succeed(
                "ffmpeg",
                ["-v", "error", "-i", folder.path(name), "-vf", "format=rgb24,crop=1:1", "-f", "rawvideo", "-"]
            )
            pixels.append([UInt8](raw.stdout))
        }
        #expect(pixels[0].count == 3)
        #expect(zip(pixels[0], pixels[1]).allSatisfy { abs(Int($0) - Int($1)) <= 3 }, "\(pixels)")
    }

    @Test func `pixels that hardly compress are compressed until they fit`() async throws {
        try await make(
            "noise.png",
            ["nullsrc=s=3000x3000"],
            ["-vf", "geq=random(1)*255:random(2)*255:random(3)*255,format=rgb24", "-frames:v", "1"]
        )
        let size = FrameSize(width: 3000, height: 3000)
        try await pipeline.makeInput(from: folder.path("noise.png"), source(size), to: folder.path("input.jpg"))
        let count = try bytes("input.jpg").count
        #expect(count > 1_000_000 && count <= 5_000_000, "\(count)")
    }

    @Test func `a damaged photo is the sender's to mend, a lost one is ours`() async throws {
        let photo = try [UInt8](Data(contentsOf: Project.photo("bee")))
        try Data(photo.prefix(photo.count / 2)).write(to: folder.url.appending(path: "half.jpg"))
        for (name, code, isRetryable) in [
            ("half.jpg", FailureCode.sourceUnreadable, false), ("lost.jpg", .storageUnavailable, true),
        ] {
            let failure = await #expect(throws: MediaFailure.self) {
                try await pipeline.makeInput(
                    from: folder.path(name),
                    source(FrameSize(width: 640, height: 480)),
                    to: folder.path("input.jpg")
                )
            }
            #expect(failure?.code == code)
            #expect(failure?.isRetryable == isRetryable)
            #expect(!FileManager.default.fileExists(atPath: folder.path("input.jpg")))
        }
    }

    // MARK: One part

    @Test(arguments: [(24, 5.0, 5), (25, 5.64, 6), (25, 6.0, 6), (30, 5.6, 6)])
    func `a model's clip becomes the file of the target`(rate: Int, length: Double, seconds: Int) async throws {
        try await make("part.mp4", ["testsrc2=s=640x352:r=\(rate):d=\(length)"], ["-c:v", "libx264"])
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(seconds: seconds, wantsSound: false)
        )
        #expect(video.video == folder.path("video.mp4"))
        #expect(video.size == FrameSize(width: 640, height: 352))
        #expect(video.framesPerSecond == 30)
        try await check(video)
    }

    @Test func `of what is already right only the boxes are written anew`() async throws {
        let request = try AnimationRequest(resolution: "480p")
        try await LocalRenderer(tools: TestTools.find())
            .render(request, from: Project.photo("bee").path, orientation: .upright, to: folder.path("part.mp4"))
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(seconds: 5, wantsSound: false)
        )
        #expect(folder.contents == ["part.mp4", "poster.jpg", "video.mp4"])
        #expect(try await hashes("part.mp4") == hashes("video.mp4"))
        try await check(video)
    }

    /// The settings that x264 writes into its stream tell whose encode it is.
    @Test(arguments: RetimingPolicy.allCases)
    func `a clip of another rate is edited, unless that is switched off`(policy: RetimingPolicy) async throws {
        try await make("part.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264", "-x264-params", "keyint=33"])
        let video = try await FFmpegPipeline(tools: try await TestTools.find(), retiming: policy)
            .publishable(
                from: [folder.path("part.mp4")],
                in: folder.url.path,
                order: order(seconds: 5, wantsSound: false)
            )
        try await check(video)
        #expect(try bytes("video.mp4").firstRange(of: Array("keyint=33 ".utf8)) != nil || policy == .encode)
        #expect(try bytes("video.mp4").firstRange(of: Array("keyint=60 ".utf8)) != nil || policy == .lossless)
    }

    @Test func `what cannot be edited is encoded, and the reason is told`() async throws {
        try await make(
            "part.mp4",
            ["testsrc2=s=320x192:r=24:d=5"],
            ["-c:v", "libx264", "-x264-params", "bframes=8:b-pyramid=0:b-adapt=0"]
        )
        let refusals = Mutex<[RetimingRefusal]>([])
        let pipeline = FFmpegPipeline(tools: try await TestTools.find()) { event in
            if case .refused(let refusal) = event { refusals.withLock { $0.append(refusal) } }
        }
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(seconds: 5, wantsSound: false)
        )
        try await check(video)
        #expect(refusals.withLock { $0.map(\.reason) } == [.tooFewRepeats])
    }

    /// Sound as models make it: AAC, other rates and channels, other codecs, longer and shorter than the picture.
    static let sounds: [(name: String, source: String, options: [String])] = [
        ("AAC", "sine=d=5:r=48000", ["-c:a", "aac"]),
        ("longer than the picture", "sine=d=7:r=48000", ["-c:a", "aac"]),
        ("shorter than the picture", "sine=d=3:r=44100", ["-c:a", "aac"]),
        ("six channels", "anoisesrc=d=5:r=48000,pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", ["-c:a", "aac"]),
        ("MP3 in mono", "sine=d=5:r=32000", ["-c:a", "libmp3lame"]),
        ("late by half a second", "sine=d=4:r=48000", ["-c:a", "aac"]),
    ]

    @Test(arguments: sounds.map(\.name))
    func `sound is kept only when it is wanted`(name: String) async throws {
        let sound = try #require(Self.sounds.first { $0.name == name })
        try await make("picture.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264", "-preset", "ultrafast"])
        try await make("sound.mp4", [sound.source], sound.options)
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-i", folder.path("picture.mp4")]
                + (name.hasPrefix("late") ? ["-itsoffset", "0.5"] : [])
                + ["-i", folder.path("sound.mp4"), "-c", "copy", folder.path("part.mp4")]
        )
        for wantsSound in [true, false] {
            let video = try await pipeline.publishable(
                from: [folder.path("part.mp4")],
                in: folder.url.path,
                order: order(seconds: 5, wantsSound: wantsSound)
            )
            try await check(video)
            defer { try? FileManager.default.removeItem(atPath: video.video) }
            let streams = try await ToolRunner.succeed(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "a", "-show_entries",
                    "stream=codec_name,profile,sample_rate,channels", "-of", "csv=p=0", video.video,
                ]
            )
            // What conforms is copied, the rest is encoded in stereo at 48 kHz.
            let copied = [
                "AAC": "48000,1", "longer than the picture": "48000,1", "shorter than the picture": "44100,1",
            ]
            let expected = wantsSound ? "aac,LC," + copied[name, default: "48000,2"] : ""
            #expect(streams.text.trimmingCharacters(in: .whitespacesAndNewlines) == expected)
        }
    }

    @Test func `without a sound track there is none to keep`() async throws {
        try await make("part.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264", "-preset", "ultrafast"])
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(seconds: 5, wantsSound: true)
        )
        try await check(video)
    }

    @Test(arguments: ["cut", "text", "bent"])
    func `a result that cannot be published is said to be one`(kind: String) async throws {
        try await make("part.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264"])
        let whole = try bytes("part.mp4")
        // Behind the headers of slices, where only a decoder looks.
        let bent = whole.enumerated()
            .map { $0 % 61 == 0 && (whole.count / 4..<whole.count / 2).contains($0) ? ~$1 : $1 }
        let content = [
            "cut": Array(whole.prefix(whole.count / 2)), "text": Array("<html>".utf8), "bent": bent,
        ][kind, default: whole]
        try Data(content).write(to: folder.url.appending(path: "part.mp4"))
        let failure = await #expect(throws: MediaFailure.self) {
            let video = try await pipeline.publishable(
                from: [folder.path("part.mp4")],
                in: folder.url.path,
                order: order(seconds: 5, wantsSound: false)
            )
            // What no key frame shows is found at once after publishing.
            try await pipeline.check(video.video, seconds: 5, allowsSound: false)
        }
        #expect(failure?.code == .outputInvalid)
        #expect(failure?.isRetryable == true, "it may have been damaged on the way")
    }

    @Test func `without ffmpeg nothing is tried again`() async throws {
        try await make("part.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264"])
        var tools = try await TestTools.find(.limits)
        tools.prlimit = "/nonexistent/prlimit"
        let failure = await #expect(throws: MediaFailure.self) {
            _ = try await FFmpegPipeline(tools: tools)
                .publishable(
                    from: [folder.path("part.mp4")],
                    in: folder.url.path,
                    order: order(seconds: 5, wantsSound: false)
                )
        }
        #expect(failure?.code == .internal)
        #expect(failure?.isRetryable == false)
    }

    // MARK: Two parts

    @Test(arguments: [24, 25, 30])
    func `two parts become one clip without a doubled frame`(rate: Int) async throws {
        // The second begins with the last frame of the first.
        let count = rate * 6 - (rate == 25 ? 9 : 0)
        try await makeNumbered("1.mp4", rate: rate, first: 0, count: count)
        try await makeNumbered("2.mp4", rate: rate, first: count - 1, count: count)
        let video = try await pipeline.publishable(
            from: [folder.path("1.mp4"), folder.path("2.mp4")],
            in: folder.url.path,
            order: order(seconds: 10, wantsSound: true)
        )
        try await check(video)
        let shown = try await numbers(video.video)
        #expect(shown.count == 300)
        // At 30 fps each frame is shown once; of slower clips the rate itself doubles some, evenly. At 24 fps every
        // twelfth lies in the middle between two, and either is right.
        func even(half: Int) -> [Int] {
            (0..<300).map { (frame: Int) -> Int in (0...frame).last { (60 * $0 + half) / (2 * rate) <= frame } ?? 0 }
        }
        let wanted = zip(even(half: rate), even(half: rate - 1))
        #expect(zip(shown, wanted).allSatisfy { $0 == $1.0 || $0 == $1.1 }, "\(shown)")
    }

    @Test(arguments: [24, 30])
    func `the last frame is the one that is shown last`(rate: Int) async throws {
        try await makeNumbered("part.mp4", rate: rate, first: 100, count: 37)
        let size = try await pipeline.lastFrame(of: folder.path("part.mp4"), to: folder.path("last.png"))
        #expect(size == FrameSize(width: 320, height: 192))
        #expect(try await numbers(folder.path("last.png")) == [136])
        #expect(try StillImage(parsing: bytes("last.png")).header.uprightSize == size)
    }

    @Test func `a clip that is cut off has no last frame`() async throws {
        try await make("part.mp4", ["testsrc2=s=320x192:r=24:d=5"], ["-c:v", "libx264", "-movflags", "+faststart"])
        let whole = try bytes("part.mp4")
        try Data(whole.prefix(whole.count * 2 / 3)).write(to: folder.url.appending(path: "part.mp4"))
        let failure = await #expect(throws: MediaFailure.self) {
            _ = try await pipeline.lastFrame(of: folder.path("part.mp4"), to: folder.path("last.png"))
        }
        #expect(failure?.code == .outputInvalid)
    }
}
