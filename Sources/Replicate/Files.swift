public import Foundation
import NIOCore
import NIOHTTP1
import SystemPackage

/// A file in the account, made to be an input: pass ``url`` as the value of an image input.
///
/// It lives for 24 hours, and only predictions of the same account can read it.
/// Source: `files.create` of Replicate's OpenAPI document.
public struct UploadedFile: Sendable, Hashable, Identifiable {
    /// The name of a file, opaque.
    public struct ID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible
    {
        /// The name as Replicate writes it.
        public let rawValue: String

        /// Takes a word as it is.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Takes a literal.
        public init(stringLiteral value: String) { rawValue = value }
        /// The same for people.
        public var description: String { rawValue }
    }

    /// The file's name at Replicate.
    public let id: ID
    /// The address to pass as an input.
    public let url: String
    /// Everything that the answer held, by Replicate's names.
    public let members: [String: JSONValue]

    /// Reads a file from a JSON object.
    ///
    /// - Throws: ``UnreadableAnswer`` when it is not an object with an `id` and `urls.get`.
    public init(_ json: JSONValue) throws {
        guard let members = json.object, let id = members["id"]?.string, !id.isEmpty,
            let url = members["urls"]?["get"]?.string
        else { throw UnreadableAnswer("a file without an id and an address") }
        self.url = url
        self.id = ID(rawValue: id)
        self.members = members
    }

    /// The name that it was uploaded under.
    public var name: String? { members["name"]?.string }
    /// Its media type.
    public var contentType: String? { members["content_type"]?.string }
    /// Its size in bytes.
    public var size: Int64? { members["size"]?.integer }
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    public var sha256: String? { members["checksums"]?["sha256"]?.string }
    /// What was stored with it.
    public var metadata: [String: JSONValue] { members["metadata"]?.object ?? [:] }
    /// When it was uploaded.
    public var createdAt: Date? { members["created_at"]?.string.flatMap(Timestamp.parse) }
    /// When Replicate deletes it.
    public var expiresAt: Date? { members["expires_at"]?.string.flatMap(Timestamp.parse) }
}

extension ReplicateClient {
    /// Replicate takes files of less than 100 MB.
    public static let largestUpload: Int64 = 100 << 20

    /// Uploads a file, read piece by piece while it is sent.
    ///
    /// Sent once; a lost answer (``ReplicateError/Kind/ambiguous``) does no harm, since a file costs nothing and is gone after 24
    /// hours, so the upload may simply be done again.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - contentType: Its media type, for example `image/jpeg`.
    ///   - name: The name at Replicate, at most 255 bytes; `nil` takes the file's own.
    ///   - metadata: What to store with it.
    /// - Returns: The file at Replicate.
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/permanent`` when the file cannot be read or is too large.
    public func uploadFile(
        at path: String,
        contentType: String,
        name: String? = nil,
        metadata: [String: JSONValue] = [:]
    ) async throws -> UploadedFile {
        let file: LocalFile
        let size: Int64
        do {
            (file, size) = try await LocalFile.reading(path)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ReplicateError(.permanent, Self.uploading, "\"\(path)\" cannot be read: \(error)")
        }
        defer { file.close() }
        let name = name ?? FilePath(path).lastComponent?.string ?? "file"
        return try await upload(.file(file), size: size, contentType: contentType, name: name, metadata: metadata)
    }

    /// Uploads bytes that are in memory.
    ///
    /// See ``uploadFile(at:contentType:name:metadata:)`` for all else.
    ///
    /// - Throws: ``ReplicateError``.
    public func uploadFile(
        _ bytes: some Sequence<UInt8>,
        contentType: String,
        name: String,
        metadata: [String: JSONValue] = [:]
    ) async throws -> UploadedFile {
        let buffer = ByteBuffer(bytes: bytes)
        let size = Int64(buffer.readableBytes)
        return try await upload(.bytes(buffer), size: size, contentType: contentType, name: name, metadata: metadata)
    }

    private static let uploading = "upload file"

    private func upload(
        _ content: MultipartBody.Content,
        size: Int64,
        contentType: String,
        name: String,
        metadata: [String: JSONValue]
    ) async throws -> UploadedFile {
        func invalid(_ message: String) -> ReplicateError { ReplicateError(.permanent, Self.uploading, message) }
        guard size > 0 else { throw invalid("the file is empty") }
        guard size < Self.largestUpload else {
            throw invalid("the file must be smaller than 100 MB, it has \(size) bytes")
        }
        guard (1...255).contains(name.utf8.count) else {
            throw invalid("the name must have 1–255 bytes, it has \(name.utf8.count)")
        }
        guard name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw invalid("the name must not hold control characters")
        }
        guard contentType.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }), contentType.contains("/") else {
            throw invalid("the content type must look like \"image/jpeg\", got \"\(contentType)\"")
        }
        let body: MultipartBody
        do {
            body = MultipartBody(
                content: content,
                size: size,
                fileName: name,
                contentType: contentType,
                metadata: try JSONValue.object(metadata).encoded()
            )
        } catch {
            throw invalid("the metadata hold a number that JSON cannot hold")
        }
        let call = Call(
            operation: Self.uploading,
            method: .POST,
            url: api.url(["files"]),
            headers: ["content-type": "multipart/form-data; boundary=\(body.boundary)"],
            body: .multipart(body),
            timeout: configuration.uploadTimeout,
            isRepeatable: false
        )
        return try await api.value(of: call) { try UploadedFile($0) }
    }

    /// Reads what Replicate knows about a file.
    ///
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/refused`` with status 404 when it is gone.
    public func file(_ id: UploadedFile.ID) async throws -> UploadedFile {
        let call = Call(
            operation: "get file",
            url: api.url(["files", try api.checked(id.rawValue)]),
            timeout: configuration.readTimeout
        )
        return try await api.value(of: call) { try UploadedFile($0) }
    }

    /// The account's files, page by page; iterating throws ``ReplicateError``.
    public func files() -> Pages<UploadedFile> {
        Pages(client: self, operation: "list files", path: ["files"]) { try UploadedFile($0) }
    }

    /// Deletes a file; one that is gone already counts as deleted.
    ///
    /// - Throws: ``ReplicateError``.
    public func deleteFile(_ id: UploadedFile.ID) async throws {
        let call = Call(
            operation: "delete file",
            method: .DELETE,
            url: api.url(["files", try api.checked(id.rawValue)]),
            timeout: configuration.readTimeout
        )
        do {
            _ = try await api.perform(call)
        } catch let error as ReplicateError where error.status == 404 {
            return
        }
    }
}
