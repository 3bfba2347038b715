import Foundation
import Testing
import ZoetropeCore

/// A folder of its own for one test, and the programs that fill it.
struct ImageWorkshop: ~Copyable {
    private let folder: URL

    /// Where the programs are; `nil` for one that is not installed.
    private static func path(of tool: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/\(tool)" }.first(where: FileManager.default.isExecutableFile(atPath:))
    }

    static let isEquipped = ["ffmpeg", "cwebp", "exiftool"].allSatisfy { path(of: $0) != nil }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-images-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs a program in the folder and throws unless it succeeds.
    func run(_ tool: String, _ arguments: String...) throws {
        try run(tool, arguments)
    }

    private func run(_ tool: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.path(of: tool)))
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(tool) \(arguments)")
    }

    func ffmpeg(_ arguments: String...) throws {
        try run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y"] + arguments)
    }

    func read(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: folder.appending(path: name)))
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: folder.appending(path: name))
    }

    /// The checksum of the decoded pixels as stored, with their size and pixel format.
    func pixels(_ bytes: [UInt8], _ fileExtension: String) throws -> String {
        try write(bytes, "pixels.\(fileExtension)")
        try ffmpeg(
            "-xerror",
            "-noautorotate",
            "-i",
            "pixels.\(fileExtension)",
            "-frames:v",
            "1",
            "-f",
            "framemd5",
            "pixels.md5"
        )
        try ffmpeg(
            "-xerror",
            "-noautorotate",
            "-i",
            "pixels.\(fileExtension)",
            "-frames:v",
            "1",
            "-pix_fmt",
            "rgba",
            "-f",
            "framemd5",
            "rgba.md5"
        )
        // The header of the list names the aspect of a pixel, which does not count.
        let lists = try [read("pixels.md5"), read("rgba.md5")].map { String(decoding: $0, as: UTF8.self) }
        return lists.joined().split(separator: "\n").filter { !$0.hasPrefix("#") || $0.hasPrefix("#dimensions") }
            .joined(separator: "\n")
    }
}

/// A real file, how it is made, and what is to be read from it.
struct RealFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let format: ImageFormat
    var hasAlpha = false
    var bitDepth = 8
    var isGreyscale = false
    /// Fills `name` in the workshop; `picture.png` is 96 × 72, `alpha.png` the same with a transparent part.
    let make: @Sendable (_ workshop: borrowing ImageWorkshop, _ name: String) throws -> Void

    var name: String { "made.\(format.fileExtension)" }

    static let all: [RealFile] = [
        RealFile(testDescription: "JPEG 4:2:0", format: .jpeg) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "yuvj420p", $1)
        },
        RealFile(testDescription: "JPEG 4:4:4", format: .jpeg) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "yuvj444p", $1)
        },
        RealFile(testDescription: "JPEG greyscale", format: .jpeg, isGreyscale: true) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "gray", $1)
        },
        RealFile(testDescription: "PNG", format: .png) { try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "rgb24", $1) },
        RealFile(testDescription: "PNG alpha", format: .png, hasAlpha: true) { try $0.ffmpeg("-i", "alpha.png", $1) },
        RealFile(testDescription: "PNG 16 bits", format: .png, bitDepth: 16) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "rgb48be", $1)
        },
        RealFile(testDescription: "PNG greyscale", format: .png, isGreyscale: true) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "gray", $1)
        },
        RealFile(testDescription: "PNG of 1 bit", format: .png, bitDepth: 1, isGreyscale: true) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "monob", $1)
        },
        // ffmpeg writes a tRNS chunk for every palette.
        RealFile(testDescription: "PNG palette", format: .png, hasAlpha: true) {
            try $0.ffmpeg("-i", "picture.png", "-pix_fmt", "pal8", $1)
        },
        RealFile(testDescription: "PNG interlaced", format: .png) {
            try $0.ffmpeg("-i", "picture.png", "-flags", "+ildct", $1)
        },
        RealFile(testDescription: "PNG of an animation", format: .png) {
            try $0.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x72:r=5", "-frames:v", "3", "-f", "apng", $1)
        },
        RealFile(testDescription: "WebP lossy", format: .webp) {
            try $0.run("cwebp", "-quiet", "picture.png", "-o", $1)
        },
        RealFile(testDescription: "WebP lossless", format: .webp) {
            try $0.run("cwebp", "-quiet", "-lossless", "picture.png", "-o", $1)
        },
        RealFile(testDescription: "WebP lossy, alpha", format: .webp, hasAlpha: true) {
            try $0.run("cwebp", "-quiet", "alpha.png", "-o", $1)
        },
        RealFile(testDescription: "WebP lossless, alpha", format: .webp, hasAlpha: true) {
            try $0.run("cwebp", "-quiet", "-lossless", "alpha.png", "-o", $1)
        },
    ]

    /// One of each format, for tests that need no more.
    static let plain = all.filter { ["JPEG 4:2:0", "PNG", "WebP lossy, alpha"].contains($0.testDescription) }

    func bytes(in workshop: borrowing ImageWorkshop) throws -> [UInt8] {
        try workshop.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x72", "-frames:v", "1", "picture.png")
        try workshop.ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=96x72,format=rgba,colorchannelmixer=aa=0.5",
            "-frames:v",
            "1",
            "alpha.png"
        )
        try make(workshop, name)
        return try workshop.read(name)
    }
}

