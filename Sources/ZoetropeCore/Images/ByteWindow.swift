enum ByteOrder {
    case little
    case big
}

/// A part of untrusted bytes, read by offset.
///
/// A read that does not fit is `nil`; no offset or count can trap. Offsets count from the start of the window, so a parser that holds a window cannot read outside of it.
struct ByteWindow {
    private let storage: ImageBytes
    private let lower: Int
    let count: Int

    init(_ bytes: ImageBytes) {
        self.init(storage: bytes, lower: 0, count: bytes.count)
    }

    private init(storage: ImageBytes, lower: Int, count: Int) {
        self.storage = storage
        self.lower = lower
        self.count = count
    }

    /// Where the window's bytes lie in the file.
    var range: Range<Int> { lower..<lower + count }

    /// Its text; what is not UTF-8 is replaced.
    var text: String {
        withSpan { bytes in bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }
    }

    /// Lends the window's bytes, for a loop over them.
    func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result { storage.withSpan(range, body) }

    /// Whether all bytes are as they should be.
    func allSatisfy(_ isGood: (UInt8) -> Bool) -> Bool {
        withSpan { bytes in bytes.indices.allSatisfy { isGood(bytes[$0]) } }
    }

    subscript(offset: Int) -> UInt8? {
        offset >= 0 && offset < count ? storage[lower + offset] : nil
    }

    /// The `count` bytes at `offset`; `nil` unless all of them are there.
    func part(from offset: Int, count length: Int) -> ByteWindow? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return ByteWindow(storage: storage, lower: lower + offset, count: length)
    }

    /// Everything from `offset`, which may be the end; `nil` beyond it.
    func part(from offset: Int) -> ByteWindow? {
        part(from: offset, count: max(0, count &- offset))
    }

    func uint16(at offset: Int, _ order: ByteOrder) -> Int? { number(at: offset, bytes: 2, order) }

    func uint24(at offset: Int, _ order: ByteOrder) -> Int? { number(at: offset, bytes: 3, order) }

    func uint32(at offset: Int, _ order: ByteOrder) -> Int? { number(at: offset, bytes: 4, order) }

    private func number(at offset: Int, bytes width: Int, _ order: ByteOrder) -> Int? {
        guard offset >= 0, offset <= count, width <= count - offset else { return nil }
        var number = 0
        for index in 0..<width {
            let place = order == .big ? index : width - 1 - index
            number = number << 8 | Int(storage[lower + offset + place])
        }
        return number
    }

    func starts(with prefix: some Collection<UInt8>, at offset: Int = 0) -> Bool {
        guard let part = part(from: offset, count: prefix.count) else { return false }
        return part.withSpan { bytes in zip(bytes.indices, prefix).allSatisfy { bytes[$0] == $1 } }
    }

    /// Whether the ASCII text stands at `offset`.
    func starts(with text: String, at offset: Int = 0) -> Bool {
        starts(with: text.utf8, at: offset)
    }
}
