import Crypto
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import SystemPackage
package import ZoetropeCore
package import ZoetropeWorkflow

extension S3ObjectStore {
    package func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        try await perform("get \(key)") {
            let target = try await onDisk("make \"\(file)\"") { () throws(Errno) in
                try OpenFile(file, O_WRONLY | O_CREAT | O_EXCL)
            }
            do {
                return try await download(key) { bytes in
                    try await onDisk("write \"\(file)\"") { () throws(Errno) in try target.write(bytes) }
                }
            } catch {
                unlink(file)
                throw error
            }
        }
    }

    private func onDisk<Value: Sendable>(
        _ what: String,
        _ body: @escaping @Sendable () throws(Errno) -> Value
    ) async throws -> Value {
        try await work.run { () throws(StorageError) in
            do throws(Errno) { return try body() } catch { throw StorageError(error, what) }
        }
    }

    /// Reads an object to its end and checks size and hash; goes on where a connection broke.
    ///
    /// - Parameters:
    ///   - key: The object.
    ///   - take: Gets the bytes in order, each once.
    /// - Returns: The facts of the bytes that came.
    /// - Throws: ``S3Failure``, with `missing` when there is none.
    func download(_ key: ObjectKey, _ take: ([UInt8]) async throws -> Void) async throws
        -> ObjectFacts
    {
        var head: S3ObjectHead?
        var received: Int64 = 0
        var hash = SHA256()
        func request() -> S3Request {
            guard let head, received > 0 else { return S3Request(method: .GET, key: key) }
            return S3Request(
                method: .GET,
                key: key,
                headers: [("range", "bytes=\(received)-"), ("if-match", "\"\(head.entityTag)\"")]
            )
        }
        do {
            try await client.perform(request) { answer in
                if received == 0 {
                    head = try S3ObjectHead(answer)
                } else if answer.field("content-range")?.hasPrefix("bytes \(received)-") != true {
                    throw S3Failure(.unavailable, "the server did not go on where the answer had broken off")
                }
                try await answer.forEachPiece { piece in
                    let bytes = Array(buffer: piece)
                    try await take(bytes)
                    hash.update(data: bytes)
                    received += Int64(bytes.count)
                }
            }
        } catch let failure as S3Failure where failure.status == 412 {
            throw S3Failure(.corrupt, "it has changed while it was read")
        }
        guard let head, received == head.byteCount else {
            throw S3Failure(.corrupt, "it has \(received) bytes instead of \(head?.byteCount ?? 0)")
        }
        let sha256 = hash.finalize().hexadecimal
        guard sha256 == head.sha256 ?? sha256 else {
            throw S3Failure(.corrupt, "its bytes have the hash \(sha256) instead of \(head.sha256 ?? "")")
        }
        return ObjectFacts(byteCount: received, sha256: sha256, contentType: head.contentType)
    }

    package func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        try await perform("open \(key)") {
            try await head(key).map { S3ObjectReader(client: client, key: key, head: $0) }
        }
    }
}

/// An object of which parts are fetched as they are wanted.
///
/// When it is deleted or replaced meanwhile, what is not read yet is `missing`.
struct S3ObjectReader: ObjectReader {
    let client: S3Client
    let key: ObjectKey
    let head: S3ObjectHead

    var byteCount: Int64 { head.byteCount }
    var entityTag: String { head.entityTag }
    var contentType: String { head.contentType }
    var modifiedAt: Date { head.modifiedAt }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        let end = min(offset + Int64(count), byteCount)
        guard offset < end else { return [] }
        let wanted = Int(end - offset)
        do {
            return try await client.perform({
                S3Request(
                    method: .GET,
                    key: key,
                    headers: [("range", "bytes=\(offset)-\(end - 1)"), ("if-match", "\"\(entityTag)\"")]
                )
            }) { answer in
                // A server that knows no ranges answers with the whole.
                guard
                    answer.field("content-range") == "bytes \(offset)-\(end - 1)/\(byteCount)"
                        || (answer.status == 200 && wanted == byteCount)
                else { throw S3Failure(.unavailable, "the answer is not the part that was asked for") }
                var bytes: [UInt8] = []
                bytes.reserveCapacity(wanted)
                try await answer.forEachPiece { piece in
                    guard bytes.count + piece.readableBytes <= wanted else {
                        throw S3Failure(.corrupt, "the answer has more than the part that was asked for")
                    }
                    bytes.append(contentsOf: piece.readableBytesView)
                }
                guard bytes.count == wanted else {
                    var failure = S3Failure(
                        .unavailable,
                        "the answer has \(bytes.count) bytes instead of \(wanted)"
                    )
                    failure.isRetryable = true
                    throw failure
                }
                return bytes
            }
        } catch let failure as S3Failure where failure.status == 412 || failure.status == 404 {
            throw StorageError(.missing, "read \(key): it has been deleted or replaced meanwhile")
        } catch {
            throw StorageError(error, "read \(key)")
        }
    }
}
