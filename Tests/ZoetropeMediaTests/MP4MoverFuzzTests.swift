import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// Twenty-four thousand hostile files.
///
/// A trap ends the whole test run; the seed and the number of the variant repeat a failure.
@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(5)))
struct MP4MoverFuzzTests {
    @Test(arguments: [UInt64(11), 12])
    func `bent bytes are moved rightly or refused`(seed: UInt64) async throws {
        var fuzzer = MutationFuzzer(corpus: try await Self.corpus(), dictionary: Self.words, seed: seed)
        var judge = MoveJudge(seed: seed)
        for _ in 0..<6_000 { judge.look(at: fuzzer.next()) }
        #expect(judge.movedCount > 30 && judge.refusedCount > 1_000, "\(judge)")
    }

    @Test(arguments: [UInt64(13), 14])
    func `bent boxes of the right size are moved rightly or refused`(seed: UInt64) async throws {
        let files = try await Self.corpus().map(BoxEditor.init)
        var leaves = files.flatMap { file in file.leaves.map { (file, $0) } }
            .map { file, path in
                (file, path, MutationFuzzer(corpus: [file[leaf: path]], dictionary: Self.words, seed: seed))
            }
        var random = SplitMix64(seed: seed)
        var judge = MoveJudge(seed: seed)
        for _ in 0..<6_000 {
            let index = Int.random(in: leaves.indices, using: &random)
            var file = leaves[index].0
            file[leaf: leaves[index].1] = leaves[index].2.next()
            judge.look(at: file.file())
        }
        #expect(judge.movedCount > 1_000 && judge.refusedCount > 1_000, "\(judge)")
    }

    /// Clips of a few small frames, so that most changes hit structure.
    private static func corpus() async throws -> [[UInt8]] {
        let workshop = try MP4Workshop()
        let small = ["-crf", "51", "-bsf:v", "filter_units=remove_types=6"]
        let late = small + ["-movflags", "-faststart", "-metadata", "title=A", "-metadata", "location=+48.1+11.5/"]
        return [
            try await workshop.encode(size: "64x64", frames: 4, small),
            try await workshop.encode(size: "64x64", frames: 4, late),
            try await workshop.encode(
                size: "64x64",
                frames: 4,
                inputs: JudgedClip.sine,
                small + JudgedClip.aac + ["-t", "0.1"]
            ),
        ]
    }

    private static let words = [
        "ftyp", "moov", "mdat", "moof", "free", "uuid", "meta", "udta", "co64", "stz2", "avc1", "mp4a", "nclx", "elst",
    ]
    .map { Array($0.utf8) }
}

/// Moves files, and holds what must be true of every one.
private struct MoveJudge {
    let seed: UInt64
    var movedCount = 0
    var refusedCount = 0

    mutating func look(at file: [UInt8]) {
        let number = movedCount + refusedCount
        let keepsSound = number.isMultiple(of: 2)
        let source = RecordingByteSource(file)
        do throws(MP4MoveError) {
            let plan = try MP4Mover.plan(source, marking: .byModel, keepsSound: keepsSound)
            movedCount += 1
            check(plan.file(from: file), plan, of: file, keepsSound, "seed \(seed), variant \(number)")
        } catch {
            refusedCount += 1
            #expect(error.code == .unsuitable && error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
        // As much as the reader reads, and 'moov' once more.
        let limit = 3 * file.count + 16 * min(MP4Limits.topLevelBoxes, file.count / 8)
        #expect(source.bytesRead <= limit, "seed \(seed), variant \(number)")
    }

    private func check(_ moved: [UInt8], _ plan: MP4Mover.Plan, of file: [UInt8], _ keepsSound: Bool, _ name: String) {
        guard let before = try? MP4Movie.read(from: MemoryByteSource(file)),
            let after = try? MP4Movie.read(from: MemoryByteSource(moved))
        else {
            Issue.record("\(name): the result cannot be read")
            return
        }
        func rules(_ movie: MP4Movie, _ marking: Provenance?) -> Set<Int> {
            let findings = MP4Conformance.check(movie, seconds: 1, allowsSound: keepsSound, marking: marking)
            return Set(findings.map(\.rule))
        }
        let new = rules(after, .byModel)
        #expect(new.isDisjoint(with: [1, 2, 17, 18]), "\(name): \(new)")
        // The lengths of the movie and its tracks, which rules 11, 14 and 15 compare, are told anew.
        #expect(new.subtracting([11, 14, 15]).isSubset(of: rules(before, nil)), "\(name): \(new)")
        #expect(plan.byteCount == moved.count && moved.count <= file.count + 4_096 + 64 * 36, "\(name)")
        #expect(after.videoTrack?.moved == before.videoTrack?.moved, "\(name)")
        if keepsSound { #expect(after.soundTrack?.moved == before.soundTrack?.moved, "\(name)") }
        #expect(Self.samples(moved) == Self.samples(file), "\(name)")
    }

    /// The bytes of the first video frame: nothing is shifted.
    private static func samples(_ file: [UInt8]) -> [UInt8]? {
        guard let movie = try? MP4Movie.read(from: MemoryByteSource(file)), let track = movie.videoTrack,
            let start = track.layout.firstChunkOffset.map(Int.init)
        else { return nil }
        return Array(file[start..<min(start + 8, file.count)])
    }
}
