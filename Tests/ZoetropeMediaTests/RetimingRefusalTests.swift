import Foundation
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// What is not edited, and why: at least one real or bent file for each reason.
@Suite(.enabled(if: RetimingClip.tools, "needs ffmpeg"), .timeLimit(.minutes(10)))
struct RetimingRefusalTests {
    /// A video that is made or bent so that it is refused.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let reason: RetimingRefusal.Reason
        var clip = RetimingClip(name: "plain", options: ["-preset", "ultrafast"])
        var wanted = 120
        var bend: @Sendable ([UInt8]) throws -> [UInt8] = { $0 }

        var testDescription: String { "\(reason.rawValue): \(name)" }
    }

    static let cases = files + boxes + sets + slices

    @Test(arguments: cases)
    func `whatever is in doubt is refused by name`(refused: Case) async throws {
        let folder = try TemporaryFolder()
        let file = try refused.bend(try await refused.clip.make(in: folder))
        let error = #expect(throws: RetimingRefusal.self) {
            _ = try RetimingClip.plan(file, frames: refused.wanted, keepsSound: refused.clip.hasSound)
        }
        #expect(error?.reason == refused.reason, "\(error?.description ?? "edited")")
    }

    @Test func `every reason has a test`() {
        let tested = Set(Self.cases.map(\.reason))
        // A file that is not there is the test below.
        #expect(tested.union([.unreadable]) == Set(RetimingRefusal.Reason.allCases))
    }

    @Test func `a file that cannot be read or written is no edit`() async throws {
        let folder = try TemporaryFolder()
        _ = try await RetimingClip(name: "plain").make(in: folder)
        let wish = Retiming.Wish(frames: 120, keepsSound: false)
        for (input, output) in [("lost.mp4", "result.mp4"), ("source.mp4", "no/result.mp4")] {
            let error = #expect(throws: RetimingRefusal.self) {
                _ = try RetimedClip.make(from: folder.path(input), to: folder.path(output), wish)
            }
            #expect(error?.reason == .unreadable)
        }
        #expect(folder.contents == ["source.mp4"])
    }

    // MARK: Made by ffmpeg

    private static func made(
        _ name: String,
        _ reason: RetimingRefusal.Reason,
        rate: String = "24",
        frames: Int = 96,
        wanted: Int = 120,
        filter: String = "null",
        sound: [String]? = nil,
        _ options: [String] = []
    ) -> Case {
        var clip = RetimingClip(name: name, rate: rate, frames: frames, wanted: wanted, filter: filter)
        clip.options = options
        if let sound { (clip.hasSound, clip.sound) = (true, sound) }
        return Case(name: name, reason: reason, clip: clip, wanted: wanted)
    }

    private static let files = [
        made("fragments", .fragmented, ["-movflags", "frag_keyframe+empty_moov"]),
        made("two pictures", .tracks, ["-map", "0:v", "-map", "0:v"]),
        made("much too short", .length, frames: 80),
        made("much too long", .length, frames: 110),
        made("more than two minutes", .tooLarge, wanted: 3_630),
        made("one frame", .tooLarge, rate: "1", frames: 1, wanted: 30),
        made("10 bit", .picture, ["-pix_fmt", "yuv420p10le"]),
        made("4:4:4", .picture, ["-pix_fmt", "yuv444p"]),
        made("oblong pixels", .picture, filter: "setsar=16/11"),
        made("fields", .interlaced, filter: "setfield=tff", ["-flags", "+ildct+ilme"]),
        made("pictures that could be fields", .interlaced, ["-x264-params", "fake-interlaced=1"]),
        made("full range", .colour, ["-color_range", "pc", "-pix_fmt", "yuvj420p"]),
        made("BT.2020", .colour, ["-color_primaries", "bt2020", "-color_trc", "bt709", "-colorspace", "bt2020nc"]),
        made("MP3", .sound, sound: ["-c:a", "libmp3lame"]),
        made("sound of another length", .sound, frames: 90, sound: ["-c:a", "aac"]),
        made("half the rate, every other frame no reference", .tooFewRepeats, rate: "15", frames: 60),
        made("twice the rate, all frames references", .tooFewDrops, rate: "60", frames: 240, ["-bf", "0"]),
        made("a gap in the times", .uneven, rate: "30", frames: 120, filter: "select='not(between(n,50,54))'"),
        made(
            "no key frame for eleven seconds",
            .target,
            frames: 264,
            wanted: 330,
            ["-g", "999", "-sc_threshold", "0"]
        ),
        made(
            "level 1b",
            .level,
            filter: "scale=176:144,setsar=1",
            ["-profile:v", "baseline", "-x264-params", "level=1b"]
        ),
    ]

    // MARK: Bent boxes

    private static func box(
        _ name: String,
        _ reason: RetimingRefusal.Reason,
        _ path: String,
        _ change: @escaping @Sendable (inout BoxNode) -> Void
    ) -> Case {
        Case(name: name, reason: reason) { file in
            var editor = BoxEditor(file)
            editor.edit(path, change)
            return editor.file()
        }
    }

    private static let track = "moov/trak/"
    private static let table = track + "mdia/minf/stbl/"

    private static let boxes = [
        Case(name: "half a file", reason: .malformed) { Array($0.prefix($0.count / 2)) },
        Case(name: "no MP4", reason: .malformed) { _ in Array("<html>".utf8) },
        box("two descriptions", .sampleDescriptions, table + "stsd") { node in
            node.write([0, 0, 0, 2], at: 4)
            node.children = node.list + node.list
        },
        box("a slow edit", .editList, track + "edts/elst") { $0.write([0, 0, 0x80, 0], at: 16) },
        box("an edit that begins later", .editList, track + "edts/elst") { $0.write([0, 0, 0x10, 0], at: 12) },
        box("an edit that ends earlier", .editList, track + "edts/elst") { $0.write([0, 0, 1, 0], at: 8) },
        box("an empty edit", .editList, track + "edts/elst") { $0.write([255, 255, 255, 255], at: 12) },
        box("two frames at a time", .timeOrder, table + "stts") { node in
            let step = Array(node.head[12..<16])
            node.head =
                [0, 0, 0, 0, 0, 0, 0, 2] + UInt32(1).bigEndianBytes + UInt32(0).bigEndianBytes
                + UInt32(95).bigEndianBytes + step
        },
        box("sizes beyond the file", .malformed, table + "stsz") { $0.write([0, 0x7F, 0, 0], at: 12) },
    ]

    // MARK: Bent parameter sets

    /// Changes `avcC`: the sequence parameter set and the picture parameter sets.
    private static func set(
        _ name: String,
        _ reason: RetimingRefusal.Reason,
        _ options: [String] = ["-preset", "ultrafast"],
        _ change: @escaping @Sendable (inout [UInt8], inout [[UInt8]]) throws -> Void
    ) -> Case {
        Case(name: name, reason: reason, clip: RetimingClip(name: "sets", options: options)) { file in
            var editor = BoxEditor(file)
            var result: Result<Void, any Error> = .success(())
            editor.edit(table + "stsd/avc1/avcC") { node in
                result = Result {
                    let size = Int(UInt16(bigEndianBytes: node.head[6..<8]))
                    var sequence = Array(node.head[8..<8 + size])
                    let rest = node.head.dropFirst(9 + size)
                    var pictures = [Array(rest.dropFirst(2).prefix(Int(UInt16(bigEndianBytes: rest.prefix(2)))))]
                    try change(&sequence, &pictures)
                    node.head = Array(node.head.prefix(6)) + UInt16(sequence.count).bigEndianBytes + sequence
                    node.head += [UInt8(pictures.count)]
                    node.head += pictures.flatMap { UInt16($0.count).bigEndianBytes + $0 }
                }
            }
            try result.get()
            return editor.file()
        }
    }

    /// Changes what a sequence parameter set promises.
    private static func promise(
        _ sequence: inout [UInt8],
        _ change: (inout SequenceSyntax) -> Void
    ) throws {
        var syntax = try SequenceSyntax(unit: sequence)
        #expect(try syntax.unit() == sequence, "what is read and written again is the same")
        change(&syntax)
        sequence = try syntax.unit()
    }

    private static let sets = [
        set("a picture set that is there twice", .parameterSets) { _, pictures in pictures += pictures },
        set("no picture set", .picture) { _, pictures in pictures = [] },
        set("slice groups", .sliceGroups) { _, pictures in
            // Both ids 0, CAVLC, no bottom order, one group more.
            pictures = [[0x68] + Bits("1" + "1" + "0" + "0" + "010" + "1").bytes + [0x80]]
        },
        set("picture order type 1", .pictureOrderType) { sequence, _ in
            // Baseline: four bytes of header, id, the bits of frame numbers, then the type: 2 becomes 1, with no cycle.
            var plain = sequence
            while let escape = plain.firstRange(of: [0, 0, 3]) { plain.remove(at: escape.upperBound - 1) }
            var bits = Bits(plain)
            let start = bits.text.index(bits.text.startIndex, offsetBy: 32)
            let place = try #require(bits.text[start...].firstRange(of: "011"))
            bits.text.replaceSubrange(place, with: "010" + "1" + "1" + "1" + "1")
            sequence = bits.bytes
        },
        set("less reordering than there is", .sourceBuffer, ["-preset", "medium"]) { sequence, _ in
            try promise(&sequence) { $0.usability.maxReorderFrames = 0 }
        },
        set("a buffer for fewer frames than are kept", .sourceBuffer, ["-preset", "medium"]) { sequence, _ in
            try promise(&sequence) { $0.usability.maxBufferedFrames = 1 }
        },
        set("copies need references, which have no room", .resultBuffer, ["-g", "1"]) { sequence, _ in
            try promise(&sequence) {
                $0.maxReferenceFrames = 4
                $0.usability.promise(reorder: 0, buffer: 1)
            }
        },
        set("redundant pictures", .redundantPictures) { _, pictures in
            var bits = Bits(pictures[0])
            // The last flag, before the stop bit.
            let stop = try #require(bits.text.lastIndex(of: "1"))
            bits.text.replaceSubrange(bits.text.index(before: stop)...stop, with: "11")
            pictures = [bits.bytes]
        },
        Case(
            name: "another set in the samples",
            reason: .changedParameterSets,
            clip: RetimingClip(name: "repeated", options: ["-x264-params", "repeat-headers=1"])
        ) { file in
            var editor = BoxEditor(file)
            // In the box, not in the samples: the quantiser of a set without B frames.
            editor.edit(table + "stsd/avc1/avcC") { node in
                let size = Int(UInt16(bigEndianBytes: node.head[6..<8]))
                node.head[8 + size + 3 + 2] ^= 0x10
            }
            return editor.file()
        },
    ]

    // MARK: Bent slices

    /// Overwrites slice headers of a stream without B frames, whose frame numbers have `bits` bits.
    private static func slice(
        _ name: String,
        _ reason: RetimingRefusal.Reason,
        _ change: @escaping @Sendable (inout SampleEditor, _ number: (Int) -> String) -> Void
    ) -> Case {
        Case(name: name, reason: reason) { file in
            var editor = SampleEditor(file)
            let sets = editor.configuration.lowerBound
            let size = Int(UInt16(bigEndianBytes: file[sets + 10..<sets + 12]))
            let bits = try SequenceSyntax(unit: Array(file[sets + 12..<sets + 12 + size])).frameNumberBits
            change(&editor) { Bits.number($0 & (1 << bits - 1), bits) }
            return editor.file
        }
    }

    /// First macroblock 0, type P, set 0.
    private static let forward = "1" + "00110" + "1"
    /// No other number of references, no other order of theirs.
    private static let plain = "0" + "0"

    private static let slices = [
        slice("no key frame at the start", .startsWithoutKeyFrame) { editor, number in
            editor.overwrite(0, header: 0x41, forward + number(0) + plain + "0")
        },
        slice("a frame number is left out", .frameNumberGap) { editor, number in
            editor.overwrite(5, header: 0x41, forward + number(6) + plain + "0")
        },
        slice("a reset of all references", .markingReset) { editor, number in
            editor.overwrite(5, header: 0x41, forward + number(5) + plain + "1" + "00110" + "1")
        },
        slice("a reference is forgotten that never was", .marking) { editor, number in
            editor.overwrite(5, header: 0x41, forward + number(5) + plain + "1" + "010" + "0001010" + "1")
        },
        slice("a long-term reference without an index", .marking) { editor, number in
            editor.overwrite(5, header: 0x41, forward + number(5) + plain + "1" + "00111" + "1" + "1")
        },
        slice("a switching slice", .switchingSlices) { editor, number in
            editor.overwrite(5, header: 0x41, "1" + "0001001" + "1" + number(5))
        },
        slice("a slice in the middle", .sliceOrder) { editor, number in
            editor.overwrite(5, header: 0x41, "011" + "00110" + "1" + number(5) + plain + "0")
        },
        slice("an unknown picture parameter set", .parameterSets) { editor, number in
            editor.overwrite(5, header: 0x41, "1" + "00110" + "011" + number(5) + plain + "0")
        },
        slice("a key frame that hides what came before", .suppressedOutput) { editor, number in
            editor.overwrite(5, header: 0x65, "1" + "0001000" + "1" + number(0) + "1" + "1" + "0")
        },
        slice("two frames of the same order", .equalPictureOrder) { editor, number in
            for sample in 94...95 { editor.overwrite(sample, header: 0x01, forward + number(94) + plain) }
        },
        slice("a layer of a scalable stream", .unitType) { editor, _ in editor.file[editor.slice(of: 5)] = 0x74 },
        slice("a part of a partitioned picture", .unitType) { editor, _ in editor.file[editor.slice(of: 5)] = 0x42 },
        slice("a length beyond the sample", .malformed) { editor, _ in editor.file[editor.slice(of: 5) - 4] = 0x7F },
        slice("a header without end", .malformed) { editor, _ in
            editor.overwrite(5, header: 0x41, String(repeating: "0", count: 40))
        },
    ]
}
