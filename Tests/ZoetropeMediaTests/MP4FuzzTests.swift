import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// Twenty thousand hostile files.
///
/// A trap ends the whole test run; the seed and the number of the variant repeat a failure.
@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(5)))
struct MP4FuzzTests {
    @Test(arguments: [UInt64(1), 2])
    func `bent bytes end in findings or an error`(seed: UInt64) async throws {
        var fuzzer = MutationFuzzer(corpus: try await Self.corpus(), dictionary: Self.words, seed: seed)
        var judge = Judge(seed: seed)
        for _ in 0..<5_000 { judge.look(at: fuzzer.next()) }
        #expect(judge.readCount > 250 && judge.refusedCount > 250, "read \(judge.readCount) of 5000: tests too little")
    }

    /// Behind sizes that are right, more of the reader is reached.
    @Test(arguments: [UInt64(3), 4])
    func `bent boxes of the right size end in findings or an error`(seed: UInt64) async throws {
        let files = try await Self.corpus().map(BoxEditor.init)
        var leaves = files.flatMap { file in file.leaves.map { (file, $0) } }
            .map { file, path in
                (file, path, MutationFuzzer(corpus: [file[leaf: path]], dictionary: Self.words, seed: seed))
            }
        var random = SplitMix64(seed: seed)
        var judge = Judge(seed: seed)
        for _ in 0..<5_000 {
            let index = Int.random(in: leaves.indices, using: &random)
            var file = leaves[index].0
            file[leaf: leaves[index].1] = leaves[index].2.next()
            judge.look(at: file.file())
        }
        #expect(
            judge.readCount > 1_000 && judge.refusedCount > 1_000,
            "read \(judge.readCount) of 5000: tests too little"
        )
    }

    /// Clips of all kinds with hardly any media, so that most changes hit structure.
    private static func corpus() async throws -> [[UInt8]] {
        let workshop = try MP4Workshop()
        let keys = [
            "-metadata", "title=A", "-metadata", "com.example.key=B", "-movflags", "+faststart+use_metadata_tags",
        ]
        let clips = [
            try await workshop.encode(frames: 4),
            try await workshop.encode(frames: 4, inputs: JudgedClip.sine, JudgedClip.aac + ["-t", "0.1"]),
            try await workshop.encode(frames: 4, keys),
            try await workshop.encode(frames: 4, ["-metadata", "title=A", "-metadata", "location=+48.1+11.5/"]),
            try await workshop.encode(frames: 4, ["-movflags", "frag_keyframe+empty_moov"]),
        ]
        return clips.map { clip in
            var editor = BoxEditor(clip)
            editor.edit("mdat") { $0.head = Array($0.head.prefix(32)) }
            return editor.file()
        }
    }

    private static let words = [
        "ftyp", "moov", "mdat", "moof", "free", "uuid", "meta", "udta", "ilst", "keys", "data", "----", "co64", "stz2",
        "avc1", "mp4a", "nclx", "elst",
    ]
    .map { Array($0.utf8) }
}

/// Reads and checks files, and holds what must be true of every one.
private struct Judge {
    let seed: UInt64
    var readCount = 0
    var refusedCount = 0

    mutating func look(at file: [UInt8]) {
        let number = readCount + refusedCount
        let source = RecordingByteSource(file)
        do throws(MP4Error) {
            let movie = try MP4Movie.read(from: source)
            let findings = MP4Conformance.check(movie, seconds: 1, allowsSound: number.isMultiple(of: 2))
            #expect(findings.allSatisfy { isPrintable($0.text) }, "seed \(seed), variant \(number): \(findings)")
            readCount += 1
        } catch {
            #expect(isPrintable(error.message), "seed \(seed), variant \(number): \(error)")
            refusedCount += 1
        }
        // Each byte at most twice, in a header of 16 bytes and in its box; many small boxes make the headers overlap.
        let limit = 2 * file.count + 16 * min(MP4Limits.topLevelBoxes, file.count / 8)
        #expect(source.bytesRead <= limit, "seed \(seed), variant \(number)")
    }

    private func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.count < 300 && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
}
