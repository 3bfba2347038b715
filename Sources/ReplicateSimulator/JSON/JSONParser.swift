/// Why a text is not JSON.
package struct JSONError: Error, Sendable, Equatable {
    /// Where, in bytes from the start.
    package let offset: Int
    package let message: String
}

extension JSONValue {
    /// Reads one JSON text (RFC 8259, strict); of a repeated key the last value counts.
    ///
    /// Nesting is limited to 100 levels, so that a hostile body cannot overflow the stack.
    package init(parsing text: some Sequence<UInt8>) throws(JSONError) {
        var parser = JSONParser(bytes: Array(text))
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    var depth = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw error("more text after the value") }
        return value
    }

    private func error(_ message: String) -> JSONError { JSONError(offset: position, message: message) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.objectBody() }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.arrayBody() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw error("the text ends where a value should be")
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < 100 else { throw error("nested deeper than 100 levels") }
        depth += 1
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { bytes[position...].prefix(length).elementsEqual($0) }
        guard matches else { throw error("not a JSON value") }
        position += length
        return value
    }

    private mutating func objectBody() throws(JSONError) -> JSONValue {
        var object = JSONObject()
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a key in quotes should be here") }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw error("a colon should be here") }
            position += 1
            object[key] = try value()
            guard try another(before: UInt8(ascii: "}")) else { return .object(object) }
        }
    }

    private mutating func arrayBody() throws(JSONError) -> JSONValue {
        var items: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return .array(items)
        }
        while true {
            items.append(try value())
            guard try another(before: UInt8(ascii: "]")) else { return .array(items) }
        }
    }

    /// Reads the comma (true) or the closing bracket (false) after an element.
    private mutating func another(before end: UInt8) throws(JSONError) -> Bool {
        skipSpace()
        guard let byte = next, byte == UInt8(ascii: ",") || byte == end else {
            throw error("a comma or a closing bracket should be here")
        }
        position += 1
        return byte != end
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let firstDigit = position
        let digits = skipDigits()
        guard digits > 0 else { throw error("not a JSON value") }
        guard digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else { throw error("a number with a leading zero") }
        var isWhole = true
        if next == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            guard skipDigits() > 0 else { throw error("a digit should follow the point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw error("a digit should be in the exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw error("a number that is too large") }
        return .double(value)
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw error("not UTF-8") }
                return string
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20: throw error("a control character in a string")
            default: text.append(byte)
            }
        }
        throw error("a string without an end")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        let letter = next
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return letter.map { [$0] } ?? []
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var code = try fourHex()
            if (0xD800..<0xDC00).contains(code), next == UInt8(ascii: "\\"),
                bytes.dropFirst(position + 1).first == UInt8(ascii: "u")
            {
                position += 2
                let low = try fourHex()
                guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair") }
            return Array(String(scalar).utf8)
        default: throw error("an unknown escape")
        }
    }

    private mutating func fourHex() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
            bytes[position..<position + 4].allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
        else { throw error("four hexadecimal digits should be here") }
        position += 4
        return code
    }
}
