import Testing
import ZoetropeCore

/// A file that must be refused, and how.
struct RefusedFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: ImageError.Code
    let bytes: [UInt8]

    init(_ name: String, _ code: ImageError.Code, _ parts: [UInt8]...) {
        testDescription = name
        self.code = code
        bytes = Array(parts.joined())
    }

    static let jpegs: [RefusedFile] = {
        typealias JPEG = JPEGSample
        let start = JPEG.start + JPEG.quantisation
        let rest = JPEG.huffman + JPEG.scan() + JPEG.end
        let scans = [JPEG.scan(ids: [1]), JPEG.scan(ids: [2]), JPEG.scan(ids: [3])]
        let progressive = start + JPEG.frame(marker: 0xC2, ids: [1, 2, 3]) + JPEG.huffman
        func frame(_ payload: [UInt8]) -> [UInt8] { JPEG.picture(frame: JPEG.segment(0xC0, payload)) }
        return [
            RefusedFile("no height", .damaged, JPEG.picture(frame: JPEG.frame(height: 0))),
            RefusedFile("no width", .damaged, JPEG.picture(frame: JPEG.frame(width: 0))),
            RefusedFile("12 bits", .unsupportedVariant, JPEG.picture(frame: JPEG.frame(marker: 0xC1, depth: 12))),
            RefusedFile("2 components", .unsupportedVariant, JPEG.picture(ids: [1, 2])),
            RefusedFile("5 components", .unsupportedVariant, JPEG.picture(ids: [1, 2, 3, 4, 5])),
            RefusedFile("CMYK without Adobe", .unsupportedVariant, JPEG.picture(ids: [1, 2, 3, 4])),
            RefusedFile(
                "CMYK with YCbCr transform",
                .unsupportedVariant,
                JPEG.picture(head: JPEG.adobe(transform: 1), ids: [1, 2, 3, 4])
            ),
            RefusedFile("same component twice", .damaged, JPEG.picture(ids: [1, 1, 2])),
            RefusedFile("no sampling factor", .damaged, frame([8, 0, 64, 0, 64, 1, 1, 0x01, 0])),
            RefusedFile("sampling factor 5", .damaged, frame([8, 0, 64, 0, 64, 1, 1, 0x15, 0])),
            RefusedFile("quantisation table 4", .damaged, frame([8, 0, 64, 0, 64, 1, 1, 0x11, 4])),
            RefusedFile("frame header too long", .damaged, frame([8, 0, 64, 0, 64, 1, 1, 0x11, 0, 0])),
            RefusedFile("frame header too short", .damaged, frame([8, 0, 64, 0])),
            RefusedFile("two frame headers", .damaged, start, JPEG.frame(), JPEG.frame(), rest),
            RefusedFile("no frame header", .damaged, start, rest),
            RefusedFile("frame header after the scan", .damaged, start, rest.dropLast(2), JPEG.frame(), JPEG.end),
            RefusedFile("no scan", .damaged, start, JPEG.frame(), JPEG.huffman, JPEG.end),
            RefusedFile("a component without scan", .damaged, progressive, scans[0], scans[1], JPEG.end),
            RefusedFile("unknown component", .damaged, start, JPEG.frame(), JPEG.scan(ids: [7]), JPEG.end),
            RefusedFile("sequential scan repeated", .damaged, start, JPEG.frame(), JPEG.scan(), JPEG.scan(), JPEG.end),
            RefusedFile("empty scan", .damaged, start, JPEG.frame(), JPEG.scan().dropLast(16), JPEG.end),
            RefusedFile(
                "scan header malformed",
                .damaged,
                start,
                JPEG.frame(),
                JPEG.segment(0xDA, [1, 1]),
                JPEG.end
            ),
            RefusedFile(
                "201 scans",
                .unsupportedVariant,
                progressive,
                scans.flatMap(\.self),
                (0..<198).flatMap { _ in scans[0] },
                JPEG.end
            ),
            RefusedFile(
                "5,000 scans",
                .unsupportedVariant,
                progressive,
                (0..<5000).flatMap { _ in scans[0] },
                JPEG.end
            ),
            RefusedFile("height after the scan", .unsupportedVariant, JPEG.picture(head: JPEG.segment(0xDC, [0, 64]))),
            RefusedFile("JPEG-LS", .unsupportedVariant, JPEG.picture(frame: JPEG.frame(marker: 0xF7))),
            RefusedFile(
                "arithmetic conditioning",
                .unsupportedVariant,
                JPEG.picture(head: JPEG.segment(0xCC, [0, 0]))
            ),
            RefusedFile("hierarchical", .unsupportedVariant, JPEG.picture(head: JPEG.segment(0xDE, [8]))),
            RefusedFile("segment of length 1", .damaged, JPEG.picture(head: [0xFF, 0xE5, 0, 1])),
            RefusedFile("stray bytes", .damaged, JPEG.picture(head: JPEG.jfif + [0, 0])),
            RefusedFile("a start within", .damaged, JPEG.picture(head: JPEG.start)),
            RefusedFile("restart outside of a scan", .damaged, JPEG.picture(head: [0xFF, 0xD0])),
            RefusedFile("quantisation table too long", .damaged, JPEG.picture(head: JPEG.segment(0xDB, [0, 1, 2]))),
            RefusedFile("Huffman table too long", .damaged, JPEG.picture(head: JPEG.segment(0xC4, [0, 1, 2]))),
            RefusedFile(
                "Huffman table of 4,080 codes",
                .damaged,
                JPEG.picture(head: JPEG.segment(0xC4, [0] + [UInt8](repeating: 255, count: 16 + 4080)))
            ),
            RefusedFile("restart interval too long", .damaged, JPEG.picture(head: JPEG.segment(0xDD, [0, 1, 2]))),
            RefusedFile("nothing but a start", .damaged, [0xFF, 0xD8]),
            RefusedFile("nothing but padding", .damaged, JPEG.start, [UInt8](repeating: 0xFF, count: 1000)),
            RefusedFile("segment beyond the end", .damaged, JPEG.start, [0xFF, 0xE1, 0xFF, 0xFF, 0, 0]),
        ]
            + [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF]
            .map { marker in
                RefusedFile("frame \(marker)", .unsupportedVariant, JPEG.picture(frame: JPEG.frame(marker: marker)))
            }
    }()

    static let pngs: [RefusedFile] = {
        typealias PNG = PNGSample
        let data = PNG.chunk("IDAT", PNG.data)
        let text = PNG.chunk("tEXt", Array("a\0b".utf8))
        let palette = PNG.chunk("PLTE", [1, 2, 3])
        let indexed = PNG.header(depth: 8, colour: 3)
        func damaged(_ type: String, in bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            // The byte before the name belongs to the length; the last of the four to the checksum's range.
            for index in bytes.indices where bytes[index...].starts(with: type.utf8) {
                bytes[index + (type == "IEND" ? 5 : 6)] ^= 0x40
                break
            }
            return bytes
        }
        return [
            RefusedFile("width 0", .damaged, PNG.picture(header: PNG.header(width: 0))),
            RefusedFile("height 0", .damaged, PNG.picture(header: PNG.header(height: 0))),
            RefusedFile("width 2³¹", .damaged, PNG.picture(header: PNG.header(width: 1 << 31))),
            RefusedFile("height 2³² − 1", .damaged, PNG.picture(header: PNG.header(height: 1 << 32 - 1))),
            RefusedFile("colour type 1", .damaged, PNG.picture(header: PNG.header(depth: 8, colour: 1))),
            RefusedFile("colour type 7", .damaged, PNG.picture(header: PNG.header(depth: 8, colour: 7))),
            RefusedFile("compression 1", .damaged, PNG.picture(header: PNG.header(method: [1, 0, 0]))),
            RefusedFile("filter 1", .damaged, PNG.picture(header: PNG.header(method: [0, 1, 0]))),
            RefusedFile("interlace 2", .damaged, PNG.picture(header: PNG.header(method: [0, 0, 2]))),
            RefusedFile("header too long", .damaged, PNG.picture(header: PNG.header(method: [0, 0, 0, 0]))),
            RefusedFile("header too short", .damaged, PNG.picture(header: PNG.header(method: [0, 0]))),
            RefusedFile("no header", .damaged, PNG.picture(header: [])),
            RefusedFile("two headers", .damaged, PNG.picture(beforeData: PNG.header())),
            RefusedFile("header not first", .damaged, PNG.picture(header: text + PNG.header())),
            RefusedFile(
                "Apple's form",
                .unsupportedVariant,
                PNG.picture(header: PNG.chunk("CgBI", [0x50, 0, 0x20, 2]) + PNG.header())
            ),
            RefusedFile("unknown critical chunk", .unsupportedVariant, PNG.picture(beforeData: PNG.chunk("ABCD", []))),
            RefusedFile("no data", .damaged, PNG.signature, PNG.header(), PNG.end),
            RefusedFile("empty data", .damaged, PNG.signature, PNG.header(), PNG.chunk("IDAT", []), PNG.end),
            RefusedFile("data in two places", .damaged, PNG.picture(afterData: text + data)),
            RefusedFile("data after the end only", .damaged, PNG.signature, PNG.header(), PNG.end, data),
            RefusedFile("no end", .damaged, PNG.signature, PNG.header(), data),
            RefusedFile("end with a payload", .damaged, PNG.signature, PNG.header(), data, PNG.chunk("IEND", [0])),
            RefusedFile("chunk name of digits", .damaged, PNG.picture(beforeData: PNG.chunk("12AB", []))),
            RefusedFile("length 2³² − 1", .damaged, PNG.picture(beforeData: [255, 255, 255, 255] + text.dropFirst(4))),
            RefusedFile("no palette", .damaged, PNG.picture(header: indexed)),
            RefusedFile("palette after the data", .damaged, PNG.picture(header: indexed, afterData: palette)),
            RefusedFile("two palettes", .damaged, PNG.picture(header: indexed, beforeData: palette + palette)),
            RefusedFile(
                "palette of 4 bytes",
                .damaged,
                PNG.picture(header: indexed, beforeData: PNG.chunk("PLTE", [1, 2, 3, 4]))
            ),
            RefusedFile(
                "palette of 257 colours",
                .damaged,
                PNG.picture(header: indexed, beforeData: PNG.chunk("PLTE", [UInt8](repeating: 0, count: 771)))
            ),
            RefusedFile(
                "more transparent colours than colours",
                .damaged,
                PNG.picture(header: indexed, beforeData: palette + PNG.chunk("tRNS", [0, 0]))
            ),
            RefusedFile(
                "transparency before the palette",
                .damaged,
                PNG.picture(header: indexed, beforeData: PNG.chunk("tRNS", [0]) + palette)
            ),
            RefusedFile("transparency of 1 byte", .damaged, PNG.picture(beforeData: PNG.chunk("tRNS", [0]))),
            RefusedFile("transparency after the data", .damaged, PNG.picture(afterData: PNG.chunk("tRNS", [0, 0]))),
        ]
            + ["IHDR", "IDAT", "IEND"]
            .map {
                RefusedFile("checksum of \($0)", .damaged, damaged($0, in: PNG.picture))
            }
            + ["PLTE", "tRNS"]
            .map {
                let bytes = PNG.picture(header: indexed, beforeData: palette + PNG.chunk("tRNS", [0]))
                return RefusedFile("checksum of \($0)", .damaged, damaged($0, in: bytes))
            }
    }()

    static let webps: [RefusedFile] = {
        typealias WebP = WebPSample
        func lossy(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var payload = WebP.lossyPayload
            change(&payload)
            return WebP.file(WebP.chunk("VP8 ", payload))
        }
        func file(claiming size: [UInt8]) -> [UInt8] { Array("RIFF".utf8) + size + WebP.file(WebP.lossy).dropFirst(8) }
        let frame = WebP.chunk("ANMF", [UInt8](repeating: 0, count: 16) + WebP.lossy)
        let exif = WebP.chunk("EXIF", EXIFSample.block(6, .big))
        return [
            RefusedFile(
                "animated",
                .unsupportedVariant,
                WebP.extended(flags: 0x02, WebP.chunk("ANIM", [0, 0, 0, 0, 0, 0]) + frame)
            ),
            RefusedFile("animated, flag only", .unsupportedVariant, WebP.extended(flags: 0x02, WebP.lossy)),
            RefusedFile("animated, frame only", .unsupportedVariant, WebP.extended(frame)),
            RefusedFile("canvas wider than the picture", .damaged, WebP.extended(width: 65, WebP.lossy)),
            RefusedFile("canvas lower than the picture", .damaged, WebP.extended(height: 100, WebP.lossless)),
            RefusedFile("width 0", .damaged, lossy { $0.replaceSubrange(6..<8, with: [0, 0x40]) }),
            RefusedFile("height 0", .damaged, lossy { $0.replaceSubrange(8..<10, with: [0, 0x80]) }),
            RefusedFile("not a key frame", .damaged, lossy { $0[0] |= 1 }),
            RefusedFile("version 5", .damaged, lossy { $0[0] |= 5 << 1 }),
            RefusedFile("hidden frame", .damaged, lossy { $0[0] &= ~0x10 }),
            RefusedFile("no start code", .damaged, lossy { $0[3] = 0 }),
            RefusedFile("partition beyond the end", .damaged, lossy { $0[2] = 0x7F }),
            RefusedFile("lossless signature", .damaged, WebP.file(WebP.chunk("VP8L", [0x2E, 0x3F, 0xC0, 0x0F, 0]))),
            RefusedFile("lossless version", .damaged, WebP.file(WebP.chunk("VP8L", [0x2F, 0x3F, 0xC0, 0x0F, 0x20]))),
            RefusedFile("lossless, 4 bytes", .damaged, WebP.file(WebP.chunk("VP8L", [0x2F, 0x3F, 0xC0, 0x0F]))),
            RefusedFile("two pictures", .damaged, WebP.extended(WebP.lossy + WebP.lossy)),
            RefusedFile("two pictures, simple", .damaged, WebP.file(WebP.lossy + WebP.lossy)),
            RefusedFile("no picture", .damaged, WebP.extended(exif)),
            RefusedFile("no chunk", .damaged, WebP.file([])),
            RefusedFile("metadata first", .damaged, WebP.file(exif + WebP.lossy)),
            RefusedFile("alpha first", .damaged, WebP.file(WebP.alpha + WebP.lossy)),
            RefusedFile("alpha compression 2", .damaged, WebP.extended(WebP.chunk("ALPH", [2, 0]) + WebP.lossy)),
            RefusedFile("two alpha channels", .damaged, WebP.extended(WebP.alpha + WebP.alpha + WebP.lossy)),
            RefusedFile(
                "header not first",
                .damaged,
                WebP.file(WebP.lossy + WebP.chunk("VP8X", [UInt8](repeating: 0, count: 10)))
            ),
            RefusedFile(
                "header of 9 bytes",
                .damaged,
                WebP.file(WebP.chunk("VP8X", [0, 0, 0, 0, 63, 0, 0, 63, 0]) + WebP.lossy)
            ),
            RefusedFile(
                "chunk beyond the end",
                .damaged,
                WebP.file(WebP.lossy + Array("EXIF".utf8) + [0xFF, 0xFF, 0xFF, 0xFF])
            ),
            RefusedFile("RIFF size too large", .damaged, file(claiming: [0xFF, 0xFF, 0xFF, 0xFF])),
            RefusedFile("RIFF size too small", .damaged, file(claiming: [4, 0, 0, 0])),
        ]
    }()

    static let foreign: [(String, [UInt8])] = {
        func text(_ text: String) -> [UInt8] { Array(text.utf8) }
        func brands(_ brands: String...) -> [UInt8] {
            let payload = text("ftyp" + brands[0]) + [0, 0, 0, 0] + brands.dropFirst().flatMap(text)
            return [0, 0, 0, UInt8(payload.count + 4)] + payload + [UInt8](repeating: 0, count: 40)
        }
        return [
            (
                "an SVG drawing",
                text("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file:///etc/passwd\"/></svg>")
            ),
            ("an SVG drawing", text("\u{FEFF}\n <?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY a \"b\">]><SVG/>")),
            ("an HTML page", text("<!DOCTYPE html><title>x</title>")),
            ("an HTML page", text("<!-- x --><html>")),
            ("an XML document", text("<?xml version=\"1.0\"?><a/>")),
            ("a PHP script", text("<?php phpinfo();")),
            ("a text file", text("just text\r\n")),
            ("a text file", text("#!/bin/sh")),
            ("a text file", text("{\"image\": \"…\"}")),
            ("a text file", [0xFF, 0xFE, 0x3C, 0x00]),
            ("an HLS playlist", text("#EXTM3U\n")),
            ("a PDF document", text("%PDF-1.7\n%\u{1}")),
            ("a PostScript document", text("%!PS-Adobe-3.0 EPSF-3.0\n")),
            ("a PostScript document", [0xC5, 0xD0, 0xD3, 0xC6, 0x20, 0, 0, 0]),
            ("an MVG drawing", text("push graphic-context\nviewbox 0 0 640 480\n")),
            ("a GIF image", text("GIF89a") + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0]),
            ("a TIFF image", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0]),
            ("a TIFF image", [0x4D, 0x4D, 0, 0x2B, 0, 8, 0, 0]),
            ("a BMP image", text("BM") + [UInt8](repeating: 0, count: 60)),
            ("an ICO icon", [0, 0, 1, 0, 1, 0, 16, 16]),
            ("an AVIF image", brands("avif", "mif1", "miaf")),
            ("an AVIF image", brands("mif1", "miaf", "avif")),
            ("a HEIC image", brands("heic", "mif1", "heic")),
            ("a HEIC image", brands("mif1", "heix")),
            ("an MP4 video", brands("isom", "iso2", "avc1", "mp41")),
            ("an MP4 video", [0xFF, 0xFF, 0xFF, 0xFF] + text("ftyp")),
            ("a QuickTime video", brands("qt  ", "qt  ")),
            ("a JPEG 2000 image", [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20, 13, 10, 0x87, 10]),
            ("a JPEG XL image", [0xFF, 0x0A, 0xFA, 0x7F]),
            ("a DICOM image", [UInt8](repeating: 0, count: 128) + text("DICM")),
            ("a Photoshop document", text("8BPS") + [0, 1]),
            ("a ZIP archive or an Office document", text("PK") + [3, 4, 20, 0]),
            ("a gzip archive", [0x1F, 0x8B, 8, 0]),
            ("a Matroska or WebM video", [0x1A, 0x45, 0xDF, 0xA3]),
            ("an AVI video", text("RIFF") + [0, 1, 0, 0] + text("AVI ")),
            ("a program", [0x7F] + text("ELF")),
            ("not an image that we know", [0]),
            ("not an image that we know", [0x80]),
            ("not an image that we know", [UInt8](repeating: 0, count: 4096)),
            ("not an image that we know", [0xC3, 0x28, 0xA0, 0xFF, 0x80, 0x81, 0x82, 0x83]),
            ("not an image that we know", text("RIFF") + [0, 1, 0, 0] + text("XXXX")),
        ]
    }()
}

