import Glibc

/// The parts of a `multipart/form-data` body.
///
/// One pass over the bytes; every part is a range of them. What stands before the first and after the last boundary does
/// nothing, as RFC 2046 wants it.
struct MultipartForm: Sendable {
    struct Part: Sendable, Hashable {
        let name: String
        fileprivate let range: Range<Int>
    }

    static let mostParts = 32
    /// Bytes of the headers of one part.
    static let mostHeaderBytes = 8 * 1_024

    private let body: [UInt8]
    private(set) var parts: [Part] = []

    func content(of part: Part) -> ArraySlice<UInt8> { body[part.range] }

    init(parsing body: [UInt8], boundary: MultipartBoundary) throws(MultipartError) {
        self.body = body
        let delimiter = Array("\r\n--".utf8) + boundary.bytes
        // The first boundary may begin the body, as if a line had ended before it.
        var position: Int
        if body.starts(with: delimiter[2...]) {
            position = delimiter.count - 2
        } else if let start = Self.find(delimiter, in: body, from: 0) {
            position = start + delimiter.count
        } else {
            throw MultipartError("The body does not contain its boundary")
        }
        while try !Self.isClosed(body, &position) {
            guard parts.count < Self.mostParts else {
                throw MultipartError("The form has more than \(Self.mostParts) parts")
            }
            // A part without headers and content: its empty line's end is also the delimiter's beginning.
            let headers = try Self.headers(in: body, &position)
            guard let end = Self.find(delimiter, in: body, from: position) else {
                throw MultipartError("The form ends without its closing boundary")
            }
            parts.append(Part(name: try PartHeaders(headers).name, range: position..<end))
            position = end + delimiter.count
        }
    }

    /// Reads the rest of a boundary's line: true after the closing one.
    private static func isClosed(_ body: [UInt8], _ position: inout Int) throws(MultipartError) -> Bool {
        var rest = body[position...]
        if rest.starts(with: "--".utf8) { return true }
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
        guard rest.starts(with: "\r\n".utf8) else {
            throw MultipartError("A boundary is not followed by the end of its line")
        }
        position = rest.startIndex + 2
        return false
    }

    /// Takes the headers with the empty line that ends them.
    private static func headers(in body: [UInt8], _ position: inout Int) throws(MultipartError) -> ArraySlice<UInt8> {
        let start = position
        if body[start...].starts(with: "\r\n".utf8) {
            position += 2
            return []
        }
        let searched = Array(body[start..<min(body.count, start + mostHeaderBytes)])
        guard let end = find(Array("\r\n\r\n".utf8), in: searched, from: 0) else {
            throw MultipartError(
                body.count - start > mostHeaderBytes
                    ? "A part has more than \(mostHeaderBytes) bytes of headers"
                    : "The headers of a part do not end"
            )
        }
        position = start + end + 4
        return body[start..<start + end]
    }

    /// Where a pattern that begins with a carriage return begins.
    ///
    /// The boundary's pattern holds only one, so no byte is compared twice, whatever the body holds.
    private static func find(_ pattern: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        body.withUnsafeBytes { body in
            guard let base = body.baseAddress else { return nil }
            var position = start
            while position + pattern.count <= body.count,
                let match = memchr(base + position, Int32(pattern[0]), body.count - position - pattern.count + 1)
            {
                position = base.distance(to: UnsafeRawPointer(match))
                if body[position...].starts(with: pattern) { return position }
                position += 1
            }
            return nil
        }
    }
}
