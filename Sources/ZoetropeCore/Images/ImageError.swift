/// Why an image was refused.
package struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reason as a word; stored, so never rename a raw value.
    package enum Code: String, Sendable, CaseIterable {
        /// More pixels, or a longer side, than the limits allow.
        case tooLarge = "image_too_large"
        /// A side is shorter than the limits allow.
        case tooSmall = "image_too_small"
        /// The file has more bytes than the limits allow.
        case tooManyBytes = "image_file_too_large"
        /// No bytes at all.
        case empty = "image_empty"
        /// Neither JPEG nor PNG nor WebP.
        case unsupportedFormat = "image_unsupported"
        /// Cut off, or against the rules of its format.
        case damaged = "image_damaged"
        /// A legal file that uses a part of its format which we do not take, such as animation.
        case unsupportedVariant = "image_variant_unsupported"
    }

    package let code: Code
    /// One sentence for a person: what failed, the value, the remedy.
    ///
    /// Holds no text from the file, but for the four letters of a PNG chunk's name.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

extension ImageError {
    static func damaged(_ format: ImageFormat, _ what: String) -> ImageError {
        ImageError(.damaged, "The \(format.name) is damaged: \(what); save it again and send the new file.")
    }

    static func cutOff(_ format: ImageFormat, after count: Int) -> ImageError {
        let bytes = count == 1 ? "1 byte" : "\(count) bytes"
        return ImageError(.damaged, "The \(format.name) is cut off after \(bytes); send the whole file.")
    }

    static func variant(_ format: ImageFormat, _ what: String, remedy: String) -> ImageError {
        ImageError(.unsupportedVariant, "The \(format.name) \(what), which is not supported; \(remedy).")
    }
}
