import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// How a clip is encoded so that its parameter set has something to say.
struct EncoderCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var size = "128x96"
    var filter = "null"
    var pixelFormat = "yuv420p"
    var options: [String] = []

    static let all = [
        EncoderCase(testDescription: "our encode"),
        EncoderCase(testDescription: "cropped", size: "130x98"),
        EncoderCase(testDescription: "1080 lines", size: "1920x1080"),
        EncoderCase(
            testDescription: "cropped 4:4:4",
            filter: "scale=127:95",
            pixelFormat: "yuv444p",
            options: ["-profile:v", "high444"]
        ),
        EncoderCase(
            testDescription: "cropped 4:2:2",
            size: "130x98",
            pixelFormat: "yuv422p",
            options: ["-profile:v", "high422"]
        ),
        EncoderCase(testDescription: "High 10", pixelFormat: "yuv420p10le", options: ["-profile:v", "high10"]),
        EncoderCase(testDescription: "Baseline", options: ["-profile:v", "baseline"]),
        EncoderCase(testDescription: "Main, one B frame, no pyramid", options: ["-profile:v", "main", "-bf", "1"]),
        EncoderCase(testDescription: "interlaced", size: "130x100", options: ["-flags:v", "+ilme+ildct"]),
        EncoderCase(testDescription: "pixels 16:11", filter: "setsar=16/11"),
        EncoderCase(testDescription: "pixels 123:100", filter: "setsar=123/100"),
        EncoderCase(
            testDescription: "full range, BT.2020",
            options: ["-color_range", "pc", "-colorspace", "bt2020nc"]
        ),
        EncoderCase(testDescription: "buffer model", options: ["-x264-params", "nal-hrd=vbr", "-level", "4.2"]),
        EncoderCase(testDescription: "own quantisation", options: ["-x264-params", "cqm=jvt"]),
    ]
}