@Suite(
    .enabled(if: ImageWorkshop.isEquipped, "needs ffmpeg, cwebp (webp) and exiftool (libimage-exiftool-perl)"),
    .serialized,
    .timeLimit(.minutes(2))
)
struct ImagesToolTests {
    static let canary = "CANARY-7f3a"

    @Test(arguments: RealFile.all)
    func `a real file is read, and decodes to the same pixels when reduced`(file: RealFile) throws {
        let workshop = try ImageWorkshop()
        let bytes = try file.bytes(in: workshop)
        let image = try StillImage(parsing: bytes)
        #expect(
            image.header
                == ImageHeader(
                    format: file.format,
                    width: 96,
                    height: 72,
                    hasAlpha: file.hasAlpha,
                    bitDepth: file.bitDepth,
                    isGreyscale: file.isGreyscale
                )
        )
        #expect(image.bytes.count <= bytes.count)
        #expect(
            try workshop.pixels(image.bytes, file.format.fileExtension)
                == workshop.pixels(bytes, file.format.fileExtension)
        )
    }

    /// Writes all that exiftool can write, and a ZIP behind the end.
    @Test(arguments: RealFile.all.filter { $0.testDescription != "PNG of an animation" })
    func `metadata of a real file is gone and its pixels are not`(file: RealFile) throws {
        let workshop = try ImageWorkshop()
        let plain = try file.bytes(in: workshop)
        try workshop.write(Array("\(Self.canary) profile".utf8) + [UInt8](repeating: 32, count: 200), "profile.icc")
        try workshop.run("cwebp", "-quiet", "-resize", "16", "16", "picture.png", "-o", "small.webp")
        try workshop.ffmpeg("-i", "picture.png", "-vf", "scale=32:24", "thumbnail.jpg")
        try workshop.run("exiftool", "-q", "-overwrite_original", "-Comment=\(Self.canary)", "thumbnail.jpg")
        try workshop.run(
            "exiftool",
            "-q",
            "-m",
            "-overwrite_original",
            "-ICC_Profile<=profile.icc",
            "-ThumbnailImage<=thumbnail.jpg",
            "-EXIF:Artist=\(Self.canary)",
            "-EXIF:GPSLatitude=52.5",
            "-EXIF:GPSLatitudeRef=N",
            "-XMP:Title=\(Self.canary)",
            "-IPTC:City=\(Self.canary)",
            "-Comment=\(Self.canary)",
            "-PNG:Author=\(Self.canary)",
            "-EXIF:Orientation#=6",
            file.name
        )
        let tagged = try workshop.read(file.name) + Array("PK\u{3}\u{4}\(Self.canary)".utf8)
        #expect(tagged.holds(Self.canary))

        let image = try StillImage(parsing: tagged)
        #expect(image.header.orientation == .rotated90)
        for word in [
            Self.canary, "Exif", "EXIF", "eXIf", "http://", "ICC", "iCCP", "Photoshop", "tEXt", "zTXt", "iTXt",
            "PK\u{3}",
        ] {
            #expect(!image.bytes.holds(word), "\(word) is still there")
        }
        #expect(try image.bytes == StillImage(parsing: plain).bytes)
        #expect(
            try workshop.pixels(image.bytes, file.format.fileExtension)
                == workshop.pixels(plain, file.format.fileExtension)
        )
        // The independent witness: nothing but facts about the file and the picture is left.
        try workshop.write(image.bytes, "reduced.\(file.format.fileExtension)")
        try workshop.run(
            "exiftool",
            "-q",
            "-if",
            "not $exif:all and not $xmp:all and not $iptc:all and not $icc_profile:all and not $comment",
            "reduced.\(file.format.fileExtension)"
        )
    }

    @Test(arguments: RealFile.plain)
    func `every orientation that exiftool writes is read`(file: RealFile) throws {
        let workshop = try ImageWorkshop()
        let plain = try StillImage(parsing: file.bytes(in: workshop))
        for orientation in ImageOrientation.allCases {
            for order in ["II", "MM"] {
                try workshop.run("exiftool", "-q", "-overwrite_original", "-all=", file.name)
                try workshop.run(
                    "exiftool",
                    "-q",
                    "-overwrite_original",
                    "-ExifByteOrder=\(order)",
                    "-EXIF:Orientation#=\(orientation.rawValue)",
                    file.name
                )
                let image = try StillImage(parsing: workshop.read(file.name))
                #expect(image.header.orientation == orientation, "\(order)")
                #expect(image.bytes == plain.bytes)
            }
        }
    }

    /// Every point in the first and last kilobyte, and 2,000 between.
    @Test(arguments: RealFile.all)
    func `a real file that was cut is refused, unless only the padding behind its end is gone`(file: RealFile) throws {
        let workshop = try ImageWorkshop()
        let bytes = try file.bytes(in: workshop)
        let whole = try StillImage(parsing: bytes)
        let step = max(1, bytes.count / 2000)
        let points = Set(stride(from: 0, to: bytes.count, by: step)).union(0..<min(1024, bytes.count))
            .union(max(0, bytes.count - 1024)..<bytes.count)
        for count in points {
            let error = refusal(of: Array(bytes.prefix(count)))
            #expect(error != nil, "\(count) of \(bytes.count) bytes were accepted")
        }
        let longer = bytes + Array("trailing".utf8)
        for count in bytes.count...longer.count {
            let image = try StillImage(parsing: Array(longer.prefix(count)))
            #expect(image.header == whole.header && image.bytes == whole.bytes)
        }
    }

    @Test func `an animated WebP is refused`() throws {
        let workshop = try ImageWorkshop()
        try workshop.ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=96x72:r=5",
            "-frames:v",
            "3",
            "-c:v",
            "libwebp_anim",
            "-f",
            "webp",
            "made.webp"
        )
        let error = try refusal(of: workshop.read("made.webp"))
        #expect(error?.code == .unsupportedVariant)
        #expect(error?.message == "The WebP is animated, which is not supported; send a still image.")
    }

    /// A sequential JPEG of ffmpeg's decoder in another shape: samples that were built by hand are real pictures too.
    @Test func `byte-built samples decode, and to the same pixels when reduced`() throws {
        let workshop = try ImageWorkshop()
        let samples: [(String, [UInt8])] = [
            ("jpg", JPEGSample.picture(head: JPEGSample.jfif)),
            ("jpg", JPEGSample.picture(head: JPEGSample.jfif, ids: [1, 2, 3])),
            ("jpg", JPEGSample.picture(ids: Array("RGB".utf8))),
            ("jpg", JPEGSample.picture(head: JPEGSample.adobe(transform: 0), ids: [1, 2, 3])),
            ("jpg", JPEGSample.picture(head: JPEGSample.adobe(transform: 0), ids: [1, 2, 3, 4])),
            ("jpg", JPEGSample.picture(head: JPEGSample.adobe(transform: 2), ids: [1, 2, 3, 4])),
            ("png", PNGSample.picture),
            ("webp", WebPSample.file(WebPSample.lossy)),
            ("webp", WebPSample.extended(flags: 0x10, WebPSample.alpha + WebPSample.lossy)),
            ("webp", WebPSample.extended(flags: 0x08, WebPSample.losslessAlpha)),
        ]
        for (fileExtension, bytes) in samples {
            let reduced = try StillImage(parsing: bytes).bytes
            #expect(try workshop.pixels(reduced, fileExtension) == workshop.pixels(bytes, fileExtension))
        }
    }
}
