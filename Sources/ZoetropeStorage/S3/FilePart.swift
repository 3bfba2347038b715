import Crypto
import Foundation
import Glibc
import NIOCore
import SystemPackage
import ZoetropeCore
import ZoetropeWorkflow

/// A part of an open file, read piece by piece as it is sent.
struct FilePart: AsyncSequence, Sendable {
    let file: OpenFile
    let offset: Int64
    let byteCount: Int64
    /// 64 hexadecimal digits.
    let sha256: String
    let work: BlockingWork

    static let pieceBytes: Int64 = 256 << 10

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let part: FilePart
        fileprivate var sent: Int64 = 0

        /// Throws when the file has become shorter; when its bytes have changed, the server sees it by the hash.
        mutating func next() async throws -> ByteBuffer? {
            guard sent < part.byteCount else { return nil }
            let (offset, count) = (
                part.offset + sent, Int(Swift.min(FilePart.pieceBytes, part.byteCount - sent))
            )
            let bytes = try await part.work.run { [file = part.file] () throws(StorageError) in
                do throws(Errno) { return try file.bytes(at: offset, count: count) } catch {
                    throw StorageError(error, "read the file to put")
                }
            }
            guard bytes.count == count else {
                throw StorageError(.unavailable, "the file to put has become shorter")
            }
            sent += Int64(count)
            return ByteBuffer(bytes: bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(part: self) }
}

/// A file to put, with the hashes of the whole and of its parts.
struct PutFile: Sendable {
    let byteCount: Int64
    let sha256: String
    let parts: [FilePart]

    /// Reads it once.
    ///
    /// One part, unless it has more than `threshold` bytes. Throws what the file system says.
    init(_ path: String, threshold: Int64, partBytes: Int64, work: BlockingWork)
        async throws(StorageError)
    {
        self = try await work.run { () throws(StorageError) in
            do throws(Errno) {
                return try PutFile(
                    try OpenFile(path, O_RDONLY),
                    threshold: threshold,
                    partBytes: partBytes,
                    work: work
                )
            } catch {
                throw StorageError(error, "read \"\(path)\"")
            }
        }
    }

    private init(_ file: OpenFile, threshold: Int64, partBytes: Int64, work: BlockingWork)
        throws(Errno)
    {
        var parts: [FilePart] = []
        // A put has at most 10,000 parts.
        let size =
            file.byteCount > threshold
            ? max(partBytes, file.byteCount / 9_999 + 1) : max(1, file.byteCount)
        var (whole, offset) = (SHA256(), Int64(0))
        repeat {
            let end = min(offset + size, file.byteCount)
            var (hash, place) = (SHA256(), offset)
            while place < end {
                let bytes = try file.bytes(at: place, count: Int(min(FilePart.pieceBytes, end - place)))
                // It has become shorter.
                guard !bytes.isEmpty else { throw .ioError }
                hash.update(data: bytes)
                if size < file.byteCount { whole.update(data: bytes) }
                place += Int64(bytes.count)
            }
            parts.append(
                FilePart(
                    file: file,
                    offset: offset,
                    byteCount: end - offset,
                    sha256: hash.finalize().hexadecimal,
                    work: work
                )
            )
            offset = end
        } while offset < file.byteCount
        byteCount = file.byteCount
        self.parts = parts
        sha256 = parts.count == 1 ? parts[0].sha256 : whole.finalize().hexadecimal
    }
}
