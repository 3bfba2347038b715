/// An element of an XML answer; attributes and namespaces are left out.
///
/// Reads the little XML that S3 writes: elements, text, comments and the five named entities. Declarations, with which
/// entities of others would come, are refused.
struct S3XML: Sendable {
    let name: String
    private(set) var text = ""
    private(set) var children: [S3XML] = []

    /// The largest answer that is read; a thousand of the longest keys, each byte encoded, take less.
    static let maxBytes = 4 << 20
    private static let maxDepth = 16

    /// The first child of a name.
    subscript(_ name: String) -> S3XML? { children.first { $0.name == name } }

    func all(_ name: String) -> [S3XML] { children.filter { $0.name == name } }

    private init(name: String) {
        self.name = name
    }

    /// Reads an answer; nil when it is no XML as S3 writes it.
    init?(parsing bytes: [UInt8]) {
        guard bytes.count <= Self.maxBytes, String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var rest = bytes[...]
        var open: [S3XML] = []
        var root: S3XML?
        while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
            guard let text = Self.unescaped(rest[..<start]) else { return nil }
            if open.isEmpty {
                guard text.allSatisfy(\.isWhitespace) else { return nil }
            } else {
                open[open.count - 1].text += text
            }
            rest = rest[start...]
            if let after = Self.skip("<?", "?>", rest) ?? Self.skip("<!--", "-->", rest) {
                rest = after
                continue
            }
            guard let tag = Tag(rest), root == nil else { return nil }
            rest = tag.rest
            if tag.isStart {
                guard open.count < Self.maxDepth else { return nil }
                open.append(S3XML(name: tag.name))
            }
            if tag.isEnd {
                guard let element = open.popLast(), element.name == tag.name else { return nil }
                if open.isEmpty {
                    root = element
                } else {
                    open[open.count - 1].children.append(element)
                }
            }
        }
        guard let root, Self.unescaped(rest)?.allSatisfy(\.isWhitespace) == true else { return nil }
        self = root
    }

    /// `<name …>`, `<name …/>` or `</name>`.
    private struct Tag {
        let name: String
        let isStart: Bool
        let isEnd: Bool
        let rest: ArraySlice<UInt8>

        init?(_ bytes: ArraySlice<UInt8>) {
            var inner = bytes.dropFirst()
            var quote: UInt8?
            // A value may hold the sign that ends the tag.
            let end = inner.firstIndex { byte in
                if let open = quote {
                    if byte == open { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: ">") {
                    return true
                }
                return false
            }
            guard let end else { return nil }
            rest = bytes[(end + 1)...]
            inner = inner[..<end]
            let closes = inner.first == UInt8(ascii: "/")
            if closes { inner = inner.dropFirst() }
            let isEmpty = inner.last == UInt8(ascii: "/")
            if isEmpty { inner = inner.dropLast() }
            guard !(closes && isEmpty) else { return nil }
            let name = inner.prefix { !S3XML.whitespace.contains($0) }
            guard (1...64).contains(name.count), name.allSatisfy(Self.isOfNames), !Self.isInner(name[name.startIndex])
            else { return nil }
            self.name = String(decoding: name, as: UTF8.self)
            (isStart, isEnd) = (!closes, closes || isEmpty)
        }

        private static func isOfNames(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            default: isInner(byte)
            }
        }

        /// Whether it can only follow another byte of a name.
        private static func isInner(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }

    private static let whitespace: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]

    /// What follows something that begins and ends so; nil when it does not.
    private static func skip(_ start: String, _ end: String, _ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard bytes.starts(with: start.utf8) else { return nil }
        return bytes.dropFirst(start.utf8.count).firstRange(of: Array(end.utf8)).map { bytes[$0.upperBound...] }
    }

    /// Text with its entities replaced; nil for those that XML does not know by itself.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
        // By bytes: with a combining mark behind it, a semicolon is another character.
        var parts = bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)[...]
        var result = Array(parts.removeFirst())
        for part in parts {
            guard let end = part.firstIndex(of: UInt8(ascii: ";")),
                let character = character(String(decoding: part[..<end], as: UTF8.self))
            else { return nil }
            result += String(character).utf8
            result += part[(end + 1)...]
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func character(_ entity: String) -> Unicode.Scalar? {
        switch entity {
        case "amp": "&"
        case "lt": "<"
        case "gt": ">"
        case "quot": "\""
        case "apos": "'"
        case _ where entity.hasPrefix("#x"): UInt32(entity.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        case _ where entity.hasPrefix("#"): UInt32(entity.dropFirst()).flatMap(Unicode.Scalar.init)
        default: nil
        }
    }

    /// A text as it stands in an element.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
