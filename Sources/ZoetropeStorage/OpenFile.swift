import Crypto
import Glibc
import SystemPackage

/// A regular file that is open; closed with the last reference to it.
final class OpenFile: Sendable {
    private let descriptor: CInt
    /// In bytes, when it was opened.
    let byteCount: Int64

    /// Objects are personal data: for the service and its group, which a umask may narrow.
    static let mode: mode_t = 0o640

    /// Opens `name` in a folder, or a path from anywhere.
    ///
    /// Throws `notDirectory` or `isDirectory` for what is no regular file, and `tooManySymbolicLinkLevels` for a link.
    init(_ name: String, in folder: CInt = AT_FDCWD, _ flags: CInt) throws(Errno) {
        // Without O_NONBLOCK, opening a pipe that lies in the file's place would wait for ever.
        descriptor = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, Self.mode)
        guard descriptor >= 0 else { throw .last }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        byteCount = Int64(status.st_size)
        guard isKnown, status.st_mode & S_IFMT == S_IFREG else { throw .isDirectory }
    }

    deinit { close(descriptor) }

    /// Whether the file is ours now: the kernel gives the lock to one at a time, and takes it back when its owner dies.
    ///
    /// False also for a file that has lost its name.
    func lock() -> Bool {
        var status = stat()
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &status) == 0 && status.st_nlink > 0
    }

    func sync() throws(Errno) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    /// What a file holds.
    struct Digest {
        let byteCount: Int64
        /// 64 lower-case hexadecimal digits.
        let sha256: String
    }

    /// Reads from the place that was reached to the end, and writes all of it to `target`, if there is one.
    func digest(copyingTo target: OpenFile? = nil) throws(Errno) -> Digest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var total: Int64 = 0
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .last
            }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hash.update(bufferPointer: piece)
            try target?.write(piece)
            total += Int64(count)
        }
        let digits = hash.finalize()
            .map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return Digest(byteCount: total, sha256: digits.joined())
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno != EINTR {
                throw .last
            }
        }
    }
}
