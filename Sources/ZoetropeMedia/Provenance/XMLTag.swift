/// `<name …>`, `<name …/>` or `</name>` at the start of a text.
struct XMLTag {
    typealias Text = Substring.UnicodeScalarView

    let name: Substring
    private(set) var attributes: [(name: Substring, value: String)] = []
    let isStart: Bool
    let isEnd: Bool
    /// What follows.
    let rest: Text

    private static let maxAttributes = 256

    init?(_ text: Text) {
        var text = text.dropFirst()
        let closes = text.first == "/"
        if closes { text = text.dropFirst() }
        guard let name = XMLText.takeName(&text) else { return nil }
        var attributes: [(name: Substring, value: String)] = []
        while true {
            let hadSpace = XMLText.skipSpace(&text)
            if text.first == ">" || text.starts(with: "/>".unicodeScalars) { break }
            guard hadSpace, !closes, attributes.count < Self.maxAttributes,
                let attribute = XMLText.takeAttribute(&text)
            else { return nil }
            attributes.append(attribute)
        }
        let isEmpty = text.first == "/"
        guard !(closes && isEmpty) else { return nil }
        self.name = name
        self.attributes = attributes
        (isStart, isEnd) = (!closes, closes || isEmpty)
        rest = text.dropFirst(isEmpty ? 2 : 1)
    }
}

/// The small parts of XML.
enum XMLText {
    typealias Text = Substring.UnicodeScalarView

    static func takeName(_ text: inout Text) -> Substring? {
        let name = text.prefix { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_:.-".unicodeScalars.contains(scalar)
        }
        guard let first = name.first, !"0123456789.-".unicodeScalars.contains(first), name.count <= 128 else {
            return nil
        }
        text = text[name.endIndex...]
        return Substring(name)
    }

    static func takeAttribute(_ text: inout Text) -> (name: Substring, value: String)? {
        guard let name = takeName(&text) else { return nil }
        _ = skipSpace(&text)
        guard text.popFirst() == "=" else { return nil }
        _ = skipSpace(&text)
        guard let quote = text.popFirst(), quote == "\"" || quote == "'", let end = text.firstIndex(of: quote),
            !text[..<end].contains("<"), let value = unescaped(text[..<end])
        else { return nil }
        text = text[end...].dropFirst()
        return (name, value)
    }

    /// Returns whether there was any.
    static func skipSpace(_ text: inout Text) -> Bool {
        let rest = text.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0.value) }
        defer { text = rest }
        return rest.startIndex > text.startIndex
    }

    /// What follows something that begins and ends so; nil when it does not.
    static func skip(_ start: String, _ end: String, _ text: Text) -> Text? {
        guard text.starts(with: start.unicodeScalars) else { return nil }
        let inner = text.dropFirst(start.unicodeScalars.count)
        return inner.firstRange(of: end.unicodeScalars).map { inner[$0.upperBound...] }
    }

    /// Text with its entities replaced; nil for those that XML does not know by itself.
    static func unescaped(_ text: Text) -> String? {
        var parts = text.split(separator: "&", omittingEmptySubsequences: false)[...]
        var result = String(parts.removeFirst())
        for part in parts {
            guard let end = part.firstIndex(of: ";"), let scalar = scalar(Substring(part[..<end])) else { return nil }
            result.unicodeScalars.append(scalar)
            result.unicodeScalars.append(contentsOf: part[end...].dropFirst())
        }
        return result
    }

    private static func scalar(_ entity: Substring) -> Unicode.Scalar? {
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
}
