import Crypto
import Foundation
import Glibc
import SystemPackage
import ZoetropeCore

/// A regular file that is open; closed with the last reference to it.
final class OpenFile: Sendable {
    private let descriptor: CInt
    /// In bytes, when it was opened.
    let byteCount: Int64
    let inode: UInt64
    /// When it was last written, since 1970.
    let modifiedNanoseconds: Int64
    var modifiedAt: Date { Date(timeIntervalSince1970: Double(modifiedNanoseconds) / 1e9) }

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
        inode = UInt64(status.st_ino)
        modifiedNanoseconds =
            Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        guard isKnown, status.st_mode & S_IFMT == S_IFREG else { throw .isDirectory }
    }

    deinit { close(descriptor) }

    /// Whether the file is ours now: the kernel gives the lock to one at a time, and takes it back when its owner dies.
    ///
    /// False also for a file that has lost its name.
    func lock() -> Bool {
        var status = stat()
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &status) == 0
            && status.st_nlink > 0
    }

    func sync() throws(Errno) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    /// Says that it was written now, to the nanosecond.
    ///
    /// The clock that the kernel itself uses for this stands still for milliseconds, in which a name can get another
    /// file of the same number and size.
    func stamp() throws(Errno) {
        var now = timespec()
        guard clock_gettime(CLOCK_REALTIME, &now) == 0, futimens(descriptor, [now, now]) == 0 else {
            throw .last
        }
    }

    /// The bytes from `offset` on, at most `count`; fewer only at the end.
    func bytes(at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableBufferPointer(rebasing: buffer[filled..<count])
                let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(filled))
                if got == 0 { break }
                if got > 0 {
                    filled += got
                } else if errno != EINTR {
                    failure = .last
                    break
                }
            }
        }
        if let failure { throw failure }
        return bytes
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
        return Digest(byteCount: total, sha256: hash.finalize().hexadecimal)
    }

    /// Writes behind what was written before.
    func write(_ bytes: [UInt8]) throws(Errno) {
        try bytes.withUnsafeBytes { buffer in Result { () throws(Errno) in try write(buffer) } }.get()
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
