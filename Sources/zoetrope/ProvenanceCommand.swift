import ArgumentParser
import StrictJSON
import ZoetropeCore
import ZoetropeMedia

/// The command `zoetrope provenance`.
struct ProvenanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provenance",
        abstract: "Says what a video file tells about how it was made.",
        discussion: """
            Reads the mark that Zoetrope writes into every video, and that of other programs
            which write the same standard (IPTC, as XMP). Signed Content Credentials (C2PA) are
            noticed, but not checked. Nothing in a file proves that what it says is true.

            Exit codes: 0 it has a mark; 1 it has none, or is no MP4.
            """
    )

    @Argument(help: ArgumentHelp("The video, an MP4 file.", valueName: "file"))
    var path: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let found: FileProvenance
        do {
            found = try FileProvenance.read(from: FileByteSource(path: path))
        } catch {
            throw CommandFailure.failed("\"\(path)\" cannot be read as an MP4: \(error.message)")
        }
        if json {
            try Console.result(String(decoding: Self.object(found).encoded(), as: UTF8.self))
        } else if let mark = found.mark {
            try Console.result(Self.lines(mark, found).joined(separator: "\n"))
        }
        guard found.mark != nil else {
            let credentials =
                found.hasContentCredentials ? ", but has Content Credentials (C2PA), which are not read" : ""
            throw CommandFailure.failed("\"\(path)\" has no mark that says how it was made\(credentials)")
        }
    }

    private static func lines(_ mark: FileProvenance.Mark, _ found: FileProvenance) -> [String] {
        let sourceType = mark.sourceType ?? ""
        let lines: [(name: String, value: String?)] = [
            (
                "how it was made",
                mark.source?.sentence ?? "Something that Zoetrope does not write: see the source type."
            ),
            ("source type", sourceType),
            ("AI system", mark.system),
            ("written by", mark.tool),
            ("title", found.title),
            ("comment", found.comment),
            ("credentials", found.hasContentCredentials ? "Content Credentials (C2PA) are there, not checked" : nil),
            ("warning", found.marks.count > 1 ? "\(found.marks.count) marks; this is the first" : nil),
        ]
        return lines.compactMap { name, value in
            value.map { name + String(repeating: " ", count: 17 - name.count) + $0 }
        }
    }

    private static func object(_ found: FileProvenance) -> JSONValue {
        func orNull(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        let mark = found.mark
        return [
            "digital_source_type": orNull(mark?.sourceType),
            "ai_generated": mark?.source.map { .bool($0.isDrawnByModel) } ?? .null,
            "meaning": orNull(mark?.source?.sentence),
            "ai_system": orNull(mark?.system),
            "creator_tool": orNull(mark?.tool),
            "title": orNull(found.title),
            "comment": orNull(found.comment),
            "marks": .integer(Int64(found.marks.count)),
            "content_credentials": .bool(found.hasContentCredentials),
        ]
    }
}
