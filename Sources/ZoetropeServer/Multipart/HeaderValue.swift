/// A header's value with parameters: `form-data; name="image"` (RFC 9110, 5.6.6).
struct HeaderValue: Sendable, Hashable {
    /// What stands before the first semicolon, in lower case.
    let text: String
    /// By names in lower case.
    let parameters: [String: String]

    /// Nil when it is against the grammar or a parameter is given twice.
    init?(_ value: some StringProtocol) {
        var rest = Array(value.utf8)[...]
        func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }
        func token() -> String? {
            let token = rest.prefix { Self.isTokenByte($0) }
            rest = rest[token.endIndex...]
            return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
        }
        func quoted() -> String? {
            var text: [UInt8] = []
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") { return String(validating: text, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    text.append(byte)
                    continue
                }
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            }
            return nil
        }

        skipSpace()
        guard var text = token() else { return nil }
        if rest.first == UInt8(ascii: "/") {
            rest.removeFirst()
            guard let subtype = token() else { return nil }
            text += "/\(subtype)"
        }
        var parameters: [String: String] = [:]
        skipSpace()
        while rest.popFirst() == UInt8(ascii: ";") {
            skipSpace()
            // "a;" and "a; ; b=c" are in use.
            if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
            guard let name = token()?.lowercased(), rest.popFirst() == UInt8(ascii: "=") else { return nil }
            let isQuoted = rest.first == UInt8(ascii: "\"")
            if isQuoted { rest.removeFirst() }
            guard let value = isQuoted ? quoted() : token(), parameters.updateValue(value, forKey: name) == nil else {
                return nil
            }
            skipSpace()
        }
        guard rest.isEmpty else { return nil }
        self.text = text.lowercased()
        self.parameters = parameters
    }

    /// RFC 9110, 5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
