import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// Every frame of a retimed video is, bit for bit, the frame of the source that the plan names.
@Suite(.enabled(if: RetimingClip.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(30)))
struct RetimingTests {
    @Test(arguments: RetimingClip.good)
    func `each frame is the one that the plan names`(clip: RetimingClip) async throws {
        let folder = try TemporaryFolder()
        let source = try await clip.make(in: folder)
        let plan = try clip.plan(source)
        let result = plan.bytes(of: source)
        try Data(result).write(to: folder.url.appending(path: "result.mp4"))

        let before = try #require(await RetimingClip.frames(of: folder.path("source.mp4")))
        let after = try #require(await RetimingClip.frames(of: folder.path("result.mp4")), "it cannot be decoded")
        #expect(plan.shownFrames.count == clip.wanted)
        #expect(after.hashes == plan.shownFrames.map { before.hashes[$0] })
        #expect(after.times == Array(0..<clip.wanted))
        #expect(plan.worstError <= 1.000_001)
        // Copies are small; the headers of a file about as large as before.
        #expect(result.count < source.count + 60 * clip.wanted)
    }

    @Test(arguments: RetimingClip.good.filter { ["24", "25"].contains($0.rate) && $0.name.hasPrefix("v") })
    func `the independent checker passes what comes out`(clip: RetimingClip) async throws {
        let folder = try TemporaryFolder()
        let source = try await clip.make(in: folder)
        try Data(try clip.plan(source).bytes(of: source)).write(to: folder.url.appending(path: "result.mp4"))
        let verdict = try await ToolRunner.run(Project.checker, [folder.path("result.mp4"), "\(clip.wanted / 30)"])
        #expect(verdict.status == 0, "\(verdict.text)")
    }

    @Test func `sound is copied packet by packet, and cut where the picture ends`() async throws {
        let folder = try TemporaryFolder()
        var clip = RetimingClip(name: "with sound", hasSound: true)
        clip.sound += ["-af", "apad=pad_dur=1"]
        let source = try await clip.make(in: folder)
        try Data(try clip.plan(source).bytes(of: source)).write(to: folder.url.appending(path: "result.mp4"))
        func packets(_ name: String) async throws -> [String] {
            try await ToolRunner.succeed(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "a", "-show_data_hash", "md5", "-show_entries",
                    "packet=pts,data_hash", "-of", "csv=p=0", folder.path(name),
                ]
            )
            .text.split(separator: "\n").map(String.init)
        }
        let (before, after) = (try await packets("source.mp4"), try await packets("result.mp4"))
        #expect(after == Array(before.prefix(after.count)))
        // 4 s and the priming, in packets of 1,024.
        #expect((188...190).contains(after.count), "\(after.count) of \(before.count)")
        let verdict = try await ToolRunner.run(Project.checker, [folder.path("result.mp4"), "4"])
        #expect(verdict.status == 0, "\(verdict.text)")
    }

    @Test func `a file becomes a file, and one that is in the way is overwritten`() async throws {
        let folder = try TemporaryFolder()
        let clip = RetimingClip(name: "file")
        let source = try await clip.make(in: folder)
        let wish = Retiming.Wish(frames: clip.wanted, keepsSound: false)
        for _ in 0..<2 {
            let made = try RetimedClip.make(
                from: folder.path("source.mp4"),
                to: folder.path("result.mp4"),
                wish
            )
            let written = [UInt8](try Data(contentsOf: folder.url.appending(path: "result.mp4")))
            #expect(written == made.bytes(of: source))
            #expect(written.count == made.byteCount)
        }
        let twice = try RetimingClip.plan(try clip.plan(source).bytes(of: source), frames: clip.wanted)
        #expect(twice.shownFrames == Array(0..<clip.wanted), "what is retimed stays as it is")
    }

    @Test(arguments: [
        ("6/6/6", []), ("1/1/1", ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"]),
    ])
    func `colours without a tag get the one that the encode assumes`(tag: String, options: [String]) async throws {
        let folder = try TemporaryFolder()
        let clip = RetimingClip(name: tag, options: options)
        let source = try await clip.make(in: folder)
        let movie = try MP4Movie.read(from: MemoryByteSource(try clip.plan(source).bytes(of: source)))
        let set = try #require(movie.videoTrack?.avc?.sequenceParameterSet)
        #expect(set.colour?.description == tag)
        #expect(set.isFullRange == false)
        #expect(movie.videoTrack?.colour?.colour?.description == tag)
    }
}

/// The parts that can be told without a video.
struct RetimingPartTests {
    /// Computed apart, by a program in another language.
    @Test(arguments: [
        (99, [0x00, 0x06, 0x7C]),
        (3_600, [UInt8](repeating: 0, count: 17) + [0x01, 0xFE]),
        (8_160, [UInt8](repeating: 0, count: 38) + [0x01, 0x17]),
    ])
    func `skipped macroblocks have the bytes of the standard`(count: Int, bytes: [UInt8]) {
        #expect(SkipPicture.data(macroblocks: count, quantiser: 26) == bytes)
    }

    @Test func `24 frames a second become 30 with one repeat in four`() throws {
        let frames = (0..<144).map { Cadence.Frame(ideal: Double($0) * 1.25, counts: 1...2) }
        let cadence = try #require(Cadence.even(frames, slots: 180))
        #expect(cadence.worstError <= 0.5)
        let repeated = cadence.counts.indices.filter { cadence.counts[$0] == 2 }
        #expect(repeated.count == 36)
        #expect(Set(zip(repeated.dropFirst(), repeated).map { $0 - $1 }).isSubset(of: [3, 4, 5]))
    }

    @Test func `frames that cannot be repeated are passed over`() throws {
        let frames = (0..<48)
            .map { Cadence.Frame(ideal: Double($0) * 1.25, counts: 1...($0.isMultiple(of: 2) ? 2 : 1)) }
        let cadence = try #require(Cadence.even(frames, slots: 60))
        #expect(cadence.counts.reduce(0, +) == 60)
        #expect(zip(cadence.counts, frames).allSatisfy { $1.counts.contains($0) })
        #expect(cadence.worstError <= Cadence.limit)
    }

    @Test func `a frame that would come too late or too early is no plan`() {
        var frames = (0..<48).map { Cadence.Frame(ideal: Double($0) * 1.25, counts: 1...2) }
        for index in 10..<22 { frames[index] = Cadence.Frame(ideal: Double(index) * 1.25, counts: 1...1) }
        #expect(Cadence.even(frames, slots: 60) == nil)
        #expect(Cadence.even(frames, slots: 97) == nil)
        #expect(Cadence.even(frames, slots: 40) == nil)
    }
}
