/// The checksum of PNG chunks (PNG, annex D): CRC-32 with the reflected polynomial 0xEDB88320.
package enum CRC32 {
    /// Checks eight bytes a round, because a PNG may be large and each byte is checked.
    package static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        let table = Self.table
        var crc = UInt32.max
        var index = 0
        while bytes.count - index >= 8 {
            var next: UInt32 = 0
            for ahead in 0..<8 {
                // The first four bytes meet what is left of the checksum so far.
                let byte =
                    ahead < 4
                    ? bytes[index + ahead] ^ UInt8(truncatingIfNeeded: crc >> (8 * ahead)) : bytes[index + ahead]
                next ^= table[(7 - ahead) << 8 | Int(byte)]
            }
            crc = next
            index += 8
        }
        while index < bytes.count {
            crc = table[Int((crc ^ UInt32(bytes[index])) & 0xFF)] ^ crc >> 8
            index += 1
        }
        return ~crc
    }

    /// Row `n` of 256 holds what a byte contributes when `n` more bytes follow it.
    private static let table: [UInt32] = {
        var table: [UInt32] = (0..<256)
            .map { byte in
                var crc = UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
                return crc
            }
        for index in 256..<2048 {
            let before = table[index - 256]
            table.append(table[Int(before & 0xFF)] ^ before >> 8)
        }
        return table
    }()
}
