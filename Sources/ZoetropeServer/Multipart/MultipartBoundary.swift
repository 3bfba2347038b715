import HTTPTypes
import Hummingbird

/// What separates the parts of a form: 1–70 characters (RFC 2046, 5.1.1).
package struct MultipartBoundary: Sendable, Hashable {
    let bytes: [UInt8]

    /// Nil when it is too long, holds another character than the RFC allows, or ends with a space.
    package init?(_ text: String) {
        let allowed = "'()+_,-./:=? ".utf8
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            default: allowed.contains(byte)
            }
        }
        guard (1...70).contains(text.utf8.count), isAllowed, text.last != " " else { return nil }
        bytes = Array(text.utf8)
    }
}

extension Request {
    /// The boundary that the request's `Content-Type` names.
    ///
    /// Throws the ``Problem`` with 415 for another type, and ``MultipartError``.
    func multipartBoundary() throws -> MultipartBoundary {
        let value = headers[.contentType] ?? ""
        guard value.prefix(19).lowercased() == "multipart/form-data" else {
            throw Problem(
                .unsupportedMediaType,
                "unsupported_media_type",
                "Send multipart/form-data with the part image"
            )
        }
        guard let type = HeaderValue(value), type.text == "multipart/form-data" else {
            throw MultipartError("The Content-Type is malformed")
        }
        guard let text = type.parameters["boundary"] else {
            throw MultipartError("The Content-Type has no boundary")
        }
        guard let boundary = MultipartBoundary(text) else {
            throw MultipartError("The boundary must be 1 to 70 characters of those that RFC 2046 allows")
        }
        return boundary
    }
}
