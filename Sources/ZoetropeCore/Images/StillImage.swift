/// An image file that was read from end to end and reduced to its picture.
///
/// The parser reads structure and never decodes pixels: time is linear in the number of bytes, and nothing large is
/// copied. A file that passes can still hold nonsense pixels, or bytes that the decoder skips inside the compressed
/// data, so what is shown to others must be decoded and encoded again.
package struct StillImage: Sendable {
    /// What the file says, with the orientation that the reduced file no longer carries.
    package let header: ImageHeader
    private let pieces: PieceList

    init(header: ImageHeader, pieces: PieceList) {
        self.header = header
        self.pieces = pieces
    }

    /// Bytes of the reduced file.
    package var byteCount: Int { pieces.byteCount }

    /// Hands over, piece by piece, the image reduced to what a decoder needs.
    ///
    /// No EXIF, XMP, IPTC, comments, ICC profile, thumbnails, text chunks, animation, or bytes after the end. It decodes
    /// to the same stored pixels as the file; `header.orientation` must still be applied to them.
    package func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        try pieces.write(sink)
    }

    /// The reduced file in one piece.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        write { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Reads a file that was stored without its metadata, and gives it back the orientation that was kept beside it.
    package init(stored bytes: [UInt8], orientation: ImageOrientation, limits: ImageLimits = .standard)
        throws(ImageError)
    {
        let image = try StillImage(parsing: bytes, limits: limits)
        var header = image.header
        header.orientation = orientation
        self.init(header: header, pieces: image.pieces)
    }

    package init(parsing bytes: [UInt8], limits: ImageLimits = .standard) throws(ImageError) {
        try self.init(parsing: ImageBytes(bytes), limits: limits)
    }

    /// Reads an untrusted file.
    ///
    /// Limits are checked as soon as the size is known, before the rest of the file is looked at.
    package init(parsing bytes: ImageBytes, limits: ImageLimits = .standard) throws(ImageError) {
        try limits.checkBytes(bytes.count)
        let file = ByteWindow(bytes)
        guard let format = ImageFormat.signed(file) else {
            throw ForeignFormat.refusal(of: file)
        }
        switch format {
        case .jpeg: self = try JPEGParser.parse(bytes, limits: limits)
        case .png: self = try PNGParser.parse(bytes, limits: limits)
        case .webp: self = try WebPParser.parse(bytes, limits: limits)
        }
    }
}
