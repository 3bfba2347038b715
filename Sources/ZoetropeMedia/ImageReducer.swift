import Foundation
import Glibc
import SystemPackage
package import ZoetropeCore
import ZoetropeWorkflow

/// Reduces image files to their pictures, a few at a time, on threads that may wait for the disk.
///
/// A file is mapped and never copied into memory.
package final class ImageReducer: Sendable {
    private let queue: OperationQueue

    package init(threads: Int = 2) {
        queue = OperationQueue()
        queue.name = "zoetrope.images"
        queue.maxConcurrentOperationCount = threads
    }

    /// Writes the picture of an image file to a new file; returns what its head says.
    ///
    /// Nobody may write to the file or cut it off meanwhile. Throws ``ImageError`` for a file that is refused, and
    /// ``StorageError``.
    package func reduce(_ file: String, limits: ImageLimits, to target: String) async throws -> ImageHeader {
        try await withCheckedThrowingContinuation { continuation in
            queue.addOperation {
                continuation.resume(with: Result { try Self.reduceNow(file, limits: limits, to: target) })
            }
        }
    }

    private static func reduceNow(_ file: String, limits: ImageLimits, to target: String) throws -> ImageHeader {
        do {
            let image = try StillImage(parsing: .mapping(FilePath(file)), limits: limits)
            let output = try FileDescriptor.open(
                FilePath(target),
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: .ownerReadWrite
            )
            try output.closeAfter {
                try image.write { _ = try output.writeAll($0) }
            }
            return image.header
        } catch let error as Errno {
            let isFull = error == .noSpace || error == .diskQuotaExceeded
            throw StorageError(isFull ? .full : .unavailable, "reduce an image: \(error)")
        }
    }
}

extension ImageBytes {
    /// Maps a file.
    ///
    /// A file that somebody cuts off meanwhile ends the process where it is read, so it must be one of our own.
    fileprivate static func mapping(_ path: FilePath) throws(Errno) -> ImageBytes {
        let file = open(path.string, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
        let count = Int(status.st_size)
        // Nothing cannot be mapped.
        guard count > 0 else { return ImageBytes([]) }
        guard let memory = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), memory != MAP_FAILED else {
            throw Errno(rawValue: errno)
        }
        return ImageBytes(UnsafeRawBufferPointer(start: memory, count: count)) { memory in
            munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
        }
    }
}
