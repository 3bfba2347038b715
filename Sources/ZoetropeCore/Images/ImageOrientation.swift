/// How stored pixels must be turned to be upright: the value of EXIF's tag 0x0112.
package enum ImageOrientation: Int, Sendable, CaseIterable {
    /// Show as stored.
    case upright = 1
    /// Mirror left to right.
    case mirrored = 2
    /// Turn by 180°.
    case rotated180 = 3
    /// Mirror top to bottom.
    case flipped = 4
    /// Mirror along the diagonal from top left to bottom right.
    case transposed = 5
    /// Turn by 90° clockwise.
    case rotated90 = 6
    /// Mirror along the diagonal from top right to bottom left.
    case transversed = 7
    /// Turn by 90° anticlockwise.
    case rotated270 = 8

    /// The upright picture is as wide as the stored one is high.
    package var swapsSides: Bool { rawValue >= 5 }
}

extension ImageOrientation {
    /// The orientation in an EXIF block: a TIFF header and its first directory, with or without `Exif\0\0` before it.
    ///
    /// `nil` when there is none or the block makes no sense; people's photos must not fail on a bad tag. Like browsers,
    /// it takes only a single SHORT. Time is linear in the size of the block.
    /// See EXIF 2.32 (CIPA DC-008), 4.5 and 4.6.4.
    static func inEXIF(_ block: ByteWindow) -> ImageOrientation? {
        // The sixth byte is 0 by the standard; some cameras write 0xFF.
        let start = block.starts(with: [0x45, 0x78, 0x69, 0x66, 0x00]) ? 6 : 0
        guard let tiff = block.part(from: start) else { return nil }
        let order: ByteOrder
        if tiff.starts(with: [0x49, 0x49, 0x2A, 0x00]) {
            order = .little
        } else if tiff.starts(with: [0x4D, 0x4D, 0x00, 0x2A]) {
            order = .big
        } else {
            return nil
        }
        guard let offset = tiff.uint32(at: 4, order), let directory = tiff.part(from: offset),
            let entries = directory.uint16(at: 0, order)
        else { return nil }
        for entry in 0..<entries {
            guard let field = directory.part(from: 2 + 12 * entry, count: 12) else { return nil }
            guard field.uint16(at: 0, order) == 0x0112 else { continue }
            guard field.uint16(at: 2, order) == 3, field.uint32(at: 4, order) == 1 else { return nil }
            return field.uint16(at: 8, order).flatMap(ImageOrientation.init(rawValue:))
        }
        return nil
    }
}
