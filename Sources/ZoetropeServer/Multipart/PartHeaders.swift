/// The headers of a part, of which only the name of its field counts.
struct PartHeaders: Sendable {
    let name: String

    /// Reads lines without their last end.
    init(_ bytes: ArraySlice<UInt8>) throws(MultipartError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw MultipartError("The headers of a part are not UTF-8")
        }
        var name: String?
        for line in text.utf8.isEmpty ? [] : Self.lines(of: text) {
            let (field, value) = try Self.field(line)
            switch field {
            case "content-disposition":
                guard name == nil else { throw MultipartError("A part has two Content-Dispositions") }
                name = try Self.name(in: value)
            case "content-transfer-encoding":
                guard ["7bit", "8bit", "binary"].contains(value.lowercased()) else {
                    throw MultipartError("A part is encoded; send its bytes as they are")
                }
            default: break
            }
        }
        guard let name else { throw MultipartError("A part has no Content-Disposition") }
        self.name = name
    }

    private static func lines(of text: String) -> [Substring.UnicodeScalarView] {
        var lines: [Substring.UnicodeScalarView] = []
        var rest = text.unicodeScalars[...]
        // By code points: as a character, CR and LF are one.
        while let end = rest.firstIndex(of: "\r"), text.unicodeScalars.index(after: end) < rest.endIndex,
            rest[text.unicodeScalars.index(after: end)] == "\n"
        {
            lines.append(rest[..<end])
            rest = rest[text.unicodeScalars.index(end, offsetBy: 2)...]
        }
        return lines + [rest]
    }

    private static func field(_ line: Substring.UnicodeScalarView) throws(MultipartError) -> (String, String) {
        guard !line.contains(where: { $0.properties.generalCategory == .control && $0 != "\t" }) else {
            throw MultipartError("A header of a part has a control character")
        }
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
            String(line[..<colon]).utf8.allSatisfy(HeaderValue.isTokenByte)
        else {
            throw MultipartError("A header of a part is not of the form \"name: value\"")
        }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        let end = value.lastIndex { $0 != " " && $0 != "\t" }
        return (String(line[..<colon]).lowercased(), end.map { String(value[...$0]) } ?? "")
    }

    private static func name(in value: String) throws(MultipartError) -> String {
        guard let disposition = HeaderValue(value) else {
            throw MultipartError("The Content-Disposition of a part is malformed")
        }
        guard disposition.text == "form-data", let name = disposition.parameters["name"] else {
            throw MultipartError("The Content-Disposition of a part must be form-data with a name")
        }
        return name
    }
}
