import ZoetropeCore

/// A byte-built EXIF block: a TIFF header and one directory.
enum EXIFSample {
    enum Order: CaseIterable {
        case little
        case big
    }

    /// The tag comes after another one, so that the walk is exercised.
    static func block(_ orientation: Int, _ order: Order, type: Int = 3, count: Int = 1) -> [UInt8] {
        func number(_ value: Int, _ width: Int) -> [UInt8] {
            let little = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return order == .little ? little : little.reversed()
        }
        let mark = Array((order == .little ? "II" : "MM").utf8) + number(42, 2) + number(8, 4)
        let width = number(0x0100, 2) + number(4, 2) + number(1, 4) + number(640, 4)
        let tag = number(0x0112, 2) + number(type, 2) + number(count, 4) + number(orientation, 2) + [0, 0]
        return mark + number(2, 2) + width + tag + number(0, 4)
    }

    static let prefix = Array("Exif\0\0".utf8)
}

/// Byte-built JPEGs, of which the standard one is a real picture, grey all over.
enum JPEGSample {
    static func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count + 2
        return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + payload
    }

    static let start: [UInt8] = [0xFF, 0xD8]
    static let end: [UInt8] = [0xFF, 0xD9]
    static let jfif = segment(0xE0, Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
    /// One step everywhere.
    static let quantisation = segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
    /// Both tables know one code, the bit 0: "no difference" for DC, "end of block" for AC.
    static let huffman = [0x00, 0x10].flatMap { segment(0xC4, [$0, 1] + [UInt8](repeating: 0, count: 15) + [0]) }

    static func adobe(transform: UInt8) -> [UInt8] {
        segment(0xEE, Array("Adobe".utf8) + [0, 100, 0x80, 0, 0, 0, transform])
    }

    static func frame(
        marker: UInt8 = 0xC0,
        depth: UInt8 = 8,
        width: Int = 64,
        height: Int = 64,
        ids: [UInt8] = [1]
    ) -> [UInt8] {
        let sides = [UInt8(height >> 8), UInt8(height & 0xFF), UInt8(width >> 8), UInt8(width & 0xFF)]
        return segment(marker, [depth] + sides + [UInt8(ids.count)] + ids.flatMap { [$0, 0x11, 0] })
    }

    /// All zero bits, as many as the blocks of 64 × 64 pixels need: one a block and band, and DC is a band of its own.
    static func scan(ids: [UInt8] = [1], band: ClosedRange<UInt8> = 0...63) -> [UInt8] {
        let bands = band.contains(0) && band.contains(1) ? 2 : 1
        return segment(0xDA, [UInt8(ids.count)] + ids.flatMap { [$0, 0] } + [band.lowerBound, band.upperBound, 0])
            + [UInt8](repeating: 0, count: 8 * bands * ids.count)
    }

    /// A progressive picture in five scans, the third behind new tables.
    static let progressive: [UInt8] = {
        let head = start + jfif + quantisation + frame(marker: 0xC2, ids: [1, 2, 3]) + huffman
        let first = scan(ids: [1, 2, 3], band: 0...0) + scan(ids: [1], band: 1...5) + huffman
        let rest = scan(ids: [2], band: 1...63) + scan(ids: [3], band: 1...63) + scan(ids: [1], band: 6...63)
        return head + first + rest + end
    }()

    /// Puts `head` behind SOI, `frame` in place of the standard frame header, and `tail` behind EOI.
    static func picture(head: [UInt8] = [], frame: [UInt8]? = nil, ids: [UInt8] = [1], tail: [UInt8] = []) -> [UInt8] {
        start + head + quantisation + (frame ?? Self.frame(ids: ids)) + huffman + scan(ids: ids) + end + tail
    }

    static func exif(_ block: [UInt8]) -> [UInt8] { segment(0xE1, EXIFSample.prefix + block) }
}

/// Byte-built PNGs, of which the standard one is a real picture, black all over.
enum PNGSample {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    static let end = chunk("IEND", [])

    static func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    static func chunk(_ type: String, _ payload: [UInt8]) -> [UInt8] {
        let checked = Array(type.utf8) + payload
        return number(payload.count) + checked + number(Int(CRC32.checksum(checked.span)))
    }

    static func header(
        width: Int = 64,
        height: Int = 64,
        depth: UInt8 = 1,
        colour: UInt8 = 0,
        method: [UInt8] = [0, 0, 0]
    ) -> [UInt8] {
        chunk("IHDR", number(width) + number(height) + [depth, colour] + method)
    }

