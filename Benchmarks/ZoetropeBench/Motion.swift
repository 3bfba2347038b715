import Foundation
import SystemPackage
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

extension Bench {
    /// How evenly the picture moves: ours beside ffmpeg's filters, before any encoder.
    func motion() async throws {
        let size = Self.size
        let growth = 1.2
        let source = try await picture(for: size)
        let path = CameraPath(motion: .pushIn, camera: .static, seconds: 5, size: size)
        let renderer = FrameRenderer(photo: source, path: path, size: size)

        // The filters get the same prepared picture, so that only the movement differs.
        let folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let planes = folder.appending(path: "source.yuv").path
        try Data(source.bytes).write(to: URL(fileURLWithPath: planes))
        let input = [
            "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size",
            "\(source.size.width)x\(source.size.height)",
        ]
        let zoom = "1.06*(1+\(growth - 1)*on/149)"
        let centre = "x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
        let corner = "(1-1/(\(zoom)))/2"

        print("## Evenness of the movement, \(size), before the encoder\n")
        print("| renderer | jitter rms (px) | max (px) | values | beside ours | ms a frame |")
        print("|---|---|---|---|---|---|")
        let candidates: [(name: String, filter: String)] = [
            ("zoompan", "zoompan=z='\(zoom)':\(centre):d=150:s=1280x720:fps=30"),
            (
                "zoompan from an image 4 × as large",
                "scale=iw*4:ih*4:flags=lanczos,zoompan=z='\(zoom)':\(centre):d=150:s=1280x720:fps=30"
            ),
            (
                "perspective, cubic",
                "loop=149:1,perspective=x0='W*\(corner)':y0='H*\(corner)':x1='W-W*\(corner)':y1='H*\(corner)'"
                    + ":x2='W*\(corner)':y2='H-H*\(corner)':x3='W-W*\(corner)':y3='H-H*\(corner)'"
                    + ":interpolation=cubic:eval=frame,scale=1280:720:flags=bicubic"
            ),
        ]
        let frames = 20..<80
        let ours = jitter(of: frames.map(renderer.frame), size: size)
        let time = seconds(ContinuousClock().measure { for number in 0..<150 { _ = renderer.frame(number) } }) / 150
        report("ours, push-in", ours, beside: ours, time: time)
        for (name, filter) in candidates {
            let run = try self.filter(input + ["-i", planes], filter, folder)
            report(name, jitter(of: frames.map(run.frame), size: size), beside: ours, time: run.seconds / 150)
        }

        print("\nTimes: ours on one core, without the file; ffmpeg's as it runs by itself on all cores, into a file.")
        print("\nLargest local stretch of any motion, camera, length and format: \(rounded(worstStretch(), 3))")
        let gait = CameraPath(motion: .walkForward, camera: .mildPan, seconds: 5, size: size)
        let walker = FrameRenderer(photo: source, path: gait, size: size)
        let walk = deviationsFromPath(walker, frames: 20..<80)
        print(
            "\nwalk-forward against its own camera path: \(rounded(walk.rms, 4)) px rms, \(rounded(walk.max, 3)) px max "
                + "(\(walk.count) values)\n"
        )
    }

    /// The largest ratio of vertical to horizontal scale, either way, over every motion, camera, length and format.
    private func worstStretch() -> Double {
        var worst = 1.0
        let step = 1e-6
        for motion in Motion.allCases {
            for (camera, seconds) in Camera.allCases.flatMap({ camera in [5, 6, 10].map { (camera, $0) } }) {
                for size in [Self.size, FrameSize(width: Self.size.height, height: Self.size.width)] {
                    let path = CameraPath(motion: motion, camera: camera, seconds: seconds, size: size)
                    for frame in stride(from: 0, to: path.frameCount, by: 5) {
                        let table = RowTable(path: path, pose: path.pose(at: frame))
                        for height in stride(from: 0.01, to: 1, by: 0.01) {
                            let rise =
                                table.source(atHeight: height + step).height
                                - table.source(atHeight: height - step).height
                            let stretch = rise / (2 * step) / table.source(atHeight: height).scale
                            worst = max(worst, stretch, 1 / stretch)
                        }
                    }
                }
            }
        }
        return worst
    }