@Suite(.timeLimit(.minutes(10)))
struct MP4SequenceParameterSetTests {
    @Test(.enabled(if: MP4Workshop.tools, "needs ffmpeg and ffprobe"), arguments: EncoderCase.all)
    func `a parameter set says what ffprobe says`(encoder: EncoderCase) async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(
            size: encoder.size,
            frames: 3,
            filter: encoder.filter,
            pixelFormat: encoder.pixelFormat,
            encoder.options
        )
        let set = try #require(try MP4Movie.read(from: MemoryByteSource(clip)).videoTrack?.avc?.sequenceParameterSet)
        let entries =
            "stream=width,height,profile,level,pix_fmt,has_b_frames,sample_aspect_ratio,color_range,color_space"
        let probe = try await ToolRunner.succeed(
            "ffprobe",
            ["-v", "error", "-show_entries", entries, "-of", "default=nw=1", try workshop.write(clip)]
        )
        let formats = [1: "yuv420p", 2: "yuv422p", 3: "yuv444p"]
        let depth = set.lumaBitDepth == 8 ? "" : "\(set.lumaBitDepth)le"
        let profiles = [
            66: "Constrained Baseline", 77: "Main", 100: "High", 110: "High 10", 122: "High 4:2:2",
            244: "High 4:4:4 Predictive",
        ]
        let format = try #require(formats[set.chromaFormat]) + depth
        let ratio = try #require(set.sampleAspectRatio)
        let mine = [
            "profile=\(profiles[set.profile] ?? "?")",
            "width=\(set.width)",
            "height=\(set.height)",
            "has_b_frames=\(set.maxReorderFrames ?? -1)",
            "sample_aspect_ratio=\(ratio.horizontal):\(ratio.vertical)",
            "pix_fmt=\(set.isFullRange == true ? format.replacingOccurrences(of: "yuv", with: "yuvj") : format)",
            "level=\(set.level)",
            "color_range=\(set.isFullRange == true ? "pc" : "tv")",
            "color_space=\(set.colour?.matrix == 9 ? "bt2020nc" : "bt709")",
        ]
        #expect(Set(mine) == Set(probe.text.split(separator: "\n").map(String.init)))
        #expect(set.isFrameOnly == !encoder.options.contains("+ilme+ildct"))
        #expect(set.timing.map { $0.timeScale == 60 * $0.unitsInTick } == true)
    }

    @Test func `all optional parts are stepped over`() throws {
        var bits = BitWriter()
        bits.write([(100, 8), (0b0100_0000, 8), (31, 8)])
        bits.exponential(0)  // id
        bits.exponential(3)  // 4:4:4
        bits.write([(1, 1)])  // planes apart
        bits.exponential(2)
        bits.exponential(1)
        bits.write([(0, 1), (1, 1)])  // scaling lists follow
        for list in 0..<12 {
            bits.write([(list % 2, 1)])
            guard list % 2 == 1 else { continue }
            // The first list stops at once (8 − 8 = 0), the others run over all their entries.
            if list == 1 {
                bits.signedExponential(-8)
            } else {
                for entry in 0..<(list < 6 ? 16 : 64) { bits.signedExponential(entry % 2 == 0 ? 3 : -2) }
            }
        }
        bits.exponential(4)
        bits.exponential(1)  // picture order by cycle
        bits.write([(0, 1)])
        for value in [-3, 5] { bits.signedExponential(value) }
        bits.exponential(2)
        for value in [7, -7] { bits.signedExponential(value) }
        bits.exponential(5)  // reference frames
        bits.write([(0, 1)])
        bits.exponential(9)  // 160 columns
        bits.exponential(4)  // 5 units of 2 rows
        bits.write([(0, 1), (1, 1), (1, 1), (1, 1)])  // fields; adaptive; inference; cropped
        for value in [1, 2, 3, 4] { bits.exponential(value) }
        bits.write([(1, 1)])  // usability
        bits.write([(1, 1), (255, 8), (4, 16), (3, 16)])
        bits.write([(1, 1), (0, 1)])  // overscan
        bits.write([(1, 1), (5, 3), (1, 1), (1, 1), (9, 8), (16, 8), (10, 8)])
        bits.write([(1, 1)])  // chroma place
        bits.exponential(0)
        bits.exponential(0)
        bits.write([(1, 1), (0, 16), (1, 16), (0, 16), (60, 16), (1, 1)])
        for _ in 0..<2 {  // buffer models
            bits.write([(1, 1)])
            bits.exponential(1)
            bits.write([(0x12, 8)])
            for _ in 0..<2 {
                bits.exponential(1_000)
                bits.exponential(2_000)
                bits.write([(0, 1)])
            }
            bits.write([(0, 20)])
        }
        bits.write([(0, 1), (1, 1), (1, 1), (1, 1)])  // low delay; picture structure; restriction; motion vectors
        for value in [1, 2, 3, 4, 2, 6] { bits.exponential(value) }

        let set = try SequenceParameterSet(nalUnit: bits.nalUnit)
        #expect((set.profile, set.constraintFlags, set.level) == (100, 0x40, 31))
        #expect((set.chromaFormat, set.lumaBitDepth, set.chromaBitDepth) == (3, 10, 9))
        #expect(set.maxReferenceFrames == 5)
        // Planes apart are cropped by single columns, and by two rows since units have two.
        #expect((set.width, set.height) == (160 - 3, 160 - 14))
        #expect(!set.isFrameOnly)
        #expect(set.sampleAspectRatio.map { [$0.horizontal, $0.vertical] } == [4, 3])
        #expect(set.isFullRange == true)
        #expect(set.colour == ColourDescription(primaries: 9, transfer: 16, matrix: 10))
        #expect(set.timing.map { [$0.unitsInTick, $0.timeScale] } == [1, 60])
        #expect(set.timing?.isFixedRate == true)
        #expect(set.maxReorderFrames == 2)
    }

    @Test func `every truncation and every single flipped bit is an answer or an error`() throws {
        // x264, High at 3.0, 320×240, BT.709: from a clip of our own encode.
        let unit: [UInt8] = [
            0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x41, 0x41, 0xFB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80, 0x00, 0x00, 0x03,
            0x00, 0x80, 0x00, 0x00, 0x1E, 0x07, 0x8B, 0x16, 0xCB,
        ]
        let set = try SequenceParameterSet(nalUnit: unit)
        #expect((set.width, set.height, set.level, set.maxReorderFrames) == (320, 240, 30, 2))
        for length in 0..<unit.count {
            // The last byte holds the end of the last number.
            #expect(throws: MP4Error.self, "\(length) bytes") { try SequenceParameterSet(nalUnit: unit.prefix(length)) }
        }
        for bit in 0..<unit.count * 8 {
            var copy = unit
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try? SequenceParameterSet(nalUnit: copy)
        }
    }

    @Test func `numbers without end are refused`() {
        #expect(throws: MP4Error.self) {
            try SequenceParameterSet(nalUnit: [0x67, 100, 0, 30] + Array(repeating: 0, count: 64))
        }
        #expect(throws: MP4Error.self) { try SequenceParameterSet(nalUnit: []) }
        #expect(throws: MP4Error.self) { try SequenceParameterSet(nalUnit: [0x68, 100, 0, 30]) }
    }

    @Test func `the rates follow the shorter side`() {
        #expect(
            [96, 480, 482, 720, 722, 1_080, 1_088].map(MP4Target.maxRateBps)
                == [4, 4, 8, 8, 12, 12, 12].map { $0 * 1_000_000 }
        )
        #expect(MP4Target.bufferSizeBits(lines: 720) == 16_000_000)
        #expect(MP4Target.timeScale % MP4Target.frameRate == 0)
    }
}

/// Writes what ``SequenceParameterSet`` reads.
private struct BitWriter {
    private var bits: [UInt8] = []

    /// Values, each with its number of bits.
    mutating func write(_ fields: [(Int, Int)]) {
        for (value, count) in fields {
            for shift in stride(from: count - 1, through: 0, by: -1) { bits.append(UInt8(value >> shift & 1)) }
        }
    }

    mutating func exponential(_ value: Int) {
        let length = Int.bitWidth - (value + 1).leadingZeroBitCount
        write([(0, length - 1), (value + 1, length)])
    }

    mutating func signedExponential(_ value: Int) {
        exponential(value > 0 ? 2 * value - 1 : -2 * value)
    }

    /// With header, stop bit and emulation prevention.
    var nalUnit: [UInt8] {
        let padded = bits + [1] + [UInt8](repeating: 0, count: 7 - bits.count % 8)
        let bytes = stride(from: 0, to: padded.count, by: 8).map { padded[$0..<$0 + 8].reduce(0) { $0 << 1 | $1 } }
        var unit: [UInt8] = [0x67]
        for byte in bytes {
            if byte <= 3, unit.suffix(2) == [0, 0] { unit.append(3) }
            unit.append(byte)
        }
        return unit
    }
}
