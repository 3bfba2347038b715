package import Foundation

/// Identifiers, tags and jitter, all from one source that a test can seed.
package struct Chance: Sendable {
    private let next: @Sendable () -> UInt64

    package init(_ next: @escaping @Sendable () -> UInt64) {
        self.next = next
    }

    package static let system = Chance {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    /// A version 4 UUID (RFC 9562, 5.4).
    package func uuid() -> UUID {
        var bytes = bytes()
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    /// 128 random bits as 26 characters of lower-case base32 (RFC 4648, without padding).
    package func tag() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
        var text = ""
        var (buffer, bits) = (0, 0)
        for byte in bytes() {
            buffer = buffer << 8 | Int(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[buffer >> bits & 31])
            }
            buffer &= (1 << bits) - 1
        }
        text.append(alphabet[buffer << (5 - bits) & 31])
        return text
    }

    /// 0..<1.
    package func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    private func bytes() -> [UInt8] {
        [next(), next()].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }
}
