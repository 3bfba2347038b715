import Hummingbird
import NIOCore
import ZoetropeWorkflow

/// The fields of a form that a visitor sent from an own page.
struct PageForm: Sendable {
    private let fields: [String: String]
    /// The path of the file that was sent; nil for none, or an empty one.
    let file: MultipartForm.File?

    /// Reads a form without files, `application/x-www-form-urlencoded`.
    ///
    /// Throws the 403 ``Problem`` of a form that does not carry the visitor's token.
    init(_ request: Request, of visitor: Visitor?) async throws {
        let bytes = try await request.bytes(upTo: Request.mostFormBytes)
        let fields = URLEncodedFields(String(decoding: bytes, as: UTF8.self))
        try self.init(fields.values, file: nil, of: visitor)
    }

    /// Reads a form with a file; it is made in `folder`.
    init(
        _ request: Request,
        of visitor: Visitor?,
        texts: Set<String>,
        upload: String,
        in folder: String,
        pace: BodyPace
    ) async throws {
        let boundary = try request.multipartBoundary()
        var body = try BodyReader(request, upTo: Request.mostMultipartBytes, pace: pace)
        var limits = MultipartForm.Limits()
        limits.textBytes = Request.mostFormBytes / 2
        let form = try await MultipartForm.read(
            &body,
            boundary: boundary,
            texts: texts.union(["token"]),
            uploads: [upload],
            in: folder,
            limits: limits
        )
        var fields: [String: String] = [:]
        for field in form.fields { fields[field.name] = field.text ?? "" }
        // A browser sends a field without a file as an empty one.
        try self.init(fields, file: form.files.first { $0.byteCount > 0 }, of: visitor)
    }

    private init(_ fields: [String: String], file: MultipartForm.File?, of visitor: Visitor?)
        throws(Problem)
    {
        if let token = visitor?.formToken {
            guard let sent = fields["token"], sent.utf8.elementsEqual(token.utf8) else {
                throw .foreignForm
            }
        }
        self.fields = fields
        self.file = file
    }

    /// A field; nil where it was left out or empty.
    ///
    /// Browsers send the ends of lines as CR LF, which a person counts as one character.
    subscript(name: String) -> String? {
        guard let text = fields[name]?.replacing("\r\n", with: "\n"), !text.isEmpty else { return nil }
        return text
    }
}

/// The fields of `application/x-www-form-urlencoded` text.
struct URLEncodedFields: Sendable {
    private(set) var values: [String: String] = [:]

    init(_ text: String) {
        for pair in text.split(separator: "&").prefix(64) {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map(
                    Self.decoded
                )
            values[sides[0]] = sides.count == 2 ? sides[1] : ""
        }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let hex = rest.prefix(2)
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), hex.count == 2,
                let code = UInt8(String(Substring(hex)), radix: 16)
            {
                bytes.append(code)
                rest.removeFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Request {
    /// The fields of a form without files: the longest are a prompt and an access token.
    static let mostFormBytes = 16 * 1_024
}
