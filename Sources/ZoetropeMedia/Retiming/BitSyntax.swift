/// The elements of H.264 syntax, so that one description both reads and writes (clauses 7.2 and 9.1).
protocol BitSyntax {
    /// A number of 0 to 32 bits.
    mutating func bits(_ count: Int, _ value: inout Int) throws(RetimingRefusal)
    /// An unsigned Exp-Golomb number, at most 2³² − 2.
    mutating func exponential(_ value: inout Int) throws(RetimingRefusal)
}

extension BitSyntax {
    mutating func flag(_ value: inout Bool) throws(RetimingRefusal) {
        var bit = value ? 1 : 0
        try bits(1, &bit)
        value = bit == 1
    }

    /// An unsigned Exp-Golomb number from 0 to `limit`.
    mutating func exponential(_ value: inout Int, atMost limit: Int) throws(RetimingRefusal) {
        try exponential(&value)
        guard value <= limit else {
            throw RetimingRefusal(.malformed, "\(value) where at most \(limit) is right")
        }
    }

    /// A signed Exp-Golomb number within ±`limit`.
    mutating func signed(_ value: inout Int, within limit: Int) throws(RetimingRefusal) {
        var code = value > 0 ? 2 * value - 1 : -2 * value
        try exponential(&code, atMost: 2 * limit)
        value = code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
    }
}

/// Reads syntax elements from a payload without emulation prevention bytes.
struct SyntaxReader: BitSyntax {
    private let payload: [UInt8]
    /// In bits from the start.
    private(set) var position = 0

    init(_ payload: [UInt8]) {
        self.payload = payload
    }

    mutating func bits(_ count: Int, _ value: inout Int) throws(RetimingRefusal) {
        guard count >= 0, count <= 32, count <= payload.count * 8 - position else {
            throw RetimingRefusal(.malformed, "a unit of \(payload.count) bytes ends too early")
        }
        value = 0
        for bit in position..<position + count {
            value = value << 1 | Int(payload[bit >> 3] >> (7 - UInt8(bit & 7)) & 1)
        }
        position += count
    }

    mutating func exponential(_ value: inout Int) throws(RetimingRefusal) {
        var zeros = 0
        while try !flag() {
            zeros += 1
            guard zeros < 32 else { throw RetimingRefusal(.malformed, "a number of more than 32 bits") }
        }
        try bits(zeros, &value)
        value += (1 << zeros) - 1
    }

    mutating func flag() throws(RetimingRefusal) -> Bool {
        var bit = 0
        try bits(1, &bit)
        return bit == 1
    }

    mutating func bits(_ count: Int) throws(RetimingRefusal) -> Int {
        var value = 0
        try bits(count, &value)
        return value
    }

    mutating func exponential(atMost limit: Int) throws(RetimingRefusal) -> Int {
        var value = 0
        try exponential(&value, atMost: limit)
        return value
    }

    mutating func signed(within limit: Int) throws(RetimingRefusal) -> Int {
        var value = 0
        try signed(&value, within: limit)
        return value
    }

    /// Nothing is left but the stop bit and zeros.
    var isAtTrailingBits: Bool {
        guard position < payload.count * 8, let last = payload.lastIndex(where: { $0 != 0 }) else {
            return false
        }
        return position == last * 8 + 7 - payload[last].trailingZeroBitCount
    }
}

/// Writes syntax elements.
struct SyntaxWriter: BitSyntax {
    private(set) var payload: [UInt8] = []
    /// Of the last byte, how many bits are still free.
    private var free = 0

    mutating func bits(_ count: Int, _ value: inout Int) {
        put(value, bits: count)
    }

    mutating func exponential(_ value: inout Int) {
        put(exponential: value)
    }

    mutating func put(_ value: Int, bits count: Int) {
        for shift in stride(from: count - 1, through: 0, by: -1) {
            if free == 0 {
                payload.append(0)
                free = 8
            }
            free -= 1
            payload[payload.count - 1] |= UInt8(value >> shift & 1) << UInt8(free)
        }
    }

    mutating func put(_ value: Bool) {
        put(value ? 1 : 0, bits: 1)
    }

    mutating func put(exponential value: Int) {
        let digits = Int.bitWidth - (value + 1).leadingZeroBitCount
        put(value + 1, bits: 2 * digits - 1)
    }

    mutating func put(signed value: Int) {
        put(exponential: value > 0 ? 2 * value - 1 : -2 * value)
    }

    /// Fills the last byte up with ones or zeros.
    mutating func align(with bit: Int) {
        while free > 0 { put(bit, bits: 1) }
    }

    /// Ends the payload: a one, then zeros.
    mutating func putTrailingBits() {
        put(1, bits: 1)
        align(with: 0)
    }

    /// Whole bytes, when the last one is full.
    mutating func append(_ bytes: [UInt8]) {
        align(with: 0)
        payload += bytes
    }
}

/// The bytes of a unit without and with emulation prevention, clause 7.4.1.
enum UnitPayload {
    /// The first `limit` bytes of what follows the header byte of `unit`, 00 00 03 turned into 00 00.
    static func unescaped(_ unit: ArraySlice<UInt8>, limit: Int = .max) -> [UInt8] {
        var payload: [UInt8] = []
        payload.reserveCapacity(min(unit.count, limit))
        var zeros = 0
        for byte in unit.dropFirst() {
            guard payload.count < limit else { break }
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            payload.append(byte)
        }
        return payload
    }

    /// A unit: its header byte and the payload, with 03 wherever it could be taken for a start code.
    static func unit(header: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var unit = [header]
        unit.reserveCapacity(payload.count * 3 / 2 + 2)
        var zeros = 0
        for byte in payload {
            if zeros == 2, byte <= 3 {
                unit.append(3)
                zeros = 0
            }
            unit.append(byte)
            zeros = byte == 0 ? zeros + 1 : 0
        }
        return unit
    }
}
