/// A window on the content of one box, read forwards, never past its end.
struct ByteCursor {
    /// The box that the bytes belong to, for error texts.
    let box: FourCC
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>, of box: FourCC) {
        self.box = box
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ count: Int) throws(MP4Error) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else {
            throw MP4Error(
                .malformed,
                "'\(box)' ends too early: \(count) more bytes are needed, \(rest.count) are left"
            )
        }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func skip(_ count: Int) throws(MP4Error) {
        _ = try take(count)
    }

    mutating func uint8() throws(MP4Error) -> UInt8 { try integer() }
    mutating func uint16() throws(MP4Error) -> UInt16 { try integer() }
    mutating func uint32() throws(MP4Error) -> UInt32 { try integer() }
    mutating func uint64() throws(MP4Error) -> UInt64 { try integer() }
    mutating func int32() throws(MP4Error) -> Int32 { Int32(bitPattern: try uint32()) }
    mutating func fourCC() throws(MP4Error) -> FourCC { FourCC(code: try uint32()) }

    private mutating func integer<Integer: FixedWidthInteger & UnsignedInteger>() throws(MP4Error) -> Integer {
        var value: UInt64 = 0
        for byte in try take(Integer.bitWidth / 8) { value = value << 8 | UInt64(byte) }
        return Integer(truncatingIfNeeded: value)
    }

    /// The first word of a «full box».
    mutating func versionAndFlags() throws(MP4Error) -> (version: UInt8, flags: UInt32) {
        let word = try uint32()
        return (UInt8(word >> 24), word & 0xFF_FFFF)
    }

    /// The number of entries of a table, once it is certain that the box has room for them.
    ///
    /// An entry has `entrySize` bytes, at least 1. More than `limit` entries throw `tooLarge`.
    mutating func entryCount(entrySize: Int, limit: Int) throws(MP4Error) -> Int {
        let count = Int(try uint32())
        guard count <= rest.count / entrySize else {
            throw MP4Error(.malformed, "'\(box)' promises \(count) entries but has room for \(rest.count / entrySize)")
        }
        guard count <= limit else {
            throw MP4Error(.tooLarge, "'\(box)' has \(count) entries, at most \(limit) are read")
        }
        return count
    }

    /// All that is left, without the zero bytes that end and pad it.
    func text() -> [UInt8] {
        Array(rest.prefix(upTo: rest.lastIndex { $0 != 0 }.map { $0 + 1 } ?? rest.startIndex))
    }
}
