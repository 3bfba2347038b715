/// What the head of an image file says about its picture.
package struct ImageHeader: Sendable, Equatable {
    package var format: ImageFormat
    /// Pixels from left to right as stored, before `orientation`.
    package var width: Int
    /// Pixels from top to bottom as stored, before `orientation`.
    package var height: Int
    /// From EXIF; `upright` when there is none, or none that makes sense.
    package var orientation: ImageOrientation
    /// Some pixel may be transparent, by the file's header; every pixel may still be opaque.
    package var hasAlpha: Bool
    /// Bits per sample, 1…16.
    ///
    /// Always 8 for JPEG and WebP, and for a PNG with a palette, whose colours have 8 bits.
    package var bitDepth: Int
    /// The file stores no colour: a JPEG of one component or a greyscale PNG; a WebP always stores colour.
    package var isGreyscale: Bool

    package init(
        format: ImageFormat,
        width: Int,
        height: Int,
        orientation: ImageOrientation = .upright,
        hasAlpha: Bool = false,
        bitDepth: Int = 8,
        isGreyscale: Bool = false
    ) {
        self.format = format
        self.width = width
        self.height = height
        self.orientation = orientation
        self.hasAlpha = hasAlpha
        self.bitDepth = bitDepth
        self.isGreyscale = isGreyscale
    }

    /// Pixels from left to right of the upright picture.
    package var displayWidth: Int { orientation.swapsSides ? height : width }
    /// Pixels from top to bottom of the upright picture.
    package var displayHeight: Int { orientation.swapsSides ? width : height }
}
