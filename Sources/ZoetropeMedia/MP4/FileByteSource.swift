import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A regular file, read with `pread`: copies may be used from several tasks at once.
package struct FileByteSource: ByteSource, Sendable {
    /// Length when the file was opened; a file that shrinks later makes reads throw.
    package let byteCount: Int
    private let file: OpenFile

    /// Opens a file of our own; it is closed with the last copy of this value.
    ///
    /// Throws `unreadable` when the path cannot be opened or is not a regular file.
    package init(path: String) throws(MP4Error) {
        // Without O_NONBLOCK, opening a pipe that lies in the file's place would wait for its writer for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw MP4Error(.unreadable, "the file cannot be opened: \(Errno(rawValue: errno))")
        }
        try self.init(file: OpenFile(descriptor: descriptor, closesWhenDone: true))
    }

    /// Reads through a descriptor that stays the caller's, who keeps it open as long as this value is used.
    package init(descriptor: CInt) throws(MP4Error) {
        try self.init(file: OpenFile(descriptor: descriptor, closesWhenDone: false))
    }

    private init(file: OpenFile) throws(MP4Error) {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else {
            throw MP4Error(.unreadable, "the file cannot be examined: \(Errno(rawValue: errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw MP4Error(.unreadable, "not a regular file") }
        self.file = file
        byteCount = Int(status.st_size)
    }

    package func bytes(at offset: Int, count: Int) throws(MP4Error) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw MP4Error(.unreadable, "\(count) bytes at \(offset) are not within the \(byteCount) there are")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                pread(file.descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, off_t(offset + filled))
            }
            if read > 0 {
                filled += read
            } else if read == 0 {
                throw MP4Error(.unreadable, "the file became shorter while it was read")
            } else if errno != EINTR {
                throw MP4Error(.unreadable, "the file cannot be read: \(Errno(rawValue: errno))")
            }
        }
        return bytes
    }
}

/// A descriptor that is closed when nobody reads from it any more.
private final class OpenFile: Sendable {
    let descriptor: CInt
    private let closesWhenDone: Bool

    init(descriptor: CInt, closesWhenDone: Bool) {
        self.descriptor = descriptor
        self.closesWhenDone = closesWhenDone
    }

    deinit {
        if closesWhenDone { close(descriptor) }
    }
}
