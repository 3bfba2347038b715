import Foundation

/// Any JSON value: a model's inputs and outputs have no fixed shape.
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

    /// Reads JSON text; nesting deeper than 512 levels is an error.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
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

    /// The value as compact JSON text with sorted keys; a number that JSON cannot hold (infinite, not a number) is an error.
    public func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self))
    }
}

extension JSONValue: Codable {
    /// Reads any JSON value; fails where the decoder cannot, on broken text or too deep nesting.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode([String: JSONValue].self) {
            self = .object(value)
        } else {
            self = .array(try container.decode([JSONValue].self))
        }
    }

    /// Writes the value; fails for a number that the encoder cannot write.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
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
