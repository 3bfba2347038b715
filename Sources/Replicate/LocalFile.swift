import Foundation
import NIOCore
import NIOPosix
import Synchronization
import SystemPackage

/// An open file; its calls block a thread of NIO's pool, not a task's.
///
/// It closes when it is told to or when nobody holds it any more. Telling it matters: a task of the HTTP client may hold a file for
/// longer than its request lasts.
final class LocalFile: Sendable {
    /// A file that cannot be used as it has to be; nothing that a server does makes it better.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let descriptor: Mutex<SystemPackage.FileDescriptor?>

    private init(_ descriptor: SystemPackage.FileDescriptor) {
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        close()
    }

    /// Opens a regular file for reading and tells its size in bytes.
    static func reading(_ path: String) async throws -> (file: LocalFile, size: Int64) {
        try await NIOThreadPool.singleton.runIfActive {
            // Not blocking: opening a pipe must not wait for a writer.
            let file = LocalFile(
                try SystemPackage.FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
            )
            return try file.with { descriptor in
                var information = stat()
                guard fstat(descriptor.rawValue, &information) == 0 else { throw Errno(rawValue: errno) }
                guard information.st_mode & S_IFMT == S_IFREG else {
                    throw Failure(description: "it is not a regular file")
                }
                return (file, Int64(information.st_size))
            }
        }
    }

    /// Creates a file that must not be there yet, for writing.
    static func creating(_ path: String) async throws -> LocalFile {
        try await NIOThreadPool.singleton.runIfActive {
            LocalFile(
                try SystemPackage.FileDescriptor.open(
                    FilePath(path),
                    .writeOnly,
                    options: [.create, .exclusiveCreate, .closeOnExec],
                    permissions: [.ownerReadWrite, .groupRead, .otherRead]
                )
            )
        }
    }

    /// Closes the file; later calls fail.
    func close() {
        let open = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        try? open?.close()
    }

    /// Up to `count` bytes from an offset; fewer only at the end.
    func read(from offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive {
            var buffer = ByteBuffer()
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                var done = 0
                while done < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: memory[done..<count])
                    let read = try self.with { try $0.read(fromAbsoluteOffset: offset + Int64(done), into: rest) }
                    if read == 0 { break }
                    done += read
                }
                return done
            }
            return buffer
        }
    }

    /// Writes all bytes at an offset.
    func write(_ buffer: ByteBuffer, at offset: Int64) async throws {
        try await NIOThreadPool.singleton.runIfActive {
            _ = try self.with { descriptor in
                try buffer.withUnsafeReadableBytes { try descriptor.writeAll(toAbsoluteOffset: offset, $0) }
            }
        }
    }

    /// Cuts the file off.
    func truncate() async throws {
        try await NIOThreadPool.singleton.runIfActive {
            try self.with { try $0.resize(to: 0) }
        }
    }

    /// Waits until the disk holds the bytes, then gives the file its name.
    func publish(from temporaryPath: String, as path: String) async throws {
        try await NIOThreadPool.singleton.runIfActive {
            try self.with { descriptor in
                guard fsync(descriptor.rawValue) == 0, rename(temporaryPath, path) == 0 else {
                    throw Errno(rawValue: errno)
                }
            }
        }
    }

    /// The lock is held meanwhile, so that the number is not closed and given to another file under a call.
    private func with<Result>(_ body: (SystemPackage.FileDescriptor) throws -> Result) throws -> Result {
        try descriptor.withLock { descriptor in
            guard let descriptor else { throw Failure(description: "the file is closed") }
            return try body(descriptor)
        }
    }
}
