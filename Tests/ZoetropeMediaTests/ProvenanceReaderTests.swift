import Foundation
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite(
    .enabled(if: MP4Workshop.tools && ToolRunner.has("exiftool"), "needs ffmpeg, ffprobe, jq, python3 and exiftool"),
    .timeLimit(.minutes(5))
)
struct ProvenanceReaderTests {
    static let marks = [
        Provenance(source: .trainedAlgorithmicMedia, system: "wan-video/wan-2.5-i2v"),
        Provenance(source: .trainedAlgorithmicMedia, system: nil),
        Provenance(source: .compositeWithTrainedAlgorithmicMedia, system: nil),
        Provenance(source: .algorithmicallyEnhanced, system: nil),
        Provenance(source: .trainedAlgorithmicMedia, system: "a<b>&\"c\" 模型\u{1}"),
    ]

    @Test(arguments: marks)
    func `what is written is read by us, by exiftool and by ffprobe`(provenance: Provenance) async throws {
        let workshop = try MP4Workshop()
        let file = try workshop.write(try await Self.marked(provenance, workshop))
        let system = provenance.system?.replacingOccurrences(of: "\u{1}", with: "\u{FFFD}")

        let found = try FileProvenance.read(from: FileByteSource(path: file))
        let mark = try #require(found.mark)
        #expect(mark.source == provenance.source && mark.sourceType == provenance.source.uri)
        #expect(mark.system == system && mark.tool == "Zoetrope")
        #expect(found.marks.count == 1 && !found.hasContentCredentials)
        #expect(found.title == "Zoetrope" && found.comment == MP4Target.comment(provenance.source))

        let exiftool = try await ToolRunner.succeed("exiftool", ["-j", "-G1", "-XMP:all", "-ItemList:all", file])
        let tags = try #require(try JSONSerialization.jsonObject(with: exiftool.stdout) as? [[String: Any]]).first
        #expect(tags?["XMP-iptcExt:DigitalSourceType"] as? String == provenance.source.uri, "\(exiftool.text)")
        #expect(tags?["XMP-iptcExt:AISystemUsed"] as? String == system, "\(exiftool.text)")
        #expect(tags?["XMP-xmp:CreatorTool"] as? String == "Zoetrope", "\(exiftool.text)")
        #expect(tags?["ItemList:Comment"] as? String == MP4Target.comment(provenance.source), "\(exiftool.text)")
        let valid = try await ToolRunner.succeed("exiftool", ["-validate", "-warning", "-a", file])
        #expect(valid.text.contains("OK"), "\(valid.text)")

        let probe = try await ToolRunner.succeed(
            "ffprobe",
            ["-v", "error", "-export_xmp", "1", "-show_entries", "format_tags", "-of", "json", file]
        )
        let object = try JSONSerialization.jsonObject(with: probe.stdout) as? [String: [String: [String: String]]]
        let format = object?["format"]?["tags"]
        #expect(format?["xmp"]?.contains(provenance.source.uri) == true, "\(probe.text)")
        #expect(format?["title"] == "Zoetrope", "\(probe.text)")
        #expect(format?["comment"] == MP4Target.comment(provenance.source), "\(probe.text)")
    }

    @Test func `what exiftool writes is read`() async throws {
        let workshop = try MP4Workshop()
        let file = try workshop.write(try await workshop.encode())
        let value = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
        try await ToolRunner.succeed(
            "exiftool",
            [
                "-q", "-overwrite_original", "-XMP-iptcExt:DigitalSourceType=\(value)", "-XMP-xmp:CreatorTool=A & B",
                file,
            ]
        )
        let found = try FileProvenance.read(from: FileByteSource(path: file))
        #expect(found.mark?.sourceType == value && found.mark?.tool == "A & B")
        #expect(found.mark?.source == nil, "not one of ours")
    }

    /// How others may write it.
    static let foreign: [(name: String, packet: String)] = [
        (
            "attributes",
            """
            <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="\(rdf)"><rdf:Description rdf:about=""
              xmlns:i='\(iptc)' i:AISystemUsed="a model" i:DigitalSourceType = "\(trained)"/></rdf:RDF></x:xmpmeta>
            """
        ),
        (
            "a reference",
            """
            <rdf:RDF xmlns:rdf="\(rdf)" xmlns:i="\(iptc)"><rdf:Description><i:DigitalSourceType rdf:resource="\(trained)"/>
            <i:AISystemUsed>a model</i:AISystemUsed></rdf:Description></rdf:RDF>
            """
        ),
        (
            "a list, comments and entities",
            """
            <!-- <no> --><rdf:RDF xmlns:rdf="\(rdf)" xmlns:i="\(iptc)"><i:DigitalSourceType><rdf:Bag><rdf:li>
            &#x68;ttp&#58;//cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</rdf:li></rdf:Bag></i:DigitalSourceType>
            <i:AISystemUsed><rdf:Alt><rdf:li xml:lang="x-default">a model</rdf:li></rdf:Alt></i:AISystemUsed></rdf:RDF>
            """
        ),
        (
            "https",
            """
            <rdf:RDF xmlns:rdf="\(rdf)" xmlns:i="\(iptc)"><i:DigitalSourceType>\(trained.replacing("http:", with: "https:"))\
            </i:DigitalSourceType><i:AISystemUsed>a model</i:AISystemUsed></rdf:RDF>
            """
        ),
    ]
    private static let rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    private static let iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    private static let trained = DigitalSourceType.trainedAlgorithmicMedia.uri

