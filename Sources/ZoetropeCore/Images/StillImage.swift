/// An image file that was read from end to end and reduced to its picture.
///
/// The parser reads structure and never decodes pixels: time is linear in the number of bytes, memory is one copy. A file
/// that passes can still hold nonsense pixels, or bytes that the decoder skips inside the compressed data, so what is
/// shown to others must be decoded and encoded again.
package struct StillImage: Sendable {
    /// What the file says, with the orientation that `bytes` no longer carry.
    package let header: ImageHeader
    /// The image reduced to what a decoder needs.
    ///
    /// No EXIF, XMP, IPTC, comments, ICC profile, thumbnails, text chunks, animation, or bytes after the end. It decodes
    /// to the same stored pixels as the file; `header.orientation` must still be applied to them.
    package let bytes: [UInt8]

    init(header: ImageHeader, bytes: [UInt8]) {
        self.header = header
        self.bytes = bytes
    }

    /// Reads a file that was stored without its metadata, and gives it back the orientation that was kept beside it.
    package init(stored bytes: [UInt8], orientation: ImageOrientation, limits: ImageLimits = .standard)
        throws(ImageError)
    {
        let image = try StillImage(parsing: bytes, limits: limits)
        var header = image.header
        header.orientation = orientation
        self.init(header: header, bytes: image.bytes)
    }

    /// Reads an untrusted file.
    ///
    /// Limits are checked as soon as the size is known, before the rest of the file is looked at.
    package init(parsing bytes: [UInt8], limits: ImageLimits = .standard) throws(ImageError) {
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
