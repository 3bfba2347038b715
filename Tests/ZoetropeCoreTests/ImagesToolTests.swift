import Foundation
import Testing
import ZoetropeCore
import ZoetropeTestKit

/// A folder of its own for one test, and the programs that fill it.
struct ImageWorkshop: Sendable {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Runs a program in the folder; anything but success is an error.
    ///
    /// The line is cut at its spaces; `condition` is one more argument, which may hold some.
    func run(_ line: String, condition: String? = nil) async throws {
        let words = line.split(separator: " ").map(String.init) + [condition].compactMap(\.self)
        try await ToolRunner.succeed("env", ["-C", folder.url.path] + words)
    }

    func ffmpeg(_ line: String) async throws {
        try await run("ffmpeg -hide_banner -loglevel error -y \(line)")
    }

    func read(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: folder.url.appending(path: name)))
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: folder.url.appending(path: name))
    }

    /// Checksums of the decoded pixels, as stored and as RGBA, with their size.
    func pixels(_ bytes: [UInt8], _ format: ImageFormat) async throws -> [String] {
        let name = "pixels.\(format.fileExtension)"
        try write(bytes, name)
        try await ffmpeg(
            "-xerror -noautorotate -i \(name) -frames:v 1 -f framemd5 stored.md5"
                + " -frames:v 1 -pix_fmt rgba -f framemd5 rgba.md5"
        )
        let lines = try ["stored.md5", "rgba.md5"]
            .flatMap {
                try String(decoding: read($0), as: UTF8.self).split(separator: "\n").map(String.init)
            }
        // The head of a list also names the shape of a pixel, which does not count.
        return lines.filter { !$0.hasPrefix("#") || $0.hasPrefix("#dimensions") }
    }
}

/// A real file, how it is made, and what is to be read from it.
struct RealFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let format: ImageFormat
    var hasAlpha = false
    var bitDepth = 8
    var isGreyscale = false
    /// Fills `name` in the workshop; `picture.png` is 96 × 72, `alpha.png` the same at half opacity.
    let make: @Sendable (_ workshop: ImageWorkshop, _ name: String) async throws -> Void

    var name: String { "made.\(format.fileExtension)" }

    static let all: [RealFile] = [
        RealFile(testDescription: "JPEG 4:2:0", format: .jpeg) {
            try await $0.ffmpeg("-i picture.png -pix_fmt yuvj420p \($1)")
        },
        RealFile(testDescription: "JPEG 4:4:4", format: .jpeg) {
            try await $0.ffmpeg("-i picture.png -pix_fmt yuvj444p \($1)")
        },
        RealFile(testDescription: "PNG", format: .png) { try await $0.ffmpeg("-i picture.png -pix_fmt rgb24 \($1)") },
        RealFile(testDescription: "PNG alpha", format: .png, hasAlpha: true) {
            try await $0.ffmpeg("-i alpha.png \($1)")
        },
        RealFile(testDescription: "PNG 16 bits", format: .png, bitDepth: 16) {
            try await $0.ffmpeg("-i picture.png -pix_fmt rgb48be \($1)")
        },
        RealFile(testDescription: "PNG greyscale", format: .png, isGreyscale: true) {
            try await $0.ffmpeg("-i picture.png -pix_fmt gray \($1)")
        },
        RealFile(testDescription: "PNG of 1 bit", format: .png, bitDepth: 1, isGreyscale: true) {
            try await $0.ffmpeg("-i picture.png -pix_fmt monob \($1)")
        },
        RealFile(testDescription: "PNG palette", format: .png) {
            try await $0.ffmpeg("-i picture.png -pix_fmt pal8 \($1)")
        },
        RealFile(testDescription: "PNG interlaced", format: .png) {
            try await $0.ffmpeg("-i picture.png -flags +ildct \($1)")
        },
        RealFile(testDescription: "PNG of an animation", format: .png) {
            try await $0.ffmpeg("-f lavfi -i testsrc2=s=96x72:r=5 -frames:v 3 -f apng \($1)")
        },
        RealFile(testDescription: "WebP lossy", format: .webp) {
            try await $0.run("cwebp -quiet picture.png -o \($1)")
        },
        RealFile(testDescription: "WebP lossless", format: .webp) {
            try await $0.run("cwebp -quiet -lossless picture.png -o \($1)")
        },
        RealFile(testDescription: "WebP lossy, alpha", format: .webp, hasAlpha: true) {
            try await $0.run("cwebp -quiet alpha.png -o \($1)")
        },
        RealFile(testDescription: "WebP lossless, alpha", format: .webp, hasAlpha: true) {
            try await $0.run("cwebp -quiet -lossless alpha.png -o \($1)")
        },
    ]

    func bytes(in workshop: ImageWorkshop) async throws -> [UInt8] {
        try await workshop.ffmpeg(
            "-f lavfi -i testsrc2=s=96x72 -frames:v 1 picture.png"
                + " -frames:v 1 -vf format=rgba,colorchannelmixer=aa=0.5 alpha.png"
        )
        try await make(workshop, name)
        return try workshop.read(name)
    }
}

