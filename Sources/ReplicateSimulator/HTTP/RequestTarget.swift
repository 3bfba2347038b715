/// The path and the query of a request line.
package struct RequestTarget: Sendable, Hashable {
    /// As received.
    package let text: String
    /// The decoded parts between the slashes; a trailing slash adds none.
    package let segments: [String]
    package let query: [QueryItem]

    /// A name and a value of a query, decoded.
    package struct QueryItem: Sendable, Hashable {
        package let name: String
        package let value: String
    }

    package init(_ text: String) {
        self.text = text
        let parts = text.prefix { $0 != "#" }.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first ?? ""
        segments = path.split(separator: "/").map { Self.decoded($0, plusIsSpace: false) }
        query = parts.count > 1 ? Self.items(parts[1]) : []
    }

    /// The first value of a query item.
    package subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    /// The items of the query of a URL; empty when it has none.
    static func query(ofURL url: String) -> [QueryItem] {
        guard let mark = url.firstIndex(of: "?") else { return [] }
        return items(url[url.index(after: mark)...].prefix { $0 != "#" })
    }

    private static func items(_ query: Substring) -> [QueryItem] {
        query.split(separator: "&")
            .map { item in
                let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return QueryItem(
                    name: decoded(pair.first ?? "", plusIsSpace: true),
                    value: pair.count > 1 ? decoded(pair[1], plusIsSpace: true) : ""
                )
            }
    }

    /// Undoes percent encoding; broken escapes stay as they are.
    static func decoded(_ text: Substring, plusIsSpace: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(text)
        }
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "%"), position + 2 < bytes.count,
                let high = Character(Unicode.Scalar(bytes[position + 1])).hexDigitValue,
                let low = Character(Unicode.Scalar(bytes[position + 2])).hexDigitValue
            {
                decoded.append(UInt8(high * 16 + low))
                position += 3
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                position += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Encodes everything but the unreserved characters of RFC 3986.
    static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                encoded.append(character)
            } else {
                encoded += "%" + [byte].hex.uppercased()
            }
        }
        return encoded
    }
}
