import Foundation
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(5)))
struct MP4MoverTests {
    @Test(arguments: MovableClip.all)
    func `a moved clip conforms, is marked, tells nothing else, and shows the same pictures`(clip: MovableClip)
        async throws
    {
        let workshop = try MP4Workshop()
        let source = try workshop.write(try await clip.make(workshop))
        let target = workshop.path("moved.mp4")
        try MP4Mover.move(
            from: FilePath(source),
            to: FilePath(target),
            marking: .byModel,
            keepsSound: clip.keepsSound
        )

        let movie = try MP4Movie.read(from: FileByteSource(path: target))
        let findings = MP4Conformance.check(
            movie,
            seconds: nil,
            allowsSound: clip.keepsSound,
            marking: .byModel
        )
        #expect(findings.isEmpty, "\(findings)")
        #expect(movie.boxes.map(\.type.description) == ["ftyp", "moov", "uuid", "mdat"])
        let script = try await MP4ConformanceTests.script(target, seconds: nil, source: .trainedAlgorithmicMedia)
        #expect(script.rules.isEmpty, "\(script.text)")

        let bytes = try Data(contentsOf: URL(filePath: target))
        for secret in [MovableClip.canary, "48.137", "11.575", "01:02:03"] {
            #expect(bytes.firstRange(of: Data(secret.utf8)) == nil, "\(secret)")
        }
        let before = try MP4Movie.read(from: FileByteSource(path: source))
        #expect(movie.videoTrack?.moved == before.videoTrack?.moved)
        if clip.keepsSound { #expect(movie.soundTrack?.moved == before.soundTrack?.moved) }
        #expect(try await Self.pictures(target) == Self.pictures(source))
        if clip.keepsSound { #expect(try await Self.sound(target) == Self.sound(source)) }
    }

    @Test(arguments: MovableClip.all)
    func `the same clip becomes the same bytes`(clip: MovableClip) async throws {
        let workshop = try MP4Workshop()
        let source = try await clip.make(workshop)
        let plan = try MP4Mover.plan(MemoryByteSource(source), marking: .byModel, keepsSound: clip.keepsSound)
        let file = plan.file(from: source)
        #expect(file.count == plan.byteCount)
        let written = workshop.path("moved.mp4")
        try MP4Mover.move(
            from: FilePath(try workshop.write(source)),
            to: FilePath(written),
            marking: .byModel,
            keepsSound: clip.keepsSound
        )
        #expect(try [UInt8](Data(contentsOf: URL(filePath: written))) == file)
        let again = try MP4Mover.plan(MemoryByteSource(file), marking: .byModel, keepsSound: clip.keepsSound)
        #expect(again.file(from: file) == file, "a moved clip moves into itself")
    }

    @Test(arguments: [("", 0), ("+negative_cts_offsets", 1)])
    func `times of frames that are shown before they are decoded are signed`(flags: String, version: UInt8) async throws
    {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(["-movflags", "+faststart\(flags)"])
        let plan = try MP4Mover.plan(MemoryByteSource(clip), marking: .byModel, keepsSound: false)
        var moved = BoxEditor(plan.file(from: clip))
        moved.edit("\(Self.tables)/ctts") { #expect($0.head[0] == version) }
    }

    /// What ffmpeg decodes: its times, its sizes and a hash of each frame.
    private static func pictures(_ file: String) async throws -> [String] { try await frames(file, "0:v:0") }
    private static func sound(_ file: String) async throws -> [String] { try await frames(file, "0:a:0?") }

    private static func frames(_ file: String, _ stream: String) async throws -> [String] {
        let result = try await ToolRunner.succeed(
            "ffmpeg",
            ["-v", "error", "-xerror", "-i", file, "-map", stream, "-f", "framemd5", "-"]
        )
        return result.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    // MARK: Refusals

    static let refusals: [(name: String, words: String, change: @Sendable (inout BoxEditor) -> Void)] = [
        ("a fragment", "fragmented", { $0.boxes.append(BoxNode(type: "moof", head: [])) }),
        ("two movies", "2 'moov' boxes", { $0.boxes.append($0.boxes[1]) }),
        ("two video tracks", "2 video tracks", { $0.edit("moov") { $0.add($0.list[1]) } }),
        ("another codec", "'hvc1'", { $0.edit("\(Self.tables)/stsd/avc1") { $0.type = "hvc1" } }),
        ("an aperture", "'clap'", { $0.edit("\(Self.tables)/stsd/avc1") { $0.add(BoxNode(type: "clap", head: [])) } }),
        (
            "a sphere", "'sv3d'",
            { $0.edit("\(Self.tables)/stsd/avc1") { $0.add(BoxNode(type: "sv3d", head: [1, 2, 3])) } }
        ),
        (
            "fields", "fields",
            { $0.edit("\(Self.tables)/stsd/avc1") { $0.add(BoxNode(type: "fiel", head: [2, 1])) } }
        ),
        (
            "wide pixels", "pixels are 4:3",
            {
                $0.edit("\(Self.tables)/stsd/avc1") { entry in
                    entry.children = entry.list.filter { $0.type != "pasp" }
                    entry.add(BoxNode(type: "pasp", head: [0, 0, 0, 4, 0, 0, 0, 3]))
                }
            }
        ),
        (
            "another colour", "'colr' does not agree",
            { $0.edit("\(Self.tables)/stsd/avc1/colr") { $0.write([0, 9], at: 4) } }
        ),
        (
            "an ICC profile", "several 'colr'",
            { $0.edit("\(Self.tables)/stsd/avc1") { $0.add(BoxNode(type: "colr", head: Array("prof".utf8))) } }
        ),
        (
            "media elsewhere", "do not lie where media is",
            {
                $0.edit("moov/trak/mdia/minf/dinf/dref/url ") {
                    $0.head = [0, 0, 0, 0] + Array("file:///etc/passwd".utf8)
                }
            }
        ),
        (
            "a chunk outside", "do not lie where media is",
            { $0.edit("\(Self.tables)/stco") { $0.write([0, 0, 0, 8], at: 8) } }
        ),
        (
            "times for fewer samples", "do not cover",
            { $0.edit("\(Self.tables)/stts") { $0.write([0, 0, 0, 9], at: 8) } }
        ),
        (
            "key frames out of order", "key frames",
            { $0.edit("\(Self.tables)/stss") { $0.write([0, 0, 0, 99], at: 8) } }
        ),
        (
            "an empty sample", "a chunk of 0 bytes",
            { editor in
                editor.edit("\(Self.tables)/stsz") {
                    $0.head = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30] + Array(repeating: 0, count: 120)
                }
            }
        ),
    ]
    private static let tables = "moov/trak/mdia/minf/stbl"

    @Test(arguments: refusals.indices)
    func `what might look different afterwards is left to the encoder`(index: Int) async throws {
        let (name, words, change) = Self.refusals[index]
        let workshop = try MP4Workshop()
        var editor = BoxEditor(try await workshop.encode())
        change(&editor)
        let target = workshop.path("moved.mp4")
        let error = try #require(throws: MP4MoveError.self, "\(name)") {
            try MP4Mover.move(
                from: FilePath(try workshop.write(editor.file())),
                to: FilePath(target),
                marking: .byModel,
                keepsSound: false
            )
        }
        #expect(error.code == .unsuitable && error.message.contains(words), "\(name): \(error)")
        #expect(!FileManager.default.fileExists(atPath: target), "\(name)")
    }

    @Test func `sound that is not understood is left to the encoder`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(inputs: JudgedClip.sine, ["-c:a", "libmp3lame", "-t", "1"])
        #expect(throws: MP4MoveError.self) {
            _ = try MP4Mover.plan(MemoryByteSource(clip), marking: .byModel, keepsSound: true)
        }
        _ = try MP4Mover.plan(MemoryByteSource(clip), marking: .byModel, keepsSound: false)
    }

