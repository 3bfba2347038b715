import Foundation
import Glibc
import SystemPackage
import ZoetropeCore
import ZoetropeMedia

extension Bench {
    /// From photo to verified file, beside what the same encoder takes alone and beside ffmpeg's own zoom.
    func speed() async throws {
        print("## From photo to file\n")
        print("| clip | s (median of 5) | frames/s | beside the encoder alone | peak memory, ours / ffmpeg's (MB) |")
        print("|---|---|---|---|---|")
        for (resolution, length) in [("480p", 5), ("720p", 5), ("720p", 6), ("720p", 10), ("1080p", 5)] {
            let request = try AnimationRequest(resolution: resolution, seconds: length, tier: .paid)
            var times: [Double] = []
            var alone: [Double] = []
            for _ in 0..<5 {
                times.append(try await animate(request))
                alone.append(try await encodeAlone(request))
            }
            let time = median(times)
            print(
                "| \(resolution), \(length) s | \(rounded(time)) | \(rounded(Double(length * 30) / time, 0)) "
                    + "| \(rounded(time / median(alone))) × | \(peak(RUSAGE_SELF.rawValue)) / \(peak(RUSAGE_CHILDREN.rawValue)) |"
            )
        }
        var filter: [Double] = []
        var ours: [Double] = []
        for _ in 0..<5 {
            filter.append(try zoompan())
            ours.append(try await animate(AnimationRequest(seconds: 5)))
        }
        print(
            "\nffmpeg alone with zoompan, same encoder settings, nothing checked, 720p, 5 s: \(rounded(median(filter))) s; "
                + "ours in the same minutes: \(rounded(median(ours))) s, ratio \(rounded(median(ours) / median(filter)))\n"
        )
    }

    private func animate(_ request: AnimationRequest) async throws -> Double {
        let folder = try ScratchFolder(in: "/tmp")
        defer { folder.remove() }
        let start = ContinuousClock.now
        let parsed = try StillImage(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: photoPath))))
        _ = try await PhotoAnimator(tools: tools).animate(parsed, request, in: folder.path, wantsPoster: true) { _ in }
        return seconds(ContinuousClock.now - start)
    }

    /// The physical limit of our path: the same frames, already rendered, through the same encoder.
    private func encodeAlone(_ request: AnimationRequest) async throws -> Double {
        let size = FrameSize.ofClip(for: photo.header.uprightSize, resolution: request.resolution)
        let path = CameraPath(motion: request.motion, camera: request.camera, seconds: request.seconds, size: size)
        let renderer = FrameRenderer(photo: try await picture(for: size), path: path, size: size)
        let folder = try ScratchFolder(in: "/tmp")
        defer { folder.remove() }
        let frames = folder.path.appending("frames.yuv")
        let file = try FileDescriptor.open(
            frames,
            .readWrite,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        for number in 0..<path.frameCount { _ = try file.writeAll(renderer.frame(number)) }
        try file.seek(offset: 0, from: .start)
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.encodeFrames(size: size, frames: path.frameCount, output: "clip.mp4"),
            limits: .clip,
            deadline: .seconds(300)
        )
        child.input = file
        child.folder = folder.path
        child.folderAccess = .readWrite
        let start = ContinuousClock.now
        let outcome = try await child.run(in: tools.sandbox, prlimit: tools.prlimit)
        let time = seconds(ContinuousClock.now - start)
        try file.close()
        precondition(outcome.succeeded, outcome.detail)
        return time
    }

    private func zoompan() throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tools.ffmpeg.string)
        process.arguments = [
            "-v", "error", "-i", photoPath, "-vf",
            "scale=1536:864:force_original_aspect_ratio=increase,crop=1536:864,"
                + "zoompan=z='1.06*(1+0.23*on/149)':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d=150:s=1280x720:fps=30,format=yuv420p",
            "-frames:v", "150", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "60", "-bf", "2",
            "-maxrate", "8M", "-bufsize", "16M", "-threads", "2", "-movflags", "+faststart", "-y",
            "/tmp/zoetrope-bench-zoompan.mp4",
        ]
        let start = ContinuousClock.now
        try process.run()
        process.waitUntilExit()
        unlink("/tmp/zoetrope-bench-zoompan.mp4")
        return seconds(ContinuousClock.now - start)
    }

    /// Peak resident memory so far, in MB: of this process, or of its largest child.
    private func peak(_ who: Int32) -> Int {
        var usage = rusage()
        getrusage(who, &usage)
        return usage.ru_maxrss / 1024
    }
}
