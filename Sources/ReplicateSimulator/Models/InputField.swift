/// One input of a model.
package struct InputField: Sendable {
    package let name: String
    package let kind: Kind
    package var isRequired = false
    /// Filled in when the input is absent; never echoed.
    package var defaultValue: JSONValue?
    package var description = ""

    /// The type of an input.
    package enum Kind: Sendable {
        case string
        /// A URL or a data URI.
        case uri
        case boolean
        case integer(ClosedRange<Int>?)
        /// One of these strings.
        case words([String])
        /// One of these whole numbers.
        case numbers([Int])
    }

    static func required(_ name: String, _ kind: Kind, _ description: String) -> InputField {
        InputField(name: name, kind: kind, isRequired: true, description: description)
    }

    static func optional(
        _ name: String,
        _ kind: Kind,
        _ defaultValue: JSONValue? = nil,
        _ description: String
    ) -> InputField {
        InputField(name: name, kind: kind, defaultValue: defaultValue, description: description)
    }
}

/// One entry of `invalid_fields`; texts and types are those of the service's schema checker.
package struct InvalidField: Sendable, Hashable {
    package let type: String
    /// `input.duration`; the parent's name for a missing input; empty for the body itself.
    package let field: String
    package let description: String

    package init(_ type: String, _ field: String, _ description: String) {
        self.type = type
        self.field = field
        self.description = description
    }
}

extension InputField {
    /// What is wrong with a value; nil when it fits.
    func problem(with value: JSONValue) -> InvalidField? {
        let path = "input.\(name)"
        func wrongType(_ expected: String) -> InvalidField {
            InvalidField("invalid_type", path, "Invalid type. Expected: \(expected), given: \(value.typeName)")
        }
        switch kind {
        case .string:
            return value.string == nil ? wrongType("string") : nil
        case .uri:
            guard let text = value.string else { return wrongType("string") }
            return Self.isURI(text) ? nil : InvalidField("format", path, "Does not match format 'uri'")
        case .boolean:
            return value.bool == nil ? wrongType("boolean") : nil
        case .integer(let range):
            guard let number = value.int else { return wrongType("integer") }
            guard let range else { return nil }
            if number < range.lowerBound {
                return InvalidField("number_gte", path, "Must be greater than or equal to \(range.lowerBound)")
            }
            if number > range.upperBound {
                return InvalidField("number_lte", path, "Must be less than or equal to \(range.upperBound)")
            }
            return nil
        case .words(let words):
            guard let word = value.string else { return wrongType("string") }
            return words.contains(word) ? nil : notOneOf(words.map { "\"\($0)\"" })
        case .numbers(let numbers):
            guard let number = value.int else { return wrongType("integer") }
            return numbers.contains(number) ? nil : notOneOf(numbers.map(String.init))
        }
    }

    private func notOneOf(_ allowed: [String]) -> InvalidField {
        let list = allowed.joined(separator: ", ")
        return InvalidField("enum", "input.\(name)", "\(name) must be one of the following: \(list)")
    }

    static func isURI(_ text: String) -> Bool {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return false }
        let scheme = text[..<colon].lowercased()
        let rest = text[text.index(after: colon)...]
        return switch scheme {
        case "http", "https": rest.hasPrefix("//") && rest.utf8.count > 2 && !rest.contains(" ")
        case "data": rest.contains(",")
        default: false
        }
    }
}
