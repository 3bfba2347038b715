import Foundation
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// Real files made by ffmpeg and exiftool, decoded by our path.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PhotoDecoderTests {
    static let size = FrameSize(width: 320, height: 192)

    private func decode(_ bytes: [UInt8], crop: PixelRect? = nil, size: FrameSize = size) async throws -> PlanarPicture
    {
        let photo = try StillImage(parsing: bytes)
        let upright = photo.header.uprightSize
        return try await PhotoDecoder(tools: try await TestTools.find())
            .decode(
                photo,
                crop: crop ?? PixelRect(x: 0, y: 0, width: upright.width, height: upright.height),
                size: size
            )
    }

    /// A picture from a filter graph, in a file format.
    private func make(_ graph: String, _ name: String, _ options: [String] = []) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", graph, "-frames:v", "1"] + options + ["-y", folder.path(name)]
        )
        return try [UInt8](Data(contentsOf: folder.url.appending(path: name)))
    }

    /// Y, U and V in the middle of a part of the picture; (0, 0) is the top left ninth.
    private func colour(_ picture: PlanarPicture, column: Int, row: Int) -> [Int] {
        let x = picture.size.width * (2 * column + 1) / 6
        let y = picture.size.height * (2 * row + 1) / 6
        let chroma = y / 2 * picture.size.width / 2 + x / 2
        return [
            y * picture.size.width + x, picture.offset(of: .u) + chroma, picture.offset(of: .v) + chroma,
        ]
        .map { Int(picture.bytes[$0]) }
    }

    private func isNear(_ seen: [Int], _ expected: [Int], tolerance: Int = 3) -> Bool {
        zip(seen, expected).allSatisfy { abs($0 - $1) <= tolerance }
    }

    /// Colours in BT.709, limited range.
    private static let colours: [(name: String, yuv: [Int])] = [
        ("white", [235, 128, 128]), ("black", [16, 128, 128]), ("red", [63, 102, 240]), ("lime", [173, 42, 26]),
        ("blue", [32, 240, 118]), ("gray", [126, 128, 128]),
    ]

    @Test(arguments: ["photo.jpg", "photo.png", "photo.webp"])
    func `colours arrive as BT 709 in limited range`(name: String) async throws {
        for colour in Self.colours {
            let options = name.hasSuffix("webp") ? ["-lossless", "1"] : name.hasSuffix("jpg") ? ["-q:v", "1"] : []
            let bytes = try await make("color=\(colour.name):s=320x192,format=rgb24", name, options)
            let seen = self.colour(try await decode(bytes), column: 1, row: 1)
            #expect(isNear(seen, colour.yuv), "\(colour.name): \(seen)")
        }
    }

    /// A PNG of one colour, sample by sample, because ffmpeg's colour source knows neither full-range grey nor 16-bit alpha.
    private func makePNG(_ format: String, pixel: [UInt8]) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        try Data((0..<Self.size.pixels).flatMap { _ in pixel }).write(to: folder.url.appending(path: "raw"))
        try await ToolRunner.succeed(
            "ffmpeg",
            [
                "-v", "error", "-f", "rawvideo", "-pix_fmt", format, "-video_size",
                "\(Self.size.width)x\(Self.size.height)", "-i", folder.path("raw"), "-frames:v", "1",
                folder.path("photo.png"),
            ]
        )
        return try [UInt8](Data(contentsOf: folder.url.appending(path: "photo.png")))
    }

    @Test(arguments: [
        ("gray", 1), ("gray16be", 2), ("ya8", 2), ("ya16be", 4), ("rgb24", 3), ("rgb48be", 6), ("rgba64be", 8),
    ])
    func `every kind of PNG arrives with its greys`(format: String, bytes: Int) async throws {
        let alpha = format == "ya8" ? 1 : format.hasPrefix("ya16") || format.hasPrefix("rgba64") ? 2 : 0
        for (sample, luma) in [(UInt8(255), 235), (128, 126), (0, 16)] {
            let pixel = [UInt8](repeating: sample, count: bytes - alpha) + [UInt8](repeating: 255, count: alpha)
            let seen = colour(try await decode(makePNG(format, pixel: pixel)), column: 1, row: 1)
            #expect(isNear(seen, [luma, 128, 128]), "\(format), \(sample): \(seen)")
        }
    }

    @Test func `a PNG with a palette arrives in its colours`() async throws {
        let graph =
            "color=red:s=320x192:d=0.04,format=rgb24,split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse"
        let seen = colour(try await decode(make(graph, "photo.png")), column: 1, row: 1)
        #expect(isNear(seen, [63, 102, 240]), "\(seen)")
    }

    @Test func `greyscale JPEG arrives with its greys`() async throws {
        let bytes = try await make("color=gray:s=320x192,format=gray", "photo.jpg", ["-q:v", "1"])
        #expect(isNear(colour(try await decode(bytes), column: 1, row: 1), [126, 128, 128]))
    }

    @Test(arguments: [("rgba", 1), ("rgba64be", 2), ("ya8", 1), ("ya16be", 2)])
    func `what is transparent in a PNG is black`(format: String, depth: Int) async throws {
        for (alpha, luma) in [(UInt8(0), 16), (128, 126), (255, 235)] {
            let colours = [UInt8](repeating: 255, count: (format.hasPrefix("ya") ? 1 : 3) * depth)
            let pixel = colours + [UInt8](repeating: alpha, count: depth)
            let seen = colour(try await decode(makePNG(format, pixel: pixel)), column: 1, row: 1)
            #expect(isNear(seen, [luma, 128, 128]), "\(format), alpha \(alpha): \(seen)")
        }
    }

    @Test(arguments: ["1", "0"])
    func `what is transparent in a WebP is black`(lossless: String) async throws {
        let options = ["-c:v", "libwebp", "-lossless", lossless]
        for (alpha, luma) in [("0.0", 16), ("0.5", 126)] {
            let bytes = try await make("color=white@\(alpha):s=320x192,format=rgba", "photo.webp", options)
            let seen = colour(try await decode(bytes), column: 1, row: 1)
            #expect(isNear(seen, [luma, 128, 128]), "alpha \(alpha): \(seen)")
        }
    }

    /// A picture in nine parts, upright, with a colour in each corner; the stored one is made by undoing the turn.
    @Test(arguments: ImageOrientation.allCases, ["photo.jpg", "photo.png", "photo.webp"])
    func `a photo is turned upright by its EXIF orientation`(orientation: ImageOrientation, name: String) async throws {
        // Top left red, top right lime, bottom left blue, the rest white.
        let upright =
            "color=white:s=360x216,format=rgb24,drawbox=0:0:120:72:red:fill,drawbox=240:0:120:72:lime:fill,"
            + "drawbox=0:144:120:72:blue:fill"
        let undo =
            switch orientation {
            case .upright: "null"
            case .mirrored: "hflip"
            case .rotated180: "hflip,vflip"
            case .flipped: "vflip"
            case .transposed: "transpose=cclock_flip"
            case .rotated90: "transpose=cclock"
            case .transversed: "transpose=clock_flip"
            case .rotated270: "transpose=clock"
            }
        let folder = try TemporaryFolder()
        let options = name.hasSuffix("webp") ? ["-lossless", "1"] : name.hasSuffix("jpg") ? ["-q:v", "1"] : []
        try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", "\(upright),\(undo)", "-frames:v", "1"] + options
                + ["-y", folder.path(name)]
        )
        try await ToolRunner.succeed(
            "exiftool",
            ["-q", "-n", "-overwrite_original", "-IFD0:Orientation=\(orientation.rawValue)", folder.path(name)]
        )
        let bytes = try [UInt8](Data(contentsOf: folder.url.appending(path: name)))
        let picture = try await decode(bytes, size: FrameSize(width: 360, height: 216))
        #expect(isNear(colour(picture, column: 0, row: 0), [63, 102, 240], tolerance: 6), "top left is red")
        #expect(isNear(colour(picture, column: 2, row: 0), [173, 42, 26], tolerance: 6), "top right is lime")
        #expect(isNear(colour(picture, column: 0, row: 2), [32, 240, 118], tolerance: 6), "bottom left is blue")
        #expect(isNear(colour(picture, column: 2, row: 2), [235, 128, 128], tolerance: 6), "bottom right is white")

        // Only the blue ninth.
        let part = try await decode(
            bytes,
            crop: PixelRect(x: 6, y: 150, width: 108, height: 60),
            size: FrameSize(width: 108, height: 60)
        )
        for column in 0..<3 {
            #expect(isNear(colour(part, column: column, row: 1), [32, 240, 118], tolerance: 6), "the part is blue")
        }
    }

    @Test func `damaged picture data are refused, not shown grey`() async throws {
        let png = try await make("testsrc=s=320x192", "photo.png")
        // The parser checks chunks, not what zlib makes of them: a PNG whose data are another picture's beginning.
        let data = try #require(png.firstRange(of: Array("IDAT".utf8)))
        var broken = png
        for index in data.upperBound + 40..<data.upperBound + 80 { broken[index] ^= 0x55 }
        let length = Int(png[data.lowerBound - 2]) << 8 | Int(png[data.lowerBound - 1])
        let end = data.upperBound + length
        let checksum = broken[data.lowerBound..<end].crc32
        broken.replaceSubrange(
            end..<end + 4,
            with: (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) }
        )
        let error = await #expect(throws: MediaError.self) { _ = try await decode(broken) }
        #expect(error?.code == .sourceUnreadable)
    }

    @Test func `fifty megapixels with four 16-bit channels are decoded within the limits`() async throws {
        let bytes = try await make("color=red:s=10000x5000,format=rgba64be", "photo.png")
        #expect(isNear(colour(try await decode(bytes), column: 1, row: 1), [63, 102, 240]))
    }
}

extension Sequence<UInt8> {
    /// The checksum of PNG chunks.
    fileprivate var crc32: UInt32 {
        ~reduce(~UInt32(0)) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
