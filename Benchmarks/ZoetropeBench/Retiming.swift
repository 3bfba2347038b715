import Foundation
import Glibc
import SystemPackage
import ZoetropeCore
import ZoetropeMedia

/// The edit that changes a frame rate, and the mover, from file to file within this process, beside the least that it could
/// cost and beside ffmpeg.
///
/// Prints a line of JSON for each.
enum RetimingBench {
    static func run(_ files: [String], tools: MediaTools) async throws {
        for path in files {
            let source = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            let folder = try ScratchFolder(in: "/var/tmp")
            defer { folder.remove() }
            let input = folder.path.appending("source.mp4")
            try Data(source).write(to: URL(fileURLWithPath: input.string))
            func report(_ way: String, _ runs: Int, _ body: () throws -> Void) rethrows {
                try body()
                var times: [Double] = []
                for _ in 0..<runs { times.append(seconds(try ContinuousClock().measure(body)) * 1_000) }
                let middle = median(times)
                print(
                    """
                    {"clip": "\(FilePath(path).lastComponent?.string ?? "")", "way": "\(way)", "bytes": \(source.count), \
                    "ms": \(rounded(middle, 3)), "worst_ms": \(rounded(times.max() ?? 0, 3)), "runs": \(runs), \
                    "mb_per_s": \(rounded(Double(source.count) / middle / 1_000, 0))}
                    """
                )
            }
            let output = folder.path.appending("output.mp4")
            let wish = Retiming.Wish(frames: 180, keepsSound: false)
            let provenance = Provenance(source: .trainedAlgorithmicMedia, system: "bench/model")

            var copy = [UInt8](repeating: 1, count: source.count)
            report("memcpy", 101) {
                copy.withUnsafeMutableBytes { to in
                    source.withUnsafeBytes { from in to.copyMemory(from: from) }
                }
            }
            try report("read and write", 101) {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: input.string))
                let file = try FileDescriptor.open(
                    output,
                    .writeOnly,
                    options: [.create, .truncate],
                    permissions: .ownerReadWrite
                )
                defer { try? file.close() }
                _ = try bytes.withUnsafeBytes { try file.writeAll($0) }
            }
            try report("plan of the edit alone", 101) { _ = try Retiming.plan(source, wish) }
            try report("retiming", 101) { _ = try RetimedClip.make(from: input.string, to: output.string, wish) }
            let moved = folder.path.appending("moved.mp4")
            try report("retiming, then the mover", 101) {
                unlink(moved.string)
                _ = try RetimedClip.make(from: input.string, to: output.string, wish)
                try MP4Mover.move(from: output, to: moved, marking: provenance, keepsSound: false)
            }
            try report("mover alone", 101) {
                unlink(moved.string)
                try MP4Mover.move(from: output, to: moved, marking: provenance, keepsSound: false)
            }
            try report("cp as a process", 21) { try start("/bin/cp", [input.string, output.string]) }
            try report("ffmpeg -c copy", 11) {
                let words = [
                    "-v", "error", "-nostdin", "-y", "-i", input.string, "-c", "copy", "-movflags", "+faststart",
                ]
                try start(tools.ffmpeg.string, words + [output.string])
            }
            let picture = try MP4Movie.read(from: MemoryByteSource(source)).videoTrack
            let size = FrameSize(width: picture?.width ?? 0, height: picture?.height ?? 0)
            let encode = FFmpegArguments.encode(.init("source.mp4", to: "output.mp4", size: size, frames: 180))
            try report("our encode", 3) { try start(tools.ffmpeg.string, encode, in: folder.path) }
        }
    }

    private static func start(_ program: String, _ words: [String], in folder: FilePath = "/") throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = words
        process.currentDirectoryURL = URL(fileURLWithPath: folder.string)
        try process.run()
        process.waitUntilExit()
        precondition(process.terminationStatus == 0, "\(program) failed: \(words)")
    }
}