@Suite struct ImagesRefusalTests {
    @Test(arguments: RefusedFile.jpegs + RefusedFile.pngs + RefusedFile.webps)
    func `a file against the rules is refused`(file: RefusedFile) {
        let error = refusal(of: file.bytes)
        #expect(error?.code == file.code, "\(error?.message ?? "accepted")")
    }

    @Test(arguments: ImageFormat.allCases)
    func `the good neighbour of each refused file is accepted`(format: ImageFormat) {
        #expect(refusal(of: ImageSample.picture(format)) == nil)
    }

    @Test func `200 scans are the most`() throws {
        let frame = JPEGSample.frame(marker: 0xC2, ids: [1])
        let scans = (0..<200).flatMap { _ in JPEGSample.scan() }
        let bytes = JPEGSample.start + JPEGSample.quantisation + frame + JPEGSample.huffman + scans + JPEGSample.end
        #expect(try StillImage(parsing: bytes).bytes == bytes)
    }

    @Test(arguments: RefusedFile.foreign)
    func `another kind of file is named`(name: String, bytes: [UInt8]) {
        let error = refusal(of: bytes)
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.message == "The file is \(name); send a JPEG, PNG or WebP file.")
    }

    @Test func `a signature that breaks off is a file that is cut off`() {
        for count in 1..<8 {
            let error = refusal(of: Array(PNGSample.signature.prefix(count)))
            let bytes = count == 1 ? "1 byte" : "\(count) bytes"
            #expect(error == ImageError(.damaged, "The PNG is cut off after \(bytes); send the whole file."))
        }
        #expect(refusal(of: [0xFF, 0xD8])?.message == "The JPEG is cut off after 2 bytes; send the whole file.")
    }

    // MARK: Limits

    @Test(arguments: [
        (60_000, 60_000, "The image is 60000 × 60000 pixels; at most 50 megapixels are accepted."),
        (32_769, 100, "The image is 32769 × 100 pixels; at most 32768 pixels a side are accepted."),
        (100, 32_769, "The image is 100 × 32769 pixels; at most 32768 pixels a side are accepted."),
        (8_001, 6_250, "The image is 8001 × 6250 pixels; at most 50 megapixels are accepted."),
        (
            2_147_483_647, 2_147_483_647,
            "The image is 2147483647 × 2147483647 pixels; at most 50 megapixels are accepted."
        ),
    ])
    func `a PNG that is too large is refused from its header alone`(width: Int, height: Int, message: String) {
        // No checksum, no data: nothing behind the size is looked at.
        let head = PNGSample.signature + PNGSample.header(width: width, height: height).prefix(16)
        #expect(refusal(of: head) == ImageError(.tooLarge, message))
    }

    @Test func `a JPEG or WebP that is too large is refused from its header alone`() {
        let jpeg = JPEGSample.start + JPEGSample.frame(width: 65_500, height: 65_500)
        #expect(refusal(of: jpeg)?.code == .tooLarge)
        let lossless = ImageSample.picture(.webp, width: 16_384, height: 16_384)
        #expect(refusal(of: lossless)?.code == .tooLarge)
        let canvas = WebPSample.extended(width: 1 << 24, height: 1 << 24, WebPSample.lossy)
        #expect(refusal(of: Array(canvas.prefix(30)))?.code == .tooLarge)
        var lossy = Array(WebPSample.file(WebPSample.lossy).prefix(30))
        lossy.replaceSubrange(26..<30, with: [0xFF, 0xFF, 0xFF, 0xFF])
        let message = "The image is 16383 × 16383 pixels; at most 50 megapixels are accepted."
        #expect(refusal(of: lossy) == ImageError(.tooLarge, message))
    }

    @Test(arguments: ImageFormat.allCases)
    func `limits hold to the pixel`(format: ImageFormat) {
        let limits = ImageLimits(maxPixels: 10_000, minSide: 80, maxSide: 120)
        func code(_ width: Int, _ height: Int) -> ImageError.Code? {
            refusal(of: ImageSample.picture(format, width: width, height: height), limits: limits)?.code
        }
        #expect(code(100, 100) == nil)
        #expect(code(101, 100) == .tooLarge)
        #expect(code(80, 120) == nil)
        #expect(code(80, 121) == .tooLarge)
        #expect(code(121, 80) == .tooLarge)
        #expect(code(79, 100) == .tooSmall)
        #expect(code(100, 79) == .tooSmall)
    }

    @Test(arguments: ImageFormat.allCases)
    func `the limit of bytes holds to the byte`(format: ImageFormat) {
        let bytes = ImageSample.picture(format)
        #expect(refusal(of: bytes, limits: ImageLimits(maxBytes: bytes.count)) == nil)
        let message = "The image file has \(bytes.count) bytes; at most \(bytes.count - 1) bytes are accepted."
        #expect(
            refusal(of: bytes, limits: ImageLimits(maxBytes: bytes.count - 1)) == ImageError(.tooManyBytes, message)
        )
        #expect(refusal(of: []) == ImageError(.empty, "The image file is empty; send a JPEG, PNG or WebP file."))
    }

    @Test func `what is too small says what is needed`() {
        let message = "The image is 63 × 64 pixels; at least 64 pixels a side are needed."
        #expect(refusal(of: ImageSample.picture(.png, width: 63, height: 64)) == ImageError(.tooSmall, message))
        #expect(ImageError(.tooSmall, message).description == message)
    }

    // MARK: Truncation

    @Test(arguments: ImageFormat.allCases)
    func `no part of a file is taken for the whole`(format: ImageFormat) {
        let bytes = ImageSample.picture(format, exif: EXIFSample.block(6, .little))
        for count in 0..<bytes.count {
            #expect(refusal(of: Array(bytes.prefix(count))) != nil, "\(count) of \(bytes.count) bytes were accepted")
        }
    }

    @Test func `codes are those of the contract`() {
        #expect(
            ImageError.Code.allCases.map(\.rawValue) == [
                "image_too_large", "image_too_small", "image_file_too_large", "image_empty", "image_unsupported",
                "image_damaged", "image_variant_unsupported",
            ]
        )
    }
}
