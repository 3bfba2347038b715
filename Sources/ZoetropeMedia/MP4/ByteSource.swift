/// Bytes that can be read in ranges, so that a file is never held in memory as a whole.
package protocol ByteSource {
    /// Length of the whole, in bytes.
    var byteCount: Int { get }

    /// Exactly `count` bytes from `offset` on.
    ///
    /// Throws `unreadable` when the range does not lie within the source or cannot be fetched.
    func bytes(at offset: Int, count: Int) throws(MP4Error) -> [UInt8]
}

/// A file that is in memory already.
package struct MemoryByteSource: ByteSource, Sendable {
    private let content: [UInt8]

    package init(_ content: [UInt8]) {
        self.content = content
    }

    package var byteCount: Int { content.count }

    package func bytes(at offset: Int, count: Int) throws(MP4Error) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= content.count, count <= content.count - offset else {
            throw MP4Error(.unreadable, "\(count) bytes at \(offset) are not within the \(content.count) there are")
        }
        return Array(content[offset..<offset + count])
    }
}
