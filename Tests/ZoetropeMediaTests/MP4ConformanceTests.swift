import Foundation
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// A clip, and what is wrong with it.
struct JudgedClip: Sendable, CustomTestStringConvertible {
    let name: String
    /// The rules that it breaks, no more and no fewer.
    let rules: Set<Int>
    /// What `check-mp4.sh` says, where that is not the same; the reason stands beside the clip.
    let scriptRules: Set<Int>
    let seconds: Int?
    let allowsSound: Bool
    let make: @Sendable (MP4Workshop) async throws -> [UInt8]

    init(
        _ name: String,
        breaks rules: Set<Int>,
        script scriptRules: Set<Int>? = nil,
        seconds: Int? = 1,
        allowsSound: Bool = false,
        make: @escaping @Sendable (MP4Workshop) async throws -> [UInt8]
    ) {
        self.name = name
        self.rules = rules
        self.scriptRules = scriptRules ?? rules
        self.seconds = seconds
        self.allowsSound = allowsSound
        self.make = make
    }

    var testDescription: String { name }
}

@Suite(.enabled(if: MP4Workshop.tools, "needs ffmpeg, ffprobe, jq and python3"), .timeLimit(.minutes(5)))
struct MP4ConformanceTests {
    @Test(arguments: JudgedClip.all)
    func `a clip breaks exactly the rules it should, and the script agrees`(clip: JudgedClip) async throws {
        let workshop = try MP4Workshop()
        let file = try workshop.write(try await clip.make(workshop))

        let movie = try MP4Movie.read(from: FileByteSource(path: file))
        let findings = MP4Conformance.check(movie, seconds: clip.seconds, allowsSound: clip.allowsSound)
        #expect(Set(findings.map(\.rule)) == clip.rules, "\(findings)")

        let script = try await Self.script(file, seconds: clip.seconds)
        #expect(script.rules == clip.scriptRules, "\(script.text)")
    }