    @Test func `files that are not there, or there already, are said to be so`() async throws {
        let workshop = try MP4Workshop()
        let source = FilePath(try workshop.write(try await workshop.encode()))
        func move(_ source: FilePath, _ target: FilePath) throws(MP4MoveError) {
            try MP4Mover.move(from: source, to: target, marking: .byModel, keepsSound: false)
        }
        let before = try Data(contentsOf: URL(filePath: source.string))
        let same = try #require(throws: MP4MoveError.self) { try move(source, source) }
        #expect(same.code == .storage && same.message.contains("File exists"), "\(same)")
        #expect(try Data(contentsOf: URL(filePath: source.string)) == before)
        for (from, to) in [
            (FilePath(workshop.path("none")), FilePath(workshop.path("out"))), (source, FilePath("/none/out")),
        ] {
            let error = try #require(throws: MP4MoveError.self) { try move(from, to) }
            #expect(error.code == .storage, "\(error)")
        }
        let error = try #require(throws: MP4MoveError.self) { try move(source, FilePath("/dev/full")) }
        #expect(error.code == .storage, "\(error)")
    }

    @Test func `beyond 4 GiB, offsets and sizes are long`() async throws {
        let workshop = try MP4Workshop()
        var editor = BoxEditor(try await workshop.encode(frames: 3, ["-bf", "0"]))
        editor.boxes.removeAll { $0.type == "mdat" }
        // Three frames of 3 GiB, each a chunk, in a box with a long size.
        let size = 3 << 30
        editor.edit("\(Self.tables)/stsz") {
            $0.head = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3] + (0..<3).flatMap { _ in UInt32(size).bigEndianBytes }
        }
        editor.edit("\(Self.tables)/stsc") {
            $0.head = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
        }
        editor.edit("\(Self.tables)/stco") { $0 = BoxNode(type: "co64", head: Array(repeating: 0, count: 32)) }
        let start = editor.boxes.reduce(16) { $0 + $1.size }
        editor.edit("\(Self.tables)/co64") {
            $0.head = [0, 0, 0, 0, 0, 0, 0, 3] + (0..<3).flatMap { UInt64(start + $0 * size).bigEndianBytes }
        }
        let bytes = editor.boxes.flatMap { $0.bytes() } + [0, 0, 0, 1] + Array("mdat".utf8)
        let source = RecordingByteSource(bytes + UInt64(3 * size + 16).bigEndianBytes, claims: start + 3 * size)

