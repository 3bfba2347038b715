import Foundation
import Glibc
import SystemPackage
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

extension Bench {
    /// From photo to verified file with the program as users run it, beside what the same encoder takes alone and beside
    /// ffmpeg's own zoom.
    func speed() async throws {
        print("## From photo to file, `zoetrope animate` as a whole process\n")
        print(
            "| clip | s (median of 5) | frames/s | beside the encoder alone | peak memory: zoetrope, its ffmpeg (MB) |"
        )
        print("|---|---|---|---|---|")
        for (resolution, length) in [("480p", 5), ("720p", 5), ("720p", 6), ("720p", 10), ("1080p", 5)] {
            let request = try AnimationRequest(resolution: resolution, seconds: length, tier: .paid)
            var runs: [Run] = []
            var alone: [Double] = []
            for _ in 0..<5 {
                runs.append(try animate(request))
                alone.append(try await encodeAlone(request))
            }
            let time = median(runs.map(\.seconds))
            print(
                "| \(resolution), \(length) s | \(rounded(time)) | \(rounded(Double(length * 30) / time, 0)) "
                    + "| \(rounded(time / median(alone))) × | \(runs.map(\.ownMegabytes).max() ?? 0), "
                    + "\(runs.map(\.ffmpegMegabytes).max() ?? 0) |"
            )
        }
        var filter: [Double] = []
        var ours: [Double] = []
        for _ in 0..<5 {
            filter.append(try zoompan())
            ours.append(try animate(AnimationRequest(seconds: 5)).seconds)
        }
        print(
            "\nffmpeg alone with zoompan, same encoder settings, nothing checked, 720p, 5 s: \(rounded(median(filter))) s; "
                + "ours in the same minutes: \(rounded(median(ours))) s, ratio \(rounded(median(ours) / median(filter)))\n"
        )
    }

    /// One run of the program.
    private struct Run {
        var seconds: Double
        var ownMegabytes = 0
        var ffmpegMegabytes = 0
    }

    private func animate(_ request: AnimationRequest) throws -> Run {
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "zoetrope")
        process.arguments = [
            "animate", photoPath, "-o", folder.appending(path: "clip.mp4").path, "--quiet", "--resolution",
            request.resolution.rawValue, "--duration", "\(request.seconds)", "--tier", "paid",
        ]
        process.standardOutput = FileHandle.nullDevice
        let start = ContinuousClock.now
        try process.run()
        var run = Run(seconds: 0)
        // The kernel keeps each process's peak; it only has to be read before the process is gone.
        while process.isRunning {
            usleep(20_000)
            run.ownMegabytes = max(run.ownMegabytes, Self.peakMegabytes("\(process.processIdentifier)"))
            for id in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(id) != nil {
                guard (try? String(contentsOfFile: "/proc/\(id)/comm", encoding: .utf8)) == "ffmpeg\n" else { continue }
                run.ffmpegMegabytes = max(run.ffmpegMegabytes, Self.peakMegabytes(id))
            }
        }
        run.seconds = seconds(ContinuousClock.now - start)
        precondition(process.terminationStatus == 0, "zoetrope animate failed")
        return run
    }

    /// Peak resident memory of a living process in MB; 0 when it is gone.
    private static func peakMegabytes(_ id: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
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
}
