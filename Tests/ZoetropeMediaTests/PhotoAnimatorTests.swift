import Foundation
import Synchronization
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// The whole local path on real photographs.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PhotoAnimatorTests {
    static func photo(_ name: String) throws -> StillImage {
        try StillImage(parsing: [UInt8](Data(contentsOf: Project.photo(name))))
    }

    /// Runs the path and hands the clip over before its folder goes.
    private func animate<Result>(
        _ photo: StillImage,
        _ request: AnimationRequest,
        onProgress: @escaping @Sendable (AnimationProgress) -> Void = { _ in },
        _ body: (RenderedClip) async throws -> Result
    ) async throws -> Result {
        let folder = try TemporaryFolder()
        let tools = try await TestTools.find()
        let clip = try await PhotoAnimator(tools: tools)
            .animate(
                photo,
                request,
                in: FilePath(folder.url.path),
                onProgress: onProgress
            )
        return try await body(clip)
    }

    @Test(arguments: Project.photos)
    func `a photograph becomes a file that an independent checker accepts`(name: String) async throws {
        try await animate(Self.photo(name), AnimationRequest(resolution: "480p")) { clip in
            let verdict = try await ToolRunner.run(Project.checker, [clip.file.string, "5"])
            #expect(verdict.status == 0, "\(verdict.text)")
        }
    }

    @Test(arguments: [("480p", 6), ("720p", 5), ("720p", 10), ("1080p", 5)])
    func `every resolution and length is kept to the frame`(resolution: String, seconds: Int) async throws {
        let request = try AnimationRequest(resolution: resolution, seconds: seconds, tier: .paid)
        try await animate(Self.photo("people"), request) { clip in
            let verdict = try await ToolRunner.run(Project.checker, [clip.file.string, "\(seconds)"])
            #expect(verdict.status == 0, "\(verdict.text)")
            #expect(clip.size.width % 16 == 0 && clip.size.height % 16 == 0)
            #expect(clip.size.pixels <= request.resolution.area)
        }
    }

    @Test func `the same wish makes the same bytes`() async throws {
        let request = try AnimationRequest(camera: .handheld, resolution: "480p", seed: 5)
        let first = try await animate(Self.photo("bee"), request) {
            try Data(contentsOf: URL(filePath: $0.file.string))
        }
        let second = try await animate(Self.photo("bee"), request) {
            try Data(contentsOf: URL(filePath: $0.file.string))
        }
        #expect(first == second)
    }

    @Test func `the first frame is the photo, enlarged by the zoom`() async throws {
        let photo = try Self.photo("landscape")
        try await animate(photo, AnimationRequest(motion: .still, camera: .static)) { clip in
            let folder = try TemporaryFolder()
            try Data(photo.bytes).write(to: folder.url.appending(path: "photo.jpg"))
            // Structural similarity of frame 0 and the cropped photo.
            for (other, crop) in [("photo.jpg", "crop=1280:720")] {
                let result = try await ToolRunner.succeed(
                    "ffmpeg",
                    [
                        "-v", "info", "-i", clip.file.string, "-i", folder.path(other), "-filter_complex",
                        "[0:v]trim=end_frame=1,format=gray[a];[1:v]\(crop),scale=in_range=pc:out_range=tv,format=gray[b];"
                            + "[a][b]ssim", "-f", "null", "-",
                    ]
                )
                let similarity = try #require(result.errorText.firstMatch(of: /All:([0-9.]+)/)).output.1
                #expect(try #require(Double(similarity)) > 0.95, "\(other): \(similarity)")
            }
        }
    }

    @Test func `progress rises from nought to the check`() async throws {
        let seen = Mutex<[AnimationProgress]>([])
        try await animate(
            Self.photo("bee"),
            AnimationRequest(resolution: "480p"),
            onProgress: { progress in seen.withLock { $0.append(progress) } }
        ) { _ in }
        let all = seen.withLock { $0 }
        #expect(all.map(\.fraction) == all.map(\.fraction).sorted())
        #expect(all.first?.step == .reading && all.first?.fraction == 0)
        #expect(all.last?.step == .checking)
        #expect(all.filter { $0.step == .rendering }.count == 150)
    }

    @Test func `nothing of the photo's metadata reaches the video`() async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(at: Project.photo("bee"), to: folder.url.appending(path: "photo.jpg"))
        try await ToolRunner.succeed(
            "exiftool",
            [
                "-q", "-overwrite_original", "-Artist=CANARY-ARTIST", "-GPSLatitude=48.1371", "-GPSLatitudeRef=N",
                "-XMP:Title=CANARY-XMP", "-Comment=CANARY-COMMENT", "-IPTC:Keywords=CANARY-IPTC",
                folder.path("photo.jpg"),
            ]
        )
        let photo = try StillImage(parsing: [UInt8](Data(contentsOf: folder.url.appending(path: "photo.jpg"))))
        try await animate(photo, AnimationRequest(resolution: "480p")) { clip in
            let video = try Data(contentsOf: URL(filePath: clip.file.string))
            #expect(video.count > 1000)
            #expect(video.firstRange(of: Data("CANARY".utf8)) == nil)
        }
    }

    @Test func `cancelling leaves no child and ends as a cancellation`() async throws {
        let isRendering = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await animate(
                Self.photo("landscape"),
                AnimationRequest(resolution: "1080p", seconds: 10, tier: .paid),
                onProgress: { if $0.step == .rendering { isRendering.continuation.yield() } }
            ) { _ in }
        }
        for await _ in isRendering.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(await RunningProcesses.vanish(containing: "-video_size 1920x1088"))
    }

    @Test func `a full disk is said to be one`() async throws {
        // /dev/full would do for a file; a folder of work needs a file system, which a test cannot mount everywhere.
        // So the message is made from what ffmpeg says when it happens.
        let tools = try await TestTools.find()
        var child = ChildProcess(
            tools.ffmpeg,
            ["-v", "error", "-f", "lavfi", "-i", "testsrc2=d=1", "-f", "rawvideo", "-y", "/dev/full"],
            limits: .clip,
            deadline: .seconds(20)
        )
        child.folder = nil
        let outcome = try await child.run(in: .limits, prlimit: tools.prlimit)
        let error = MediaError.ofEncoder(outcome)
        #expect(error.code == .storageUnavailable)
        #expect(error.isRetryable)
    }
}
