import Foundation
import Glibc
package import SystemPackage

/// A folder of work beside the place where the result will appear, so that a rename can publish it.
///
/// It is locked while somebody works in it. The kernel lets the lock go when its owner dies, however that happens, so
/// what a killed process left is recognised and removed the next time somebody works in the same place.
package struct ScratchFolder: Sendable {
    /// Absolute, because children work in it and the sandbox binds it.
    package let path: FilePath
    private let lock: FileDescriptor

    private static let prefix = ".zoetrope-scratch-"

    /// Makes a new one in an existing folder, and removes what killed processes left there.
    ///
    /// `label` becomes a part of its name, for people who look.
    ///
    /// Throws a ``MediaError`` with `storage_unavailable` that says why the folder cannot be written to.
    package init(in parent: FilePath, label: String = "") throws(MediaError) {
        do {
            let parent = try Self.absolute(parent)
            Self.sweep(parent)
            // Between making and locking it somebody else's sweep may take it for a dead one's; then there is a next.
            for _ in 0..<100 {
                let path = try Self.makeFolder(in: parent, label: label)
                if let lock = Self.locked(path) {
                    self.path = path
                    self.lock = lock
                    return
                }
            }
            throw Errno.resourceTemporarilyUnavailable
        } catch {
            throw MediaError(
                .storageUnavailable,
                "\"\(parent)\" cannot be written to: \(error)",
                isRetryable: true
            )
        }
    }

    /// Removes the folder and all that is in it.
    ///
    /// Call once.
    package func remove() {
        try? FileManager.default.removeItem(atPath: path.string)
        try? lock.close()
    }

    private static func absolute(_ path: FilePath) throws(Errno) -> FilePath {
        guard let absolute = realpath(path.string, nil) else { throw Errno(rawValue: errno) }
        defer { free(absolute) }
        return FilePath(String(cString: absolute))
    }

    private static func makeFolder(in parent: FilePath, label: String) throws(Errno) -> FilePath {
        var template = Array(parent.appending("\(prefix)\(label)XXXXXX").string.utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        return FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The lock on a folder that is still there and that nobody else holds.
    private static func locked(_ folder: FilePath) -> FileDescriptor? {
        guard let lock = try? FileDescriptor.open(folder, .readOnly, options: [.directory, .noFollow, .closeOnExec])
        else { return nil }
        var status = stat()
        if flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0, fstat(lock.rawValue, &status) == 0, status.st_nlink > 0 {
            return lock
        }
        try? lock.close()
        return nil
    }

    /// Removes folders whose owner is gone.
    private static func sweep(_ parent: FilePath) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.string)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let folder = parent.appending(name)
            guard let lock = locked(folder) else { continue }
            try? FileManager.default.removeItem(atPath: folder.string)
            try? lock.close()
        }
    }
}
