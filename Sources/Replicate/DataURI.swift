public import Foundation

/// A file inside a URL: `data:video/mp4;base64,…`, as model servers return outputs.
public struct DataURI: Sendable, Hashable {
    /// The media type without parameters, lower-case; `text/plain` when the URL names none.
    public let mediaType: String
    /// The file.
    public let bytes: Data

    /// Reads a data URL with at most `limit` bytes inside; `nil` when it is none, broken or larger.
    public init?(_ text: String, limit: Int = 200 << 20) {
        guard text.utf8.count > 5, text.prefix(5).lowercased() == "data:",
            let comma = text.utf8.firstIndex(of: UInt8(ascii: ","))
        else { return nil }
        let header = text[text.utf8.index(text.startIndex, offsetBy: 5)..<comma]
            .split(separator: ";", omittingEmptySubsequences: false)
        let content = text[text.utf8.index(after: comma)...]
        let mediaType = header.first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() } ?? ""
        self.mediaType = mediaType.isEmpty ? "text/plain" : mediaType
        if header.dropFirst().last?.trimmingCharacters(in: .whitespaces).lowercased() == "base64" {
            // Three bytes make four characters.
            guard content.utf8.count / 4 * 3 <= limit + 3, let bytes = Data(base64Encoded: String(content)) else {
                return nil
            }
            self.bytes = bytes
        } else {
            guard content.utf8.count / 3 <= limit, let plain = content.removingPercentEncoding else { return nil }
            self.bytes = Data(plain.utf8)
        }
        guard bytes.count <= limit else { return nil }
    }

    /// Whether a text is meant as a data URL.
    static func isOne(_ text: String) -> Bool {
        text.prefix(5).lowercased() == "data:"
    }
}
