import Foundation
import Synchronization
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit
import ZoetropeWorkflow

/// Each row of the table in docs/media.md: a real file, what is decided for it, and what comes of it.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct MediaPlanTests {
    /// A file and what must be decided, step by step, until it is published.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var rate = "30"
        var length = 5.0
        var size = "320x192"
        /// Added to the source's own.
        var options: [String] = []
        /// Further inputs.
        var inputs: [String] = []
        var wantsSound = false
        let plans: [MediaPlan]
        var hasSound = false

        var testDescription: String { name }
        /// The settings that x264 writes into its stream tell whose encode it is.
        var keepsPictures: Bool {
            !plans.contains { if case .encode = $0 { true } else { false } }
        }
    }

    private static let tags = [
        "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-color_primaries", "bt709", "-color_trc",
        "bt709", "-colorspace", "bt709", "-color_range", "tv",
    ]
    private static let clean = ["-map_metadata", "-1", "-fflags", "+bitexact"]
    private static let right = tags + clean + ["-movflags", "+faststart"]
    private static let sine = ["-f", "lavfi", "-i", "sine=d=5:r=48000"]

    static let rows: [Row] = [
        Row(name: "conforms", options: right, plans: [.move]),
        Row(name: "moov at the end", options: tags + clean, plans: [.move]),
        Row(
            name: "brand and metadata of others",
            options: tags + ["-brand", "qt  ", "-metadata", "title=x"],
            plans: [.move]
        ),
        Row(name: "sound not wanted", options: right + ["-c:a", "aac"], inputs: sine, plans: [.move]),
        Row(
            name: "sound wanted and right",
            options: right + ["-c:a", "aac"],
            inputs: sine,
            wantsSound: true,
            plans: [.move],
            hasSound: true
        ),
        Row(name: "a time code track", options: right + ["-timecode", "01:00:00:00"], plans: [.move]),
        // Its colour box is of another type.
        Row(name: "QuickTime", options: right + ["-f", "mov"], plans: [.edit]),
        Row(name: "no colour tag", options: clean, plans: [.edit]),
        Row(
            name: "half a colour tag",
            options: ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_range", "tv"],
            plans: [.edit]
        ),
        Row(
            name: "fragments",
            options: tags + clean + ["-movflags", "frag_keyframe+empty_moov"],
            plans: [.copy(.drop), .move]
        ),
        Row(name: "avc3", options: tags + clean + ["-tag:v", "avc3"], plans: [.copy(.drop), .move]),
        Row(
            name: "MP3 that is wanted",
            options: right + ["-c:a", "libmp3lame"],
            inputs: sine,
            wantsSound: true,
            plans: [.copy(.encode), .move],
            hasSound: true
        ),
        Row(name: "24 fps", rate: "24", options: right, plans: [.edit]),
        Row(name: "25 fps", rate: "25", options: right, plans: [.edit]),
        Row(name: "141 frames at 25 for six seconds, scaled to five", rate: "25", length: 4.68, plans: [.edit]),
        Row(
            name: "24 fps, no tag, metadata, sound that nobody wants",
            rate: "24",
            options: ["-metadata", "title=x", "-c:a", "aac"],
            inputs: sine,
            plans: [.edit]
        ),
        Row(
            name: "fragments at 24 fps without a tag",
            rate: "24",
            options: ["-movflags", "frag_keyframe+empty_moov"],
            plans: [.copy(.drop), .edit]
        ),
        Row(
            name: "too short, with sound that is wanted",
            rate: "25",
            length: 4.68,
            options: ["-c:a", "aac", "-shortest"],
            inputs: sine,
            wantsSound: true,
            plans: [.copy(.encode), .edit],
            hasSound: true
        ),
        Row(name: "HEVC", options: ["-c:v", "libx265", "-x265-params", "log-level=error"], plans: [.encode(.drop)]),
        Row(name: "10 bit", options: ["-pix_fmt", "yuv420p10le"], plans: [.encode(.drop)]),
        Row(name: "4:2:2", options: ["-pix_fmt", "yuv422p"], plans: [.encode(.drop)]),
        Row(name: "odd sides", size: "321x193", options: ["-pix_fmt", "yuv444p"], plans: [.encode(.drop)]),
        Row(name: "oblong pixels", options: ["-vf", "setsar=16/11"], plans: [.encode(.drop)]),
        Row(
            name: "full range",
            options: ["-vf", "scale=out_range=pc", "-color_range", "pc"],
            plans: [.encode(.drop)]
        ),
        Row(
            name: "interlaced",
            rate: "25",
            options: ["-vf", "setfield=tff", "-flags", "+ildct+ilme"],
            plans: [.encode(.drop)]
        ),
        Row(
            name: "10 bit in fragments, MP3 that is wanted",
            options: ["-pix_fmt", "yuv420p10le", "-c:a", "libmp3lame", "-movflags", "frag_keyframe+empty_moov"],
            inputs: sine,
            wantsSound: true,
            plans: [.copy(.encode), .encode(.encode)],
            hasSound: true
        ),
        Row(
            name: "too few frames that can be repeated",
            rate: "24",
            options: ["-x264-params", "keyint=33:bframes=8:b-pyramid=0:b-adapt=0"],
            plans: [.edit, .encode(.drop)]
        ),
    ]

    private let folder: TemporaryFolder
    private let tools: MediaTools

    init() async throws {
        folder = try TemporaryFolder()
        tools = try await TestTools.find()
    }

    private func make(_ row: Row) async throws {
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=\(row.size):r=\(row.rate):d=\(row.length)"] + row.inputs
                + [
                    "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-g", "33",
                ] + row.options + [folder.path("part.mp4")]
        )
    }

    private func order(seconds: Int = 5, wantsSound: Bool, photo: String? = nil) -> PublishOrder {
        PublishOrder(
            seconds: seconds,
            wantsSound: wantsSound,
            source: photo.map { .init(path: folder.path($0), orientation: .upright) },
            provenance: Provenance(source: .trainedAlgorithmicMedia, system: nil)
        )
    }

    private func decide(_ row: Row, gone: Set<MediaPlan.Way> = []) async throws -> MediaPlan {
        let facts = try await VideoProbe(tools: tools)
            .examine("part.mp4", in: FilePath(folder.url.path), seconds: 5, allowsSound: row.wantsSound)
        return MediaPlan.decide(facts, MediaPlan.Order(seconds: 5, wantsSound: row.wantsSound), gone: gone)
    }

    @Test(arguments: rows)
    func `each kind of file goes its way and becomes the file of the target`(row: Row) async throws {
        try await make(row)
        #expect(try await decide(row) == row.plans[0])
        let steps = Mutex<[MediaPlan]>([])
        let pipeline = FFmpegPipeline(tools: tools) { event in
            if case .decided(let plan) = event { steps.withLock { $0.append(plan) } }
        }
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(wantsSound: row.wantsSound)
        )
        #expect(steps.withLock { $0 } == row.plans)
        let verdict = try await ToolRunner.run(Project.checker, [video.video, "5"])
        #expect(verdict.status == 0, "\(verdict.text)")
        try await pipeline.check(video.video, seconds: 5, allowsSound: row.wantsSound)
        let bytes = try Data(contentsOf: URL(filePath: video.video))
        #expect((bytes.firstRange(of: Data("keyint=33 ".utf8)) != nil) == row.keepsPictures)
        let sound = try await ToolRunner.succeed(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name,duration", "-of", "csv=p=0",
                video.video,
            ]
        )
        let words = sound.text.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ",")
        #expect(words.first == (row.hasSound ? "aac" : nil))
        // It ends with the picture, also where that was stretched.
        if let length = words.last.flatMap({ Double($0) }) { #expect(abs(length - 5) < 0.06, "\(length)") }
    }

    @Test(arguments: ["30", "24"])
    func `after a failed check nothing of the stream is kept`(rate: String) async throws {
        try await make(Row(name: "again", rate: rate, options: Self.right, plans: []))
        let again = PublishOrder(
            seconds: 5,
            wantsSound: false,
            provenance: Provenance(source: .trainedAlgorithmicMedia, system: nil),
            mayKeepStream: false
        )
        let video = try await FFmpegPipeline(tools: tools)
            .publishable(from: [folder.path("part.mp4")], in: folder.url.path, order: again)
        #expect(try Data(contentsOf: URL(filePath: video.video)).firstRange(of: Data("keyint=60 ".utf8)) != nil)
    }

    // MARK: Length

    @Test(arguments: [(4.4, false), (5.6, false), (4.68, true), (5.4, true)])
    func `a video is a tenth longer or shorter than ordered, not more`(length: Double, isTaken: Bool) async throws {
        let row = Row(name: "length", rate: "25", length: length, plans: [])
        try await make(row)
        switch try await decide(row) {
        case .refuse(let error):
            #expect(!isTaken)
            #expect(error.code == .outputInvalid)
            #expect(!error.isRetryable, "it will be as long the next time")
            #expect(error.message.contains("instead of 5 s"))
        default: #expect(isTaken)
        }
    }

    /// Frames that carry their number, as ten black or white stripes.
    @Test(
        arguments: [("24", 4.6), ("24", 5.0), ("24", 5.4), ("25", 4.68), ("16", 5.06), ("30", 4.7), ("30", 5.3)],
        RetimingPolicy.allCases
    )
    func `frames are spread evenly and the end never stands still`(
        clip: (rate: String, length: Double),
        policy: RetimingPolicy
    ) async throws {
        try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "color=black:s=320x192:r=\(clip.rate):d=\(clip.length)", "-vf",
                "format=gray,geq=lum='235*mod(floor(N/pow(2,floor(X/32))),2)',format=yuv420p", "-c:v", "libx264",
                folder.path("part.mp4"),
            ]
        )
        let video = try await FFmpegPipeline(tools: tools, retiming: policy)
            .publishable(from: [folder.path("part.mp4")], in: folder.url.path, order: order(wantsSound: false))
        let shown = try await numbers(video.video)
        let count = Int((try #require(Double(clip.rate)) * clip.length).rounded())
        #expect(shown.count == 150)
        #expect(shown == shown.sorted())
        // Each frame stands where its time is, give or take one; only those near the end may be left out.
        for (slot, number) in shown.enumerated() {
            #expect(abs(Double(number) - Double(slot) * Double(count) / 150) <= 1.5, "\(slot): \(number)")
        }
        let most = Int((150 / Double(count)).rounded(.up)) + 1
        #expect(shown.count { $0 == shown.last } <= most, "\(shown.suffix(8))")
    }

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
            .map { start in (0..<10).reduce(0) { $0 + (pixels[start + $1] > 128 ? 1 << $1 : 0) } }
    }

    // MARK: Colour

    /// The photo as both kinds of provider send it: untagged, in one matrix or the other.
    @Test(arguments: Project.photos.filter { $0 != "grey" }, ["bt709", "smpte170m"])
    func `what untagged colours mean is seen by the photo`(photo: String, matrix: String) async throws {
        try FileManager.default.copyItem(at: Project.photo(photo), to: folder.url.appending(path: "photo.jpg"))
        try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-loop", "1", "-t", "5", "-r", "24", "-i", folder.path("photo.jpg"), "-vf",
                "scale=640:-2:out_color_matrix=\(matrix):out_range=tv,crop=iw*0.96:ih*0.96,scale=320:192,setsar=1,format=yuv420p",
                "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-bsf:v",
                "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2",
                folder.path("part.mp4"),
            ]
        )
        let steps = Mutex<[MediaEvent]>([])
        let pipeline = FFmpegPipeline(tools: tools) { event in
            if case .took = event { return }
            steps.withLock { $0.append(event) }
        }
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(wantsSound: false, photo: "photo.jpg")
        )
        #expect(steps.withLock { $0 } == [.decided(.edit)])
        let tag = try await ToolRunner.succeed(
            "ffprobe",
            ["-v", "error", "-show_entries", "stream=color_space", "-of", "csv=p=0", video.video]
        )
        #expect(tag.text.trimmingCharacters(in: .whitespacesAndNewlines) == matrix)
        try await pipeline.check(video.video, seconds: 5, allowsSound: false)

        // The poster has the colours of the photo, which the other reading would tint.
        var pixels: [[UInt8]] = []
        for name in ["photo.jpg", "poster.jpg"] {
            let raw = try await ToolRunner.succeed(
                "ffmpeg",
                [
                    "-v", "error", "-i", folder.path(name), "-vf", "scale=8:8:flags=area,format=rgb24", "-f",
                    "rawvideo", "-",
                ]
            )
            pixels.append([UInt8](raw.stdout))
        }
        let differences = zip(pixels[0], pixels[1]).map { abs(Int($0) - Int($1)) }
        #expect(differences.count == 192)
        #expect(differences.reduce(0, +) < 192 * 8, "\(differences)")
    }

    @Test func `an encode reads untagged colours by the photo, too, and a broken photo tells nothing`() async throws {
        let photo = try Data(contentsOf: Project.photo("bee"))
        try photo.write(to: folder.url.appending(path: "photo.jpg"))
        try photo.prefix(photo.count / 3).write(to: folder.url.appending(path: "broken.jpg"))
        try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-loop", "1", "-t", "5", "-r", "24", "-i", folder.path("photo.jpg"), "-vf",
                "scale=320:192:out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p", "-c:v", "libx264", "-bf",
                "0",
                "-bsf:v", "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2",
                folder.path("part.mp4"),
            ]
        )
        var means: [[Int]] = []
        for (policy, name) in [(RetimingPolicy.lossless, "photo.jpg"), (.encode, "photo.jpg"), (.encode, "broken.jpg")]
        {
            let video = try await FFmpegPipeline(tools: tools, retiming: policy)
                .publishable(
                    from: [folder.path("part.mp4")],
                    in: folder.url.path,
                    order: order(wantsSound: false, photo: name)
                )
            let raw = try await ToolRunner.succeed(
                "ffmpeg",
                [
                    "-v", "error", "-i", video.video, "-frames:v", "1", "-vf",
                    "crop=64:64:0:0,scale=1:1:flags=area:in_color_matrix=bt709,format=rgb24", "-f", "rawvideo", "-",
                ]
            )
            means.append(raw.stdout.map { Int($0) })
            try FileManager.default.removeItem(atPath: video.video)
        }
        func difference(_ one: [Int], _ other: [Int]) -> Int { zip(one, other).map { abs($0 - $1) }.reduce(0, +) }
        #expect(difference(means[0], means[1]) <= 4, "\(means)")
        #expect(difference(means[0], means[2]) > 4, "taken for BT.601: \(means)")
    }

    @Test(arguments: [("bt709", VideoFacts.Colour.foreign), ("unknown", .untagged)])
    func `other codecs name their colours where only a decoder looks`(name: String, colour: VideoFacts.Colour)
        async throws
    {
        try await make(
            Row(
                name: "HEVC",
                options: ["-c:v", "libx265", "-x265-params", "log-level=error"]
                    + (name == "unknown" ? [] : ["-colorspace", name, "-movflags", "-write_colr"]),
                plans: []
            )
        )
        let facts = try await VideoProbe(tools: tools)
            .examine("part.mp4", in: FilePath(folder.url.path), seconds: 5)
        #expect(facts.codec == .other)
        #expect(facts.colour == colour)
    }

    // MARK: HD

    @Test(arguments: ["1920x1080", "1080x1920"])
    func `a video of more than 720 lines is the HD result and has a preview`(size: String) async throws {
        try await make(
            Row(
                name: "HD",
                rate: "24",
                size: size,
                options: Self.right + ["-c:a", "aac"],
                inputs: Self.sine,
                wantsSound: true,
                plans: []
            )
        )
        let pipeline = FFmpegPipeline(tools: tools)
        let video = try await pipeline.publishable(
            from: [folder.path("part.mp4")],
            in: folder.url.path,
            order: order(wantsSound: true)
        )
        let result = try #require(video.result)
        #expect("\(result.size.width)x\(result.size.height)" == size)
        #expect(video.size.lines == 720 && max(video.size.width, video.size.height) == 1_280)
        #expect(video.video != result.path)
        for path in [video.video, result.path] {
            let verdict = try await ToolRunner.run(Project.checker, [path, "5"])
            #expect(verdict.status == 0, "\(verdict.text)")
            try await pipeline.check(path, seconds: 5, allowsSound: true)
            #expect(
                try Data(contentsOf: URL(filePath: path)).firstRange(of: Data("trainedAlgorithmicMedia".utf8)) != nil
            )
        }
        // The HD result is the model's own stream.
        let bytes = try Data(contentsOf: URL(filePath: result.path))
        #expect(bytes.firstRange(of: Data("keyint=33 ".utf8)) != nil)
        // The poster is frame 0 of what is played.
        let likeness = try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "info", "-i", video.video, "-i", video.poster, "-filter_complex",
                "[0:v]trim=end_frame=1,scale=\(video.size.poster.width):\(video.size.poster.height):flags=bicubic,format=gray[a];"
                    + "[1:v]scale=in_range=pc:out_range=tv,format=gray[b];[a][b]ssim", "-f", "null", "-",
            ]
        )
        let similarity = try #require(likeness.errorText.firstMatch(of: /All:([0-9.]+)/)).output.1
        #expect(try #require(Double(similarity)) > 0.93, "\(similarity)")
    }

    @Test func `sizes of previews and posters`() {
        for (size, preview, poster) in [
            (FrameSize(width: 1280, height: 720), nil, FrameSize(width: 640, height: 360)),
            (FrameSize(width: 960, height: 960), nil, FrameSize(width: 640, height: 640)),
            (FrameSize(width: 320, height: 192), nil, FrameSize(width: 320, height: 192)),
            (
                FrameSize(width: 1920, height: 1080), FrameSize(width: 1280, height: 720),
                FrameSize(width: 640, height: 360)
            ),
            (
                FrameSize(width: 1440, height: 1440), FrameSize(width: 720, height: 720),
                FrameSize(width: 640, height: 640)
            ),
            (FrameSize(width: 720, height: 1280), nil, FrameSize(width: 640, height: 1138)),
        ] {
            #expect(size.preview == preview)
            #expect(size.poster == poster)
        }
    }

    // MARK: Refusals

    @Test func `what is cut off or hostile is refused before ffmpeg sees it`() async throws {
        let row = Row(name: "cut", options: Self.right, plans: [])
        try await make(row)
        let file = folder.url.appending(path: "part.mp4")
        let whole = try Data(contentsOf: file)
        try whole.prefix(whole.count / 2).write(to: file)
        guard case .refuse(let error) = try await decide(row) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .outputInvalid && error.isRetryable)

        var elsewhere = BoxEditor([UInt8](whole))
        elsewhere.edit("moov/trak/mdia/minf/dinf/dref/url ") {
            $0.head = [0, 0, 0, 0] + Array("file:///etc/passwd".utf8)
        }
        try Data(elsewhere.file()).write(to: file)
        guard case .refuse(let error) = try await decide(row) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .outputInvalid && !error.isRetryable)
    }

    @Test func `pictures larger than any model makes are refused`() {
        let facts = VideoFacts(size: FrameSize(width: 8_192, height: 4_320), length: 5)
        guard case .refuse(let error) = MediaPlan.decide(facts, .init(seconds: 5, wantsSound: false)) else {
            Issue.record("not refused")
            return
        }
        #expect(!error.isRetryable)
        #expect(error.message.contains("8192 × 4320"))
    }

    /// Whatever is seen, whatever was gone: it ends.
    @Test func `every file comes to an end`() {
        for codec in [VideoFacts.Codec.h264, .h264InBand, .other] {
            for sound in [VideoFacts.Sound.none, .lowComplexity, .other] {
                for isFragmented in [false, true] {
                    for rules in [[], [2], [8], [9], [16], [4], [2, 9, 16, 17]] as [Set<Int>] {
                        for retiming in RetimingPolicy.allCases {
                            var facts = VideoFacts(
                                codec: codec,
                                size: FrameSize(width: 640, height: 360),
                                length: 5,
                                sound: sound,
                                brokenRules: rules
                            )
                            facts.isFragmented = isFragmented
                            let order = MediaPlan.Order(seconds: 5, wantsSound: true, retiming: retiming)
                            var gone: Set<MediaPlan.Way> = []
                            var ended = false
                            for _ in 0..<4 where !ended {
                                switch MediaPlan.decide(facts, order, gone: gone) {
                                case .move: #expect(gone.insert(.move).inserted)
                                case .copy: #expect(gone.insert(.copy).inserted)
                                case .edit: #expect(gone.insert(.edit).inserted)
                                case .encode, .refuse: ended = true
                                }
                            }
                            #expect(ended)
                        }
                    }
                }
            }
        }
    }
}
