/// Single bits, most significant first, as H.264 (clause 7.2, 9.1) and AAC headers are written.
struct BitReader {
    private let bytes: [UInt8]
    /// In bits from the start.
    private var position = 0
    /// What is being read, for error texts.
    private let subject: String

    init(_ bytes: [UInt8], reading subject: String) {
        self.bytes = bytes
        self.subject = subject
    }

    var bitsLeft: Int { bytes.count * 8 - position }

    mutating func flag() throws(MP4Error) -> Bool {
        guard position < bytes.count * 8 else { throw MP4Error(.malformed, "\(subject) ends too early") }
        defer { position += 1 }
        return bytes[position >> 3] >> (7 - UInt8(position & 7)) & 1 == 1
    }

    /// A number of 0 to 32 bits.
    mutating func bits(_ count: Int) throws(MP4Error) -> Int {
        var value = 0
        for _ in 0..<count { value = value << 1 | (try flag() ? 1 : 0) }
        return value
    }

    /// An unsigned Exp-Golomb number, 0 to 2³² − 2.
    mutating func exponential() throws(MP4Error) -> Int {
        var zeros = 0
        while try !flag() {
            zeros += 1
            guard zeros < 32 else { throw MP4Error(.malformed, "\(subject) holds a number of more than 32 bits") }
        }
        return (1 << zeros) - 1 + (try bits(zeros))
    }

    /// A signed Exp-Golomb number.
    mutating func signedExponential() throws(MP4Error) -> Int {
        let code = try exponential()
        return code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
    }
}
