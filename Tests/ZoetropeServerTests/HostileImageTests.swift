import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeStorage
import ZoetropeTestKit

/// A file that somebody sends, and what must come of it.
struct HostileUpload: Sendable, CustomTestStringConvertible {
    enum Answer: Sendable {
        case refused(Int, String)
        /// Taken, and what is stored is no longer than this.
        case stored(atMost: Int)
    }

    let testDescription: String
    let file: [UInt8]
    let answer: Answer

    init(_ description: String, _ file: [UInt8], _ answer: Answer) {
        testDescription = description
        self.file = file
        self.answer = answer
    }

    static let tooLarge = Answer.refused(422, "image_too_large")
    static let damaged = Answer.refused(422, "image_damaged")
    static let variant = Answer.refused(422, "image_variant_unsupported")
    static let foreign = Answer.refused(415, "image_unsupported")

    private typealias Make = HostileImage

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Sizes that no decoder must ever see.
    static let sizes: [HostileUpload] = [
        .init("PNG of 60,000 × 60,000, header only", Make.pngSignature + Make.header(60_000, 60_000), tooLarge),
        .init("PNG of 1 bit, 16,000 × 16,000", Make.png(header: Make.header(16_000, 16_000)), tooLarge),
        .init(
            "PNG of 16 bits RGBA, 8,000 × 8,000",
            Make.png(header: Make.header(8_000, 8_000, depth: 16, colour: 6)),
            tooLarge
        ),
        .init("JPEG of 65,500 × 65,500", Make.jpeg(frame: Make.frame(65_500, 65_500)), tooLarge),
        .init("JPEG frame header only", [0xFF, 0xD8] + Make.frame(65_500, 65_500), tooLarge),
        .init("WebP of 16,384 × 16,384", Make.webp([("VP8L", Make.lossless(16_384, 16_384))]), tooLarge),
        .init("GIF of 65,535 × 65,535", text("GIF89a") + [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0], foreign),
        .init("AVIF", [0, 0, 0, 20] + text("ftypavif\0\0\0\0mif1"), foreign),
        .init("HEIC", [0, 0, 0, 20] + text("ftypheic\0\0\0\0mif1"), foreign),
    ]

    /// Structures against the rules, or that cost a decoder much.
    static let structures: [HostileUpload] = [
        .init(
            "PNG with zTXt of 300 MB",
            Make.png(before: Make.chunk("zTXt", text("k\0\0") + Make.zeros(megabytes: 300))),
            .stored(atMost: 1_000)
        ),
        .init(
            "PNG with iCCP of 300 MB",
            Make.png(before: Make.chunk("iCCP", text("k\0\0") + Make.zeros(megabytes: 300))),
            .stored(atMost: 1_000)
        ),
        .init("PNG with a wrong checksum", Make.png(after: Make.chunk("IDAT", [1], badChecksum: true)), damaged),
        .init("PNG with two headers", Make.png(before: Make.header(64, 64)), damaged),
        .init(
            "PNG with IDAT after another chunk",
            Make.png(after: Make.chunk("tEXt", text("k\0v")) + Make.chunk("IDAT", [1])),
            damaged
        ),
        .init(
            "PNG with IDAT after IEND",
            Make.png(tail: Make.chunk("IDAT", Make.zeros(megabytes: 100))),
            .stored(atMost: 1_000)
        ),
        .init("PNG with bytes behind the end", Make.png(tail: text(Make.canary)), .stored(atMost: 1_000)),
        .init(
            "APNG of 100,000 frames",
            Make.png(
                before: Make.chunk("acTL", Make.number(100_000) + Make.number(0)),
                after: Make.chunk("fdAT", [0, 0, 0, 1] + Make.pngData)
            ),
            .stored(atMost: 1_000)
        ),
        .init(
            "animated WebP",
            Make.webp([("VP8X", [2, 0, 0, 0, 63, 0, 0, 63, 0, 0]), ("ANIM", [0, 0, 0, 0, 0, 0])]),
            variant
        ),
        .init(
            "JPEG of 5,000 scans",
            Make.jpeg(
                frame: Make.frame(128, 64, marker: 0xC2),
                scans: [[UInt8]](repeating: Make.scan, count: 5_000).flatMap { $0 }
            ),
            variant
        ),
        .init(
            "JPEG of 5,000 tables with comments between them",
            Make.jpeg(
                head: [[UInt8]](repeating: Make.tables + Make.segment(0xFE, [1]), count: 5_000).flatMap { $0 }
            ),
            variant
        ),
        .init("JPEG with arithmetic coding", Make.jpeg(frame: Make.frame(128, 64, marker: 0xC9)), variant),
        .init("JPEG of 12 bits", Make.jpeg(frame: Make.frame(128, 64, depth: 12)), variant),
        .init("JPEG in CMYK that does not say how", Make.jpeg(frame: Make.frame(128, 64, components: 4)), variant),
        .init(
            "JPEG with a flood of restart markers",
            Make.jpeg(scans: Make.scan + (0..<100_000).flatMap { [0xFF, 0xD0 + UInt8($0 % 8)] }),
            .stored(atMost: 201_000)
        ),
        .init("1 byte", [0xFF], damaged),
        .init("nothing", [], .refused(422, "image_empty")),
    ]

