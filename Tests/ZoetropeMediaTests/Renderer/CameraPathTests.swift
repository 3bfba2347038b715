import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// A camera move, a length and a format.
struct Move: Sendable, CustomTestStringConvertible {
    let motion: Motion
    let camera: Camera
    let seconds: Int
    let size: FrameSize

    var path: CameraPath { CameraPath(motion: motion, camera: camera, seconds: seconds, size: size, seed: 7) }
    var testDescription: String { "\(motion.rawValue) \(camera.rawValue) \(seconds) s \(size)" }

    static let sizes = [FrameSize(width: 1280, height: 720), FrameSize(width: 720, height: 1280)]

    static let all = Motion.allCases.flatMap { motion in
        Camera.allCases.flatMap { camera in
            [5, 6, 10]
                .flatMap { seconds in
                    sizes.map { Move(motion: motion, camera: camera, seconds: seconds, size: $0) }
                }
        }
    }
}

@Suite struct CameraPathTests {
    @Test(arguments: Move.all)
    func `the camera never looks beyond the photo`(move: Move) {
        for frame in 0..<move.path.frameCount {
            let table = RowTable(path: move.path, pose: move.path.pose(at: frame))
            for row in 0...20 {
                let source = table.source(atHeight: Double(row) / 20)
                #expect(source.height >= 0 && source.height <= 1, "row \(row) of frame \(frame)")
                let lean = abs(table.lean(nearness: source.nearness, aspect: move.size.aspect))
                #expect(source.scale / 2 + lean <= 0.5, "row \(row) of frame \(frame)")
            }
        }
    }

    @Test(arguments: Move.all)
    func `nothing is stretched by more than an eighth`(move: Move) {
        for frame in stride(from: 0, to: move.path.frameCount, by: 10) {
            let table = RowTable(path: move.path, pose: move.path.pose(at: frame))
            let step = 1e-6
            for row in 1..<100 {
                let height = Double(row) / 100
                let vertical =
                    (table.source(atHeight: height + step).height - table.source(atHeight: height - step).height)
                    / (2 * step)
                let stretch = vertical / table.source(atHeight: height).scale
                #expect(max(stretch, 1 / stretch) <= 1.12, "height \(height) of frame \(frame)")
            }
        }
    }

    @Test(arguments: Move.all)
    func `rows keep their order`(move: Move) {
        let table = RowTable(path: move.path, pose: move.path.pose(at: move.path.frameCount - 1))
        let heights = (0...200).map { table.source(atHeight: Double($0) / 200).height }
        #expect(zip(heights, heights.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(arguments: [(5, 1.23), (6, 1.28), (10, 1.40)])
    func `walking forward brings the nearest row as near as was judged good`(seconds: Int, scale: Double) {
        let path = CameraPath(motion: .walkForward, camera: .static, seconds: seconds, size: Move.sizes[0])
        let travel = path.pose(at: path.frameCount - 1).travel
        #expect(abs(1 / (1 - travel) - scale) < 1e-9)
        #expect(path.pose(at: 0).travel == 0)
    }

    @Test(arguments: [5, 6, 10])
    func `nobody nods while standing`(seconds: Int) {
        let path = CameraPath(motion: .walkForward, camera: .static, seconds: seconds, size: Move.sizes[0])
        func stride(_ frames: Range<Int>) -> Double { frames.map { abs(path.pose(at: $0).bob) }.max() ?? 0 }
        let walking = stride(60..<path.frameCount - 60)
        #expect(abs(walking - 0.0022) < 0.0001)
        #expect(stride(0..<4) < walking / 3)
        #expect(stride(path.frameCount - 4..<path.frameCount) < walking / 3)
    }

    @Test func `pulling back is pushing in, backwards`() {
        let size = Move.sizes[0]
        let push = CameraPath(motion: .pushIn, camera: .static, seconds: 5, size: size)
        let pull = CameraPath(motion: .pullBack, camera: .static, seconds: 5, size: size)
        for frame in 0..<150 {
            #expect(abs(push.pose(at: frame).travel - pull.pose(at: 149 - frame).travel) < 1e-12)
        }
    }

    @Test func `panning right is panning left, mirrored`() {
        let size = Move.sizes[0]
        let left = CameraPath(motion: .panLeft, camera: .static, seconds: 5, size: size)
        let right = CameraPath(motion: .panRight, camera: .static, seconds: 5, size: size)
        #expect((0..<150).allSatisfy { abs(left.pose(at: $0).turn + right.pose(at: $0).turn) < 1e-12 })
        #expect(right.pose(at: 149).turn > 0.05)
    }

    @Test func `still and static is a photo that does not move`() {
        let path = CameraPath(motion: .still, camera: .static, seconds: 5, size: Move.sizes[0])
        #expect((1..<150).allSatisfy { path.pose(at: $0) == path.pose(at: 0) })
        #expect(path.zoom == 1)
    }

    @Test func `portrait has half the depth and ten seconds two thirds`() {
        let landscape = CameraPath(motion: .walkForward, camera: .mildPan, seconds: 5, size: Move.sizes[0])
        let portrait = CameraPath(motion: .walkForward, camera: .mildPan, seconds: 5, size: Move.sizes[1])
        let long = CameraPath(motion: .walkForward, camera: .mildPan, seconds: 10, size: Move.sizes[0])
        #expect(abs(landscape.depthStrength - 0.3) < 1e-12)
        #expect(abs(portrait.depthStrength - 0.15) < 1e-12)
        #expect(abs(long.depthStrength - 0.2) < 1e-12)
    }

    @Test func `the same seed holds the camera the same way, another seed does not`() {
        func poses(_ seed: UInt64) -> [CameraPose] {
            let path = CameraPath(motion: .still, camera: .handheld, seconds: 5, size: Move.sizes[0], seed: seed)
            return (0..<150).map(path.pose)
        }
        #expect(poses(1) == poses(1))
        #expect(poses(1) != poses(2))
    }

    @Test(arguments: Move.all)
    func `the camera starts and stops without a jerk`(move: Move) {
        // The change of speed from one frame to the next, as a share of the picture's width a frame: a jump of half
        // a thousandth (0.6 px at 720p) would be seen.
        let turns = (0..<move.path.frameCount).map { move.path.pose(at: $0) }
        for (a, (b, c)) in zip(turns, zip(turns.dropFirst(), turns.dropFirst(2))) {
            #expect(abs(a.turn - 2 * b.turn + c.turn) < 0.0005)
            #expect(abs(a.travel - 2 * b.travel + c.travel) < 0.0005)
            #expect(abs(a.bob - 2 * b.bob + c.bob) < 0.0005)
            #expect(abs(a.sway - 2 * b.sway + c.sway) < 0.0005)
        }
    }
}
