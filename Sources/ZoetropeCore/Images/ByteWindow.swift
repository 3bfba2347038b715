enum ByteOrder {
    case little
    case big
}

/// A part of untrusted bytes, read by offset.
///
/// A read that does not fit is `nil`; no offset or count can trap. Offsets count from the start of the window, so a parser that holds a window cannot read outside of it.
struct ByteWindow {
    private let storage: [UInt8]
    private let lower: Int
    let count: Int

    init(_ bytes: [UInt8]) {
        self.init(storage: bytes, lower: 0, count: bytes.count)
    }

    private init(storage: [UInt8], lower: Int, count: Int) {
        self.storage = storage
        self.lower = lower
        self.count = count
    }

    /// The window's bytes, for copying; its indices are those of the storage.
    var slice: ArraySlice<UInt8> { storage[lower..<lower + count] }

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

    func uint16(at offset: Int, _ order: ByteOrder) -> Int? {
        guard let bytes = part(from: offset, count: 2)?.slice else { return nil }
        return Self.number(bytes, order)
    }

    func uint24(at offset: Int, _ order: ByteOrder) -> Int? {
        guard let bytes = part(from: offset, count: 3)?.slice else { return nil }
        return Self.number(bytes, order)
    }

    func uint32(at offset: Int, _ order: ByteOrder) -> Int? {
        guard let bytes = part(from: offset, count: 4)?.slice else { return nil }
        return Self.number(bytes, order)
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ order: ByteOrder) -> Int {
        switch order {
        case .big: bytes.reduce(0) { $0 << 8 | Int($1) }
        case .little: bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        }
    }

    func starts(with prefix: some Collection<UInt8>, at offset: Int = 0) -> Bool {
        part(from: offset, count: prefix.count)?.slice.elementsEqual(prefix) ?? false
    }

    /// Whether the ASCII text stands at `offset`.
    func starts(with text: String, at offset: Int = 0) -> Bool {
        starts(with: text.utf8, at: offset)
    }
}
