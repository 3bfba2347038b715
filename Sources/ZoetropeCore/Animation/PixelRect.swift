/// A part of a picture, in whole pixels from its top left corner.
package struct PixelRect: Sendable, Equatable {
    package var x: Int
    package var y: Int
    package var width: Int
    package var height: Int

    package init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    package var size: FrameSize { FrameSize(width: width, height: height) }
}

extension FrameSize {
    /// The largest part of this picture that has the aspect of `other`.
    ///
    /// What is too wide loses as much on the left as on the right. What is too tall loses three times as much at the
    /// bottom as at the top, where people have their heads.
    package func crop(toAspectOf other: FrameSize) -> PixelRect {
        if width * other.height > other.width * height {
            let kept = max(1, Int((Double(height) * other.aspect).rounded()))
            return PixelRect(x: (width - kept) / 2, y: 0, width: kept, height: height)
        }
        let kept = max(1, Int((Double(width) / other.aspect).rounded()))
        return PixelRect(x: 0, y: (height - kept) / 4, width: width, height: kept)
    }
}

extension PixelRect {
    /// Where this part of an upright picture lies in the picture as it is stored.
    ///
    /// `orientation` is what turns the stored picture upright, `upright` the size of the upright picture.
    package func stored(as orientation: ImageOrientation, upright: FrameSize) -> PixelRect {
        let fromRight = upright.width - x - width
        let fromBottom = upright.height - y - height
        return switch orientation {
        case .mirrored: PixelRect(x: fromRight, y: y, width: width, height: height)
        case .rotated180: PixelRect(x: fromRight, y: fromBottom, width: width, height: height)
        case .flipped: PixelRect(x: x, y: fromBottom, width: width, height: height)
        case .transposed: PixelRect(x: y, y: x, width: height, height: width)
        case .rotated90: PixelRect(x: y, y: fromRight, width: height, height: width)
        case .transversed: PixelRect(x: fromBottom, y: fromRight, width: height, height: width)
        case .rotated270: PixelRect(x: fromBottom, y: x, width: height, height: width)
        case .upright: self
        }
    }
}
