import StrictJSON

/// A JSON object of a token or a key set.
enum TokenObject {
    /// The members of a text that holds one object, or `nil` for anything else.
    ///
    /// Stricter than ``JSONValue``, which repairs text: broken UTF-8, a byte order mark and a name that is there twice are refused, because
    /// another reader of the same token could see something else in it.
    static func members(of bytes: [UInt8]) -> [String: JSONValue]? {
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]), String(validating: bytes, as: UTF8.self) != nil,
            let members = try? JSONValue(parsing: bytes).object, members.count == memberCount(of: bytes)
        else { return nil }
        return members
    }

    /// How many members are written in the outermost object of a valid text: one for each colon.
    private static func memberCount(of bytes: [UInt8]) -> Int {
        var count = 0
        var depth = 0
        var isInText = false
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInText.toggle()
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "{") where !isInText, UInt8(ascii: "[") where !isInText: depth += 1
            case UInt8(ascii: "}") where !isInText, UInt8(ascii: "]") where !isInText: depth -= 1
            case UInt8(ascii: ":") where !isInText && depth == 1: count += 1
            default: break
            }
        }
        return count
    }
}
