import Foundation
import NIOCore
import SystemPackage

/// An upload as `multipart/form-data` (RFC 7578) with the parts `content` and `metadata`, made while it is sent.
struct MultipartBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    enum Content: Sendable {
        case file(LocalFile)
        case bytes(ByteBuffer)
    }

    let boundary: String
    /// Bytes of the whole body.
    let length: Int64
    private let head: ByteBuffer
    private let content: Content
    private let size: Int64
    private let tail: ByteBuffer

    /// Bytes that are read from the file at a time; what stays in memory when a server refuses an upload half-way.
    private static let pieceSize = 32 << 10

    /// `fileName` and `contentType` must not hold control characters.
    init(content: Content, size: Int64, fileName: String, contentType: String, metadata: [UInt8]) {
        boundary = "replicate-\(UUID().uuidString)"
        // As browsers do it. By scalars, because a quote with an accent is another character.
        let name = fileName.unicodeScalars.map { $0 == "\"" ? "%22" : String($0) }.joined()
        var head = ByteBuffer()
        head.writeString("--\(boundary)\r\n")
        head.writeString("Content-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n")
        head.writeBytes(metadata)
        head.writeString("\r\n--\(boundary)\r\n")
        head.writeString("Content-Disposition: form-data; name=\"content\"; filename=\"\(name)\"\r\n")
        head.writeString("Content-Type: \(contentType)\r\n\r\n")
        self.head = head
        self.content = content
        self.size = size
        tail = ByteBuffer(string: "\r\n--\(boundary)--\r\n")
        length = Int64(head.readableBytes) + size + Int64(tail.readableBytes)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let body: MultipartBody
        var part = 0
        var offset: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            if part == 0 {
                part = 1
                return body.head
            }
            if part == 1 {
                if let piece = try await piece() { return piece }
                part = 2
                return body.tail
            }
            return nil
        }

        private mutating func piece() async throws -> ByteBuffer? {
            guard offset < body.size else { return nil }
            switch body.content {
            case .bytes(let buffer):
                offset = body.size
                return buffer
            case .file(let file):
                let wanted = Int(Swift.min(Int64(MultipartBody.pieceSize), body.size - offset))
                let piece: ByteBuffer
                do {
                    piece = try await file.read(from: offset, count: wanted)
                } catch let error as Errno {
                    throw LocalFile.Failure(description: "the file cannot be read: \(error)")
                }
                guard piece.readableBytes == wanted else {
                    throw LocalFile.Failure(description: "the file became shorter while it was sent")
                }
                offset += Int64(wanted)
                return piece
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
