import Foundation
import ZoetropeCore

/// Byte-built files that somebody might send with ill will, around small pictures that are good.
enum HostileImage {
    static let canary = "CANARY-9c1e"

    static func number(_ value: Int, bytes: Int = 4) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * (bytes - 1 - $0))) }
    }

    static func little(_ value: Int, bytes: Int = 4) -> [UInt8] { number(value, bytes: bytes).reversed() }

    // MARK: PNG

    static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    static let pngEnd = chunk("IEND", [])

    static func chunk(_ type: String, _ payload: [UInt8], badChecksum: Bool = false) -> [UInt8] {
        let checked = Array(type.utf8) + payload
        let checksum = Int(CRC32.checksum(checked.span)) ^ (badChecksum ? 1 : 0)
        return number(payload.count) + checked + number(checksum)
    }

    static func header(_ width: Int, _ height: Int, depth: UInt8 = 1, colour: UInt8 = 0) -> [UInt8] {
        chunk("IHDR", number(width) + number(height) + [depth, colour, 0, 0, 0])
    }

    /// 64 × 64 black pixels as a zlib stream of one stored block.
    static let pngData: [UInt8] = {
        let raw = [UInt8](repeating: 0, count: 64 * 9)
        let length = little(raw.count, bytes: 2)
        // The checksum of zeros alone: 1, and as many times 1 as there are zeros.
        return [0x78, 0x01, 0x01] + length + length.map { ~$0 } + raw + number(raw.count << 16 | 1)
    }()

    /// A good PNG with other chunks at every place where one may stand.
    static func png(
        header: [UInt8] = header(64, 64),
        before: [UInt8] = [],
        after: [UInt8] = [],
        tail: [UInt8] = []
    ) -> [UInt8] {
        pngSignature + header + before + chunk("IDAT", pngData) + after + pngEnd + tail
    }

    /// A zlib stream of zeros that grows 159-fold when it is decompressed: matches of 258 bytes, 13 bits each.
    static func zeros(megabytes: Int) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x9C]
        var (bits, width) = (0, 0)
        func put(_ value: Int, _ count: Int) {
            bits |= value << width
            width += count
            while width >= 8 {
                stream.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                width -= 8
            }
        }
        // One last block with the fixed codes; code 0x30 is the byte 0.
        put(0b011, 3)
        put(0b0000_1100, 8)
        // Code 285, length 258, is 11000101; distance 1 is 00000. Codes begin with their highest bit.
        for _ in 0..<(megabytes * 1_000_000 / 258) { put(0b0_0000_1010_0011, 13) }
        put(0, 7)
        put(0, 8 - width % 8)
        return stream + [0, 0, 0, 0]
    }

    // MARK: JPEG

    static func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0xFF, marker] + number(payload.count + 2, bytes: 2) + payload
    }

    static let tables =
        segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
        + [0x00, 0x10].flatMap { segment(0xC4, [$0, 1] + [UInt8](repeating: 0, count: 15) + [0]) }

    static func frame(
        _ width: Int,
        _ height: Int,
        marker: UInt8 = 0xC0,
        depth: UInt8 = 8,
        components: UInt8 = 1
    ) -> [UInt8] {
        let sides = number(height, bytes: 2) + number(width, bytes: 2)
        return segment(marker, [depth] + sides + [components] + (1...components).flatMap { [$0, 0x11, 0] })
    }

    static let scan = segment(0xDA, [1, 1, 0, 0, 63, 0]) + [UInt8](repeating: 0, count: 32)

    /// A good JPEG of 128 × 64 pixels with other segments at every place where one may stand.
    static func jpeg(
        head: [UInt8] = [],
        frame: [UInt8] = frame(128, 64),
        scans: [UInt8] = scan,
        tail: [UInt8] = []
    ) -> [UInt8] {
        [0xFF, 0xD8] + head + tables + frame + scans + [0xFF, 0xD9] + tail
    }

    /// The same of any size up to a few segments' heads.
    static func jpeg(bytes count: Int) -> [UInt8] {
        jpeg(scans: scan + [UInt8](repeating: 0, count: count - jpeg().count))
    }

    /// All metadata that a photo can hold, each with the canary in it.
    static func metadata(orientation: Int) -> [UInt8] {
        let text = Array(canary.utf8)
        func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
            little(tag, bytes: 2) + little(type, bytes: 2) + little(count) + value
        }
        // The orientation, a maker's note, and a directory of GPS whose values lie behind it; then a thumbnail.
        let tiff =
            Array("II*\0".utf8) + little(8) + little(3, bytes: 2)
            + entry(0x0112, 3, 1, little(orientation))
            + entry(0x927C, 7, text.count, little(50)) + entry(0x8825, 4, 1, little(80)) + little(0)
            + text + Array("GPSLatitude 52.5 N".utf8) + jpeg(tail: text)
        return segment(0xE0, Array("JFIF\0".utf8) + [1, 2, 0, 0, 1, 0, 1, 1, 1] + [7, 7, 7])
            + segment(0xE1, Array("Exif\0\0".utf8) + tiff)
            + segment(0xE1, Array("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>\(canary)".utf8))
            + segment(0xED, Array("Photoshop 3.0\08BIM\u{4}\u{4}\0\0\0\0\0\(canary)".utf8))
            + segment(0xE2, Array("ICC_PROFILE\0\u{1}\u{1}\(canary)".utf8))
            + segment(0xFE, text)
    }

    // MARK: WebP

    static func webp(_ chunks: [(String, [UInt8])]) -> [UInt8] {
        let body = chunks.flatMap { name, payload in
            Array(name.utf8) + little(payload.count) + payload + [UInt8](repeating: 0, count: payload.count % 2)
        }
        return Array("RIFF".utf8) + little(body.count + 4) + Array("WEBP".utf8) + body
    }

    static func lossless(_ width: Int, _ height: Int) -> [UInt8] {
        [0x2F] + little((width - 1) | (height - 1) << 14) + [UInt8](repeating: 0, count: 400)
    }
}

extension [UInt8] {
    func holds(_ text: String) -> Bool { Data(self).range(of: Data(text.utf8)) != nil }
}
