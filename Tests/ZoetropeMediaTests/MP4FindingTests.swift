import Testing
import ZoetropeMedia

/// A good clip in which one thing was bent, and all that must be said of it.
struct Bend: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let findings: [String]
    let change: @Sendable (inout BoxEditor) -> Void

    init(_ name: String, _ findings: String..., change: @escaping @Sendable (inout BoxEditor) -> Void) {
        testDescription = name
        self.findings = findings
        self.change = change
    }

    /// Bends the content of one box.
    init(_ path: String, at offset: Int, _ bytes: [UInt8], _ findings: String...) {
        testDescription = "\(path) at \(offset): \(bytes)"
        self.findings = findings
        change = { $0.edit(path) { $0.write(bytes, at: offset) } }
    }
}

extension Bend {
    private static let tables = "moov/trak/mdia/minf/stbl"
    private static let entry = "moov/trak/mdia/minf/stbl/stsd/avc1"
    private static let soundEntry = "moov/trak[1]/mdia/minf/stbl/stsd/mp4a"
    private static let unknown: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]

    /// Eight frames and a second of sound at most: see ``MP4FindingTests``.
    static let all = [
        Bend("nothing") { _ in },

        // 1, 2
        Bend(
            "no ftyp",
            "rule 1: there is no 'ftyp' box, the brand must be 'isom' or the like",
            "rule 2: the first box must be 'ftyp', got 'moov'"
        ) { $0.boxes.removeFirst() },
        Bend(
            "ftyp",
            at: 0,
            Array("qt  ".utf8),
            "rule 1: major brand must be one of isom, iso2 to iso6, mp41, mp42, avc1, got 'qt  '"
        ),
        Bend("padding first", "rule 2: the first box must be 'ftyp', got 'free'") {
            $0.boxes.insert(BoxNode(type: "free", head: []), at: 0)
        },
        Bend("a fragment", "rule 2: the file must not be fragmented") {
            $0.boxes.append(BoxNode(type: "moof", head: []))
        },
        Bend(
            "no mdat",
            "rule 2: there must be an 'mdat' box, got none",
            "rule 2: the samples of track 1 must lie within 'mdat'",
            "rule 2: the samples of track 2 must lie within 'mdat'"
        ) { $0.boxes.removeLast() },
        Bend("a chunk that holds too few", "rule 2: the chunks of track 1 must hold its 8 samples, no more, no fewer") {
            $0.edit("\(tables)/stsc") { $0.write([0, 0, 0, 7], at: 12) }
        },
        Bend("a chunk that starts at the header of mdat", "rule 2: the samples of track 1 must lie within 'mdat'") {
            file in
            let media = file.boxes.prefix { $0.type != "mdat" }.reduce(0) { $0 + $1.size }
            file.edit("\(tables)/stco") { $0.write(UInt32(media + 7).bigEndianBytes, at: 8) }
        },
        Bend("a chunk that ends behind mdat", "rule 2: the samples of track 1 must lie within 'mdat'") { file in
            let end = file.boxes.reduce(0) { $0 + $1.size }
            file.edit("\(tables)/stco") { $0.write(UInt32(end - 100).bigEndianBytes, at: 8) }
        },

        // 3
        Bend("moov/trak/tkhd", at: 3, [0], "rule 3: the video track must be enabled"),
        Bend("moov/trak[1]/mdia/hdlr", at: 8, Array("text".utf8), "rule 3: there must be no 'text' track"),
        Bend("moov/trak[1]/mdia/hdlr", at: 8, [0, 7, 27, 10], "rule 3: there must be no '0x00071b0a' track"),

        // 4, 5, 6
        Bend("hvc1", "rule 4: codec must be 'avc1', got 'hvc1'") { $0.edit(entry) { $0.type = "hvc1" } },
        Bend("no avcC", "rule 4: 'avc1' must have an 'avcC' box, got none") {
            $0.edit(entry) { $0.children?.removeAll { $0.type == "avcC" } }
        },
        Bend(
            "no sample entry",
            "rule 4: codec must be 'avc1', got 'nothing'",
            "rule 7: both sides must be at least 64, got 0×0",
            "rule 7: the track must be shown as 0×0, got 128.000×96.000"
        ) {
            $0.edit("\(tables)/stsd") {
                $0.children = []
                $0.write([0, 0, 0, 0], at: 4)
            }
        },
        Bend("two sample entries", "rule 4: there must be 1 sample entry, got 2") {
            $0.edit("\(tables)/stsd") {
                $0.add($0.list[0])
                $0.write([0, 0, 0, 2], at: 4)
            }
        },
        Bend("\(entry)/avcC", at: 4, [0xFE], "rule 4: the length of a unit must have 1, 2 or 4 bytes, got 3"),
        Bend("no picture parameter set", "rule 4: there must be a picture parameter set, got none") {
            $0.edit("\(entry)/avcC") { $0.head = Array($0.head.prefix(8 + Int($0.head[7]))) + [0] }
        },
        Bend("no sequence parameter set", "rule 4: there must be 1 sequence parameter set, got 0") {
            $0.edit("\(entry)/avcC") { $0.head = Array($0.head.prefix(5)) + [0xE0, 1, 0, 0] }
        },
        Bend("\(entry)/avcC", at: 1, [77], "rule 5: 'avcC' must repeat profile 100 at 3.0, got 77 at 3.0"),
        Bend("\(entry)/avcC", at: 3, [42], "rule 5: 'avcC' must repeat profile 100 at 3.0, got 100 at 4.2"),
        Bend(
            "Extended",
            "rule 5: profile must be Constrained Baseline, Main or High (66, 77, 100), got 88",
            "rule 8: range must be tagged as tv, got no tag",
            "rule 8: colour must be tagged as BT.709 (1/1/1), got no tag",
            "rule 8: 'colr' must agree with the pictures, got 1/1/1"
        ) {
            // Main has no chroma format in its set, so Extended can stand in its place.
            $0.edit("\(entry)/avcC") {
                $0.head = [1, 88, 0, 30, 0xFF, 0xE1, 0, UInt8(Self.mainSet.count)] + Self.mainSet + [1, 0, 1, 0x68]
                $0.head[9] = 88
            }
        },
        Bend("level 5.1", "rule 5: level must be one of 1 to 4.2, got 5.1") {
            $0.edit("\(entry)/avcC") {
                $0.head[3] = 51
                $0.head[11] = 51
            }
        },
        Bend("fiel", "rule 6: 'fiel' must say 1 field, got 2") {
            $0.edit(entry) { $0.add(BoxNode(type: "fiel", head: [2, 1])) }
        },

        // 7
        Bend(
            entry,
            at: 24,
            [0, 126],
            "rule 7: the pictures must be 126×96 as the track says, got 128×96",
            "rule 7: the track must be shown as 126×96, got 128.000×96.000"
        ),
        Bend(
            entry,
            at: 24,
            [0, 127],
            "rule 7: both sides must be even, got 127×96",
            "rule 7: the pictures must be 127×96 as the track says, got 128×96",
            "rule 7: the track must be shown as 127×96, got 128.000×96.000"
        ),
        Bend("moov/trak/tkhd", at: 78, [0x80, 0], "rule 7: the track must be shown as 128×96, got 128.500×96.000"),
        Bend("\(entry)/pasp", at: 0, [0, 0, 0, 4, 0, 0, 0, 3], "rule 7: pixels must be square, got 4:3"),
        Bend(
            "moov/trak/tkhd",
            at: 40,
            [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0],
            "rule 7: the display matrix must be the identity, got 90° and perhaps a shift"
        ),
        Bend(
            "moov/mvhd",
            at: 36,
            [0, 2, 0, 0],
            "rule 7: the display matrix must be the identity, got a flip, a scale or another angle"
        ),
        Bend(
            "moov/trak/tkhd",
            at: 64,
            [0, 8],
            "rule 7: the display matrix must be the identity, got 0° and perhaps a shift"
        ),

        // 8
        Bend("\(entry)/colr", at: 0, Array("nclc".utf8), "rule 8: 'colr' must be of type nclx, got 'nclc'"),
        Bend("\(entry)/colr", at: 0, Array("prof".utf8), "rule 8: 'colr' must be of type nclx, got 'prof'"),
        Bend("\(entry)/colr", at: 4, [0, 9], "rule 8: 'colr' must agree with the pictures, got 9/1/1"),
        Bend("\(entry)/colr", at: 10, [0x80], "rule 8: 'colr' must agree with the pictures, got 1/1/1"),
        Bend("no colr") { $0.edit(entry) { $0.children?.removeAll { $0.type == "colr" } } },
        Bend("an ICC profile beside nclx") {
            $0.edit(entry) { $0.children?.insert(BoxNode(type: "colr", head: Array("prof1234".utf8)), at: 0) }
        },
        Bend(
            "an untagged set",
            "rule 8: range must be tagged as tv, got no tag",
            "rule 8: colour must be tagged as BT.709 (1/1/1), got no tag",
            "rule 8: 'colr' must agree with the pictures, got 1/1/1"
        ) {
            $0.edit("\(entry)/avcC") {
                $0.head = [1, 77, 0, 30, 0xFF, 0xE1, 0, UInt8(Self.mainSet.count)] + Self.mainSet + [1, 0, 1, 0x68]
            }
        },

        // 9, 10
        Bend(
            "\(tables)/stts",
            at: 12,
            UInt32(640).bigEndianBytes,
            "rule 9: the mean frame rate must be 30, got 24.000",
            "rule 10: every frame must last 512 of 15360 units, got 640",
            // The composition offsets stayed those of 30 fps.
            "rule 10: frames must be shown every 512 units, got 256 to 1024",
            "rule 14: the edit list must show all 0.333 s, got 0.267 s"
        ),
        Bend(
            "\(tables)/stts",
            at: 12,
            [0, 0, 0, 0],
            "rule 9: the mean frame rate must be 30, got inf",
            "rule 10: every frame must last 512 of 15360 units, got 0",
            "rule 10: frames must be shown every 512 units, got 0 to 1024",
            "rule 14: the first frame must be shown at 0, got -0.033 s",
            "rule 14: the edit list must show all 0.000 s, got 0.267 s"
        ),
        Bend(
            "moov/trak/mdia/mdhd",
            at: 12,
            UInt32(15_361).bigEndianBytes,
            "rule 9: the mean frame rate must be 30, got 30.002",
            "rule 10: the time scale must be a multiple of 30, got 15361"
        ),
        Bend(
            "\(tables)/stts",
            at: 8,
            [0, 0, 0, 7],
            "rule 10: 'stts' and 'ctts' must cover the 8 samples, no more, no fewer"
        ),
        Bend(
            "\(tables)/ctts",
            at: 8,
            [0, 0, 0, 2],
            "rule 10: 'stts' and 'ctts' must cover the 8 samples, no more, no fewer"
        ),
        Bend("a run of no frames") {
            $0.edit("\(tables)/stts") { box in
                box.head += [0, 0, 0, 0, 0, 0, 0, 7]
                box.write([0, 0, 0, 2], at: 4)
            }
        },
        Bend("no ctts", "rule 14: the first frame must be shown at 0, got -0.067 s") {
            $0.edit(tables) { $0.children?.removeAll { $0.type == "ctts" } }
        },

        // 11
        Bend("moov/mvhd", at: 16, unknown, "rule 11: 'mvhd' must say 0.267 s, got nothing"),
        Bend("moov/mvhd", at: 16, UInt32(267 + 22).bigEndianBytes),
        Bend("moov/mvhd", at: 16, UInt32(267 + 24).bigEndianBytes, "rule 11: 'mvhd' must say 0.267 s, got 0.291 s"),
        Bend("moov/trak/tkhd", at: 20, UInt32(200).bigEndianBytes, "rule 11: 'tkhd' must say 0.267 s, got 0.200 s"),
        Bend(
            "moov/trak/mdia/mdhd",
            at: 16,
            UInt32(8_192).bigEndianBytes,
            "rule 11: 'mdhd' must say 0.267 s, got 0.533 s"
        ),
        Bend("\(tables)/stsz", at: 12, [0, 0, 0, 0], "rule 11: every frame must have bytes, got 1 without"),
        Bend(
            "no frames at all",
            "rule 11: there must be frames, got none",
            "rule 11: 'mvhd' must say 0.000 s, got 0.267 s",
            "rule 11: 'tkhd' must say 0.000 s, got 0.267 s",
            "rule 11: 'mdhd' must say 0.000 s, got 0.267 s",
            "rule 16: sound must end by 0.050 s, got 0.266 s"
        ) { file in
            for table in ["stts", "stss", "stsc", "stco"] {
                file.edit("\(tables)/\(table)") { $0.head = Array(repeating: 0, count: 8) }
            }
            file.edit("\(tables)/stsz") { $0.head = Array(repeating: 0, count: 12) }
            file.edit(tables) { $0.children?.removeAll { ["ctts", "stss"].contains($0.type) } }
        },

        // 12
        Bend("\(tables)/stss", at: 4, [0, 0, 0, 0], "rule 12: frame 1 must be a key frame, got no key frames"),
        Bend("\(tables)/stss", at: 8, [0, 0, 0, 3], "rule 12: frame 1 must be a key frame, got frame 3 as the first"),
        Bend("key frames side by side") {
            $0.edit("\(tables)/stss") { $0.head = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2] }
        },
        Bend("key frames out of order", "rule 12: 'stss' must rise and end with sample 8") {
            $0.edit("\(tables)/stss") { $0.head = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1] }
        },
        Bend("a key frame behind the end", "rule 12: 'stss' must rise and end with sample 8") {
            $0.edit("\(tables)/stss") { $0.head = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9] }
        },

        // 13
        Bend(
            "the last frame in the file comes first on the screen",
            "rule 13: at most 3 frames may be reordered, got 7"
        ) { file in
            // Frames 7, 0, 1 … 6 in the order of the screen.
            let offsets = (0..<8).map { 512 * ($0 == 7 ? -5 : 3) as Int32 }
            file.edit("\(tables)/ctts") {
                $0.head = [0, 0, 0, 0, 0, 0, 0, 8] + offsets.flatMap { [0, 0, 0, 1] + $0.bigEndianBytes }
            }
        },

        // 14
        Bend("moov/trak/edts/elst", at: 12, [0, 0, 0, 0], "rule 14: the first frame must be shown at 0, got 0.067 s"),
        Bend(
            "moov/trak/edts/elst",
            at: 12,
            [0x7F, 0xFF, 0xFF, 0xFF],
            "rule 14: the first frame must be shown at 0, got -139810.067 s"
        ),
        Bend("moov/trak/edts/elst", at: 12, unknown, "rule 14: track 1 must have no empty edit, got one"),
        Bend(
            "moov/trak[1]/edts/elst",
            at: 12,
            unknown,
            "rule 14: track 2 must have no empty edit, got one",
            "rule 16: sound must start within 0.030 s, got 0.266 s"
        ),
        Bend("moov/trak/edts/elst", at: 16, [0, 2, 0, 0], "rule 14: the edit of track 1 must have rate 1, got 2.000"),
        Bend(
            "moov/trak/edts/elst",
            at: 8,
            [0, 0, 0, 100],
            "rule 14: the edit list must show all 0.267 s, got 0.100 s"
        ),
        Bend("two edits", "rule 14: track 1 must have at most 1 edit, got 2") {
            $0.edit("moov/trak/edts/elst") {
                $0.head += $0.head[8..<20]
                $0.write([0, 0, 0, 2], at: 4)
            }
        },
        Bend("an edit list without edits", "rule 14: the first frame must be shown at 0, got 0.067 s") {
            $0.edit("moov/trak/edts/elst") { $0.head = Array(repeating: 0, count: 8) }
        },

        // 15
        Bend("half a megabyte", "rule 15: the bit rate must be at most 12 Mbit/s, got 15.000") { file in
            let size = file.boxes.reduce(0) { $0 + $1.size }
            file.edit("mdat") { $0.head += [UInt8](repeating: 0, count: 500_000 - size) }
        },

        // 16
        Bend("ac-3", "rule 16: sound must be AAC-LC, got 'ac-3' of another kind") {
            $0.edit(soundEntry) { $0.type = "ac-3" }
        },
        Bend("no esds", "rule 16: sound must be AAC-LC, got 'mp4a' of another kind") {
            $0.edit(soundEntry) { $0.children = [] }
        },
        Bend("MP3 in mp4a", "rule 16: sound must be AAC-LC, got 'mp4a' of another kind") {
            $0.setSound([0x6B], before: 18)
        },
        Bend("AAC Main", "rule 16: sound must be AAC-LC, got audio object type 1") { $0.setSound([0x09]) },
        Bend("HE-AAC", "rule 16: sound must be AAC-LC, got HE-AAC") { $0.setSound([0x29]) },
        Bend(
            "an object type of two bytes",
            "rule 16: sound must be AAC-LC, got audio object type 42",
            "rule 16: sound must have 44100 or 48000 Hz, got 24000",
            "rule 16: sound must have 1 or 2 channels, got 8"
        ) {
            // 31, 32 + 10, rate 6, channels 7
            $0.setSound([0b1111_1001, 0b0100_1100, 0b1110_0000])
        },
        Bend("a rate of its own", "rule 16: sound must have 44100 or 48000 Hz, got 48001") {
            // 2, 15, 48001, 2
            $0.setSound([0x17, 0x80, 0x5D, 0xC0, 0x90])
        },
        Bend("sound without packets", "rule 16: the sound track must have packets, got none") { file in
            for table in ["stts", "stsc", "stco"] {
                file.edit("moov/trak[1]/mdia/minf/stbl/\(table)") { $0.head = Array(repeating: 0, count: 8) }
            }
            file.edit("moov/trak[1]/mdia/minf/stbl/stsz") { $0.head = Array(repeating: 0, count: 12) }
        },
        Bend("moov/trak[1]/edts/elst", at: 8, UInt32(267 + 49).bigEndianBytes),
        Bend(
            "moov/trak[1]/edts/elst",
            at: 8,
            UInt32(267 + 51).bigEndianBytes,
            "rule 16: sound must end by 0.317 s, got 0.318 s"
        ),
        Bend(
            "moov/trak[1]/edts/elst",
            at: 8,
            [0, 0, 0, 30] + unknown,
            "rule 14: track 2 must have no empty edit, got one"
        ),
        Bend(
            "moov/trak[1]/edts/elst",
            at: 8,
            [0, 0, 0, 31] + unknown,
            "rule 14: track 2 must have no empty edit, got one",
            "rule 16: sound must start within 0.030 s, got 0.031 s"
        ),
        Bend("sound without an edit list") { $0.edit("moov/trak[1]") { $0.children?.removeAll { $0.type == "edts" } } },

        // 17
        Bend("a word in udta", "rule 17: metadata of the movie must be ours, got '©xyz' with 4 bytes") {
            $0.edit("moov/udta") { $0.add(BoxNode(type: "©xyz", head: [1, 2, 3, 4])) }
        },
        Bend("QuickTime's padding") { $0.boxes.append(BoxNode(type: "wide", head: [])) },
        Bend("padding") { $0.boxes.append(BoxNode(type: "skip", head: Array(repeating: 0, count: 60_000))) },
        Bend(
            "padding that is too long to look through",
            "rule 17: metadata of the file must be ours, got 'free' with 65528 bytes"
        ) { $0.boxes.append(BoxNode(type: "free", head: Array(repeating: 0, count: 100_000))) },
        Bend("so much of ours that the rest is not read", "rule 17: there must be fewer than 1024 pieces of metadata") {
            $0.edit("moov/udta/meta/ilst") { list in
                let value = BoxNode(type: "data", head: Array(repeating: 0, count: 8) + Array(MP4Target.title.utf8))
                list.add(BoxNode(type: "©nam", head: [], children: Array(repeating: value, count: 1_021)))
                list.add(BoxNode(type: "©prv", head: [], children: [value]))
            }
        },
        Bend(
            "a key that would spoil the log",
            "rule 17: metadata of the file must be ours, got '0x0a1b5b32' with 0 bytes"
        ) {
            $0.boxes.append(BoxNode(type: "\n\u{1B}[2", head: []))
        },
    ]

    /// x264's Main at 3.0, 128×96, without colours.
    private static let mainSet: [UInt8] = [
        0x67, 0x4D, 0x40, 0x1E, 0xEC, 0xA1, 0x06, 0xD8, 0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1E,
        0x07, 0x8B, 0x16, 0xCB,
    ]
}