    /// Files of other kinds.
    static let foreigners: [HostileUpload] = [
        .init(
            "SVG",
            text("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/><script>1</script></svg>"),
            foreign
        ),
        .init("PDF", text("%PDF-1.7\n"), foreign),
        .init("PostScript", text("%!PS-Adobe-3.0\n(/etc/passwd) (r) file"), foreign),
        .init(
            "XML with entities",
            text("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
            foreign
        ),
        .init("HTML", text("<!DOCTYPE html><script>alert(1)</script>"), foreign),
        .init("ICO", [0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0], foreign),
        .init("TIFF", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0], foreign),
        .init("DICOM", [UInt8](repeating: 0, count: 128) + text("DICM"), foreign),
        .init("MVG", text("push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x'"), foreign),
        .init("GIF and script", text("GIF89a/*") + [0, 0] + text("*/=1;alert(1)"), foreign),
        .init("HLS playlist", text("#EXTM3U\nfile:///etc/passwd"), foreign),
    ]

    /// Good pictures that are also something else.
    static let polyglots: [HostileUpload] = [
        .init("JPEG and ZIP", Make.jpeg(tail: text("PK\u{3}\u{4}\(Make.canary)PK\u{5}\u{6}")), .stored(atMost: 400)),
        .init(
            "PNG and HTML",
            Make.png(before: Make.chunk("tEXt", text("x\0<script>\(Make.canary)</script>"))),
            .stored(atMost: 1_000)
        ),
        .init(
            "JPEG with the brand of an MP4",
            Make.jpeg(head: Make.segment(0xFE, text("ftypisom\(Make.canary)"))),
            .stored(atMost: 400)
        ),
        .init(
            "JPEG and PHAR",
            Make.jpeg(head: Make.segment(0xFE, text("<?php __HALT_COMPILER(); ?>\(Make.canary)"))),
            .stored(atMost: 400)
        ),
        .init(
            "WebP and script",
            Make.webp([("VP8L", Make.lossless(64, 64)), ("XMP ", text("<script>\(Make.canary)"))]),
            .stored(atMost: 500)
        ),
    ]
}

/// The images of people who mean no good, through the real routes to files in a real store.
@Suite(.timeLimit(.minutes(5)))
struct HostileImageTests {
    private let place: TemporaryFolder
    private let api: TestAPI

    init() throws {
        place = try TemporaryFolder()
        api = TestAPI(objects: try LocalObjectStore(folder: place.path("objects")))
    }

    /// The one object in the store.
    private func stored(_ answer: Answer) throws -> [UInt8] {
        let key = try #require(answer.json["source"]?["s3_key"]?.string)
        return try [UInt8](Data(contentsOf: place.url.appending(path: "objects/\(key)")))
    }

    private var objects: [String] {
        let names = FileManager.default.enumerator(atPath: place.path("objects"))?.compactMap { $0 as? String } ?? []
        return names.filter { $0.contains(".") && !$0.hasPrefix(".incoming") }
    }

    private func check(_ upload: HostileUpload, _ answer: Answer) throws {
        switch upload.answer {
        case .refused(let status, let code):
            #expect(answer.status == status)
            #expect(answer.code == code)
            #expect(answer.fields == ["image"])
            #expect(objects == [])
            #expect(!api.store.calls.contains { $0.hasPrefix("accept") })
        case .stored(let most):
            #expect(answer.status == 201, "\(answer.detail ?? "")")
            let bytes = try stored(answer)
            #expect(bytes.count <= most)
            #expect(!bytes.holds(HostileImage.canary))
            #expect(answer.headers[.contentType] == "application/json")
            #expect(answer.headers[try #require(.init("x-content-type-options"))] == "nosniff")
        }
        #expect(api.uploads.contents == [])
    }