    @Test(arguments: foreign.indices)
    func `marks of others are read, too`(index: Int) throws {
        let found = try Self.found(Array(Self.foreign[index].packet.utf8))
        #expect(found.mark?.source == .trainedAlgorithmicMedia, "\(Self.foreign[index].name)")
        #expect(found.mark?.system == "a model", "\(Self.foreign[index].name)")
    }

    @Test(arguments: [
        "", "no XML", "<a", "<a>", "</a>", "<a></b>", "<a x></a>", "<a x=1/>", "<a x='1' x/>", "<1/>", "<a/ >",
        "<!DOCTYPE a [<!ENTITY b \"\(trained)\">]><i:DigitalSourceType xmlns:i='\(iptc)'>&b;</i:DigitalSourceType>",
        "<i:DigitalSourceType xmlns:i='http://other/'>\(trained)</i:DigitalSourceType>",
        "<i:DigitalSourceType>\(trained)</i:DigitalSourceType>",
        "<i:DigitalSourceType xmlns:i='\(iptc)'> </i:DigitalSourceType>",
        "<i:DigitalSourceType xmlns:i='\(iptc)'>&nbsp;</i:DigitalSourceType>",
        "<i:DigitalSourceType xmlns:i='\(iptc)'>&#xD800;</i:DigitalSourceType>",
        "<i:DigitalSourceType xmlns:i='\(iptc)'>\(trained)",
        String(repeating: "<a>", count: 100_000),
    ])
    func `what is no mark is none`(packet: String) throws {
        #expect(try Self.found(Array(packet.utf8)).mark == nil)
    }

    @Test func `texts of strangers are made printable and cut`() throws {
        let packet = """
            <i:DigitalSourceType xmlns:i='\(Self.iptc)' xmlns:x="http://ns.adobe.com/xap/1.0/" \
            x:CreatorTool="\u{1B}[31m\u{202E}red\(String(repeating: "x", count: 10_000))">a</i:DigitalSourceType>
            """
        let tool = try #require(try Self.found(Array(packet.utf8)).mark?.tool)
        #expect(tool.hasPrefix("?[31m?redx") && tool.count == 255)
    }

    @Test func `Content Credentials and several marks are noticed`() throws {
        let mark = Array("<i:DigitalSourceType xmlns:i='\(Self.iptc)'>\(Self.trained)</i:DigitalSourceType>".utf8)
        let boxes = [
            BoxNode(type: "ftyp", head: Array("isom".utf8)), BoxNode(type: "uuid", head: FoundClip.xmpID + mark),
            BoxNode(type: "uuid", head: FoundClip.xmpID + mark), BoxNode(type: "uuid", head: FoundClip.credentialsID),
            BoxNode(type: "uuid", head: [1, 2, 3]),
        ]
        let found = try FileProvenance.read(from: MemoryByteSource(boxes.flatMap { $0.bytes() }))
        #expect(found.marks.count == 2 && found.hasContentCredentials)
        let many = boxes[0].bytes() + Array(repeating: boxes[1].bytes(), count: 500).joined()
        #expect(try FileProvenance.read(from: MemoryByteSource(many)).marks.count == 16)
    }

    @Test(arguments: [UInt64(21), 22])
    func `bent packets and files are read or refused`(seed: UInt64) async throws {
        let workshop = try MP4Workshop()
        let file = try await Self.marked(.byModel, workshop)
        var editor = BoxEditor(file)
        editor.edit("mdat") { $0.head = Array($0.head.prefix(32)) }
        let packets = try #require(editor.boxes.first { $0.type == "uuid" }).head.dropFirst(16)
        let corpus = [Array(packets)] + Self.foreign.map { Array($0.packet.utf8) }
        var random = SplitMix64(seed: seed)
        var inner = MutationFuzzer(corpus: corpus, dictionary: Self.words, seed: seed)
        var outer = MutationFuzzer(corpus: [editor.file()], dictionary: Self.words, seed: seed)
        var readCount = 0
        for number in 0..<6_000 {
            let bytes = Bool.random(using: &random) ? outer.next() : Self.file(inner.next())
            let source = RecordingByteSource(bytes)
            guard let found = try? FileProvenance.read(from: source) else { continue }
            if found.mark != nil { readCount += 1 }
            let texts = [found.mark?.sourceType, found.mark?.system, found.mark?.tool, found.title, found.comment]
            let isPrintable = texts.allSatisfy { text in
                text.map { $0.unicodeScalars.count <= 255 && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } } ?? true
            }
            #expect(isPrintable && source.bytesRead <= 4 * bytes.count + 65_536, "seed \(seed), variant \(number)")
        }
        #expect(readCount > 500)
    }

    private static let words = [
        "uuid", "moov", "<", ">", "/>", "&", "&#x", ";", "<!--", "-->", "<?", "xmlns:", "=\"", "rdf:resource",
        "\u{301}",
    ]
    .map { Array($0.utf8) }

    private static func marked(_ provenance: Provenance, _ workshop: MP4Workshop) async throws -> [UInt8] {
        let clip = try await workshop.encode()
        return try MP4Mover.plan(MemoryByteSource(clip), marking: provenance, keepsSound: false).file(from: clip)
    }

    /// A file with this packet of XMP and nothing else.
    private static func file(_ packet: [UInt8]) -> [UInt8] {
        BoxNode(type: "ftyp", head: Array("isom".utf8)).bytes()
            + BoxNode(type: "uuid", head: FoundClip.xmpID + packet).bytes()
    }

    private static func found(_ packet: [UInt8]) throws -> FileProvenance {
        try FileProvenance.read(from: MemoryByteSource(file(packet)))
    }
}
