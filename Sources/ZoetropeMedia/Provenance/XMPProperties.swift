/// What an XMP packet of anyone's says about how a file was made.
///
/// Reads elements, attributes, comments and the entities that XML knows by itself; whatever else XML has, such as
/// declarations with entities of their own, is not read.
struct XMPProperties: Equatable {
    /// Values of `Iptc4xmpExt:DigitalSourceType`, in the order of the file.
    private(set) var sourceTypes: [String] = []
    /// Values of `Iptc4xmpExt:AISystemUsed`.
    private(set) var systems: [String] = []
    /// Values of `xmp:CreatorTool`.
    private(set) var tools: [String] = []

    /// The largest packet that is read.
    static let maxBytes = 256 << 10
    private static let maxDepth = 32
    private static let maxPrefixes = 64
    private static let maxValues = 16

    /// One of the three that are looked for.
    private typealias Property = WritableKeyPath<XMPProperties, [String]>

    /// An element that has begun and not ended.
    private struct Element {
        let name: Substring
        /// Prefixes and the namespaces that they stand for here.
        let prefixes: [Substring: String]
        let property: Property?
        var text = ""
    }

    /// Reads a packet; nil when it is larger than the limit or no XML that is read.
    init?(parsing bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.maxBytes, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var rest = text[...].unicodeScalars
        var open: [Element] = []
        while let start = rest.firstIndex(of: "<") {
            guard let before = XMLText.unescaped(rest[..<start]) else { return nil }
            if !open.isEmpty { open[open.count - 1].text += before }
            rest = rest[start...]
            if let after = XMLText.skip("<?", "?>", rest) ?? XMLText.skip("<!--", "-->", rest) {
                rest = after
                continue
            }
            guard let tag = XMLTag(rest) else { return nil }
            rest = tag.rest
            if tag.isStart {
                guard open.count < Self.maxDepth else { return nil }
                let element = begin(tag, in: open.last)
                guard element.prefixes.count <= Self.maxPrefixes else { return nil }
                open.append(element)
            }
            if tag.isEnd {
                guard let element = open.popLast(), element.name == tag.name else { return nil }
                end(element, in: &open)
            }
        }
        guard open.isEmpty else { return nil }
    }

    private mutating func begin(_ tag: XMLTag, in parent: Element?) -> Element {
        var prefixes = parent?.prefixes ?? [:]
        for (name, value) in tag.attributes where name.hasPrefix("xmlns:") {
            prefixes[name.dropFirst("xmlns:".count)] = value
        }
        let property = Self.property(tag.name, prefixes)
        for (name, value) in tag.attributes {
            if let written = Self.property(name, prefixes) { add(value, to: written) }
            // A value that is an address may be given as a reference to it.
            if let property, Self.resolve(name, prefixes) == (XMPPacket.Namespace.rdf, "resource") {
                add(value, to: property)
            }
        }
        return Element(name: tag.name, prefixes: prefixes, property: property)
    }

    private mutating func end(_ element: Element, in open: inout [Element]) {
        if let property = element.property {
            add(element.text, to: property)
        } else if !open.isEmpty {
            // The text of a list's items is that of the property.
            open[open.count - 1].text += " " + element.text
        }
    }

    private mutating func add(_ value: String, to property: Property) {
        let words = value.split(whereSeparator: \.isWhitespace)
        guard !words.isEmpty, self[keyPath: property].count < Self.maxValues else { return }
        self[keyPath: property].append(words.joined(separator: " "))
    }

    private static func property(_ name: Substring, _ prefixes: [Substring: String]) -> Property? {
        switch resolve(name, prefixes) {
        case (XMPPacket.Namespace.iptcExtension, "DigitalSourceType"): \.sourceTypes
        case (XMPPacket.Namespace.iptcExtension, "AISystemUsed"): \.systems
        case (XMPPacket.Namespace.xmp, "CreatorTool"): \.tools
        default: nil
        }
    }

    /// The namespace and the name within it; XMP gives every name a prefix.
    private static func resolve(_ name: Substring, _ prefixes: [Substring: String]) -> (String, Substring) {
        let parts = name.split(separator: ":", maxSplits: 1)
        return parts.count == 2 ? (prefixes[parts[0]] ?? "", parts[1]) : ("", name)
    }
}