    private func report(_ name: String, _ jitter: Jitter, beside ours: Jitter, time: Double) {
        print(
            "| \(name) | \(rounded(jitter.rms, 4)) | \(rounded(jitter.max, 3)) | \(jitter.count) "
                + "| \(rounded(jitter.rms / ours.rms, 1)) × | \(rounded(time * 1000, 1)) |"
        )
    }

    private static let places = [240, 480, 640, 800, 1040].flatMap { x in [120, 240, 360, 480, 600].map { (x, $0) } }

    private func jitter(of pictures: [[UInt8]], size: FrameSize) -> Jitter {
        let tracker = PatchTracker(width: size.width, height: size.height)
        let prepared = pictures.map { tracker.prepare($0.prefix(size.pixels)) }
        var deviations: [Double] = []
        for (x, y) in Self.places {
            let moves = zip(prepared, prepared.dropFirst()).map { tracker.displacement(from: $0, to: $1, x: x, y: y) }
            guard moves.allSatisfy({ $0 != nil }) else { continue }
            deviations += Jitter.deviations(in: moves.map { $0?.x ?? 0 })
            deviations += Jitter.deviations(in: moves.map { $0?.y ?? 0 })
        }
        return Jitter(deviations: deviations)
    }

    /// For a camera that walks, a smooth curve is the wrong measure: the steps are meant.
    private func deviationsFromPath(_ renderer: FrameRenderer, frames: Range<Int>) -> Jitter {
        let size = renderer.size
        let tracker = PatchTracker(width: size.width, height: size.height)
        var errors: [Double] = []
        var before = tracker.prepare(renderer.frame(frames.lowerBound).prefix(size.pixels))
        for number in frames.dropFirst() {
            let now = tracker.prepare(renderer.frame(number).prefix(size.pixels))
            let from = ReferenceCamera(path: renderer.path, pose: renderer.path.pose(at: number - 1), size: size)
            let to = ReferenceCamera(path: renderer.path, pose: renderer.path.pose(at: number), size: size)
            for (x, y) in Self.places {
                let point = from.photoPoint(x: Double(x) + 0.5, y: Double(y) + 0.5)
                let seen = to.framePoint(x: point.x, y: point.y)
                let expected = (x: seen.x - Double(x) - 0.5, y: seen.y - Double(y) - 0.5)
                if let measured = tracker.displacement(from: before, to: now, x: x, y: y, guess: expected) {
                    errors += [measured.x - expected.x, measured.y - expected.y]
                }
            }
            before = now
        }
        return Jitter(deviations: errors)
    }

    /// Runs a filter of ffmpeg over the picture: its frames by number, and how long it took for 150 of them.
    private func filter(
        _ input: [String],
        _ filter: String,
        _ folder: URL
    ) throws -> (frame: (Int) -> [UInt8], seconds: Double) {
        let output = folder.appending(path: "\(UUID().uuidString).yuv").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tools.ffmpeg.string)
        process.arguments =
            input + ["-vf", filter, "-frames:v", "150", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-y", output]
        let start = ContinuousClock.now
        try process.run()
        process.waitUntilExit()
        let time = seconds(ContinuousClock.now - start)
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: output))
        let bytes = Self.size.bytesOfPlanarPicture
        let frame = { (number: Int) -> [UInt8] in
            try? file.seek(toOffset: UInt64(number * bytes))
            let data = (try? file.read(upToCount: bytes)) ?? Data()
            precondition(data.count == bytes, "ffmpeg made no frame \(number) with \(filter)")
            return [UInt8](data)
        }
        return (frame, time)
    }
}
