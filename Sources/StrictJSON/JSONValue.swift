/// Any JSON value, for what has no fixed shape.
///
/// Write one with literals: `["prompt": "a calm sea", "duration": 5, "audio": nil]`.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads JSON text.
    ///
    /// What can be repaired is: broken UTF-8 and lone surrogates become U+FFFD, a number too large for a double the largest one. Of equal
    /// keys the last one counts.
    ///
    /// - Throws: ``JSONError`` when it is not JSON or nested deeper than 128 levels.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        do throws(JSONParser.Failure) {
            self = try JSONParser.parse(Array(bytes))
        } catch {
            throw JSONError("text that is not JSON: \(error)")
        }
    }

    /// The text of a string, else `nil`.
    public var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The value of a boolean, else `nil`.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value of a whole number, else `nil`; `5.0` counts as 5.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The value of any number, else `nil`.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The elements of an array, else `nil`.
    public var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members of an object, else `nil`.
    public var object: [String: JSONValue]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The member of an object by this name; `nil` when there is none or this is not an object.
    public subscript(name: String) -> JSONValue? {
        object?[name]
    }

    /// The value as compact JSON text with sorted keys.
    ///
    /// - Throws: ``JSONError`` for a number that JSON cannot hold: infinite or not a number.
    public func encoded() throws(JSONError) -> [UInt8] {
        var bytes: [UInt8] = []
        try write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) throws(JSONError) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += "\(value)".utf8
        case .number(let value):
            guard value.isFinite else { throw JSONError("a number that JSON cannot hold") }
            bytes += "\(value)".utf8
        case .string(let text): Self.write(text, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                try member.value.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += "\\u00".utf8
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// Takes `nil`.
    public init(nilLiteral: ()) { self = .null }
    /// Takes `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Takes a whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Takes a number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Takes a literal.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Takes a list.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// Takes an object; of equal keys the last one counts.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}
