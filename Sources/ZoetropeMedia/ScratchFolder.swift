import Foundation
import Glibc
package import SystemPackage

/// A folder of work beside the place where the result will appear, so that a rename can publish it.
///
/// It goes when this value is closed. One that a killed process left behind is known by its lock, which the kernel
/// has let go, and goes the next time somebody works in the same place.
package final class ScratchFolder: Sendable {
    package let path: FilePath
    private let lock: FileDescriptor

    private static let prefix = ".zoetrope-"

    /// Makes a new one, and removes what killed processes left.
    /// - Parameter parent: An existing folder.
    /// - Throws: ``MediaError`` with `storage_unavailable`, saying why the folder cannot be written to.
    package init(in parent: FilePath) throws(MediaError) {
        Self.sweep(parent)
        var template = Array(parent.appending("\(Self.prefix)XXXXXX").string.utf8CString)
        guard mkdtemp(&template) != nil else {
            throw MediaError(
                .storageUnavailable,
                "\"\(parent)\" cannot be written to: \(Errno(rawValue: errno))",
                isRetryable: true
            )
        }
        // Absolute, because children work in it and the sandbox binds it.
        path = Self.absolute(template)
        do {
            lock = try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
        } catch {
            rmdir(path.string)
            throw MediaError(.storageUnavailable, "\"\(parent)\" cannot be used: \(error)", isRetryable: true)
        }
        _ = flock(lock.rawValue, LOCK_EX | LOCK_NB)
    }

    /// Removes the folder and all that is in it.
    package func remove() {
        try? FileManager.default.removeItem(atPath: path.string)
        try? lock.close()
    }

    private static func absolute(_ path: [CChar]) -> FilePath {
        guard let resolved = realpath(path, nil) else {
            return FilePath(String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        defer { free(resolved) }
        return FilePath(String(cString: resolved))
    }

    /// Removes folders whose owner is gone.
    private static func sweep(_ parent: FilePath) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.string)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let folder = parent.appending(name)
            guard
                let lock = try? FileDescriptor.open(folder, .readOnly, options: [.directory, .noFollow, .closeOnExec])
            else { continue }
            if flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 {
                try? FileManager.default.removeItem(atPath: folder.string)
            }
            try? lock.close()
        }
    }
}
