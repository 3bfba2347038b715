import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// A body that broke off because its connection did.
struct BodyFailure: Error {
    let cause: any Error
}

extension Request {
    /// What a request with an image may have beside the image: boundaries, headers, other fields.
    static let mostMultipartBytes = 25_000_000 + 512 * 1_024
    static let mostJSONBytes = 64 * 1_024
    static let mostWebhookBytes = 10_000_000

    private var declaredLength: Int? { headers[.contentLength].flatMap { Int($0) } }

    /// Whether the client sends its body only after it was told to go on, and shall be told.
    var awaitsContinue: Bool {
        headers[.expect]?.lowercased() == "100-continue" && (declaredLength ?? 0) <= Self.mostMultipartBytes
    }

    /// The body, read no further than a limit.
    ///
    /// Throws a ``Problem`` with 413 beyond `limit` bytes and with 400 when it ends early, ``BodyFailure`` when the connection broke.
    func bytes(upTo limit: Int) async throws -> [UInt8] {
        let declared = declaredLength
        guard (declared ?? 0) <= limit else { throw Problem.bodyTooLarge(limit) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(declared ?? 0)
        var chunks = body.makeAsyncIterator()
        while let chunk = try await next(&chunks) {
            guard chunk.readableBytes <= limit - bytes.count else { throw Problem.bodyTooLarge(limit) }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        // A body that was cut off by our own shutdown looks like one that ended.
        try Task.checkCancellation()
        guard declared == nil || declared == bytes.count else {
            throw Problem(.badRequest, "body_cut_off", "The body is shorter than its Content-Length")
        }
        return bytes
    }

    private func next(_ chunks: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do {
            return try await chunks.next()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw BodyFailure(cause: error)
        }
    }
}

extension Problem {
    fileprivate static func bodyTooLarge(_ limit: Int) -> Problem {
        Problem(.contentTooLarge, "body_too_large", "The body has more than \(limit) bytes")
    }
}
