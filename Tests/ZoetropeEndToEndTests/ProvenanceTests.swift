import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

/// What published files say of themselves, from the first byte of the provider to the caller's disk.
@Suite(.enabled(if: ToolRunner.has("ffmpeg", "exiftool"), "needs ffmpeg and exiftool"), .timeLimit(.minutes(5)))
struct ProvenanceTests {
    private static let vocabulary = "http://cv.iptc.org/newscodes/digitalsourcetype/"
    private static let trained = vocabulary + "trainedAlgorithmicMedia"

    /// The clips of a provider that are published in each of the ways there are, and what our own renderer makes.
    static let clips: [(name: String, order: String, video: Plan.VideoOverrides, source: String, system: String?)] = [
        ("as it is", minimax, .init(width: 256, height: 144, framesPerSecond: 30), trained, "minimax/video-01-live"),
        (
            "another rate", minimax, .init(width: 256, height: 144, framesPerSecond: 25), trained,
            "minimax/video-01-live"
        ),
        ("odd sides", minimax, .init(width: 255, height: 143, framesPerSecond: 30), trained, "minimax/video-01-live"),
        (
            "sound", #"{"model": "replicate_wan", "params": {"prompt": "sea", "audio": true}}"#,
            .init(width: 256, height: 144, hasAudio: true), trained, "wan-video/wan-2.5-i2v"
        ),
        (
            "our renderer", #"{"model": "local", "params": {"resolution": "480p"}}"#,
            .init(), vocabulary + "algorithmicallyEnhanced", nil
        ),
    ]
    private static let minimax = #"{"model": "replicate_video_01_live"}"#

    @Test(arguments: clips.indices)
    func `the mark is in the file that a caller downloads, and says what the API says`(index: Int) async throws {
        let clip = Self.clips[index]
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(.plan(Plan(queueSeconds: 0.1, runSeconds: 0.3, video: clip.video), times: nil))
                let place = try await Installation(.sqlite, simulator)
                let service = try place.serve()
                let address = try await service.address()
                let job = try #require(try await place.createJob(address, kind: "photo"))
                let path = "/api/v1/jobs/\(job)/animations"
                let order = try await place.call("POST", address + path, ["--json", clip.order])
                let id = try #require(order?.body["id"]?.string, "\(String(describing: order))")
                let final = try await place.final(address, "\(path)/\(id)", sceneIsGone: false)
                #expect(final["digital_source_type"] == .string(clip.source), "\(clip.name): \(final)")

                let file = place.folder.path("download.mp4")
                let url = try #require(final["preview_url"]?.string, "\(clip.name): \(final)")
                try await ToolRunner.succeed("curl", ["-sSf", "-m", "20", "-o", file, url])
                try await Self.check(file, source: clip.source, system: clip.system)
                service.signal(SIGTERM)
                try await service.end()
            }
        }
    }

    /// By exiftool and by the command.
    private static func check(_ file: String, source: String, system: String?) async throws {
        let exiftool = try await ToolRunner.succeed("exiftool", ["-j", "-G1", "-XMP:all", "-ItemList:all", file])
        let tags = try StrictJSON.JSONValue(parsing: Array(exiftool.stdout)).array?.first
        #expect(tags?["XMP-iptcExt:DigitalSourceType"] == .string(source), "\(exiftool.text)")
        #expect(tags?["XMP-iptcExt:AISystemUsed"]?.string == system, "\(exiftool.text)")
        #expect(tags?["ItemList:Title"] == "Zoetrope", "\(exiftool.text)")
        let told = try await ToolRunner.succeed(Program.path, ["provenance", "--json", file])
        let object = try StrictJSON.JSONValue(parsing: Array(told.stdout))
        #expect(object["digital_source_type"] == .string(source) && object["ai_system"]?.string == system)
        #expect(object["ai_generated"] == .bool(source == trained) && object["marks"] == 1)
    }

    // MARK: The command

    @Test func `the command says in clear words what a mark means`() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path("clip.mp4")
        try await makeClip(file)
        try await ToolRunner.succeed(
            "exiftool",
            [
                "-q", "-overwrite_original", "-XMP-iptcExt:DigitalSourceType=\(Self.trained)",
                "-XMP-xmp:CreatorTool=Another program", file,
            ]
        )
        let told = try await Program.run("provenance", "clip.mp4", in: folder)
        #expect(told.status == 0 && told.errorText.isEmpty)
        #expect(
            told.text == """
                how it was made  An AI model drew the frames of this video.
                source type      \(Self.trained)
                written by       Another program

                """
        )
    }

    @Test func `without a mark it says so and ends with 1`() async throws {
        let folder = try TemporaryFolder()
        try await makeClip(folder.path("clip.mp4"))
        let told = try await Program.run("provenance", "clip.mp4", in: folder)
        #expect(told.status == 1 && told.text.isEmpty)
        #expect(told.errorText == "Error: \"clip.mp4\" has no mark that says how it was made\n")
        let json = try await Program.run("provenance", "clip.mp4", "--json", in: folder)
        let object = try StrictJSON.JSONValue(parsing: Array(json.stdout))
        #expect(json.status == 1 && object["digital_source_type"] == .null && object["ai_generated"] == .null)
    }

    @Test(arguments: ["#EXTM3U\n", "", "\u{0}\u{0}\u{0}\u{0}", "<html>"])
    func `what is no MP4 is said to be none`(content: String) async throws {
        let folder = try TemporaryFolder()
        try Data(content.utf8).write(to: folder.url.appending(path: "clip.mp4"))
        let told = try await Program.run("provenance", "clip.mp4", in: folder)
        #expect(told.status == 1)
        #expect(told.errorText.hasPrefix("Error: \"clip.mp4\" cannot be read as an MP4: "), "\(told.errorText)")
        let missing = try await Program.run("provenance", "none.mp4", in: folder)
        #expect(missing.status == 1 && missing.errorText.contains("No such file"), "\(missing.errorText)")
        #expect(try await Program.run("provenance", in: folder).status == 2)
    }

    private func makeClip(_ path: String) async throws {
        let input = ["-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.1:r=30"]
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error"] + input + ["-c:v", "libx264", "-fflags", "+bitexact", path]
        )
    }
}