    /// Two files in one that only we can tell apart: the script does not look at these places.
    @Test func `a private word in any place is found, and stays out of the finding`() async throws {
        let workshop = try MP4Workshop()
        let good = try await workshop.encode()
        let canary = "CANARY-48.137"
        let text = Array(canary.utf8)
        let data = BoxNode(type: "data", head: [0, 0, 0, 1, 0, 0, 0, 0] + text)
        let places: [(String, (inout BoxEditor) -> Void)] = [
            ("file/uuid", { $0.boxes.append(BoxNode(type: "uuid", head: Array(repeating: 7, count: 16) + text)) }),
            ("file/free", { $0.boxes.append(BoxNode(type: "free", head: text)) }),
            ("file/meta", { $0.boxes.append(BoxNode(type: "meta", head: [0, 0, 0, 0] + text)) }),
            ("file/unknown", { $0.boxes.append(BoxNode(type: "AIGC", head: text)) }),
            ("moov/unknown", { $0.edit("moov") { $0.add(BoxNode(type: "AIGC", head: text)) } }),
            ("moov/uuid", { $0.edit("moov") { $0.add(BoxNode(type: "uuid", head: text)) } }),
            ("moov/udta/©xyz", { $0.edit("moov/udta") { $0.add(BoxNode(type: "©xyz", head: text)) } }),
            ("moov/udta/loci", { $0.edit("moov/udta") { $0.add(BoxNode(type: "loci", head: text)) } }),
            (
                "moov/udta/meta/xml",
                { $0.edit("moov/udta/meta") { $0.add(BoxNode(type: "xml ", head: text)) } }
            ),
            (
                "ilst/©mak",
                {
                    $0.edit("moov/udta/meta/ilst") {
                        $0.add(BoxNode(type: "©mak", head: [], children: [data]))
                    }
                }
            ),
            (
                "ilst/----",
                {
                    $0.edit("moov/udta/meta/ilst") {
                        let mean = BoxNode(type: "mean", head: [0, 0, 0, 0] + text)
                        $0.add(BoxNode(type: "----", head: [], children: [mean, data]))
                    }
                }
            ),
            ("udta that is no list", { $0.edit("moov/udta") { $0.head = text } }),
            ("trak/udta", { $0.edit("moov/trak") { $0.add(BoxNode(type: "udta", head: text)) } }),
            ("trak/unknown", { $0.edit("moov/trak") { $0.add(BoxNode(type: "prmt", head: text)) } }),
            ("mdia/udta", { $0.edit("moov/trak/mdia") { $0.add(BoxNode(type: "udta", head: text)) } }),
            ("stbl/unknown", { $0.edit("moov/trak/mdia/minf/stbl") { $0.add(BoxNode(type: "prmt", head: text)) } }),
            ("stbl/free", { $0.edit("moov/trak/mdia/minf/stbl") { $0.add(BoxNode(type: "free", head: text)) } }),
            (
                "avc1/unknown",
                { $0.edit("moov/trak/mdia/minf/stbl/stsd/avc1") { $0.add(BoxNode(type: "prmt", head: text)) } }
            ),
            ("meta/hdlr", { $0.edit("moov/udta/meta/hdlr") { $0.head += text } }),
            (
                "meta/keys",
                {
                    $0.edit("moov/udta/meta") {
                        let size = UInt32(text.count + 8).bigEndianBytes
                        $0.add(
                            BoxNode(type: "keys", head: [0, 0, 0, 0, 0, 0, 0, 1] + size + Array("mdta".utf8) + text)
                        )
                    }
                }
            ),
            ("hdlr", { $0.edit("moov/trak/mdia/hdlr") { $0.head += text } }),
            (
                "compressorname",
                { $0.edit("moov/trak/mdia/minf/stbl/stsd/avc1") { $0.write(Array(text.prefix(13)), at: 55) } }
            ),
            ("mvhd", { $0.edit("moov/mvhd") { $0.write([1, 2, 3, 4], at: 4) } }),
            ("tkhd", { $0.edit("moov/trak/tkhd") { $0.write([1, 2, 3, 4], at: 8) } }),
            ("mdhd", { $0.edit("moov/trak/mdia/mdhd") { $0.write([1, 2, 3, 4], at: 4) } }),
        ]
        for (place, bend) in places {
            var editor = BoxEditor(good)
            bend(&editor)
            let movie = try MP4Movie.read(from: MemoryByteSource(editor.file()))
            let findings = MP4Conformance.check(movie, seconds: 1, allowsSound: false)
            #expect(findings.map(\.rule) == [17], "\(place): \(findings)")
            #expect(!findings.contains { $0.text.contains("48.137") && place != "ilst/----" }, "\(place): \(findings)")
            #expect(
                MP4Conformance.check(movie, seconds: 1, allowsSound: false, keeping: Set(movie.metadata)).isEmpty,
                "\(place): kept when it was asked for"
            )
        }
    }

    @Test func `a sound track is a finding unless it is allowed`() async throws {
        let workshop = try MP4Workshop()
        let clip = try await workshop.encode(inputs: JudgedClip.sine, JudgedClip.aac)
        let movie = try MP4Movie.read(from: MemoryByteSource(clip))
        #expect(MP4Conformance.check(movie, seconds: 1, allowsSound: true).isEmpty)
        #expect(MP4Conformance.check(movie, seconds: 1, allowsSound: false).map(\.rule) == [16])
    }

    @Test func `a finding names the value and what would be right`() async throws {
        let workshop = try MP4Workshop()
        let movie = try MP4Movie.read(from: MemoryByteSource(try await workshop.encode(filter: "setsar=16/11")))
        let texts = MP4Conformance.check(movie, seconds: 2, allowsSound: false).map(\.description)
        #expect(texts.contains("rule 11: 2 s must have 60 frames, got 30"))
        #expect(texts.contains("rule 7: pixels must be square, got 16:11"))
    }

    /// The script's verdict as rule numbers.
    static func script(_ file: String, seconds: Int?, source: DigitalSourceType? = nil) async throws -> (
        rules: Set<Int>, text: String
    ) {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let script = root.appending(path: "scripts/check-mp4.sh").standardizedFileURL.path
        let result = try await ToolRunner.run(
            "sh",
            [script, file, seconds.map { "\($0)" } ?? "", source?.rawValue ?? ""]
        )
        let rules = result.text.split(separator: "\n").compactMap { Int($0.split(separator: " ")[1]) }
        #expect(result.status == (rules.isEmpty ? 0 : 1), "\(result.errorText)")
        return (Set(rules), result.text)
    }
}
