/// The formats in which a still image is accepted, told from the bytes only, never from a name or a content type.
package enum ImageFormat: String, Sendable, CaseIterable {
    case jpeg
    case png
    case webp

    /// The format's name as people write it.
    package var name: String {
        switch self {
        case .jpeg: "JPEG"
        case .png: "PNG"
        case .webp: "WebP"
        }
    }

    /// The registered media type, such as `image/jpeg`.
    package var mediaType: String { "image/\(rawValue)" }

    /// The usual ending of a file's name, without the dot.
    package var fileExtension: String {
        switch self {
        case .jpeg: "jpg"
        case .png: "png"
        case .webp: "webp"
        }
    }
}

extension ImageFormat {
    /// The format whose signature the bytes begin with.
    static func signed(_ file: ByteWindow) -> ImageFormat? {
        if file.starts(with: jpegSignature) { return .jpeg }
        if file.starts(with: pngSignature) { return .png }
        if file.starts(with: "RIFF"), file.starts(with: "WEBP", at: 8) { return .webp }
        return nil
    }

    static let jpegSignature: [UInt8] = [0xFF, 0xD8, 0xFF]
    static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
}
