import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(5)))
struct MP4MovieTests {
    @Test func `the boxes of our own encode are read as they are`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac)
        let movie = try MP4Movie.read(from: MemoryByteSource(clip))

        #expect(movie.majorBrand == FourCC("isom"))
        #expect(movie.compatibleBrands.map(\.description) == ["isom", "iso2", "avc1", "mp41"])
        #expect(movie.boxes.map(\.type.description) == ["ftyp", "moov", "free", "mdat"])
        #expect(movie.timeScale == 1_000)
        #expect(movie.duration == 1_000)
        #expect(movie.fileSize == clip.count)
        #expect(!movie.isFragmented)
        #expect(movie.metadata.map(\.text) == ["VideoHandler", "Lavc libx264", "SoundHandler"])
        #expect(movie.tracks.map(\.handler) == [.video, .sound])

        let video = try #require(movie.videoTrack)
        #expect(video.id == 1)
        #expect(video.isEnabled)
        #expect(video.codec == FourCC("avc1"))
        #expect((video.width, video.height) == (128, 96))
        #expect((video.displayWidth, video.displayHeight) == (128 << 16, 96 << 16))
        #expect(video.matrix.rotation == 0)
        #expect(video.timeScale == UInt32(MP4Target.timeScale))
        #expect(video.mediaDuration == UInt64(MP4Target.timeScale))
        #expect(video.edits.map(\.segmentDuration) == [1_000])
        #expect(video.edits.map(\.mediaTime) == [1_024])
        #expect(video.edits.map(\.rate) == [MP4Track.Edit.normalRate])
        #expect(video.durations.map(\.count) == [30])
        #expect(video.durations.map(\.duration) == [MP4Target.frameDuration])
        #expect(video.compositionOffsets.reduce(0) { $0 + $1.count } == 30)
        #expect(video.syncSamples == [1])
        #expect(video.sampleCount == 30)
        #expect(video.emptySampleCount == 0)
        #expect(video.layout.coversAllSamples)
        #expect(video.layout.liesInMediaData)
        #expect(video.isSelfContained)
        #expect(video.colour?.type == FourCC("nclx"))
        #expect(video.colour?.colour == ColourDescription(primaries: 1, transfer: 1, matrix: 1))
        #expect(video.colour?.isFullRange == false)
        #expect(video.pixelAspectRatio?.horizontal == 1)
        #expect(video.pixelAspectRatio?.vertical == 1)

        let sound = try #require(movie.soundTrack)
        #expect(sound.sound?.objectTypeIndication == 0x40)
        #expect(sound.sound?.audioObjectType == 2)
        #expect(sound.sound?.sampleRate == 48_000)
        #expect(sound.sound?.channels == 2)
        #expect(sound.sound?.usesBandReplication == false)
        #expect(video.sampleBytes + sound.sampleBytes == movie.boxes[3].size - 8, "every byte of mdat is a sample")
    }

    /// ffmpeg 5 turns the other way round than its option says; mediainfo and exiftool see it as we do.
    @Test(arguments: [90, 180, 270])
    func `a display matrix is read as a clockwise rotation`(degrees: Int) async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(frames: 2)
        let turned = try await workshop.remux(clip, ["-c", "copy", "-metadata:s:v", "rotate=\(360 - degrees)"])
        let movie = try MP4Movie.read(from: MemoryByteSource(turned))
        #expect(movie.videoTrack?.matrix.rotation == degrees)
        #expect(movie.videoTrack?.matrix.isIdentity == false)
    }

    @Test func `metadata is found under its keys`() async throws {
        let workshop = try MP4Workshop()
        let tags = ["-metadata", "title=A", "-metadata", "location=+48.1370+011.5750/"]
        let itunes = try MP4Movie.read(from: MemoryByteSource(try await workshop.encode(frames: 2, tags)))
        #expect(itunes.metadata.contains(MP4Metadata(place: .movie, key: "©nam", text: "A")))
        #expect(itunes.metadata.contains { $0.key == "loci" })

        let keys = ["-metadata", "com.apple.quicktime.make=B", "-movflags", "+use_metadata_tags"]
        let quickTime = try MP4Movie.read(from: MemoryByteSource(try await workshop.encode(frames: 2, keys)))
        #expect(quickTime.metadata.contains(MP4Metadata(place: .movie, key: "com.apple.quicktime.make", text: "B")))
    }

    @Test func `only headers, moov and small boxes are fetched`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(size: "320x240", filter: "noise=alls=50:allf=t")
        let source = RecordingByteSource(clip)
        let movie = try MP4Movie.read(from: source)
        let media = try #require(movie.boxes.last)
        #expect(source.ranges.allSatisfy { $0.upperBound <= media.offset + 16 })
        #expect(source.bytesRead < 8_000)
        #expect(clip.count > 100_000)
    }

    @Test func `a file on disk is read like one in memory`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(frames: 2)
        let file = try workshop.write(clip)
        let expected = try MP4Movie.read(from: MemoryByteSource(clip))
        #expect(try MP4Movie.read(from: FileByteSource(path: file)) == expected)

        let handle = try #require(FileHandle(forReadingAtPath: file))
        #expect(try MP4Movie.read(from: FileByteSource(descriptor: handle.fileDescriptor)) == expected)
        try handle.close()
    }

    @Test func `what is not a readable file is an error`() throws {
        let folder = try TemporaryFolder()
        let pipe = folder.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for path in [folder.path("missing"), folder.url.path, pipe, "/dev/zero"] {
            #expect(throws: MP4Error.self, "\(path)") { try FileByteSource(path: path) }
        }
        let file = folder.path("shrinking")
        try Data(count: 100).write(to: URL(fileURLWithPath: file))
        let source = try FileByteSource(path: file)
        #expect(truncate(file, 50) == 0)
        #expect { try source.bytes(at: 0, count: 100) } throws: { ($0 as? MP4Error)?.code == .unreadable }
        #expect { try source.bytes(at: 90, count: 11) } throws: { ($0 as? MP4Error)?.code == .unreadable }
        #expect { try source.bytes(at: -1, count: 1) } throws: { ($0 as? MP4Error)?.code == .unreadable }
        #expect(try source.bytes(at: 0, count: 50).count == 50)
    }

    @Test(arguments: [
        "", "\0\0\0", "#EXTM3U\n#EXT-X-VERSION:3\n", "ffconcat version 1.0\nfile other.mp4\n",
        "<?xml version=\"1.0\"?><MPD/>",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        "\u{89}PNG\r\n\u{1A}\n0000IHDR",
        "RIFF0000WEBPVP8 ", "OggS000000000000", "\u{1A}E\u{DF}\u{A3}00000000",
    ])
    func `another kind of file is refused as such`(content: String) {
        let bytes = content.unicodeScalars.map { UInt8($0.value) }
        #expect(bytes.error?.code == .notMP4, "\(bytes.error?.message ?? "read")")
    }

    @Test func `every truncation of a file is an answer or an error`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(frames: 2)
        let movie = try MP4Movie.read(from: MemoryByteSource(clip))
        let media = try #require(movie.boxes.first { $0.type == FourCC("mdat") })
        for length in 0..<media.offset + 64 {
            let cut = Array(clip.prefix(length))
            do throws(MP4Error) {
                let findings = MP4Conformance.check(
                    try MP4Movie.read(from: MemoryByteSource(cut)),
                    seconds: nil,
                    allowsSound: true
                )
                #expect(findings.contains { $0.rule == 2 }, "\(length) bytes")
            } catch {
                #expect(length < media.offset, "\(length) bytes: \(error)")
            }
        }
    }

    @Test func `a hostile file is refused within the limits`() async throws {
        let workshop = try MP4Workshop()
        let good = try await workshop.encode(frames: 8)
        let tables = "moov/trak/mdia/minf/stbl"
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
        func bent(_ path: String, _ change: (inout BoxNode) -> Void) -> MP4Error? {
            var editor = BoxEditor(good)
            editor.edit(path, change)
            return editor.file().error
        }
        #expect(bent("\(tables)/stsz") { $0.write(huge, at: 8) }?.code == .malformed)
        #expect(bent("\(tables)/stsz") { $0.head = [0, 0, 0, 0, 0, 0, 0, 1] + huge }?.code == .tooLarge)
        #expect(bent("\(tables)/stts") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("\(tables)/stts") { $0.write(huge, at: 8) }?.code == .tooLarge)
        #expect(bent("\(tables)/ctts") { $0.write(huge, at: 8) }?.code == .tooLarge)
        #expect(bent("\(tables)/stss") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("\(tables)/stsc") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("\(tables)/stco") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("\(tables)/stsd") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("moov/trak/edts/elst") { $0.write(huge, at: 4) }?.code == .malformed)
        #expect(bent("moov/mvhd") { $0.write([0, 0, 0, 0], at: 12) }?.code == .malformed)
        #expect(bent("moov/trak/mdia/mdhd") { $0.write([0, 0, 0, 0], at: 12) }?.code == .malformed)
        #expect(bent("moov/trak/mdia/minf/stbl") { $0.children?.removeLast() }?.message == "'stco' is missing")
        #expect(bent("moov/trak/mdia") { $0.add($0.list[0]) }?.message == "'mdhd' is there twice")
        #expect(bent("moov") { $0.add($0.list[1], times: 16) }?.code == .tooLarge)
        #expect(bent("moov") { $0.add(BoxNode(type: "free", head: []), times: 1_100) }?.code == .tooLarge)
        #expect(
            bent("moov") { $0.add(BoxNode(type: "free", head: Array(repeating: 0, count: 9 << 20))) }?.code == .tooLarge
        )
    }

    @Test func `nesting as deep as the file allows is not followed`() {
        // From the inside out, and so from the end to the start.
        var backwards: [UInt8] = []
        for _ in 0..<100_000 {
            let size = UInt32(backwards.count + 8)
            backwards += Array("moov".utf8).reversed() + size.bigEndianBytes.reversed()
        }
        #expect(Array(backwards.reversed()).error?.message == "'mvhd' is missing")
    }

    @Test func `sizes near the end of the number range do not overflow`() {
        let sizes: [UInt64] = [0, 1, 15, 16, UInt64(Int.max) - 7, UInt64(Int.max), UInt64(Int.max) + 1, .max]
        for first in sizes {
            for second in sizes {
                let file = [
                    UInt32(1).bigEndianBytes, Array("ftyp".utf8), first.bigEndianBytes,
                    UInt32(1).bigEndianBytes, Array("moov".utf8), second.bigEndianBytes,
                ]
                #expect(file.flatMap(\.self).error != nil)
            }
        }
    }

    @Test func `a file that claims to be endless costs 16 bytes a box`() {
        let source = RecordingByteSource(
            UInt32(16).bigEndianBytes + Array("ftypisom".utf8) + [0, 0, 0, 0],
            claims: .max
        )
        #expect(throws: MP4Error.self) { try MP4Movie.read(from: source) }
        #expect(source.bytesRead < 100)

        // A box of 64 KiB after the other, for ever.
        let boxes = (0..<2_000).flatMap { _ in UInt32(8).bigEndianBytes + Array("free".utf8) }
        #expect(boxes.error?.code == .tooLarge)
    }

    @Test func `of boxes full of metadata no more than a mebibyte is read`() async throws {
        let workshop = try MP4Workshop()
        var editor = BoxEditor(try await workshop.encode(frames: 8))
        let xmp = BoxNode(type: "uuid", head: Array(repeating: 0x78, count: 100_000))
        editor.boxes += Array(repeating: xmp, count: 50)
        let source = RecordingByteSource(editor.file())
        let movie = try MP4Movie.read(from: source)
        #expect(source.bytesRead < MP4Limits.allMetadataBytes + 8_000)
        #expect(MP4Conformance.check(movie, seconds: nil, allowsSound: false).count { $0.rule == 17 } == 50)
    }

    @Test func `the largest tables that are read take linear time`() async throws {
        let workshop = try MP4Workshop()
        let good = try await workshop.encode(frames: 8)
        func time(samples: UInt32) throws -> Duration {
            var editor = BoxEditor(good)
            func fill(_ box: String, _ head: [UInt32], _ entry: (UInt32) -> [UInt32]) {
                editor.edit("moov/trak/mdia/minf/stbl/\(box)") { box in
                    box.head = (head + (0..<samples).flatMap(entry)).flatMap(\.bigEndianBytes)
                }
            }
            fill("stts", [0, samples]) { _ in [1, 512] }
            fill("ctts", [0, samples]) { [1, 512 * (samples - $0)] }
            fill("stss", [0, samples]) { [$0 + 1] }
            fill("stsc", [0, samples]) { [$0 + 1, 1, 1] }
            fill("stsz", [0, 0, samples]) { _ in [1] }
            fill("stco", [0, samples]) { _ in [4_000_000] }
            editor.edit("moov") { $0.add($0.list[1], times: 3) }
            let file = editor.file()
            let start = ContinuousClock.now
            let movie = try MP4Movie.read(from: MemoryByteSource(file))
            #expect(!MP4Conformance.check(movie, seconds: nil, allowsSound: false).isEmpty)
            #expect(movie.tracks.allSatisfy { $0.sampleCount == samples })
            return ContinuousClock.now - start
        }
        let small = try time(samples: 4_000)
        let large = try time(samples: 36_000)
        // Nine times the samples; 40 leaves room for a busy machine and is still far from 81, which is quadratic.
        #expect(large < max(small * 40, .seconds(1)), "\(small) became \(large)")
    }
}

extension [UInt8] {
    /// What reading it ends with, `nil` when it can be read.
    fileprivate var error: MP4Error? {
        do throws(MP4Error) {
            _ = try MP4Movie.read(from: MemoryByteSource(self))
            return nil
        } catch {
            return error
        }
    }
}
