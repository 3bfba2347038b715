import Glibc
import SystemPackage

/// A file without a name: hands bytes to a child process and takes bytes from it.
///
/// Unlike a pipe it needs nobody at the other end, so a child that ends early breaks nothing here; and whatever
/// happens to us, it leaves nothing behind.
struct AnonymousFile {
    let descriptor: FileDescriptor

    init() throws(MediaError) {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/zoetrope-XXXXXX".utf8CString)
        let number = mkstemp(&template)
        guard number >= 0 else {
            throw MediaError(
                .storageUnavailable,
                "No temporary file could be made in \(folder): \(Errno(rawValue: errno))",
                isRetryable: true
            )
        }
        unlink(template)
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        descriptor = FileDescriptor(rawValue: number)
    }

    /// Puts bytes into it, to be read from the first.
    func fill(_ bytes: [UInt8]) throws {
        _ = try bytes.withUnsafeBytes { try descriptor.writeAll($0) }
        try descriptor.seek(offset: 0, from: .start)
    }

    /// Its bytes; what goes beyond `limit` is left out.
    func bytes(limit: Int) throws -> [UInt8] {
        let size = Int(try descriptor.seek(offset: 0, from: .end))
        return try [UInt8](unsafeUninitializedCapacity: min(size, limit)) { buffer, count in
            let room = UnsafeMutableRawBufferPointer(buffer)
            while count < room.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: room[count...])
                let read = try descriptor.read(fromAbsoluteOffset: Int64(count), into: rest)
                guard read > 0 else { break }
                count += read
            }
        }
    }

    /// Gives its room back.
    ///
    /// Call once.
    func close() { try? descriptor.close() }
}
