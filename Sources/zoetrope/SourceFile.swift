import Glibc
import SystemPackage

/// Reads a file that somebody named on the command line.
enum SourceFile {
    /// Reads a plain file.
    ///
    /// One that is larger than `limit` is read one byte beyond it, which its parser refuses.
    ///
    /// Throws a ``CommandFailure`` when it is missing, a folder, not readable, or not a plain file.
    static func read(_ name: String, limit: Int) throws -> [UInt8] {
        let file: FileDescriptor
        do {
            // A pipe that nobody writes to must not hold us: opened without waiting, then refused.
            file = try FileDescriptor.open(FilePath(name), .readOnly, options: [.nonBlocking, .closeOnExec])
        } catch Errno.noSuchFileOrDirectory {
            throw CommandFailure.failed("\"\(name)\" does not exist")
        } catch let error as Errno {
            throw CommandFailure.failed("\"\(name)\" cannot be opened: \(error)")
        }
        defer { try? file.close() }

        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else {
            throw CommandFailure.failed("\"\(name)\" cannot be read: \(Errno(rawValue: errno))")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw CommandFailure.failed("\"\(name)\" is a folder; name a file in it")
        default: throw CommandFailure.failed("\"\(name)\" is not a plain file")
        }
        let size = min(Int(status.st_size), limit + 1)
        do {
            return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                let room = UnsafeMutableRawBufferPointer(buffer)
                while count < size {
                    let read = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[count..<size]))
                    guard read > 0 else { break }
                    count += read
                }
            }
        } catch let error as Errno {
            throw CommandFailure.failed("\"\(name)\" cannot be read: \(error)")
        }
    }
}