    @Test(arguments: HostileUpload.sizes + HostileUpload.structures + HostileUpload.polyglots)
    func `what a file is decides`(upload: HostileUpload) async throws {
        try check(upload, try await api.post("/api/v1/jobs", TestForm(image: upload.file)))
    }

    @Test(arguments: HostileUpload.foreigners, ["image/png", "image/svg+xml", "image/png; charset=utf-8", "x", ""])
    func `a file of another kind is refused whatever it is called`(upload: HostileUpload, type: String) async throws {
        try check(upload, try await api.post("/api/v1/jobs", TestForm(image: upload.file, name: "a.png", type: type)))
    }

    @Test(arguments: [10, 50, 99])
    func `a picture that is cut off is refused`(percent: Int) async throws {
        let photo = try [UInt8](Data(contentsOf: Project.photo("bee")))
        let webp = HostileImage.webp([("VP8L", HostileImage.lossless(64, 64))])
        for whole in [photo, HostileImage.png(), webp] {
            let upload = HostileUpload("", Array(whole.prefix(whole.count * percent / 100)), HostileUpload.damaged)
            try check(upload, try await api.post("/api/v1/jobs", TestForm(image: upload.file)))
        }
    }

    // MARK: Names and types

    @Test(arguments: [
        ("a.png\r\nX: y", 400), ("a\u{0}.png", 400), ("a\u{1B}[2J.png", 400), ("../../../../etc/passwd", 201),
        ("/etc/passwd", 201), ("..", 201), ("", 201), (String(repeating: "n", count: 5_120), 201),
        (String(repeating: "n", count: 9_000), 400), ("C:\\\\a.png", 201), ("%2e%2e%2f%00", 201),
    ])
    func `the name of a file is never used`(name: String, status: Int) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: TestForm.photo, name: name))
        #expect(answer.status == status)
        if status == 201 {
            let id = try #require(answer.json["id"]?.string)
            #expect(objects == ["uploads/\(id)/source.jpg"])
        } else {
            #expect(answer.code == "invalid_multipart")
            #expect(objects == [])
        }
        #expect(name.isEmpty || !answer.body.holds("passwd") && !answer.body.holds("nnnn"))
        #expect(api.uploads.contents == [])
    }

    @Test(arguments: ["image/png", "", "image/png; charset=utf-8", "text/html", "application/octet-stream"])
    func `the type is told from the bytes alone`(type: String) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: TestForm.photo, name: "a.gif", type: type))
        #expect(answer.status == 201)
        #expect(answer.json["source"]?["content_type"] == "image/jpeg")
    }

    // MARK: Metadata

    @Test(arguments: 1...8)
    func `an orientation is kept beside the picture and all metadata goes`(orientation: Int) async throws {
        let metadata = HostileImage.metadata(orientation: orientation)
        let photo = HostileImage.jpeg(head: metadata)
        #expect(photo.holds(HostileImage.canary) && photo.holds("GPSLatitude"))
        let answer = try await api.post("/api/v1/jobs", TestForm(image: photo))
        #expect(answer.status == 201)
        #expect(answer.json["source"]?["width"] == (orientation > 4 ? 64 : 128))
        #expect(answer.json["source"]?["height"] == (orientation > 4 ? 128 : 64))
        let bytes = try stored(answer)
        // A JFIF marker without its thumbnail is what is left.
        let jfif = HostileImage.segment(0xE0, Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
        #expect(bytes == HostileImage.jpeg(head: jfif))
    }

    @Test(.enabled(if: ToolRunner.has("exiftool"), "needs exiftool (libimage-exiftool-perl)"))
    func `exiftool finds nothing in what is stored of a photo with everything`() async throws {
        let file = place.path("photo.jpg")
        try FileManager.default.copyItem(at: Project.photo("bee"), to: URL(filePath: file))
        let texts = ["EXIF:Artist", "XMP:Title", "IPTC:City", "Comment", "EXIF:ImageUniqueID"]
            .map { "-\($0)=\(HostileImage.canary)" }
        try Data(TestForm.photo).write(to: URL(filePath: place.path("thumb.jpg")))
        try await ToolRunner.succeed(
            "exiftool",
            [
                "-q", "-overwrite_original", "-ThumbnailImage<=\(place.path("thumb.jpg"))", "-EXIF:GPSLatitude=52.5",
                "-EXIF:GPSLatitudeRef=N", "-EXIF:Orientation#=6",
            ] + texts + [file]
        )
        let tagged = try [UInt8](Data(contentsOf: URL(filePath: file)))
        #expect(tagged.holds(HostileImage.canary))
        let answer = try await api.post("/api/v1/jobs", TestForm(image: tagged))
        #expect(answer.status == 201)
        let key = try #require(answer.json["source"]?["s3_key"]?.string)
        let found = try await ToolRunner.succeed("exiftool", ["-G1", "-s", place.path("objects/\(key)")]).text
        let groups = Set(found.split(separator: "\n").compactMap { $0.split(separator: "]").first.map(String.init) })
        #expect(groups.isSubset(of: ["[ExifTool", "[System", "[File", "[JFIF", "[Composite"]), "\(found)")
        #expect(!found.contains(HostileImage.canary))
    }

    // MARK: Sizes of bodies

    @Test(arguments: [
        (24_999_999, 201, ""), (25_000_000, 201, ""), (25_000_001, 413, "image_file_too_large"),
    ])
    func `an image of 25 MB is taken and no more`(count: Int, status: Int, code: String) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: HostileImage.jpeg(bytes: count)))
        #expect(answer.status == status)
        #expect(answer.code ?? "" == code)
        if status == 201 { #expect(try stored(answer).count == count) }
    }

    @Test(arguments: [(-1, 201), (0, 201), (1, 413)])
    func `a body is taken up to its limit`(more: Int, status: Int) async throws {
        let form = TestForm(image: TestForm.photo)
        let epilogue = [UInt8](repeating: 0x20, count: 25_000_000 + 524_288 + more - form.bytes.count)
        let answer = try await api.call(.post, "/api/v1/jobs", form.headers, body: form.bytes + epilogue)
        #expect(answer.status == status)
        if status == 413 { #expect(answer.code == "body_too_large") }
    }

    @Test(arguments: [[], [0x2D], Array("--".utf8)])
    func `a body of nearly nothing is refused`(body: [UInt8]) async throws {
        let answer = try await api.call(.post, "/api/v1/jobs", TestForm().headers, body: body)
        #expect(answer.status == 400)
        #expect(answer.detail == "The body does not contain its boundary")
    }

    // MARK: Forms

    @Test func `a form that is made to cost much is refused where it passes a limit`() async throws {
        let part = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n"
        let image = "--b\r\nContent-Disposition: form-data; name=image\r\n"
        let nested = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--"
        let kind =
            "--b\r\nContent-Disposition: form-data; name=kind\r\n\r\n\(String(repeating: "k", count: 1_025))\r\n--b--"
        let forms: [(String, Int, String)] = [
            (String(repeating: part, count: 10_000) + "--b--", 400, "The form has more than 32 parts"),
            (
                "--b\r\nA: \(String(repeating: "x", count: 1_000_000))\r\n\r\n1\r\n--b--", 400,
                "A part has more than 8192 bytes of headers"
            ),
            (image + "\r\n1\r\n", 400, "The form ends without its closing boundary"),
            (image + nested, 415, "The file is a text file; send a JPEG, PNG or WebP file."),
            (kind, 400, "The field kind has more than 1024 bytes"),
        ]
        for (form, status, detail) in forms {
            let type = ["content-type": "multipart/form-data; boundary=b"]
            let answer = try await api.call(.post, "/api/v1/jobs", type, body: Array(form.utf8))
            #expect(answer.status == status)
            #expect(answer.detail == detail)
        }
        var twice = TestForm("kind", "photo")
        twice.add("kind", Array("photo".utf8))
        twice.add("image", TestForm.photo, file: "b.jpg")
        let answer = try await api.post("/api/v1/jobs", twice)
        #expect(answer.status == 422)
        #expect(answer.fields == ["image", "kind"])
        #expect(objects == [])
        #expect(api.uploads.contents == [])
    }

    @Test func `half a boundary in a picture is a part of it`() async throws {
        let half = Array("\r\n--\(TestForm.boundary.dropLast())".utf8)
        let photo = HostileImage.jpeg(scans: HostileImage.scan + half + half)
        let answer = try await api.post("/api/v1/jobs", TestForm(image: photo))
        #expect(answer.status == 201)
        #expect(try stored(answer) == photo)
    }
}
