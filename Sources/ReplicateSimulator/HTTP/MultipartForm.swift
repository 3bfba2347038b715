/// The parts of a `multipart/form-data` body (RFC 7578).
struct MultipartForm: Sendable {
    private(set) var parts: [Part] = []

    /// One part.
    struct Part: Sendable {
        let name: String
        let fileName: String?
        let contentType: String?
        let body: ArraySlice<UInt8>
    }

    /// The first part of a name.
    subscript(name: String) -> Part? { parts.first { $0.name == name } }

    private static let partLimit = 100

    /// Nil for a body that is not what its content type says.
    init?(contentType: String, body: [UInt8]) {
        guard contentType.lowercased().hasPrefix("multipart/form-data"),
            let boundary = Self.parameter("boundary", of: contentType), (1...70).contains(boundary.utf8.count)
        else { return nil }
        let delimiter = Array("--\(boundary)".utf8)
        guard var position = Self.find(delimiter, in: body, from: 0).map({ $0 + delimiter.count }) else { return nil }
        let inner = Array("\r\n--\(boundary)".utf8)
        while !body[position...].starts(with: Array("--".utf8)) {
            guard body[position...].starts(with: Array("\r\n".utf8)), parts.count < Self.partLimit,
                let end = Self.find(inner, in: body, from: position),
                let part = Part(body[(position + 2)..<max(position + 2, end)])
            else { return nil }
            parts.append(part)
            position = end + inner.count
        }
    }

    /// The value of a parameter of a header, quoted or not.
    fileprivate static func parameter(_ name: String, of header: String) -> String? {
        var rest = header[...]
        while let start = rest.firstIndex(of: ";") {
            rest = rest[rest.index(after: start)...].drop { $0 == " " }
            guard let equals = rest.firstIndex(of: "=") else { return nil }
            let key = rest[..<equals].lowercased()
            var value = rest[rest.index(after: equals)...]
            if value.first == "\"" {
                value = value.dropFirst()
                var text = ""
                while let character = value.popFirst(), character != "\"" {
                    if character == "\\", let escaped = value.popFirst() {
                        text.append(escaped)
                    } else {
                        text.append(character)
                    }
                }
                if key == name { return text }
            } else if key == name {
                return String(value.prefix { $0 != ";" && $0 != " " })
            }
            rest = value
        }
        return nil
    }

    private static func find(_ wanted: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        body.withUnsafeBufferPointer { body in
            var position = start
            let last = body.count - wanted.count
            while position <= last {
                if body[position] == wanted[0] {
                    var length = 1
                    while length < wanted.count, body[position + length] == wanted[length] { length += 1 }
                    if length == wanted.count { return position }
                }
                position += 1
            }
            return nil
        }
    }
}

extension MultipartForm.Part {
    /// From the header lines, an empty line and the body.
    fileprivate init?(_ bytes: ArraySlice<UInt8>) {
        var headers: [Header] = []
        var rest = bytes
        while true {
            guard let end = rest.firstIndex(of: 0x0D), end - rest.startIndex < 16_384,
                rest[end...].starts(with: [0x0D, 0x0A]), headers.count < 50
            else { return nil }
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 2)...]
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers.append(Header(String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " })))
        }
        guard let disposition = headers["content-disposition"],
            let name = MultipartForm.parameter("name", of: disposition)
        else { return nil }
        self.init(
            name: name,
            fileName: MultipartForm.parameter("filename", of: disposition),
            contentType: headers["content-type"],
            body: rest
        )
    }
}
