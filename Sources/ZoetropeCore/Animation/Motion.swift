/// What the camera does over the clip.
///
/// A new motion is one case here and one row of ``MotionGeometry``.
package enum Motion: String, Sendable, CaseIterable {
    case walkForward = "walk-forward"
    case pushIn = "push-in"
    case pullBack = "pull-back"
    case panLeft = "pan-left"
    case panRight = "pan-right"
    case still

    package static let standard = Motion.walkForward
}

/// How the camera is held.
///
/// A new one is one case here and one row of ``CameraGeometry``.
package enum Camera: String, Sendable, CaseIterable {
    case mildPan = "mild-pan"
    case `static`
    case handheld

    package static let standard = Camera.mildPan
}

/// The numbers of one motion.
///
/// Lengths are fractions of the picture's width or height.
package struct MotionGeometry: Sendable, Equatable {
    /// Enlargement of the whole picture, from which the camera's moves take their margin; 1 shows all of the photo.
    package var zoom: Double
    /// How much the nearest row has grown at the end of six seconds; 1 is no travel.
    ///
    /// See ``nearScale(seconds:)``.
    package var nearScaleAtSixSeconds: Double
    /// How far depth differs between the horizon and the bottom row, 0…1, in landscape format.
    ///
    /// 0 is a flat picture: the travel becomes a plain zoom.
    package var depthStrength: Double
    /// The camera begins where the travel ends, and goes back.
    package var isReversed: Bool
    /// Height of one step of the walk, as a multiple of the standard gait; 0 is a rail.
    package var gait: Double
    /// The turn of the camera from first to last frame, as a fraction of the width to each side.
    ///
    /// Positive looks right.
    package var pan: Double

    /// Growth of the nearest row over a clip of this length.
    ///
    /// A longer clip travels further, but less than in proportion, or the last second of ten would be mush. 1.23 over
    /// 5 s, 1.28 over 6 s and 1.40 over 10 s were chosen by eye for ``Motion/walkForward``; others scale with it.
    package func nearScale(seconds: Int) -> Double {
        guard nearScaleAtSixSeconds > 1 else { return 1 }
        let judged: Double =
            switch seconds {
            case ...5: 1.23
            case 6: 1.28
            default: 1.40
            }
        return 1 + (judged - 1) * (nearScaleAtSixSeconds - 1) / (1.28 - 1)
    }

    package static func of(_ motion: Motion) -> MotionGeometry {
        switch motion {
        case .walkForward:
            MotionGeometry(
                zoom: 1.06,
                nearScaleAtSixSeconds: 1.28,
                depthStrength: 0.3,
                isReversed: false,
                gait: 1,
                pan: 0
            )
        case .pushIn:
            MotionGeometry(
                zoom: 1.06,
                nearScaleAtSixSeconds: 1.24,
                depthStrength: 0.2,
                isReversed: false,
                gait: 0,
                pan: 0
            )
        case .pullBack:
            MotionGeometry(
                zoom: 1.06,
                nearScaleAtSixSeconds: 1.24,
                depthStrength: 0.2,
                isReversed: true,
                gait: 0,
                pan: 0
            )
        case .panLeft:
            MotionGeometry(
                zoom: 1.16,
                nearScaleAtSixSeconds: 1,
                depthStrength: 0,
                isReversed: false,
                gait: 0,
                pan: -0.06
            )
        case .panRight:
            MotionGeometry(
                zoom: 1.16,
                nearScaleAtSixSeconds: 1,
                depthStrength: 0,
                isReversed: false,
                gait: 0,
                pan: 0.06
            )
        case .still:
            MotionGeometry(zoom: 1, nearScaleAtSixSeconds: 1, depthStrength: 0, isReversed: false, gait: 0, pan: 0)
        }
    }
}

/// The numbers of one way to hold the camera.
package struct CameraGeometry: Sendable, Equatable {
    /// The least enlargement that this camera's own moves need; the larger of this and the motion's counts.
    package var zoom: Double
    /// A slow turn from left to right, as a fraction of the width to each side.
    ///
    /// A motion that pans replaces it.
    package var pan: Double
    /// Amplitude of the unsteady hand, as a fraction of the picture's width and height.
    package var shake: Double

    package static func of(_ camera: Camera) -> CameraGeometry {
        switch camera {
        case .mildPan: CameraGeometry(zoom: 1.06, pan: 0.015, shake: 0)
        case .static: CameraGeometry(zoom: 1, pan: 0, shake: 0)
        case .handheld: CameraGeometry(zoom: 1.04, pan: 0, shake: 0.004)
        }
    }
}
