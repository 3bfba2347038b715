import Glibc
package import ZoetropeCore
package import ZoetropeMedia

/// The local renderer's geometry and filter once more, written for clarity in 64-bit floats: what the fast one is
/// compared with.
///
/// It shares the camera path and nothing else.
package struct ReferenceRenderer {
    private let photo: PlanarPicture
    private let path: CameraPath
    private let size: FrameSize

    package init(photo: PlanarPicture, path: CameraPath, size: FrameSize) {
        self.photo = photo
        self.path = path
        self.size = size
    }

    /// One frame, planes Y, U, V, before rounding to eight bits.
    package func render(frame number: Int) -> [Double] {
        let camera = ReferenceCamera(path: path, pose: path.pose(at: number), size: size)
        var samples: [Double] = []
        samples.reserveCapacity(size.bytesOfPlanarPicture)
        for plane in PlanarPicture.Plane.allCases {
            let planeSize = size.ofPlane(plane)
            let ratio = Double(size.width / planeSize.width)
            // A chroma sample sits on the left luma sample of its pair and midway between two rows.
            let inset = plane == .y ? (x: 0.5, y: 0.5) : (x: 0.5, y: 1.0)
            for row in 0..<planeSize.height {
                for column in 0..<planeSize.width {
                    let point = camera.photoPoint(
                        x: Double(column) * ratio + inset.x,
                        y: Double(row) * ratio + inset.y
                    )
                    // Points of the frame are in luma samples; the photo's planes are a little larger.
                    let scaleX = Double(photo.size.width) / Double(size.width)
                    let scaleY = Double(photo.size.height) / Double(size.height)
                    samples.append(
                        sample(
                            plane,
                            x: (point.x * scaleX - inset.x) / ratio,
                            y: (point.y * scaleY - inset.y) / ratio
                        )
                    )
                }
            }
        }
        return samples
    }

    /// Catmull-Rom interpolation of a plane, whose edge samples go on for ever.
    ///
    /// (0, 0) is the first sample's centre.
    private func sample(_ plane: PlanarPicture.Plane, x: Double, y: Double) -> Double {
        let planeSize = photo.size(of: plane)
        let offset = photo.offset(of: plane)
        let (column, row) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
        let (across, down) = (Self.weights(x - Double(column)), Self.weights(y - Double(row)))
        var sum = 0.0
        for j in 0..<4 {
            let line = min(max(row + j - 1, 0), planeSize.height - 1)
            for i in 0..<4 {
                let at = min(max(column + i - 1, 0), planeSize.width - 1)
                sum += down[j] * across[i] * Double(photo.bytes[offset + line * planeSize.width + at])
            }
        }
        return sum
    }

    /// Keys' cubic kernel with a = −½, evaluated at the distances of the four neighbours.
    private static func weights(_ t: Double) -> [Double] {
        [1 + t, t, 1 - t, 2 - t]
            .map { d in
                d <= 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2
            }
    }
}

/// Where points of the photo appear in a frame and the reverse.
///
/// Both are in luma samples of the frame's size, from the top left corner: the photo covers 0…width × 0…height, too.
package struct ReferenceCamera {
    private let zoom: Double
    private let depth: Double
    private let pose: CameraPose
    private let size: FrameSize
    private let horizon = 0.42

    package init(path: CameraPath, pose: CameraPose, size: FrameSize) {
        zoom = path.zoom
        depth = path.depthStrength
        self.pose = pose
        self.size = size
    }

    /// Nearness of a row of the photo, counted from the horizon in heights.
    private func nearness(_ s: Double) -> Double { 1 - depth * (1 - max(0, s) / (1 - horizon)) }

    /// Where a point of the photo is seen.
    package func framePoint(x: Double, y: Double) -> (x: Double, y: Double) {
        let (width, height) = (Double(size.width), Double(size.height))
        let s = (y / height - pose.tilt) - horizon
        let q = nearness(s)
        let closer = 1 - pose.travel * q
        let r = (s - pose.bob * q) / closer
        let u = (x / width - 0.5 - pose.turn - pose.sway * q * height / width) / closer
        return (x: (u * zoom + 0.5) * width, y: ((r + horizon - 0.5) * zoom + 0.5) * height)
    }

    /// What is seen at a point of the frame.
    ///
    /// Solved by bisection, since rows keep their order.
    package func photoPoint(x: Double, y: Double) -> (x: Double, y: Double) {
        let (width, height) = (Double(size.width), Double(size.height))
        var (low, high) = (-height, 2 * height)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if framePoint(x: 0, y: middle).y < y { low = middle } else { high = middle }
        }
        let photoY = (low + high) / 2
        let q = nearness(photoY / height - pose.tilt - horizon)
        let u = (x / width - 0.5) / zoom * (1 - pose.travel * q)
        return (x: (u + 0.5 + pose.turn + pose.sway * q * height / width) * width, y: photoY)
    }
}

/// Peak signal-to-noise ratio in decibels for a peak of 255; infinite for equal samples.
package func psnr(_ samples: [UInt8], _ reference: [Double]) -> Double {
    precondition(samples.count == reference.count)
    let squares = zip(samples, reference)
        .reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - pair.1
            return sum + difference * difference
        }
    return 10 * log10(255 * 255 * Double(samples.count) / squares)
}
