/// Decodes base64 (RFC 4648, 4) piece by piece, without spaces or line ends.
struct Base64Decoder {
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var digitCount = 0
    private var paddingCount = 0

    /// The bytes that further text makes; nil for what is no base64.
    mutating func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        for character in text {
            if character == UInt8(ascii: "=") {
                paddingCount += 1
                continue
            }
            guard paddingCount == 0, let digit = Self.digit(character) else { return nil }
            bits = bits << 6 | digit
            bitCount += 6
            digitCount += 1
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        return bytes
    }

    /// Whether the text may end here: padding may be left out, and nothing hides in bits that make no byte.
    var isComplete: Bool {
        let missing = (4 - digitCount % 4) % 4
        return missing < 3 && (paddingCount == 0 || paddingCount == missing) && bits & (1 << UInt32(bitCount) - 1) == 0
    }

    private static func digit(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