    /// A zlib stream of one stored block.
    static func stored(_ raw: [UInt8]) -> [UInt8] {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in raw {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        let length = [UInt8(raw.count & 0xFF), UInt8(raw.count >> 8)]
        return [0x78, 0x01, 0x01] + length + length.map { ~$0 } + raw + number(Int(b << 16 | a))
    }

    /// 64 rows of one bit a pixel, each behind its filter byte.
    static let data = stored([UInt8](repeating: 0, count: 64 * 9))
    static let picture = signature + header() + chunk("IDAT", data) + end

    static func picture(
        header: [UInt8] = header(),
        beforeData: [UInt8] = [],
        afterData: [UInt8] = [],
        tail: [UInt8] = []
    ) -> [UInt8] {
        signature + header + beforeData + chunk("IDAT", data) + afterData + end + tail
    }

    /// Mends the checksum of every chunk that can be found, so that a mutant gets past the first one.
    static func mendChecksums(_ bytes: inout [UInt8]) {
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = position + 8 + length
            guard end + 4 <= bytes.count else { return }
            bytes.replaceSubrange(end..<end + 4, with: number(Int(CRC32.checksum(bytes[position + 4..<end].span))))
            position = end + 4
        }
    }
}

/// Byte-built WebPs around pictures that cwebp made: teal, 64 × 64.
enum WebPSample {
    static func number(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func chunk(_ name: String, _ payload: [UInt8]) -> [UInt8] {
        Array(name.utf8) + number(payload.count, 4) + payload + [UInt8](repeating: 0, count: payload.count % 2)
    }

    static func file(_ chunks: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + number(chunks.count + 4, 4) + Array("WEBP".utf8) + chunks
    }

    static func extended(flags: UInt8 = 0, width: Int = 64, height: Int = 64, _ chunks: [UInt8]) -> [UInt8] {
        file(chunk("VP8X", [flags, 0, 0, 0] + number(width - 1, 3) + number(height - 1, 3)) + chunks)
    }

    /// Made by `cwebp -q 10`.
    static let lossyPayload = hex(
        "f003009d012a400040003f71b8d76434af2ba6a20802902e096900d23cafb036de101e35d9f9b73000feda26c26ead3fc3bb9baf7781cf"
            + "bb5f7b54e0ccbbe8000000"
    )
    /// Made by `cwebp -lossless`.
    static let losslessPayload = hex("2f3fc00f000750bfe85fff034042f8ff5e8be87fea07")
    /// Made by `cwebp -lossless` of teal with half opacity.
    static let losslessAlphaPayload = hex("2f3fc00f100750c02860ff024042f8ff5e8be87fea07")
    /// Made by `cwebp -q 10` of teal with half opacity.
    static let alphaPayload = hex("0107d0bf88084444ff03")

    static let lossy = chunk("VP8 ", lossyPayload)
    static let lossless = chunk("VP8L", losslessPayload)
    static let losslessAlpha = chunk("VP8L", losslessAlphaPayload)
    static let alpha = chunk("ALPH", alphaPayload)

    private static func hex(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// A small good file of each format.
enum ImageSample {
    static func picture(_ format: ImageFormat) -> [UInt8] {
        switch format {
        case .jpeg: JPEGSample.picture(head: JPEGSample.jfif)
        case .png: PNGSample.picture
        case .webp: WebPSample.file(WebPSample.lossy)
        }
    }

    /// The picture with an EXIF block, where the format keeps it.
    static func picture(_ format: ImageFormat, exif block: [UInt8]) -> [UInt8] {
        switch format {
        case .jpeg: JPEGSample.picture(head: JPEGSample.exif(block))
        case .png: PNGSample.picture(beforeData: PNGSample.chunk("eXIf", block))
        case .webp: WebPSample.extended(flags: 0x08, WebPSample.lossy + WebPSample.chunk("EXIF", block))
        }
    }

    /// A file that claims a size; what follows the header may not fit it.
    static func picture(_ format: ImageFormat, width: Int, height: Int) -> [UInt8] {
        switch format {
        case .jpeg: return JPEGSample.picture(frame: JPEGSample.frame(width: width, height: height))
        case .png: return PNGSample.picture(header: PNGSample.header(width: width, height: height))
        case .webp:
            let bits = (width - 1) | (height - 1) << 14
            return WebPSample.file(WebPSample.chunk("VP8L", [0x2F] + WebPSample.number(bits, 4)))
        }
    }
}

extension [UInt8] {
    /// Whether the bytes occur anywhere.
    func holds(_ needle: some Collection<UInt8>) -> Bool {
        guard let first = needle.first else { return true }
        return indices.contains { self[$0] == first && self[$0...].starts(with: needle) }
    }

    func holds(_ text: String) -> Bool { holds(Array(text.utf8)) }
}

/// The error with which the bytes are refused; `nil` if they are accepted.
func refusal(of bytes: [UInt8], limits: ImageLimits = .standard) -> ImageError? {
    do throws(ImageError) {
        _ = try StillImage(parsing: bytes, limits: limits)
        return nil
    } catch {
        return error
    }
}
