import Foundation
import Glibc
import SystemPackage

/// Where `animate` keeps what it must know to go on after an interruption, beside the video that it makes.
///
/// The same command in the same place finds it again, so that what was paid for is fetched and not bought twice. One
/// process at a time holds it, by a lock that the kernel lets go of when the process dies.
struct ResumeFolder {
    let path: FilePath
    private let lock: FileDescriptor

    private static let prefix = ".zoetrope-resume-"

    /// Providers keep a result for an hour; what is older than this can be resumed by nobody.
    private static let lifetime: TimeInterval = 48 * 3_600

    /// Opens or makes the folder of a command.
    ///
    /// - Parameters:
    ///   - parent: The folder of the video.
    ///   - fingerprint: The same for the same command, hexadecimal.
    /// - Throws: ``CommandFailure`` when it cannot be written to, or when the same command is running.
    init(in parent: FilePath, fingerprint: String) throws {
        Self.sweep(parent)
        path = parent.appending(Self.prefix + fingerprint.prefix(16))
        do {
            if mkdir(path.string, 0o700) != 0, errno != EEXIST { throw Errno(rawValue: errno) }
            lock = try FileDescriptor.open(path, .readOnly, options: [.directory, .noFollow, .closeOnExec])
        } catch let error as Errno {
            throw CommandFailure.failed("\"\(parent)\" cannot be written to: \(error)")
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            try? lock.close()
            throw CommandFailure.failed("the same animation is being made by another zoetrope; wait for it, or stop it")
        }
    }

    /// Forgets everything; call once.
    func remove() {
        try? FileManager.default.removeItem(atPath: path.string)
        try? lock.close()
    }

    private static func sweep(_ parent: FilePath) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.string)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let folder = parent.appending(name)
            var status = stat()
            guard
                let lock = try? FileDescriptor.open(folder, .readOnly, options: [.directory, .noFollow, .closeOnExec])
            else { continue }
            defer { try? lock.close() }
            guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0, fstat(lock.rawValue, &status) == 0 else { continue }
            // The folder's own time is that of its last new file; each run makes some.
            guard Date.now.timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > lifetime else { continue }
            try? FileManager.default.removeItem(atPath: folder.string)
        }
    }
}
