package import ZoetropeCore

/// A picture in YUV 4:2:0, eight bits, limited range: the planes Y, U, V one after the other without padding, as
/// `rawvideo` with `yuv420p` writes them.
///
/// U and V have half the width and half the height.
package struct PlanarPicture: Sendable, Equatable {
    package let size: FrameSize
    package var bytes: [UInt8]

    /// Takes the three planes of a picture whose sides are even.
    package init(size: FrameSize, bytes: [UInt8]) {
        precondition(size.width % 2 == 0 && size.height % 2 == 0, "sides must be even, got \(size)")
        precondition(bytes.count == size.bytesOfPlanarPicture, "got \(bytes.count) bytes for \(size)")
        self.size = size
        self.bytes = bytes
    }

    package enum Plane: Int, Sendable, CaseIterable {
        case y, u, v
    }

    package func size(of plane: Plane) -> FrameSize { size.ofPlane(plane) }

    /// Index of a plane's first byte.
    package func offset(of plane: Plane) -> Int { size.offset(ofPlane: plane) }
}

extension FrameSize {
    package var bytesOfPlanarPicture: Int { pixels * 3 / 2 }

    package func ofPlane(_ plane: PlanarPicture.Plane) -> FrameSize {
        plane == .y ? self : FrameSize(width: width / 2, height: height / 2)
    }

    package func offset(ofPlane plane: PlanarPicture.Plane) -> Int {
        switch plane {
        case .y: 0
        case .u: pixels
        case .v: pixels + pixels / 4
        }
    }
}
