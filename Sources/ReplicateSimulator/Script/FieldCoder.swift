/// Reads the members of a JSON object into variables, or writes variables into one.
///
/// One list of fields then serves both ways. Reading collects every problem – wrong types, values out of range, unknown
/// keys – instead of stopping at the first.
final class FieldCoder {
    /// All problems of one script.
    final class Problems {
        var list: [String] = []
    }

    let path: String
    let problems: Problems
    let isReading: Bool
    private(set) var object: JSONObject
    private var known: Set<String> = []

    /// Reads an object; something else is a problem.
    init(reading value: JSONValue, path: String, problems: Problems) {
        self.path = path
        self.problems = problems
        isReading = true
        object = value.object ?? JSONObject()
        if value.object == nil { problems.list.append("\(path) must be an object, got \(value.shortText)") }
    }

    /// Writes an object.
    init(writing: Void = ()) {
        path = ""
        problems = Problems()
        isReading = false
        object = JSONObject()
    }

    /// The value under a key, which is then known.
    func take(_ key: String) -> JSONValue? {
        known.insert(key)
        return object[key]
    }

    func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func problem(_ key: String, _ value: JSONValue, _ wanted: String) {
        problems.list.append("\(place(key)) must be \(wanted), got \(value.shortText)")
    }

    /// Reports the keys that nobody asked for.
    func finish() {
        let unknown = object.keys.filter { !known.contains($0) }
        for key in unknown {
            problems.list.append("\(place(key)) is not known; known here: \(known.sorted().joined(separator: ", "))")
        }
    }

    /// The one way through which all fields go: `convert` gives nil for a value that does not fit.
    func field<Value>(
        _ key: String,
        _ variable: inout Value,
        _ wanted: String,
        read: (JSONValue) -> Value?,
        write: (Value) -> JSONValue?
    ) {
        guard isReading else {
            object[key] = write(variable)
            return
        }
        guard let value = take(key) else { return }
        if let converted = read(value) { variable = converted } else { problem(key, value, wanted) }
    }
}

extension FieldCoder {
    func int(_ key: String, _ variable: inout Int, in range: ClosedRange<Int>) {
        field(key, &variable, "a whole number \(range.text)", read: { $0.int(in: range) }, write: { .int($0) })
    }

    /// `null` is nil.
    func int(_ key: String, _ variable: inout Int?, in range: ClosedRange<Int>, writesNull: Bool = false) {
        field(
            key,
            &variable,
            "a whole number \(range.text) or null",
            read: { $0 == .null ? .some(nil) : $0.int(in: range).map { .some($0) } },
            write: { $0.map { .int($0) } ?? (writesNull ? .null : nil) }
        )
    }

    func seconds(_ key: String, _ variable: inout Double, from minimum: Double = 0) {
        field(
            key,
            &variable,
            "seconds, \(JSONValue.double(minimum).text) to 1e9",
            read: { value in value.double.flatMap { (minimum...1e9).contains($0) ? $0 : nil } },
            write: { .double($0) }
        )
    }

    func seconds(_ key: String, _ variable: inout Double?, from minimum: Double = 0) {
        field(
            key,
            &variable,
            "seconds, \(JSONValue.double(minimum).text) to 1e9",
            read: { value in value.double.flatMap { (minimum...1e9).contains($0) ? .some($0) : nil } },
            write: { $0.map { .double($0) } }
        )
    }

    func bool(_ key: String, _ variable: inout Bool) {
        field(key, &variable, "true or false", read: \.bool, write: { .bool($0) })
    }

    func bool(_ key: String, _ variable: inout Bool?) {
        field(key, &variable, "true or false", read: { $0.bool.map { .some($0) } }, write: { $0.map { .bool($0) } })
    }

    func string(_ key: String, _ variable: inout String) {
        field(key, &variable, "a string", read: \.string, write: { .string($0) })
    }

    func string(_ key: String, _ variable: inout String?) {
        field(
            key,
            &variable,
            "a string or null",
            read: { $0 == .null ? .some(nil) : $0.string.map { .some($0) } },
            write: { $0.map { .string($0) } }
        )
    }

    func strings(_ key: String, _ variable: inout [String]) {
        field(
            key,
            &variable,
            "a list of strings",
            read: { value in
                guard let items = value.array else { return nil }
                let strings = items.compactMap(\.string)
                return strings.count == items.count ? strings : nil
            },
            write: { $0.isEmpty ? nil : .array($0.map { .string($0) }) }
        )
    }

    func word<Word: RawRepresentable & CaseIterable>(_ key: String, _ variable: inout Word)
    where Word.RawValue == String {
        field(
            key,
            &variable,
            "one of \(Word.allWords)",
            read: { $0.string.flatMap(Word.init(rawValue:)) },
            write: { .string($0.rawValue) }
        )
    }

    func word<Word: RawRepresentable & CaseIterable>(_ key: String, _ variable: inout Word?)
    where Word.RawValue == String {
        field(
            key,
            &variable,
            "one of \(Word.allWords)",
            read: { $0.string.flatMap(Word.init(rawValue:)).map { .some($0) } },
            write: { $0.map { .string($0.rawValue) } }
        )
    }

    func object(_ key: String, _ variable: inout JSONObject) {
        field(key, &variable, "an object", read: \.object, write: { $0.isEmpty ? nil : .object($0) })
    }

    /// An object with fields of its own.
    func nested<Value>(_ key: String, _ variable: inout Value, _ code: (inout Value, FieldCoder) -> Void) {
        guard isReading else {
            let coder = FieldCoder()
            code(&variable, coder)
            if !coder.object.isEmpty { object[key] = .object(coder.object) }
            return
        }
        guard let value = take(key) else { return }
        let coder = FieldCoder(reading: value, path: place(key), problems: problems)
        code(&variable, coder)
        coder.finish()
    }
}

extension RawRepresentable where Self: CaseIterable, RawValue == String {
    static var allWords: String { allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") }
}

extension JSONValue {
    /// For messages: at most 60 characters.
    var shortText: String {
        let text = text
        return text.count <= 60 ? text : text.prefix(57) + "…"
    }

    func int(in range: ClosedRange<Int>) -> Int? { int.flatMap { range.contains($0) ? $0 : nil } }
}

extension ClosedRange<Int> {
    fileprivate var text: String {
        upperBound >= 1_000_000_000 ? "from \(lowerBound) on" : "from \(lowerBound) to \(upperBound)"
    }
}
