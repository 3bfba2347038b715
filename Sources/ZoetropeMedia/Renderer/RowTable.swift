import ZoetropeCore

/// Where one row of a frame is found in a plane of the photo.
///
/// Positions count samples of that plane, 0 at the centre of its first sample, in 32.32 fixed point: fine enough that
/// the sum of 2,000 steps is off by less than a millionth of a sample, so a slow camera moves evenly.
package struct SourceRow: Sendable, Equatable {
    /// The row of the plane.
    package var y: Int64
    /// The column under the first sample of the frame's row.
    package var x: Int64
    /// Columns from one sample of the frame's row to the next.
    package var step: Int64
}

/// The perspective of the local renderer: one depth for each row of the photo.
///
/// The photo is taken for a ground plane below a horizon and a far wall above it. Let `s` be a row of the photo counted
/// from the horizon and `r` the row of the frame that shows it, both in heights of the picture. A row has the nearness
/// `q(s)` = q₀ above the horizon and q₀ + (1 − q₀)·s/d below it, where d is the distance from the horizon to the bottom
/// edge and q₀ = 1 − depth strength. A camera that has walked the part `t` of the way to the nearest row enlarges what
/// is at `q` by 1/(1 − t·q), so `s = r·(1 − t·q(s)) + b·q(s)`, with b for a camera that has sunk. Both branches
/// solve in closed form, a row stays a row, and within it the horizontal scale is constant. Hence the warp separates
/// into whole rows and constant steps, and with q₀ = 1 it is a plain zoom.
package struct RowTable: Sendable {
    /// Height of the horizon from the top, as a share of the picture's height.
    package static let horizon = 0.42

    let zoom: Double
    let farNearness: Double
    let pose: CameraPose

    package init(path: CameraPath, pose: CameraPose) {
        zoom = path.zoom
        farNearness = 1 - path.depthStrength
        self.pose = pose
    }

    /// What a row at this height of the frame shows.
    /// - Parameter height: From 0, the frame's top edge, to 1, its bottom edge.
    /// - Returns: The height in the photo, and the share of the photo's width for a unit of the frame's width.
    package func source(atHeight height: Double) -> (height: Double, scale: Double, nearness: Double) {
        let r = (height - 0.5) / zoom + 0.5 - Self.horizon
        let q0 = farNearness
        let fall = (1 - q0) / (1 - Self.horizon)
        let t = pose.travel
        let b = pose.bob
        var s = r * (1 - t * q0) + b * q0
        if s > 0 { s /= 1 + fall * (t * r - b) }
        let nearness = q0 + fall * max(0, s)
        return (s + Self.horizon + pose.tilt, (1 - t * nearness) / zoom, nearness)
    }

    /// Which samples of a plane make up one row of the frame's plane of the same kind.
    ///
    /// `frame` and `plane` are the sizes of the two planes in samples; both cover the same picture. 4:2:0 chroma samples sit
    /// on the left luma sample of their pair, and midway between two rows.
    func row(_ row: Int, frame: FrameSize, plane: FrameSize, isChroma: Bool) -> SourceRow {
        let source = source(atHeight: (Double(row) + 0.5) / Double(frame.height))
        let width = Double(frame.width)
        let planeWidth = Double(plane.width)
        // Distance of a sample's centre from the left edge of its cell: ½ for luma; ¼ for chroma, whose cell is two
        // luma samples wide.
        let inset = isChroma ? 0.25 : 0.5
        let lean = lean(nearness: source.nearness, aspect: frame.aspect)
        let step = source.scale * planeWidth / width
        let x = ((inset / width - 0.5) * source.scale + 0.5 + lean) * planeWidth - inset
        return SourceRow(
            y: Self.fixed(source.height * Double(plane.height) - 0.5),
            x: Self.fixed(x),
            step: Self.fixed(step)
        )
    }

    /// How far a row is moved to the left, in widths of the picture.
    ///
    /// Sway is given in heights.
    package func lean(nearness: Double, aspect: Double) -> Double {
        pose.turn + pose.sway * nearness / aspect
    }

    private static func fixed(_ value: Double) -> Int64 { Int64((value * 4_294_967_296).rounded()) }
}