extension BoxEditor {
    /// Overwrites the sound's configuration (AudioSpecificConfig), or what stands so many bytes before it.
    mutating func setSound(_ bytes: [UInt8], before: Int = 0) {
        edit("moov/trak[1]/mdia/minf/stbl/stsd/mp4a/esds") { box in
            let descriptor = box.head.indices.first { box.head[$0...].starts(with: [5, 0x80, 0x80, 0x80]) } ?? 0
            box.write(bytes, at: descriptor + 5 - before)
        }
    }
}

/// The exact words for each thing that can be wrong, and the other ways to write what is right.
@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(10)))
struct MP4FindingTests {
    /// Eight frames (0.267 s) with the sound that belongs to them.
    private static func clip() async throws -> [UInt8] {
        try await MP4Workshop().encode(frames: 8, inputs: JudgedClip.sine, JudgedClip.aac + ["-t", "0.266667"])
    }

    private static func findings(_ file: [UInt8]) throws -> [String] {
        let movie = try MP4Movie.read(from: MemoryByteSource(file))
        return MP4Conformance.check(movie, seconds: nil, allowsSound: true).map(\.description)
    }

    @Test func `each bend is called by its name`() async throws {
        let clip = try await Self.clip()
        for bend in Bend.all {
            var editor = BoxEditor(clip)
            bend.change(&editor)
            let findings = try Self.findings(editor.file())
            #expect(findings == bend.findings, "\(bend.testDescription): \(findings)")
        }
    }

