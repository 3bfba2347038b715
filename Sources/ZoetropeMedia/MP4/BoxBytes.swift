/// Boxes as they are written.
extension [UInt8] {
    static func box(_ type: FourCC, _ contents: [UInt8]...) -> [UInt8] {
        var bytes = words(UInt32(8 + contents.reduce(0) { $0 + $1.count }), type.code)
        for content in contents { bytes += content }
        return bytes
    }

    /// A box that begins with a version and flags.
    static func fullBox(_ type: FourCC, version: UInt8 = 0, flags: UInt32 = 0, _ contents: [UInt8]...) -> [UInt8] {
        box(type, words(UInt32(version) << 24 | flags), contents.reduce([], +))
    }

    static func words(_ values: UInt32...) -> [UInt8] { values.flatMap(\.bigEndianBytes) }

    static func halves(_ values: UInt16...) -> [UInt8] { values.flatMap(\.bigEndianBytes) }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}

extension FixedWidthInteger {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
