import StrictJSON

/// Reads a JSON object field by field and keeps everything that is wrong with it.
struct FieldReader {
    private let path: String
    /// Nil when it is no object; its fields are not missed then.
    private let members: [String: JSONValue]?
    private var known: Set<String> = []
    private(set) var problems: [FieldError.Problem] = []

    /// Reads an object that stands at `path` in the document; empty for the document itself.
    init(_ value: JSONValue, at path: String) {
        self.path = path
        members = value.object
        if members == nil {
            problems.append(.init(path: path.isEmpty ? "the document" : path, message: Self.rule("an object", value)))
        }
    }

    /// A field that must be there.
    ///
    /// `rule` says what would be right, after "must be". Nil after a problem was noted.
    mutating func required<Value>(_ name: String, _ rule: String, _ read: (JSONValue) -> Value?) -> Value? {
        known.insert(name)
        guard let value = given(name) else {
            if members != nil { note(name, "is missing; it must be \(rule)") }
            return nil
        }
        return accepted(name, value, rule, read)
    }

    /// A field that may be left out or null; nil then, and after a problem was noted.
    mutating func optional<Value>(_ name: String, _ rule: String, _ read: (JSONValue) -> Value?) -> Value? {
        known.insert(name)
        return given(name).flatMap { accepted(name, $0, rule, read) }
    }

    /// The value of a field if it is there and not null.
    func given(_ name: String) -> JSONValue? {
        // Not `flatMap { … ? nil : $0 }`: that nil would be a `JSONValue`.
        guard let value = members?[name], value != .null else { return nil }
        return value
    }

    /// A field that is an object, to be given back to ``close(_:)``.
    mutating func open(_ name: String) -> FieldReader {
        known.insert(name)
        return FieldReader(members?[name] ?? .null, at: child(name))
    }

    /// Takes over the problems of a part.
    mutating func close(_ part: FieldReader) {
        if members != nil { problems += part.problems }
    }

    /// Notes a problem of one field.
    mutating func note(_ name: String, _ message: String) {
        problems.append(.init(path: child(name), message: message))
    }

    /// Notes every field that nobody asked for.
    mutating func refuseUnknown() {
        for name in (members ?? [:]).keys.sorted() where !known.contains(name) {
            let fields = known.sorted().joined(separator: ", ")
            problems.append(.init(path: child(Self.clipped(name)), message: "is unknown; known are \(fields)"))
        }
    }

    /// The words of a broken rule.
    static func rule(_ rule: String, _ value: JSONValue) -> String {
        let json = (try? value.encoded()).map { String(decoding: $0, as: UTF8.self) } ?? "a number"
        return "must be \(rule), got \(clipped(json))"
    }

    private mutating func accepted<Value>(
        _ name: String,
        _ value: JSONValue,
        _ rule: String,
        _ read: (JSONValue) -> Value?
    ) -> Value? {
        if let result = read(value) { return result }
        note(name, Self.rule(rule, value))
        return nil
    }

    private func child(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Whole values in messages would let one mistake fill a log.
    private static func clipped(_ text: String) -> String {
        text.unicodeScalars.count <= 60 ? text : String(text.unicodeScalars.prefix(60)) + "…"
    }
}

extension FieldReader {
    mutating func requiredChoice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) -> Choice? {
        required(name, Self.list(Choice.self)) { $0.string.flatMap(Choice.init(rawValue:)) }
    }

    mutating func optionalChoice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) -> Choice? {
        optional(name, Self.list(Choice.self)) { $0.string.flatMap(Choice.init(rawValue:)) }
    }

    mutating func requiredWhole(_ name: String, in range: ClosedRange<Int>) -> Int? {
        required(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") { Self.whole($0, in: range) }
    }

    mutating func optionalBool(_ name: String) -> Bool? {
        optional(name, "true or false", \.bool)
    }

    static func whole(_ value: JSONValue, in range: ClosedRange<Int>) -> Int? {
        value.integer.flatMap { Int(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil }
    }

    /// The elements of a list, each read; nil when one of them cannot be or comes twice.
    static func distinct<Element: Hashable>(_ value: JSONValue, _ read: (JSONValue) -> Element?) -> [Element]? {
        guard let elements = value.array else { return nil }
        let values = elements.compactMap(read)
        return values.count == elements.count && Set(values).count == values.count ? values : nil
    }

    /// "keep or rollback", "5, 6 or 10".
    private static func list<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> String {
        let words = Choice.allCases.map(\.rawValue)
        return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }
}
