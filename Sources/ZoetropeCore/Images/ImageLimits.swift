/// How large an image may be, in bytes and in pixels.
package struct ImageLimits: Sendable {
    /// Bytes of the file, metadata included.
    package var maxBytes: Int
    /// Width × height as stored.
    package var maxPixels: Int
    /// The least pixels of either side.
    package var minSide: Int
    /// The most pixels of either side.
    package var maxSide: Int

    package init(
        maxBytes: Int = 25_000_000,
        maxPixels: Int = 50_000_000,
        minSide: Int = 64,
        maxSide: Int = 32_768
    ) {
        self.maxBytes = maxBytes
        self.maxPixels = maxPixels
        self.minSide = minSide
        self.maxSide = maxSide
    }

    package static let standard = ImageLimits()
}

extension ImageLimits {
    func checkBytes(_ count: Int) throws(ImageError) {
        guard count > 0 else {
            throw ImageError(.empty, "The image file is empty; send a JPEG, PNG or WebP file.")
        }
        guard count <= maxBytes else {
            throw ImageError(
                .tooManyBytes,
                "The image file has \(count) bytes; at most \(Self.text(maxBytes, "byte")) are accepted."
            )
        }
    }

    /// Sides are at most 2³¹ each, so their product fits.
    func checkSides(_ format: ImageFormat, width: Int, height: Int) throws(ImageError) {
        guard width > 0, height > 0 else {
            throw .damaged(format, "its size is given as \(width) × \(height) pixels")
        }
        let size = "The image is \(width) × \(height) pixels"
        guard width * height <= maxPixels else {
            throw ImageError(.tooLarge, "\(size); at most \(Self.text(maxPixels, "pixel")) are accepted.")
        }
        guard max(width, height) <= maxSide else {
            throw ImageError(.tooLarge, "\(size); at most \(maxSide) pixels a side are accepted.")
        }
        guard min(width, height) >= minSide else {
            throw ImageError(.tooSmall, "\(size); at least \(minSide) pixels a side are needed.")
        }
    }

    /// "50 megapixels" for a round number of millions, else "1500 pixels".
    private static func text(_ number: Int, _ unit: String) -> String {
        number > 0 && number.isMultiple(of: 1_000_000) ? "\(number / 1_000_000) mega\(unit)s" : "\(number) \(unit)s"
    }
}
