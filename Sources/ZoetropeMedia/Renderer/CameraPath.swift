import Glibc
package import ZoetropeCore

/// Where the camera is at one frame.
package struct CameraPose: Sendable, Equatable {
    /// How far it has walked, as a fraction of the distance to the nearest row; 0…0.5.
    package var travel: Double
    /// How far it has turned to the right: the picture's shift in fractions of its width, the same at every depth.
    package var turn: Double
    /// How far it has turned down: the picture's shift in fractions of its height.
    package var tilt: Double
    /// How far it has stepped to the right, in fractions of the height at the nearest row; farther rows shift less.
    package var sway: Double
    /// How far it has sunk, in fractions of the height at the nearest row; farther rows shift less.
    package var bob: Double
}

/// The camera's way through one clip: a pure function from frame number to pose.
package struct CameraPath: Sendable, Equatable {
    /// Frames in the clip.
    package let frameCount: Int
    /// Enlargement of the picture, constant over the clip; the margin for turning and walking.
    package let zoom: Double
    /// Difference in depth between horizon and bottom row, 0…1; 0 is a flat picture.
    package let depthStrength: Double

    private let motion: MotionGeometry
    private let camera: CameraGeometry
    private let seconds: Int
    private let isPortrait: Bool
    private let phases: [Double]

    /// The share of the clip in which the camera gathers pace, and again in which it comes to rest.
    static let rampShare = 0.12
    /// Steps a second of a calm walk: the head rises and falls with each.
    static let stepsPerSecond = 1.8
    /// Rise and fall of the head, amplitude in fractions of the height.
    static let bobAmplitude = 0.0022
    /// The body sways once in two steps, half as far.
    static let swayAmplitude = bobAmplitude / 2
    /// Portrait photos show more ground, and mostly a person standing on it, so depth is halved.
    static let portraitDepth = 0.5
    /// How far the camera looks up while it walks into a portrait photo, in heights per unit of travel.
    ///
    /// People's heads are well above the horizon, and without this they leave the picture.
    static let portraitLift = 0.24
    /// Ten seconds travel so far that full depth would bend things: 0.2 instead of 0.3.
    static let longClipDepth = 2.0 / 3.0

    package init(motion: Motion, camera: Camera, seconds: Int, size: FrameSize, seed: UInt64 = 0) {
        self.motion = .of(motion)
        self.camera = .of(camera)
        self.seconds = seconds
        isPortrait = size.isPortrait
        frameCount = seconds * MP4Target.frameRate
        zoom = max(self.motion.zoom, self.camera.zoom)
        depthStrength =
            self.motion.depthStrength * (isPortrait ? Self.portraitDepth : 1) * (seconds > 6 ? Self.longClipDepth : 1)
        // One phase for each sine of the unsteady hand.
        var state = seed
        phases = (0..<6)
            .map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 11) / Double(1 << 53) * 2 * .pi
            }
    }

    /// Where the camera is at a frame of 0..<``frameCount``.
    package func pose(at frame: Int) -> CameraPose {
        precondition((0..<frameCount).contains(frame), "frame must be 0..<\(frameCount), got \(frame)")
        let progress = Double(frame) / Double(frameCount - 1)
        let time = Double(frame) / Double(MP4Target.frameRate)

        let fullTravel = 1 - 1 / motion.nearScale(seconds: seconds)
        let walked = Self.eased(motion.isReversed ? 1 - progress : progress)
        // The gait comes and goes with the pace, so that nobody nods while standing.
        let stride = motion.gait * Self.pace(progress) * (1 - Self.rampShare)
        let turn =
            motion.pan != 0
            ? motion.pan * (2 * Self.eased(progress) - 1)
            : camera.pan * sin(.pi * (progress - 0.5))

        let travel = fullTravel * walked
        let shake = shake(at: time)
        return CameraPose(
            travel: travel,
            turn: turn + shake.x,
            tilt: shake.y - (isPortrait ? Self.portraitLift * travel : 0),
            sway: Self.swayAmplitude * stride * sin(.pi * Self.stepsPerSecond * time),
            bob: Self.bobAmplitude * stride * sin(2 * .pi * Self.stepsPerSecond * time)
        )
    }

    /// Distance gone, 0…1, at constant pace with a linear ramp at each end (a trapezoid of speed).
    static func eased(_ progress: Double) -> Double {
        let pace = 1 / (1 - rampShare)
        if progress < rampShare { return pace * progress * progress / (2 * rampShare) }
        if progress > 1 - rampShare {
            let rest = 1 - progress
            return 1 - pace * rest * rest / (2 * rampShare)
        }
        return pace * (progress - rampShare / 2)
    }

    /// The derivative of ``eased(_:)``.
    static func pace(_ progress: Double) -> Double {
        min(1, progress / rampShare, (1 - progress) / rampShare) / (1 - rampShare)
    }

    /// An unsteady hand: three slow sines a direction, with frequencies that never come together again.
    private func shake(at time: Double) -> (x: Double, y: Double) {
        guard camera.shake > 0 else { return (0, 0) }
        func wave(_ hertz: Double, _ phase: Int) -> Double { sin(2 * .pi * hertz * time + phases[phase]) }
        return (
            x: camera.shake * (0.5 * wave(0.37, 0) + 0.3 * wave(0.83, 1) + 0.2 * wave(1.31, 2)),
            y: camera.shake * (0.5 * wave(0.43, 3) + 0.3 * wave(0.71, 4) + 0.2 * wave(1.19, 5))
        )
    }
}
