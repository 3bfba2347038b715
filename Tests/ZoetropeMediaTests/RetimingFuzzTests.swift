import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// Hostile videos: a trap ends the whole test run; the seed repeats a failure.
@Suite(.enabled(if: RetimingClip.tools, "needs ffmpeg"), .timeLimit(.minutes(15)))
struct RetimingFuzzTests {
    @Test(arguments: [UInt64(1)])
    func `bent streams are refused, or edited rightly`(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        var sources: [[UInt8]] = []
        for clip in Self.clips { sources.append(try await clip.make(in: folder)) }
        var random = SplitMix64(seed: seed)
        var (accepted, refusals, decoded, exact) = (0, [RetimingRefusal.Reason: Int](), 0, 0)
        for number in 0..<1_000 {
            let file = Self.bent(sources[number % sources.count], &random)
            do throws(RetimingRefusal) {
                let plan = try RetimingClip.plan(file, frames: 120, keepsSound: number.isMultiple(of: 2))
                accepted += 1
                let result = plan.bytes(of: file)
                #expect(result.count == plan.byteCount)
                // What was made is read like anything else, and found to be right.
                let again = try RetimingClip.plan(result, frames: 120, keepsSound: number.isMultiple(of: 2))
                #expect(again.shownFrames == Array(0..<120), "seed \(seed), variant \(number)")
                guard accepted.isMultiple(of: 20) else { continue }
                decoded += 1
                if try await Self.isExact(file, result, plan, folder, "seed \(seed), variant \(number)") { exact += 1 }
            } catch {
                refusals[error.reason, default: 0] += 1
                #expect(error.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
            }
        }
        #expect(accepted > 50 && refusals.count > 12, "\(accepted) edited, \(refusals)")
        #expect(exact > 0 && decoded > exact, "\(exact) of \(decoded) decode: the others show that damage is found")
    }

    @Test func `a video that is cut off anywhere is refused`() async throws {
        let folder = try TemporaryFolder()
        let source = try await RetimingClip(name: "tables first", options: ["-movflags", "+faststart"]).make(in: folder)
        for length in stride(from: 0, to: source.count, by: max(1, source.count / 500)) {
            #expect(throws: RetimingRefusal.self) {
                _ = try RetimingClip.plan(Array(source.prefix(length)), frames: 120)
            }
        }
    }

    private static let clips = [
        RetimingClip(name: "pyramid"),
        RetimingClip(name: "no B frames", options: ["-preset", "ultrafast"]),
        RetimingClip(name: "sound", hasSound: true),
        RetimingClip(
            name: "buffer model",
            options: ["-x264-params", "nal-hrd=vbr", "-maxrate", "1M", "-bufsize", "1M"]
        ),
        RetimingClip(name: "open GOP", options: ["-x264-params", "open-gop=1:keyint=24:slices=2:aud=1"]),
    ]

    /// Whether it decodes; when it does, its frames must be those of the source.
    private static func isExact(
        _ source: [UInt8],
        _ result: [UInt8],
        _ plan: RetimedClip,
        _ folder: TemporaryFolder,
        _ name: Comment
    ) async throws(RetimingRefusal) -> Bool {
        do {
            try Data(source).write(to: folder.url.appending(path: "bent.mp4"))
            try Data(result).write(to: folder.url.appending(path: "edited.mp4"))
            let before = try await RetimingClip.frames(of: folder.path("bent.mp4"))
            let after = try await RetimingClip.frames(of: folder.path("edited.mp4"))
            // A source that cannot be decoded says nothing of its result, which is decoded before it is published.
            guard let before, before.hashes.count > plan.shownFrames.max() ?? 0 else { return false }
            #expect(after?.hashes == plan.shownFrames.map { before.hashes[$0] }, name)
            return after != nil
        } catch {
            Issue.record(error, name)
            return false
        }
    }

    /// Changes a few bytes where it hurts: tables, parameter sets, the beginnings of pictures, anywhere.
    private static func bent(_ source: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var file = source
        let units = SampleEditor(source)
        for _ in 0..<(1 << Int.random(in: 0...2, using: &random)) {
            let region =
                switch Int.random(in: 0...5, using: &random) {
                case 0: units.tables
                case 1, 2: units.configuration
                case 3, 4:
                    units.samples.randomElement(using: &random)
                        .map { $0.lowerBound..<min($0.lowerBound + 40, $0.upperBound) } ?? units.tables
                default: 0..<source.count
                }
            let place = Int.random(in: region, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0, 1: file[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: file[place] = UInt8.random(in: 0...255, using: &random)
            default: file[place] = [0, 1, 2, 3, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            }
        }
        return file
    }
}
