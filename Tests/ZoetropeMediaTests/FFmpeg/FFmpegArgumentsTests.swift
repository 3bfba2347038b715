import Testing
import ZoetropeCore
import ZoetropeMedia

@Suite struct FFmpegArgumentsTests {
    private static let size = FrameSize(width: 1280, height: 720)

    private static func header(
        _ format: ImageFormat = .jpeg,
        orientation: ImageOrientation = .upright,
        hasAlpha: Bool = false,
        bitDepth: Int = 8
    ) -> ImageHeader {
        ImageHeader(
            format: format,
            width: 4000,
            height: 3000,
            orientation: orientation,
            hasAlpha: hasAlpha,
            bitDepth: bitDepth,
            isGreyscale: false
        )
    }

    private static func decode(_ header: ImageHeader) -> [String] {
        FFmpegArguments.decodePhoto(
            header,
            crop: header.uprightSize.crop(toAspectOf: size),
            size: size
        )
    }

    private static let every: [[String]] =
        ImageFormat.allCases.map { decode(header($0)) } + [
            FFmpegArguments.encodeFrames(size: size, frames: 150, output: "clip.mp4"),
            FFmpegArguments.decodeFully("clip.mp4"),
            FFmpegArguments.decodeKeyFrames("clip.mp4", posterSize: FrameSize(width: 640, height: 360)),
            FFmpegArguments.encode(.init("in.mp4", to: "out.mp4", size: size, frames: 150)),
            FFmpegArguments.preview(of: "in.mp4", to: "out.mp4", size: size, effort: .standard),
            FFmpegArguments.lastFrame(of: "in.mp4", to: "out.png", size: size, isInterlaced: false),
            FFmpegArguments.copy("in.mp4", to: "out.mp4", isH264: true, sound: .encode, stretch: 1, seconds: 5),
        ]

    @Test(arguments: every)
    func `every command names its input format and the protocols it may use, before the input`(words: [String]) throws {
        let input = try #require(words.firstIndex(of: "-i"))
        #expect(words[..<input].contains("-f"))
        let whitelist = try #require(words.firstIndex(of: "-protocol_whitelist"))
        #expect(whitelist < input)
        #expect(["pipe", "file", "pipe,file", "file,pipe"].contains(words[whitelist + 1]))
        #expect(words.contains("-nostdin") && words.contains("-xerror"))
        #expect(words.value(of: "-err_detect") == "explode", "without it, ffmpeg makes do with broken data")
        #expect(!words.contains { $0.contains("://") })
    }

    @Test func `files are named as files, so that a name is never taken for a protocol or an option`() {
        let encode = FFmpegArguments.encodeFrames(size: Self.size, frames: 150, output: "-clip.mp4")
        #expect(encode.last == "file:-clip.mp4")
        #expect(FFmpegArguments.decodeFully("concat:a|b").contains("file:concat:a|b"))
    }

    @Test(
        arguments: [
            (FrameSize(width: 848, height: 480), "veryfast", "18", "4000000", "8000000"),
            (FrameSize(width: 1280, height: 720), "veryfast", "18", "8000000", "16000000"),
            (FrameSize(width: 720, height: 1280), "veryfast", "18", "8000000", "16000000"),
            (FrameSize(width: 1920, height: 1088), "superfast", "20", "12000000", "24000000"),
        ]
    )
    func `the encoder is told the numbers of the target`(
        size: FrameSize,
        preset: String,
        crf: String,
        maxRate: String,
        buffer: String
    ) {
        let words = FFmpegArguments.encodeFrames(size: size, frames: 150, output: "clip.mp4")
        for (option, value) in [
            ("-preset", preset), ("-crf", crf), ("-maxrate", maxRate), ("-bufsize", buffer), ("-profile:v", "high"),
            ("-g", "60"), ("-bf", "2"), ("-threads", "2"), ("-framerate", "30"), ("-video_track_timescale", "15360"),
            ("-frames:v", "150"), ("-map_metadata", "-1"), ("-video_size", "\(size.width)x\(size.height)"),
        ] {
            #expect(words.value(of: option) == value, "\(option)")
        }
        #expect(words.contains("+faststart") && words.contains("+bitexact"))
        #expect(words.filter { $0 == "-colorspace" }.count == 2, "frames and file are both tagged")
    }

    @Test func `a photo is cropped as it is stored and turned upright when it is small`() throws {
        let filters = try #require(Self.decode(Self.header(orientation: .rotated90)).value(of: "-vf"))
        #expect(filters.hasPrefix("crop=1688:3000:578:0:"))
        #expect(filters.contains("scale=720:1280:"))
        #expect(filters.hasSuffix("transpose=clock"))
    }

    @Test(arguments: [(8, "format=gbrap,premultiply"), (16, "format=gbrap16le,premultiply")])
    func `what is transparent is multiplied away in the samples' own depth`(depth: Int, filter: String) throws {
        let filters = try #require(Self.decode(Self.header(.png, hasAlpha: true, bitDepth: depth)).value(of: "-vf"))
        #expect(filters.hasPrefix(filter))
        #expect(Self.decode(Self.header(.png, bitDepth: depth)).value(of: "-vf")?.contains("premultiply") == false)
    }
}

extension [String] {
    /// The word after the last occurrence of an option.
    fileprivate func value(of option: String) -> String? {
        lastIndex(of: option).flatMap { $0 + 1 < count ? self[$0 + 1] : nil }
    }
}