        let plan = try MP4Mover.plan(source, marking: .byModel, keepsSound: false)
        #expect(plan.media == [start..<start + 3 * size])
        #expect(source.bytesRead < 20_000, "no media is read")
        let movie = try MP4Movie.read(from: RecordingByteSource(plan.head, claims: plan.byteCount))
        let track = try #require(movie.videoTrack)
        #expect(track.layout.coversAllSamples && track.layout.liesInMediaData)
        #expect(track.layout.firstChunkOffset == UInt64(plan.head.count))
        var head = BoxEditor(plan.head)
        head.edit("\(Self.tables)/co64") { box in
            #expect(box.head.suffix(8) == UInt64(plan.head.count + 2 * size).bigEndianBytes[...])
        }
        #expect(movie.boxes.last?.headerSize == 16 && plan.byteCount > 9 << 30)
    }

    // MARK: The mark

    @Test func `another mark, none, two, and another comment are findings`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode()
        let byUs = Provenance(source: .algorithmicallyEnhanced, system: nil)
        let plan = try MP4Mover.plan(MemoryByteSource(clip), marking: .byModel, keepsSound: false)
        let moved = plan.file(from: clip)
        func rules(_ file: [UInt8], _ provenance: Provenance?) throws -> [Int] {
            let movie = try MP4Movie.read(from: MemoryByteSource(file))
            return MP4Conformance.check(movie, seconds: 1, allowsSound: false, marking: provenance).map(\.rule)
        }
        #expect(try rules(moved, .byModel).isEmpty)
        #expect(try rules(moved, nil) == [17], "a mark that nobody asked for is private data")
        #expect(try rules(moved, byUs) == [17, 18, 18])
        #expect(try rules(moved, Provenance(source: .trainedAlgorithmicMedia, system: "another/model")) == [17, 18])
        #expect(try rules(clip, .byModel) == [18, 18])
        var twice = BoxEditor(moved)
        twice.boxes.append(twice.boxes[2])
        #expect(try rules(twice.file(), .byModel) == [18])
        var comment = BoxEditor(moved)
        comment.edit("moov/udta/meta/ilst/©cmt") { $0.head[$0.head.count - 1] ^= 1 }
        #expect(try rules(comment.file(), .byModel) == [17, 18])

        let script = try await MP4ConformanceTests.script(
            try workshop.write(moved),
            seconds: 1,
            source: .algorithmicallyEnhanced
        )
        #expect(script.rules == [18], "\(script.text)")
    }
}
