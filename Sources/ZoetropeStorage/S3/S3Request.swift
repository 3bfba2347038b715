import AsyncHTTPClient
import Crypto
import NIOCore
import NIOHTTP1
import ZoetropeCore
import ZoetropeWorkflow

/// A call to a bucket, or to an object in it.
struct S3Request: Sendable {
    var method: HTTPMethod
    /// Nil for the bucket itself.
    var key: ObjectKey?
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body = S3Body.none
}

/// What a call sends.
enum S3Body: Sendable {
    case none
    case bytes([UInt8])
    /// A part of a file whose hash is known.
    case file(FilePart)

    var byteCount: Int64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .file(let part): part.byteCount
        }
    }

    var sha256: String {
        switch self {
        case .none: SHA256.hash(data: []).hexadecimal
        case .bytes(let bytes): SHA256.hash(data: bytes).hexadecimal
        case .file(let part): part.sha256
        }
    }

    var httpBody: HTTPClientRequest.Body? {
        switch self {
        case .none: nil
        case .bytes(let bytes): .bytes(ByteBuffer(bytes: bytes))
        case .file(let part): .stream(part, length: .known(part.byteCount))
        }
    }
}

/// The beginning of a successful answer; its body comes piece by piece.
struct S3Answer: Sendable {
    let status: UInt
    let headers: HTTPHeaders
    let body: HTTPClientResponse.Body
    let checkDeadline: @Sendable () throws -> Void

    func field(_ name: String) -> String? { headers.first(name: name) }

    /// Hands over the body as it comes.
    func forEachPiece(_ take: (ByteBuffer) async throws -> Void) async throws {
        for try await piece in body {
            try checkDeadline()
            try await take(piece)
        }
    }

    /// The whole body, at most ``S3XML/maxBytes``.
    func bytes() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await forEachPiece { piece in
            guard bytes.count + piece.readableBytes <= S3XML.maxBytes else {
                throw S3Failure(.unavailable, "the answer has more than \(S3XML.maxBytes) bytes")
            }
            bytes.append(contentsOf: piece.readableBytesView)
        }
        return bytes
    }
}
