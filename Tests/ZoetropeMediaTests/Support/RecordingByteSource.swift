import Synchronization
import ZoetropeMedia

/// A file that remembers which bytes were asked for, and may claim to be longer than what it has; the rest is zeros.
final class RecordingByteSource: ByteSource {
    let byteCount: Int
    private let content: [UInt8]
    private let reads = Mutex<[Range<Int>]>([])

    init(_ content: [UInt8], claims byteCount: Int? = nil) {
        self.content = content
        self.byteCount = byteCount ?? content.count
    }

    var ranges: [Range<Int>] { reads.withLock { $0 } }
    var bytesRead: Int { ranges.reduce(0) { $0 + $1.count } }

    func bytes(at offset: Int, count: Int) throws(MP4Error) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw MP4Error(.unreadable, "outside")
        }
        reads.withLock { $0.append(offset..<offset + count) }
        let known = content[min(offset, content.count)..<min(offset + count, content.count)]
        return known + [UInt8](repeating: 0, count: count - known.count)
    }
}