    /// Other writers choose other forms for the same thing.
    @Test func `wider and older forms of the boxes mean the same`() async throws {
        let clip = try await Self.clip()
        let expected = try MP4Movie.read(from: MemoryByteSource(clip)).tracks
        for form in Self.otherForms {
            var editor = BoxEditor(clip)
            form.change(&editor)
            let name = form.testDescription
            let movie = try MP4Movie.read(from: MemoryByteSource(editor.file()))
            #expect(MP4Conformance.check(movie, seconds: nil, allowsSound: true) == [], "\(name)")
            #expect(movie.tracks.map(\.sampleBytes) == expected.map(\.sampleBytes), "\(name)")
            #expect(movie.tracks.map(\.edits) == expected.map(\.edits), "\(name)")
            #expect(movie.tracks.map(\.mediaDuration) == expected.map(\.mediaDuration), "\(name)")
            #expect(movie.tracks.map(\.sound) == expected.map(\.sound), "\(name)")
        }
    }

    private static let otherForms = [
        Bend("headers of 64 bits") { file in
            file.edit("moov/mvhd") { $0.widen([4, 8], [16]) }
            file.edit("moov/trak/tkhd") { $0.widen([4, 8], [20]) }
            file.edit("moov/trak/mdia/mdhd") { $0.widen([4, 8], [16]) }
        },
        Bend("edits of 64 bits") { file in
            file.edit("moov/trak/edts/elst") { $0.widen([8, 12], []) }
        },
        Bend("chunk offsets of 64 bits") { file in
            file.edit("moov/trak/mdia/minf/stbl/stco") { box in
                let offsets = stride(from: 8, to: box.head.count, by: 4)
                    .map {
                        UInt32(bigEndianBytes: box.head[$0..<$0 + 4])
                    }
                box.type = "co64"
                // `mdat` moves by what the box grows; the editor mends `stco` only.
                let moved = offsets.map { UInt64($0) + 4 * UInt64(offsets.count) }
                box.head = Array(box.head.prefix(8)) + moved.flatMap(\.bigEndianBytes)
            }
        },
        Bend("sizes of 16 bits") { file in
            file.edit("moov/trak/mdia/minf/stbl/stsz") { box in
                let sizes = stride(from: 12, to: box.head.count, by: 4).flatMap { box.head[$0 + 2..<$0 + 4] }
                box.type = "stz2"
                box.head = [0, 0, 0, 0, 0, 0, 0, 16] + box.head[8..<12] + sizes
            }
        },
        Bend("a sound entry of QuickTime's version 1") { file in
            file.edit("moov/trak[1]/mdia/minf/stbl/stsd/mp4a") { box in
                box.write([0, 1], at: 8)
                box.head += [UInt8](repeating: 0, count: 16)
            }
        },
        Bend("lists that end with a zero word") { file in
            file.edit("moov/udta") { box in
                box.head = [0, 0, 0, 0]
                box.children = []
            }
        },
        Bend("a pixel shape that is not said") { file in
            file.edit("moov/trak/mdia/minf/stbl/stsd/avc1") { $0.children?.removeAll { $0.type == "pasp" } }
        },
    ]

    @Test func `a box of media may say its size in 64 bits, or not at all`() async throws {
        let clip = try await Self.clip()
        let media = try #require(try MP4Movie.read(from: MemoryByteSource(clip)).boxes.last)
        var open = clip
        open.replaceSubrange(media.offset..<media.offset + 4, with: [0, 0, 0, 0])
        #expect(try Self.findings(open) == [])

        // The eight bytes of padding before it make room for the longer header.
        var long = clip
        let header = UInt32(1).bigEndianBytes + Array("mdat".utf8) + UInt64(media.size + 8).bigEndianBytes
        long.replaceSubrange(media.offset - 8..<media.offset + 8, with: header)
        #expect(try Self.findings(long) == [])
    }
}

extension BoxNode {
    /// Turns numbers of 32 bits into such of 64, and the version into 1.
    fileprivate mutating func widen(_ early: [Int], _ late: [Int]) {
        for place in (early + late).sorted(by: >) { head.insert(contentsOf: [0, 0, 0, 0], at: place) }
        head[0] = 1
    }
}
