import Testing
import ZoetropeCore

/// An orientation and a format that can carry it.
struct OrientedFile: Sendable, CustomTestStringConvertible {
    let format: ImageFormat
    let orientation: ImageOrientation

    static let all = ImageFormat.allCases.flatMap { format in
        ImageOrientation.allCases.map { OrientedFile(format: format, orientation: $0) }
    }

    var testDescription: String { "\(format.name) \(orientation)" }
}

@Suite struct ImagesHeaderTests {
    @Test(arguments: ImageFormat.allCases)
    func `size and format are read`(format: ImageFormat) throws {
        let image = try StillImage(parsing: ImageSample.picture(format, width: 640, height: 480))
        let isGreyscale = format != .webp
        let depth = format == .png ? 1 : 8
        #expect(
            image.header
                == ImageHeader(format: format, width: 640, height: 480, bitDepth: depth, isGreyscale: isGreyscale)
        )
    }

    @Test(arguments: OrientedFile.all, EXIFSample.Order.allCases)
    func `orientation is read in both byte orders`(file: OrientedFile, order: EXIFSample.Order) throws {
        let block = EXIFSample.block(file.orientation.rawValue, order)
        let image = try StillImage(parsing: ImageSample.picture(file.format, exif: block))
        #expect(image.header.orientation == file.orientation)
        #expect(try StillImage(parsing: image.bytes).header.orientation == .upright)
    }

    @Test func `orientation is read behind a superfluous prefix`() throws {
        let block = EXIFSample.prefix + EXIFSample.block(6, .big)
        for format in [ImageFormat.png, .webp] {
            let image = try StillImage(parsing: ImageSample.picture(format, exif: block))
            #expect(image.header.orientation == .rotated90)
        }
    }

    @Test(arguments: [
        [], Array("II".utf8), [UInt8](repeating: 0xFF, count: 40),
        EXIFSample.block(0, .little), EXIFSample.block(9, .big), EXIFSample.block(65_535, .big),
        EXIFSample.block(6, .little, type: 4), EXIFSample.block(6, .little, count: 2),
        // A directory beyond the end, one with 65,535 entries, and one cut within its tag.
        Array("II*\0".utf8) + [0xFF, 0xFF, 0xFF, 0xFF], Array("MM\0*".utf8) + [0, 0, 0, 8, 0xFF, 0xFF, 0, 0],
        Array(EXIFSample.block(6, .little).prefix(30)),
    ])
    func `bad EXIF is ignored`(block: [UInt8]) throws {
        for format in ImageFormat.allCases {
            let image = try StillImage(parsing: ImageSample.picture(format, exif: block))
            #expect(image.header.orientation == .upright)
        }
    }

    @Test func `the first EXIF block that says anything counts`() throws {
        let blocks = [EXIFSample.block(0, .big), EXIFSample.block(8, .big), EXIFSample.block(3, .big)]
        let jpeg = try StillImage(parsing: JPEGSample.picture(head: blocks.flatMap(JPEGSample.exif)))
        #expect(jpeg.header.orientation == .rotated270)
        let chunks = blocks.flatMap { PNGSample.chunk("eXIf", $0) }
        #expect(try StillImage(parsing: PNGSample.picture(afterData: chunks)).header.orientation == .rotated270)
    }

    @Test func `a turn by a quarter swaps the sides`() {
        for orientation in ImageOrientation.allCases {
            let header = ImageHeader(format: .jpeg, width: 300, height: 200, orientation: orientation)
            let isSwapped = [5, 6, 7, 8].contains(orientation.rawValue)
            #expect(orientation.swapsSides == isSwapped)
            #expect(header.displayWidth == (isSwapped ? 200 : 300))
            #expect(header.displayHeight == (isSwapped ? 300 : 200))
        }
    }

    @Test(arguments: [0xC0, 0xC1, 0xC2] as [UInt8])
    func `JPEG is read in its three usual forms`(marker: UInt8) throws {
        let frame = JPEGSample.frame(marker: marker, ids: [1, 2, 3])
        let image = try StillImage(parsing: JPEGSample.picture(frame: frame, ids: [1, 2, 3]))
        #expect(image.header == ImageHeader(format: .jpeg, width: 64, height: 64))
    }

    @Test(arguments: [0, 2] as [UInt8])
    func `CMYK is taken when Adobe's marker explains it`(transform: UInt8) throws {
        let bytes = JPEGSample.picture(head: JPEGSample.adobe(transform: transform), ids: [1, 2, 3, 4])
        #expect(try StillImage(parsing: bytes).header == ImageHeader(format: .jpeg, width: 64, height: 64))
    }

    /// Colour type, bit depth, then what is to be read.
    @Test(
        arguments: [
            (0, [1, 2, 4, 8, 16], false, true), (2, [8, 16], false, false), (3, [1, 2, 4, 8], false, false),
            (4, [8, 16], true, true), (6, [8, 16], true, false),
        ] as [(UInt8, [UInt8], Bool, Bool)]
    )
    func `PNG is read in its 15 legal forms and no other`(
        colour: UInt8,
        depths: [UInt8],
        hasAlpha: Bool,
        isGreyscale: Bool
    ) throws {
        let palette = colour == 3 ? PNGSample.chunk("PLTE", [1, 2, 3]) : []
        for depth in UInt8(0)...17 {
            let header = PNGSample.header(depth: depth, colour: colour)
            let bytes = PNGSample.picture(header: header, beforeData: palette)
            guard depths.contains(depth) else {
                #expect(refusal(of: bytes)?.code == .damaged)
                continue
            }
            let read = try StillImage(parsing: bytes).header
            #expect(read.hasAlpha == hasAlpha && read.isGreyscale == isGreyscale)
            #expect(read.bitDepth == (colour == 3 ? 8 : Int(depth)))
        }
    }

    @Test(
        arguments: [
            (0, [0, 1]), (2, [0, 1, 0, 2, 0, 3]), (3, [0]), (3, [0, 128]),
        ] as [(UInt8, [UInt8])]
    )
    func `transparency of a PNG is alpha, and is kept`(colour: UInt8, payload: [UInt8]) throws {
        let palette = PNGSample.chunk("PLTE", [1, 2, 3, 4, 5, 6])
        let transparency = PNGSample.chunk("tRNS", payload)
        let header = PNGSample.header(depth: 8, colour: colour)
        let image = try StillImage(parsing: PNGSample.picture(header: header, beforeData: palette + transparency))
        #expect(image.header.hasAlpha)
        #expect(image.bytes.holds(transparency))
        #expect(image.bytes.holds("PLTE") == (colour == 3))
    }

    @Test func `alpha of a WebP is seen in each form`() throws {
        func hasAlpha(_ bytes: [UInt8]) throws -> Bool { try StillImage(parsing: bytes).header.hasAlpha }
        #expect(try !hasAlpha(WebPSample.file(WebPSample.lossy)))
        #expect(try !hasAlpha(WebPSample.file(WebPSample.lossless)))
        #expect(try hasAlpha(WebPSample.file(WebPSample.losslessAlpha)))
        #expect(try hasAlpha(WebPSample.extended(flags: 0x10, WebPSample.alpha + WebPSample.lossy)))
        #expect(try !hasAlpha(WebPSample.extended(flags: 0x10, WebPSample.lossy)))
        #expect(try !hasAlpha(WebPSample.extended(flags: 0x10, WebPSample.alpha + WebPSample.lossless)))
    }

    @Test func `the checksum is that of the standard`() {
        #expect(CRC32.checksum(Array("123456789".utf8).span) == 0xCBF4_3926)
        #expect(CRC32.checksum([UInt8]().span) == 0)
        // Each length up to 40 takes another way through the eight-byte rounds; compare with the definition, bit by bit.
        for length in 0...40 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
            var slow = UInt32.max
            for byte in bytes {
                slow ^= UInt32(byte)
                for _ in 0..<8 { slow = slow & 1 == 0 ? slow >> 1 : (slow >> 1) ^ 0xEDB8_8320 }
            }
            #expect(CRC32.checksum(bytes.span) == ~slow)
        }
    }
}
