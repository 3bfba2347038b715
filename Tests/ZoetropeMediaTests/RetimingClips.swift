import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// A video as a model may send it, with another frame rate than we publish.
struct RetimingClip: Sendable, CustomTestStringConvertible {
    let name: String
    var rate = "24"
    /// Before the filter.
    var frames = 96
    /// Frames of the result.
    var wanted = 120
    var filter = "null"
    var hasSound = false
    var sound = ["-c:a", "aac", "-ar", "48000"]
    var options: [String] = ["-preset", "veryfast"]

    var testDescription: String { name }

    /// Small, so that a matrix of them takes seconds; the long form takes another size.
    static let size = ProcessInfo.processInfo.environment["ZOETROPE_RETIMING_SIZE"] ?? "128x72"
    static let tools = ToolRunner.has("ffmpeg", "ffprobe", "jq", "python3")

    /// Makes it with ffmpeg.
    func make(in folder: TemporaryFolder, as name: String = "source.mp4") async throws -> [UInt8] {
        let file = folder.path(name)
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=s=\(Self.size):r=\(rate)"]
                + (hasSound ? ["-f", "lavfi", "-i", "sine=440:r=48000:d=\(Double(wanted) / 30)"] + sound : [])
                + ["-vf", "trim=end_frame=\(frames),\(filter)", "-fps_mode", "passthrough"]
                + ["-c:v", "libx264", "-threads", "1", "-pix_fmt", "yuv420p"] + options + [file]
        )
        return [UInt8](try Data(contentsOf: URL(filePath: file)))
    }

    /// The edit that makes of it what is wanted, in the colours that our encode assumes.
    static func plan(
        _ file: [UInt8],
        frames: Int,
        keepsSound: Bool = false
    ) throws(RetimingRefusal) -> RetimedClip {
        try Retiming.plan(file, Retiming.Wish(frames: frames, keepsSound: keepsSound))
    }

    func plan(_ file: [UInt8]) throws(RetimingRefusal) -> RetimedClip {
        try Self.plan(file, frames: wanted, keepsSound: hasSound)
    }

    /// The hash of every decoded frame and its number on the time line; `nil` when it cannot be decoded without an error.
    static func frames(of file: String) async throws -> (hashes: [String], times: [Int])? {
        let result = try await ToolRunner.run(
            "ffmpeg",
            [
                "-v", "error", "-nostdin", "-xerror", "-err_detect", "explode", "-threads", "1", "-i", file, "-map",
                "0:v",
                "-fps_mode", "passthrough", "-f", "framemd5", "-",
            ]
        )
        guard result.status == 0, result.errorText.isEmpty else { return nil }
        let rows = result.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
        return (rows.map { $0[5] }, rows.compactMap { Int($0[2]) })
    }
}

extension RetimingClip {
    /// What can be edited.
    static let good: [RetimingClip] = presets + rates + streams(coder: 0) + streams(coder: 1)

    private static let presets = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
        .flatMap { preset in
            [("24", 96), ("25", 100)]
                .flatMap { rate, frames in
                    [0, 1]
                        .map { coder in
                            RetimingClip(
                                name: "\(preset) at \(rate), coder \(coder)",
                                rate: rate,
                                frames: frames,
                                options: ["-preset", preset, "-coder", "\(coder)"]
                            )
                        }
                }
        }

    private static let rates = [
        RetimingClip(name: "23.976", rate: "24000/1001"),
        RetimingClip(name: "20", rate: "20", frames: 80),
        RetimingClip(name: "20 without B frames", rate: "20", frames: 80, options: ["-bf", "0"]),
        RetimingClip(name: "15 without B frames", rate: "15", frames: 60, options: ["-bf", "0"]),
        RetimingClip(name: "50", rate: "50", frames: 200, options: ["-x264-params", "b-adapt=0"]),
        RetimingClip(name: "every sixth frame left out", rate: "30", frames: 120, filter: "select='mod(n+1,6)'"),
        RetimingClip(name: "141 to 180", frames: 141, wanted: 180),
        RetimingClip(name: "159 to 180", frames: 159, wanted: 180),
        RetimingClip(name: "a few short at 30", rate: "30", frames: 113),
        RetimingClip(name: "a few too many at 30", rate: "30", frames: 123, options: ["-x264-params", "b-adapt=0"]),
        RetimingClip(name: "ten seconds", rate: "25", frames: 250, wanted: 300),
        RetimingClip(name: "right but for its tags", rate: "30", frames: 120),
    ]

    private static func streams(coder: Int) -> [RetimingClip] {
        func clip(
            _ name: String,
            _ parameters: String,
            _ options: [String] = [],
            filter: String = "null",
            hasSound: Bool = false
        ) -> RetimingClip {
            let all = options + ["-coder", "\(coder)"] + (parameters.isEmpty ? [] : ["-x264-params", parameters])
            return RetimingClip(
                name: "\(name), coder \(coder)",
                filter: filter,
                hasSound: hasSound,
                options: all
            )
        }
        return [
            clip("open GOP", "open-gop=1:keyint=24:min-keyint=4"),
            clip("short GOP", "keyint=12"),
            clip("intra only", "keyint=1"),
            clip("intra refresh", "intra-refresh=1:bframes=0"),
            clip("four slices", "slices=4"),
            clip("weighted", "weightp=2:weightb=1", ["-preset", "slow"], filter: "fade=in:0:30,fade=out:60:30"),
            clip("strict pyramid", "b-pyramid=strict:bframes=5:b-adapt=0"),
            clip("no pyramid", "b-pyramid=none:bframes=2:b-adapt=0"),
            clip("long B runs", "ref=16:bframes=8:b-adapt=2"),
            clip("temporal direct", "direct=temporal:bframes=3"),
            clip("no B frames", "bframes=0"),
            clip("zero latency", "", ["-tune", "zerolatency"]),
            clip("delimiters", "aud=1"),
            clip("parameter sets in the samples", "repeat-headers=1"),
            clip("low quantiser", "", ["-qp", "4"]),
            clip("high quantiser", "", ["-qp", "44"]),
            clip("no deblocking", "no-deblock=1"),
            clip("buffer model", "nal-hrd=vbr", ["-b:v", "300k", "-maxrate", "400k", "-bufsize", "400k"]),
            clip("filler", "nal-hrd=cbr:filler=1", ["-b:v", "300k", "-maxrate", "300k", "-bufsize", "300k"]),
            clip("picture structure", "pic-struct=1"),
            clip("noise", "", filter: "noise=alls=60:allf=t"),
            clip("AAC", "", hasSound: true),
            clip("our own encode", "", ["-g", "60", "-bf", "2"]),
        ]
    }
}
