package import ZoetropeCore

/// What providers take: sides of 360 to 2,000 pixels, an aspect between 2:5 and 5:2, a JPEG of a few megabytes.
///
/// Numbers: the narrowest of the models' limits.
package struct InputImage: Sendable, Equatable {
    /// The part of the upright photo that is shown.
    package let crop: PixelRect
    /// Even sides.
    package let size: FrameSize

    private static let widest = FrameSize(width: 5, height: 2)
    private static let tallest = FrameSize(width: 2, height: 5)
    private static let maxSide = 2_000
    private static let minSide = 360
    /// Enlarging adds no detail; beyond this a photo is better refused by the model.
    private static let maxEnlargement = 4.0

    /// For an upright photo of this size.
    package init(of photo: FrameSize) {
        let aspect = min(max(photo.aspect, Self.tallest.aspect), Self.widest.aspect)
        crop =
            aspect == photo.aspect
            ? PixelRect(x: 0, y: 0, width: photo.width, height: photo.height)
            : photo.crop(toAspectOf: photo.isPortrait ? Self.tallest : Self.widest)
        let (short, long) = (min(crop.width, crop.height), max(crop.width, crop.height))
        var scale = min(1, Double(Self.maxSide) / Double(long))
        if Double(short) * scale < Double(Self.minSide) {
            scale = min(Self.maxEnlargement, Double(Self.minSide) / Double(short))
        }
        func even(_ side: Int) -> Int { Int((Double(side) * scale / 2).rounded()) * 2 }
        // Rounding must not lead out of the limits again.
        let shortSide = even(short)
        let longSide = min(even(long), shortSide * 5 / 4 * 2)
        size =
            crop.height > crop.width
            ? FrameSize(width: shortSide, height: longSide) : FrameSize(width: longSide, height: shortSide)
    }

    /// In bytes; the narrowest limit of a model is twice as much.
    private static let maxBytes = 5_000_000

    /// From no visible loss to the strongest compression that is still of use.
    private static let quantisers = [2, 4, 8, 16, 31]

    /// The baseline JPEG of it, without any metadata.
    ///
    /// Throws a ``MediaError`` with `source_unreadable` when the picture data are damaged.
    package func jpeg(of photo: StillImage, with decoder: PhotoDecoder) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for quantiser in Self.quantisers {
            bytes = try await decoder.jpeg(photo, crop: crop, size: size, quantiser: quantiser)
            if bytes.count <= Self.maxBytes { break }
        }
        return bytes
    }
}