@Suite(
    .enabled(
        if: ToolRunner.has("ffmpeg", "cwebp", "exiftool"),
        "needs ffmpeg, cwebp (webp) and exiftool (libimage-exiftool-perl)"
    ),
    .timeLimit(.minutes(5))
)
struct ImagesToolTests {
    static let canary = "CANARY-7f3a"

    @Test(arguments: RealFile.all)
    func `a real file is read, and decodes to the same pixels when reduced`(file: RealFile) async throws {
        let workshop = try ImageWorkshop()
        let bytes = try await file.bytes(in: workshop)
        let image = try StillImage(parsing: bytes)
        let header = image.header
        #expect(header.format == file.format && header.orientation == .upright)
        #expect(header.width == 96 && header.height == 72)
        #expect(header.hasAlpha == file.hasAlpha)
        #expect(header.bitDepth == file.bitDepth)
        #expect(header.isGreyscale == file.isGreyscale)
        #expect(image.bytes.count <= bytes.count)
        let (reducedPixels, filePixels) = try await (
            workshop.pixels(image.bytes, file.format), workshop.pixels(bytes, file.format)
        )
        #expect(reducedPixels == filePixels)
    }

    /// Just what exiftool wants to see in a profile: a head of 128 bytes and one text.
    static let profile: [UInt8] = {
        let text = Array("text\0\0\0\0\(canary)\0".utf8)
        let size = PNGSample.number(128 + 16 + text.count)
        let kind = Array("lcms".utf8) + [2, 0x40, 0, 0] + Array("mntrRGB XYZ ".utf8) + [UInt8](repeating: 0, count: 12)
        let head = size + kind + Array("acsp".utf8) + [UInt8](repeating: 0, count: 88)
        let tags = PNGSample.number(1) + Array("cprt".utf8) + PNGSample.number(144) + PNGSample.number(text.count)
        return head + tags + text
    }()

    /// Writes all that exiftool can write, which is nothing in an animation, and a ZIP behind the end.
    @Test(arguments: RealFile.all.filter { $0.testDescription != "PNG of an animation" })
    func `metadata of a real file is gone and its pixels are not`(file: RealFile) async throws {
        let workshop = try ImageWorkshop()
        let plain = try await file.bytes(in: workshop)
        try workshop.write(Self.profile, "profile.icc")
        let comment = JPEGSample.segment(0xFE, Array(Self.canary.utf8))
        try workshop.write(JPEGSample.picture(head: comment), "thumbnail.jpg")
        let texts = ["EXIF:Artist", "XMP:Title", "IPTC:City", "Comment", "PNG:Author"].map { "-\($0)=\(Self.canary)" }
        try await workshop.run(
            "exiftool -q -overwrite_original -ICC_Profile<=profile.icc -ThumbnailImage<=thumbnail.jpg"
                + " -EXIF:GPSLatitude=52.5 -EXIF:GPSLatitudeRef=N -EXIF:Orientation#=6"
                + " \(texts.joined(separator: " ")) \(file.name)"
        )
        let tagged = try workshop.read(file.name) + Array("PK\u{3}\u{4}\(Self.canary)".utf8)
        let planted = [
            "Exif", "EXIF", "eXIf", "http://", "ICC", "iCCP", "Photoshop", "tEXt", "zTXt", "iTXt", "PK\u{3}",
        ]
        #expect(planted.filter(tagged.holds).count >= 4)
        #expect(tagged.holds(Self.canary) && tagged.holds(file.format == .png ? "iCCP" : "ICC"))

        let image = try StillImage(parsing: tagged)
        #expect(image.header.orientation == .rotated90)
        for word in planted + [Self.canary] {
            #expect(!image.bytes.holds(word), "\(word) is still there")
        }
        #expect(try image.bytes == StillImage(parsing: plain).bytes)
        let (reducedPixels, filePixels) = try await (
            workshop.pixels(image.bytes, file.format), workshop.pixels(plain, file.format)
        )
        #expect(reducedPixels == filePixels)

        // An independent witness; exiftool fails when the condition does not hold.
        try workshop.write(image.bytes, "reduced.\(file.format.fileExtension)")
        let absent =
            ["exif", "xmp", "iptc", "icc_profile"].map { "not $\($0):all" } + ["not $comment and not $warning"]
        try await workshop.run(
            "exiftool -q reduced.\(file.format.fileExtension) -if",
            condition: absent.joined(separator: " and ")
        )
    }

