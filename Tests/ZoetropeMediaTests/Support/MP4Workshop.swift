import Foundation
import ZoetropeMedia
import ZoetropeTestKit

/// Makes small clips with ffmpeg, by the options of our own encode, and bends them.
final class MP4Workshop: Sendable {
    private let folder: TemporaryFolder

    static let tools = ToolRunner.has("ffmpeg", "ffprobe", "jq", "python3")

    init() throws {
        folder = try TemporaryFolder()
    }

    func path(_ name: String) -> String { folder.path(name) }

    /// Section 4 of the MP4 target.
    private static let ours = [
        "-map_metadata", "-1", "-map_chapters", "-1",
        "-c:v", "libx264", "-preset", MP4Target.preset(lines: 96, .standard), "-crf", "\(MP4Target.crf(lines: 96))",
        "-profile:v", MP4Target.encoderProfile, "-g", "\(MP4Target.keyFrameGap)", "-bf", "\(MP4Target.bFrames)",
        "-maxrate", "\(MP4Target.maxRateBps(lines: 96))", "-bufsize", "\(MP4Target.bufferSizeBits(lines: 96))",
        "-threads", "\(MP4Target.encoderThreads)", "-color_primaries", MP4Target.colour, "-color_trc", MP4Target.colour,
        "-colorspace", MP4Target.colour, "-color_range", MP4Target.colourRange, "-movflags", "+faststart",
        "-fflags", "+bitexact",
    ]

    /// Encodes a moving test picture as we would, with options that come after ours and so win.
    ///
    /// `inputs` are further inputs, with their `-i`.
    func encode(
        size: String = "128x96",
        frames: Int = 30,
        inputs: [String] = [],
        filter: String = "null",
        pixelFormat: String = MP4Target.pixelFormat,
        _ options: [String] = []
    ) async throws -> [UInt8] {
        let convert = "scale=out_color_matrix=bt709:out_range=tv,format=\(pixelFormat)"
        // With sound, ffmpeg would stop both at the last frame, wherever the sound then is.
        let length =
            inputs.isEmpty
            ? ["-vf", "\(convert),\(filter)", "-frames:v", "\(frames)", "-an", "-sn", "-dn"]
            : ["-vf", "\(convert),\(filter),trim=end_frame=\(frames)"]
        return try await ffmpeg(
            ["-f", "lavfi", "-i", "testsrc2=s=\(size):r=30"] + inputs + length + Self.ours + options
        )
    }

    /// Runs ffmpeg with these arguments and an MP4 as its output.
    func ffmpeg(_ arguments: [String]) async throws -> [UInt8] {
        let output = path("\(UUID().uuidString).mp4")
        try await ToolRunner.succeed("ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments + [output])
        return try read(output)
    }

    /// Sends a clip through ffmpeg once more.
    func remux(_ clip: [UInt8], before: [String] = [], _ options: [String]) async throws -> [UInt8] {
        try await ffmpeg(before + ["-i", try write(clip)] + options)
    }

    func write(_ clip: [UInt8]) throws -> String {
        let file = path("\(UUID().uuidString).mp4")
        try Data(clip).write(to: URL(fileURLWithPath: file))
        return file
    }

    private func read(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    }
}
