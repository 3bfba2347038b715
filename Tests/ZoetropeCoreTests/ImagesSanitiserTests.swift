import Testing
import ZoetropeCore

/// What comes out holds the picture and nothing else.
///
/// The files are built by hand; ``ImagesToolTests`` does the same with real ones.
@Suite struct ImagesSanitiserTests {
    static let canary = Array("CANARY-7f3a".utf8)

    @Test func `a JPEG loses all that it does not need`() throws {
        let segments: [(UInt8, String)] = [
            (0xE1, "Exif\0\0"), (0xE1, "http://ns.adobe.com/xap/1.0/\0"), (0xE2, "ICC_PROFILE\0"), (0xE2, "MPF\0"),
            (0xED, "Photoshop 3.0\0"), (0xE0, "JFXX\0"), (0xE0, "AVI1"), (0xEB, "HDR"), (0xEF, ""), (0xFE, ""),
            (0xEE, "Adobe"), (0xEE, "Ducky"),
        ]
        let metadata = segments.flatMap {
            JPEGSample.segment($0, Array($1.utf8) + [UInt8](repeating: 0, count: 8) + Self.canary)
        }
        let thumbnail = Array("JFIF\0".utf8) + [1, 2, 1, 0, 72, 0, 36, 2, 2] + Self.canary + [0]
        let jfif = JPEGSample.segment(0xE0, thumbnail)
        let bytes = JPEGSample.picture(head: jfif + metadata, ids: [1, 2, 3], tail: Self.canary)
        let kept = JPEGSample.segment(0xEE, Array("Adobe".utf8) + [UInt8](repeating: 0, count: 7))
        let frame = kept + JPEGSample.frame(ids: [1, 2, 3])
        let wanted = JPEGSample.picture(head: JPEGSample.jfif, frame: frame, ids: [1, 2, 3])
        #expect(try StillImage(parsing: bytes).bytes == wanted)
    }

    @Test func `what tells the colours of a JPEG stays as it was`() throws {
        let ids = Array("RGB".utf8)
        let cases = [
            [], JPEGSample.jfif, JPEGSample.adobe(transform: 0), JPEGSample.adobe(transform: 1),
            JPEGSample.jfif + JPEGSample.adobe(transform: 1),
        ]
        for head in cases {
            // The Adobe marker is written right before the frame header.
            let adobe = head.holds("Adobe") ? Array(head.suffix(16)) : []
            let jfif = head.holds("JFIF") ? JPEGSample.jfif : []
            let wanted = JPEGSample.picture(head: jfif, frame: adobe + JPEGSample.frame(ids: ids), ids: ids)
            #expect(try StillImage(parsing: JPEGSample.picture(head: head, ids: ids)).bytes == wanted)
        }
        let two = JPEGSample.adobe(transform: 0) + JPEGSample.adobe(transform: 1)
        let image = try StillImage(parsing: JPEGSample.picture(head: two, ids: ids))
        #expect(image.bytes.holds(JPEGSample.adobe(transform: 1)))
        #expect(!image.bytes.holds(JPEGSample.adobe(transform: 0)))
    }

    @Test func `entropy-coded data is copied with its stuffing, restarts and padding`() throws {
        let data: [UInt8] = [1, 0xFF, 0, 2, 0xFF, 0xD0, 3, 0xFF, 0xFF, 0, 4, 0xFF, 0xFF, 0xD7, 5]
        let head = JPEGSample.start + JPEGSample.quantisation + JPEGSample.frame() + JPEGSample.huffman
        let scan = JPEGSample.segment(0xDA, [1, 1, 0, 0, 63, 0]) + data
        let padded = head + scan + [0xFF, 0xFF, 0xFF] + JPEGSample.segment(0xFE, Self.canary) + [0xFF] + JPEGSample.end
        #expect(try StillImage(parsing: padded).bytes == head + scan + JPEGSample.end)
    }

    @Test func `a PNG loses all that it does not need`() throws {
        let names = [
            "tEXt", "zTXt", "iTXt", "iCCP", "eXIf", "gAMA", "sRGB", "cHRM", "pHYs", "tIME", "bKGD", "vpAg", "acTL",
            "fcTL",
        ]
        let before = names.flatMap { PNGSample.chunk($0, Self.canary) }
        let after = ["tEXt", "eXIf", "fcTL", "fdAT", "fcTL", "fdAT"].flatMap { PNGSample.chunk($0, Self.canary) }
        let bytes = PNGSample.picture(beforeData: before, afterData: after, tail: Self.canary)
        #expect(try StillImage(parsing: bytes).bytes == PNGSample.picture)
    }

    @Test func `a PNG loses a palette and a transparency that it cannot use`() throws {
        let header = PNGSample.header(depth: 8, colour: 6)
        let chunks = PNGSample.chunk("PLTE", Array(Self.canary.prefix(9))) + PNGSample.chunk("tRNS", Self.canary)
        let image = try StillImage(parsing: PNGSample.picture(header: header, beforeData: chunks))
        #expect(image.bytes == PNGSample.picture(header: header))
    }

    @Test func `data of a PNG stays in the chunks in which it came`() throws {
        let chunks = [PNGSample.data.prefix(10), [], PNGSample.data.dropFirst(10)]
            .flatMap {
                PNGSample.chunk("IDAT", Array($0))
            }
        let bytes = PNGSample.signature + PNGSample.header() + chunks + PNGSample.end
        #expect(try StillImage(parsing: bytes).bytes == bytes)
    }

    @Test(arguments: [WebPSample.lossy, WebPSample.lossless, WebPSample.losslessAlpha])
    func `a WebP becomes a simple one`(picture: [UInt8]) throws {
        let before = WebPSample.chunk("ICCP", Self.canary) + WebPSample.chunk("JUNK", Self.canary)
        let after = ["EXIF", "XMP ", "ALPH"].flatMap { WebPSample.chunk($0, Self.canary) }
        let bytes = WebPSample.extended(flags: 0x2C, before + picture + after) + Self.canary
        #expect(try StillImage(parsing: bytes).bytes == WebPSample.file(picture))
        #expect(try StillImage(parsing: WebPSample.file(picture + after)).bytes == WebPSample.file(picture))
    }

    @Test func `a WebP with alpha keeps an extended header, with that flag alone`() throws {
        let picture = WebPSample.alpha + WebPSample.lossy
        let after = ["EXIF", "XMP "].flatMap { WebPSample.chunk($0, Self.canary) }
        for flags in [0x00, 0x10, 0x3C, 0xFD] as [UInt8] {
            let bytes = WebPSample.extended(flags: flags, WebPSample.chunk("ICCP", Self.canary) + picture + after)
            #expect(try StillImage(parsing: bytes).bytes == WebPSample.extended(flags: 0x10, picture))
        }
    }

    @Test func `a WebP gets the padding byte that its writer forgot`() throws {
        let odd = Array(WebPSample.losslessPayload) + [0]
        let chunk = WebPSample.chunk("VP8L", odd)
        let unpadded =
            Array("RIFF".utf8) + WebPSample.number(chunk.count + 3, 4) + Array("WEBP".utf8) + chunk.dropLast()
        #expect(try StillImage(parsing: unpadded).bytes == WebPSample.file(chunk))
    }

    @Test(arguments: ImageFormat.allCases)
    func `bytes after the end change nothing`(format: ImageFormat) throws {
        let bytes = ImageSample.picture(format)
        let archive = Array("PK\u{3}\u{4}".utf8) + Self.canary
        let image = try StillImage(parsing: bytes + archive)
        #expect(image.bytes == bytes)
        #expect(try StillImage(parsing: bytes).header == image.header)
    }
}
