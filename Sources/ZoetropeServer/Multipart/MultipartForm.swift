import NIOCore

/// The parts of a `multipart/form-data` body that somebody wants; the others do nothing.
///
/// Files go to disk as they come. In memory is no more than the small fields and some 100 kB of what is on its way.
package struct MultipartForm: Sendable, Hashable {
    struct Field: Sendable, Hashable {
        let name: String
        let bytes: [UInt8]

        /// Nil when it is not UTF-8.
        var text: String? { String(validating: bytes, as: UTF8.self) }
    }

    struct File: Sendable, Hashable {
        let name: String
        let path: String
        let byteCount: Int
    }

    package struct Limits: Sendable {
        package var parts = 32
        /// Bytes of the headers of one part, with the empty line behind them.
        package var headerBytes = 8 * 1_024
        /// Bytes of one field of text.
        package var textBytes = 1_024

        package init() {}
    }

    /// In the order of the body; a name may come more than once.
    private(set) var fields: [Field] = []
    private(set) var files: [File] = []

    /// Reads a body to its end.
    ///
    /// - Parameters:
    ///   - body: The request's body.
    ///   - boundary: What separates its parts.
    ///   - texts: Names of the fields that are kept in memory.
    ///   - uploads: Names of the fields that are written to files.
    ///   - folder: Where the files are made, under names of our own.
    ///   - limits: How much is taken; all bytes together are bounded by the body.
    /// - Returns: The form.
    /// - Throws: ``MultipartError``, `StorageError`, and what the body throws.
    static func read(
        _ body: inout BodyReader,
        boundary: MultipartBoundary,
        texts: Set<String>,
        uploads: Set<String>,
        in folder: String,
        limits: Limits = Limits()
    ) async throws -> MultipartForm {
        var parser = MultipartParser(boundary: boundary, limits: limits)
        var form = MultipartForm()
        var part = Part.ignored
        while let bytes = try await body.next() {
            parser.feed(bytes.readableBytesView)
            while let event = try parser.next() {
                switch event {
                case .part(let name):
                    if uploads.contains(name) {
                        part = .upload(name, try await UploadFile(creating: "\(folder)/upload-\(form.files.count)"))
                    } else {
                        part = texts.contains(name) ? .text(name, []) : .ignored
                    }
                case .content(let bytes):
                    try await part.append(bytes, limits)
                case .end:
                    try await form.add(part)
                    part = .ignored
                }
            }
        }
        try parser.finish()
        return form
    }

    /// The part that is coming.
    private enum Part {
        case text(String, [UInt8])
        case upload(String, UploadFile)
        case ignored

        mutating func append(_ bytes: ArraySlice<UInt8>, _ limits: Limits) async throws {
            switch self {
            case .text(let name, let text):
                guard bytes.count <= limits.textBytes - text.count else {
                    throw MultipartError("The field \(name) has more than \(limits.textBytes) bytes")
                }
                self = .text(name, text + bytes)
            case .upload(_, let file): try await file.write(bytes)
            case .ignored: break
            }
        }
    }

    private mutating func add(_ part: Part) async throws {
        switch part {
        case .text(let name, let text): fields.append(Field(name: name, bytes: text))
        case .upload(let name, let file):
            files.append(File(name: name, path: file.path, byteCount: try await file.finish()))
        case .ignored: break
        }
    }
}
