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
        // The escaped text is at least as long as what it stands for, and three bytes make four characters of base64.
        let isBase64 = header.dropFirst().last?.trimmingCharacters(in: .whitespaces).lowercased() == "base64"
        guard content.utf8.count / 4 <= limit, let unescaped = Self.unescaped(content.utf8) else { return nil }
        guard let bytes = isBase64 ? Data(base64Encoded: unescaped) : unescaped, bytes.count <= limit else {
            return nil
        }
        self.bytes = bytes
    }

    /// Bytes with `%xx` resolved; `nil` for an escape without two digits.
    private static func unescaped(_ text: Substring.UTF8View) -> Data? {
        guard text.contains(UInt8(ascii: "%")) else { return Data(text) }
        var bytes = Data()
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let escape = String(rest.prefix(2)), escape.count == 2, escape.allSatisfy(\.isHexDigit),
                let value = UInt8(escape, radix: 16)
            else { return nil }
            rest = rest.dropFirst(2)
            bytes.append(value)
        }
        return bytes
    }

    /// Whether a text is meant as a data URL.
    static func isOne(_ text: String) -> Bool {
        text.prefix(5).lowercased() == "data:"
    }
}