    @Test(arguments: RealFile.all.filter { ["JPEG 4:2:0", "PNG", "WebP lossy, alpha"].contains($0.testDescription) })
    func `every orientation that exiftool writes is read`(file: RealFile) async throws {
        let workshop = try ImageWorkshop()
        let bytes = try await file.bytes(in: workshop)
        let plain = try StillImage(parsing: bytes)
        for order in ["II", "MM"] {
            let names = ImageOrientation.allCases.map { "\($0.rawValue).\(file.format.fileExtension)" }
            for name in names { try workshop.write(bytes, name) }
            // One start of exiftool writes all eight.
            let commands = zip(names, 1...).map { "-EXIF:Orientation#=\($1) \($0)" }.joined(separator: " -execute ")
            try await workshop.run("exiftool \(commands) -common_args -q -overwrite_original -ExifByteOrder=\(order)")
            for (name, orientation) in zip(names, ImageOrientation.allCases) {
                let image = try StillImage(parsing: workshop.read(name))
                #expect(image.header.orientation == orientation, "\(order)")
                #expect(image.bytes == plain.bytes)
            }
        }
    }

    /// Every point in the first and last kilobyte, and 2,000 between.
    @Test(arguments: RealFile.all)
    func `a real file that was cut is refused, unless only bytes behind its end are gone`(file: RealFile) async throws {
        let workshop = try ImageWorkshop()
        let bytes = try await file.bytes(in: workshop)
        let whole = try StillImage(parsing: bytes)
        let points = Set(stride(from: 0, to: bytes.count, by: max(1, bytes.count / 2000)))
            .union(0..<min(1024, bytes.count))
            .union(max(0, bytes.count - 1024)..<bytes.count)
        for count in points {
            #expect(refusal(of: Array(bytes.prefix(count))) != nil, "\(count) of \(bytes.count) bytes were accepted")
        }
        let longer = bytes + Array("trailing".utf8)
        for count in bytes.count...longer.count {
            let image = try StillImage(parsing: Array(longer.prefix(count)))
            #expect(image.header == whole.header && image.bytes == whole.bytes)
        }
    }

    @Test func `an animated WebP is refused`() async throws {
        let workshop = try ImageWorkshop()
        try await workshop.ffmpeg("-f lavfi -i testsrc2=s=96x72:r=5 -frames:v 3 -c:v libwebp_anim -f webp made.webp")
        let error = try refusal(of: workshop.read("made.webp"))
        #expect(error?.code == .unsupportedVariant)
        #expect(error?.message == "The WebP is animated, which is not supported; send a still image.")
    }

    /// The samples that were built by hand are real pictures too, and cover what ffmpeg cannot write.
    @Test func `byte-built samples decode, and to the same pixels when reduced`() async throws {
        let workshop = try ImageWorkshop()
        let samples: [(ImageFormat, [UInt8])] = [
            (.jpeg, JPEGSample.picture(head: JPEGSample.jfif)),
            (.jpeg, JPEGSample.picture(ids: Array("RGB".utf8))),
            (.jpeg, JPEGSample.picture(head: JPEGSample.adobe(transform: 0), ids: [1, 2, 3])),
            (.jpeg, JPEGSample.picture(head: JPEGSample.adobe(transform: 0), ids: [1, 2, 3, 4])),
            (.jpeg, JPEGSample.picture(head: JPEGSample.adobe(transform: 2), ids: [1, 2, 3, 4])),
            (.jpeg, JPEGSample.progressive),
            (.png, PNGSample.picture),
            (.webp, WebPSample.file(WebPSample.lossy)),
            (.webp, WebPSample.extended(flags: 0x10, WebPSample.alpha + WebPSample.lossy)),
            (.webp, WebPSample.extended(flags: 0x08, WebPSample.losslessAlpha)),
        ]
        for (format, bytes) in samples {
            let reduced = try StillImage(parsing: bytes).bytes
            let (reducedPixels, filePixels) = try await (
                workshop.pixels(reduced, format), workshop.pixels(bytes, format)
            )
            #expect(reducedPixels == filePixels)
        }
    }
}
