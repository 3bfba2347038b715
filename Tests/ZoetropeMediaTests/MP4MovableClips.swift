import Testing
import ZoetropeCore
import ZoetropeMedia

/// A clip that can be moved, and what is peculiar about it.
struct MovableClip: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let keepsSound: Bool
    let make: @Sendable (MP4Workshop) async throws -> [UInt8]

    init(
        _ name: String,
        sound keepsSound: Bool = false,
        make: @escaping @Sendable (MP4Workshop) async throws -> [UInt8]
    ) {
        testDescription = name
        self.keepsSound = keepsSound
        self.make = make
    }

    /// What a provider would not want to be published, planted in every kind of place.
    static let canary = "CANARY-48.137"

    static let all = [
        MovableClip("our encode") { try await $0.encode() },
        MovableClip("B frames and several key frames") { try await $0.encode(frames: 90, ["-g", "20", "-bf", "3"]) },
        MovableClip("no B frames, so no ctts and no edit list") { try await $0.encode(["-bf", "0"]) },
        MovableClip("all key frames, so no stss") { try await $0.encode(["-g", "1"]) },
        MovableClip("Constrained Baseline") { try await $0.encode(["-profile:v", "baseline"]) },
        MovableClip("negative times in ctts") { try await $0.encode(["-movflags", "+negative_cts_offsets"]) },
        MovableClip("moov at the end") { try await $0.encode(["-movflags", "-faststart"]) },
        MovableClip("brand qt") { try await $0.encode(["-brand", "qt  "]) },
        MovableClip("QuickTime") { workshop in
            try await workshop.remux(try await workshop.encode(), ["-c", "copy", "-f", "mov"])
        },
        MovableClip("sound that is kept", sound: true) { workshop in
            try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac)
        },
        MovableClip("sound that is kept, moov at the end", sound: true) { workshop in
            try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac + ["-movflags", "-faststart"])
        },
        MovableClip("sound that is left out") { try await $0.encode(inputs: JudgedClip.sine, JudgedClip.aac) },
        MovableClip("sound that is asked for and not there", sound: true) { try await $0.encode() },
        MovableClip("sound that is longer than the picture and left out") { workshop in
            try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac + ["-t", "1.4"])
        },
        MovableClip("time code track") { workshop in
            let clip = try await workshop.encode(["-timecode", "01:02:03:04", "-write_tmcd", "1", "-f", "mov"])
            return clip
        },
        MovableClip("private tags") { workshop in
            try await workshop.encode([
                "-metadata", "title=\(canary)", "-metadata", "comment=\(canary)", "-metadata", "artist=\(canary)",
                "-metadata", "location=+48.137+11.575/", "-metadata", "creation_time=2026-01-02T03:04:05Z",
                "-metadata:s:v", "handler_name=\(canary)",
            ])
        },
        MovableClip("private keys") { workshop in
            try await workshop.encode([
                "-metadata", "com.example.prompt=\(canary)", "-movflags", "+faststart+use_metadata_tags",
            ])
        },
        MovableClip("private bytes everywhere") { workshop in
            var editor = BoxEditor(try await workshop.encode())
            let text = Array(canary.utf8)
            editor.edit("moov") { $0.add(BoxNode(type: "AIGC", head: text)) }
            editor.edit("moov/trak") { $0.add(BoxNode(type: "meta", head: text)) }
            editor.edit("moov/trak/mdia") { $0.add(BoxNode(type: "udta", head: text)) }
            editor.edit("moov/trak/mdia/hdlr") { $0.head += text }
            editor.edit("moov/trak/mdia/mdhd") { $0.head += text }
            editor.edit("moov/trak/mdia/minf/stbl") { $0.add(BoxNode(type: "free", head: text)) }
            editor.edit("moov/trak/mdia/minf/stbl/stts") { $0.head += text }
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1") { $0.write(Array(text.prefix(13)), at: 55) }
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/avcC") { $0.head += text }
            editor.edit("moov/mvhd") { $0.write(Array(text.prefix(13)), at: 76) }
            editor.boxes.append(BoxNode(type: "uuid", head: Array(repeating: 7, count: 16) + text))
            editor.boxes.append(BoxNode(type: "free", head: text))
            // Behind the last sample, where no player looks.
            editor.edit("mdat") { $0.head += text }
            return editor.file()
        },
        MovableClip("foreign XMP and Content Credentials") { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.boxes.append(BoxNode(type: "uuid", head: FoundClip.xmpID + Array(canary.utf8)))
            editor.boxes.append(BoxNode(type: "uuid", head: FoundClip.credentialsID + Array(canary.utf8)))
            return editor.file()
        },
        MovableClip("several mdat with padding between them", sound: true) { workshop in
            try split(
                try await workshop.encode(
                    frames: 90,
                    inputs: JudgedClip.sine,
                    JudgedClip.aac + ["-t", "3", "-movflags", "-faststart"]
                )
            )
        },
        MovableClip("long offsets", sound: true) { workshop in
            var editor = BoxEditor(try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac))
            // The movie grows by four bytes for each chunk, and the chunks move on by as many.
            let tables = ["moov/trak/mdia/minf/stbl", "moov/trak[1]/mdia/minf/stbl"]
            var count = 0
            for table in tables { editor.edit("\(table)/stco") { count += ($0.head.count - 8) / 4 } }
            for table in tables {
                editor.edit("\(table)/stco") { box in
                    let offsets = stride(from: 8, to: box.head.count, by: 4)
                        .map { Int(UInt32(bigEndianBytes: box.head[$0..<$0 + 4])) + 4 * count }
                    box = BoxNode(
                        type: "co64",
                        head: Array(box.head.prefix(8)) + offsets.flatMap { UInt64($0).bigEndianBytes }
                    )
                }
            }
            return editor.boxes.flatMap { $0.bytes() }
        },
        MovableClip("moved before") { workshop in
            let source = MemoryByteSource(try await workshop.encode())
            return try MP4Mover.plan(source, marking: .byModel, keepsSound: false)
                .file(from: try source.bytes(at: 0, count: source.byteCount))
        },
    ]

    /// A file whose `moov` is at the end, with its media in two boxes and bytes that belong to nobody between them.
    private static func split(_ clip: [UInt8]) throws -> [UInt8] {
        var editor = BoxEditor(clip)
        let padding = BoxNode(type: "free", head: Array(canary.utf8))
        let tables = ["moov/trak/mdia/minf/stbl/stco", "moov/trak[1]/mdia/minf/stbl/stco"]
        var offsets: [Int] = []
        for table in tables {
            editor.edit(table) { box in
                offsets += stride(from: 8, to: box.head.count, by: 4)
                    .map { Int(UInt32(bigEndianBytes: box.head[$0..<$0 + 4])) }
            }
        }
        let border = offsets.sorted()[offsets.count / 2]
        for table in tables {
            editor.edit(table) { box in
                for entry in stride(from: 8, to: box.head.count, by: 4) {
                    let offset = Int(UInt32(bigEndianBytes: box.head[entry..<entry + 4]))
                    guard offset >= border else { continue }
                    box.write(UInt32(offset + padding.size + 8).bigEndianBytes, at: entry)
                }
            }
        }
        guard let index = editor.boxes.firstIndex(where: { $0.type == "mdat" }) else { return clip }
        let start = editor.boxes[..<index].reduce(8) { $0 + $1.size }
        let media = editor.boxes[index].head
        editor.boxes[index].head = Array(media.prefix(border - start))
        editor.boxes.insert(
            contentsOf: [padding, BoxNode(type: "mdat", head: Array(media.dropFirst(border - start)))],
            at: index + 1
        )
        return editor.boxes.flatMap { $0.bytes() }
    }
}

/// Names of `uuid` boxes, written apart from the code under test.
enum FoundClip {
    static let xmpID = hex("be7acfcb97a942e89c71999491e3afac")
    static let credentialsID = hex("d8fec3d61b0e483c92975828877ec481")

    private static func hex(_ text: String) -> [UInt8] {
        stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }
}

extension Provenance {
    static let byModel = Provenance(source: .trainedAlgorithmicMedia, system: "minimax/video-01-live")
}

extension MP4Mover.Plan {
    /// The new file.
    func file(from source: [UInt8]) -> [UInt8] { head + media.flatMap { source[$0] } }
}

extension MP4Track {
    /// What a move leaves as it is.
    var moved: MP4Track {
        var track = self
        track.id = 0
        track.colour = nil
        track.pixelAspectRatio = nil
        track.fieldCount = nil
        track.durations = durations.filter { $0.count > 0 }
        track.compositionOffsets = compositionOffsets.filter { $0.count > 0 }
        track.layout.firstChunkOffset = nil
        return track
    }
}
