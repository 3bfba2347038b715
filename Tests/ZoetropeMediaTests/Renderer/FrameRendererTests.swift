import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite struct FrameRendererTests {
    static let size = FrameSize(width: 640, height: 368)
    static let photo = PlanarPicture.texture(
        size: FrameRenderer.sourceSize(for: size, crop: FrameSize(width: 2000, height: 1150))
    )

    static func renderer(_ motion: Motion, _ camera: Camera, seconds: Int = 5) -> FrameRenderer {
        FrameRenderer(
            photo: photo,
            path: CameraPath(motion: motion, camera: camera, seconds: seconds, size: size),
            size: size
        )
    }

    @Test(arguments: Motion.allCases, [0, 60, 149])
    func `frames agree with a float64 reference to 55 decibels`(motion: Motion, frame: Int) {
        let renderer = Self.renderer(motion, .handheld)
        let reference = ReferenceRenderer(photo: Self.photo, path: renderer.path, size: Self.size)
        let ratio = psnr(renderer.frame(frame), reference.render(frame: frame))
        #expect(ratio >= 55, "\(ratio) dB")
    }

    @Test func `a frame made in parts is the frame made at once`() {
        let renderer = Self.renderer(.walkForward, .mildPan)
        let whole = renderer.frame(100)
        var parts = [UInt8](repeating: 0, count: whole.count)
        parts.withUnsafeMutableBufferPointer { buffer in
            for row in 0..<renderer.rowsOfMacroblocks {
                renderer.render(frame: 100, macroblockRows: row..<row + 1, into: buffer)
            }
        }
        #expect(parts == whole)
    }

    @Test func `the photo is kept as large as it is needed and no larger`() {
        let frame = FrameSize(width: 1280, height: 720)
        func source(_ width: Int, _ height: Int) -> FrameSize {
            FrameRenderer.sourceSize(for: frame, crop: FrameSize(width: width, height: height))
        }
        #expect(source(8000, 4500) == FrameSize(width: 1536, height: 864))
        #expect(source(1408, 792) == FrameSize(width: 1408, height: 792))
        #expect(source(640, 360) == frame)
    }

    /// Follows patches through the clip, as an eye does, and compares with where the camera path says they go.
    @Test(arguments: [
        (Motion.walkForward, Camera.mildPan), (.pushIn, .static), (.panLeft, .static), (.still, .handheld),
    ])
    func `patches move as the camera does, to a fiftieth of a pixel`(motion: Motion, camera: Camera) {
        let renderer = Self.renderer(motion, camera)
        let tracker = PatchTracker(width: Self.size.width, height: Self.size.height)
        let places = [
            (120, 80), (320, 90), (520, 100), (130, 190), (330, 200), (500, 180), (140, 290), (300, 280), (510, 300),
        ]
        var errors: [Double] = []
        var before = tracker.prepare(renderer.frame(0))
        for frame in 1..<40 {
            let now = tracker.prepare(renderer.frame(frame))
            let (from, to) = (Self.camera(renderer, frame - 1), Self.camera(renderer, frame))
            for (x, y) in places {
                let photoPoint = from.photoPoint(x: Double(x) + 0.5, y: Double(y) + 0.5)
                let seen = to.framePoint(x: photoPoint.x, y: photoPoint.y)
                let expected = (x: seen.x - Double(x) - 0.5, y: seen.y - Double(y) - 0.5)
                guard let measured = tracker.displacement(from: before, to: now, x: x, y: y, guess: expected) else {
                    continue
                }
                errors += [measured.x - expected.x, measured.y - expected.y]
            }
            before = now
        }
        let jitter = Jitter(deviations: errors)
        #expect(jitter.count > 500, "the tracker lost its patches")
        #expect(jitter.rms <= 0.02 && jitter.max <= 0.05, "\(jitter)")
    }

    private static func camera(_ renderer: FrameRenderer, _ frame: Int) -> ReferenceCamera {
        ReferenceCamera(path: renderer.path, pose: renderer.path.pose(at: frame), size: size)
    }
}
