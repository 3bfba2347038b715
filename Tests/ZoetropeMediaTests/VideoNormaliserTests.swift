import Foundation
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// Videos of every kind that a model may send, real ones, made by ffmpeg.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct VideoNormaliserTests {
    struct Odd: Sendable, CustomTestStringConvertible {
        let name: String
        var rate = "24"
        var size = "320x192"
        var options = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
        var seconds = 2.0
        var result = FrameSize(width: 320, height: 192)

        var testDescription: String { name }
    }

    static let odd: [Odd] = [
        Odd(name: "24 fps"),
        Odd(name: "25 fps, untagged colour", rate: "25"),
        Odd(name: "60 fps", rate: "60"),
        Odd(
            name: "variable rate",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-vf", "select='mod(n,5)'", "-vsync", "vfr"]
        ),
        Odd(name: "10 bit", options: ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"]),
        Odd(
            name: "4:4:4 with odd sides",
            size: "321x193",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv444p"],
            result: FrameSize(width: 320, height: 192)
        ),
        Odd(
            name: "pixels 16:11",
            size: "352x288",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-vf", "setsar=16/11"],
            result: FrameSize(width: 512, height: 288)
        ),
        Odd(
            name: "full range",
            options: ["-vf", "scale=out_range=pc", "-color_range", "pc", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
        ),
        Odd(
            name: "open GOP",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params", "open-gop=1:keyint=12"]
        ),
        Odd(
            name: "interlaced",
            rate: "25",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-vf", "setfield=tff", "-flags", "+ildct+ilme"]
        ),
        Odd(name: "MPEG-4 part 2", options: ["-c:v", "mpeg4"]),
        Odd(name: "HEVC", options: ["-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1"]),
        Odd(
            name: "fragmented",
            options: ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov"]
        ),
        Odd(
            name: "sound that goes on longer",
            options: ["-f", "lavfi", "-i", "sine", "-t", "3", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        ),
        Odd(name: "a little short", seconds: 1.84),
        Odd(name: "a little long", seconds: 2.16),
        Odd(name: "larger than the target", size: "2560x1440", result: FrameSize(width: 1926, height: 1082)),
    ]

    private func make(_ odd: Odd, in folder: TemporaryFolder) async throws {
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=\(odd.size):r=\(odd.rate):d=\(odd.seconds)"] + odd.options
                + ["-preset", "ultrafast", folder.path("in.mp4")]
        )
    }

    /// Encodes without asking whether less would do.
    private func normalise(in folder: TemporaryFolder, seconds: Int = 2) async throws -> FrameSize {
        let tools = try await TestTools.find()
        let work = FilePath(folder.url.path)
        let facts = try await VideoProbe(tools: tools).examine("in.mp4", in: work, seconds: seconds)
        if case .refuse(let error) = MediaPlan.decidePart(facts) { throw error }
        let size = try await VideoNormaliser(tools: tools)
            .encode(.init(name: "in.mp4", facts: facts), to: "out.mp4", in: work, seconds: seconds)
        let verifier = ClipVerifier(tools: tools)
        try verifier.checkBoxes("out.mp4", in: work, seconds: seconds, size: size)
        try await verifier.decodeAll("out.mp4", in: work, seconds: seconds, allowsSound: false)
        return size
    }

    @Test(arguments: odd)
    func `whatever comes becomes the file of the target`(odd: Odd) async throws {
        let folder = try TemporaryFolder()
        try await make(odd, in: folder)
        #expect(try await normalise(in: folder) == odd.result)
        let verdict = try await ToolRunner.run(Project.checker, [folder.path("out.mp4"), "2"])
        #expect(verdict.status == 0, "\(verdict.text)")
    }

    @Test func `a picture that lies on its side is turned upright`() async throws {
        let folder = try TemporaryFolder()
        try await make(Odd(name: "flat"), in: folder)
        try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-i", folder.path("in.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90",
                folder.path("turned.mp4"),
            ]
        )
        try FileManager.default.removeItem(atPath: folder.path("in.mp4"))
        try FileManager.default.moveItem(atPath: folder.path("turned.mp4"), toPath: folder.path("in.mp4"))
        #expect(try await normalise(in: folder) == FrameSize(width: 192, height: 320))
    }

    @Test func `a file that conforms is seen to, without ffprobe`() async throws {
        let folder = try TemporaryFolder()
        try await make(Odd(name: "plain"), in: folder)
        _ = try await normalise(in: folder)
        var tools = try await TestTools.find()
        tools.ffprobe = "/nonexistent/ffprobe"
        let facts = try await VideoProbe(tools: tools).examine("out.mp4", in: FilePath(folder.url.path), seconds: 2)
        #expect(facts.brokenRules.isEmpty)
        #expect(facts.size == FrameSize(width: 320, height: 192))
    }

    /// Names of files that stock ffmpeg follows from a file called `.mp4`; the canary is another tenant's video.
    @Test(arguments: [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nfile://CANARY\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'canary.mp4'\n",
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"/>",
        "<!DOCTYPE html><html><body>Service unavailable</body></html>",
        "{\"detail\": \"not found\"}",
        "",
    ])
    func `what is not an MP4 is refused, and nothing it names is opened`(text: String) async throws {
        let folder = try TemporaryFolder()
        try await make(Odd(name: "canary"), in: folder)
        try FileManager.default.moveItem(atPath: folder.path("in.mp4"), toPath: folder.path("canary.mp4"))
        let hostile = text.replacing("CANARY", with: folder.path("canary.mp4"))
        try Data(hostile.utf8).write(to: folder.url.appending(path: "in.mp4"))
        let error = await #expect(throws: MediaError.self) { _ = try await normalise(in: folder) }
        #expect(error?.code == .outputInvalid)
        #expect(!FileManager.default.fileExists(atPath: folder.path("out.mp4")))
    }

    @Test(arguments: [0.3, 0.6, 0.95])
    func `a video that is cut off is refused`(part: Double) async throws {
        let folder = try TemporaryFolder()
        try await make(Odd(name: "whole"), in: folder)
        let bytes = try Data(contentsOf: folder.url.appending(path: "in.mp4"))
        try bytes.prefix(Int(Double(bytes.count) * part)).write(to: folder.url.appending(path: "in.mp4"))
        let error = await #expect(throws: MediaError.self) { _ = try await normalise(in: folder) }
        #expect(error?.code == .outputInvalid)
    }

    @Test func `a video with flipped bits is refused`() async throws {
        let folder = try TemporaryFolder()
        try await make(Odd(name: "whole"), in: folder)
        var bytes = try [UInt8](Data(contentsOf: folder.url.appending(path: "in.mp4")))
        let data = try #require(bytes.firstRange(of: Array("mdat".utf8)))
        for index in stride(from: data.upperBound + 900, to: min(bytes.count, data.upperBound + 40_000), by: 61) {
            bytes[index] ^= 0x3C
        }
        try Data(bytes).write(to: folder.url.appending(path: "in.mp4"))
        let error = await #expect(throws: MediaError.self) { _ = try await normalise(in: folder) }
        #expect(error?.code == .outputInvalid)
    }
}
