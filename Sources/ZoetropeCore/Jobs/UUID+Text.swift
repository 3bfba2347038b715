package import FoundationEssentials

// Foundation reads and writes identifiers by way of formats, which is most of what a small row costs.
extension UUID {
    /// 36 characters in lower case, as both databases keep it and callers are given it.
    package var text: String {
        String(unsafeUninitializedCapacity: 36) { text in
            withUnsafeBytes(of: uuid) { bytes in
                var place = 0
                for (index, byte) in bytes.enumerated() {
                    if [4, 6, 8, 10].contains(index) {
                        text[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    text[place] = Self.digit(byte >> 4)
                    text[place + 1] = Self.digit(byte & 15)
                    place += 2
                }
            }
            return 36
        }
    }

    /// Reads 8-4-4-4-12 hexadecimal digits of either case; nil for anything else.
    package init?(text: String) {
        var text = text
        guard let id = text.withUTF8({ UUID(text: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = id
    }

    /// The same of text in a buffer.
    package init?(text: UnsafeRawBufferPointer) {
        guard text.count == 36 else { return nil }
        var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isRead = withUnsafeMutableBytes(of: &value) { bytes in
            var place = 0
            for index in bytes.indices {
                if [4, 6, 8, 10].contains(index) {
                    guard text[place] == UInt8(ascii: "-") else { return false }
                    place += 1
                }
                guard let high = Self.value(of: text[place]), let low = Self.value(of: text[place + 1]) else {
                    return false
                }
                bytes[index] = high << 4 | low
                place += 2
            }
            return true
        }
        guard isRead else { return nil }
        self.init(uuid: value)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
