import Foundation
import NIOCore
import NIOPosix
import SystemPackage

/// A file that is open as long as somebody holds it; its calls block on NIO's thread pool, not on a task's thread.
final class LocalFile: Sendable {
    private let descriptor: SystemPackage.FileDescriptor

    private init(_ descriptor: SystemPackage.FileDescriptor) {
        self.descriptor = descriptor
    }

    deinit {
        try? descriptor.close()
    }

    /// Opens a regular file for reading and tells its size in bytes.
    static func reading(_ path: String) async throws -> (file: LocalFile, size: Int64) {
        try await NIOThreadPool.singleton.runIfActive {
            let type = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            guard type == .typeRegular || type == .typeSymbolicLink else { throw NotARegularFile() }
            // Not blocking: should a pipe have taken the file's place, opening it must not wait for a writer.
            let file = LocalFile(
                try SystemPackage.FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
            )
            return (file, try file.descriptor.seek(offset: 0, from: .end))
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

    /// Up to `count` bytes from an offset; fewer only at the end.
    func read(from offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            var buffer = ByteBuffer()
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                var done = 0
                while done < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: memory[done..<count])
                    let read = try descriptor.read(fromAbsoluteOffset: offset + Int64(done), into: rest)
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
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            _ = try buffer.withUnsafeReadableBytes { try descriptor.writeAll(toAbsoluteOffset: offset, $0) }
        }
    }

    /// Cuts the file off, or fills it with zeros.
    func truncate(to size: Int64) async throws {
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            try descriptor.resize(to: size)
        }
    }
}

/// A folder, a pipe or a device was named where a file was wanted.
struct NotARegularFile: Error, CustomStringConvertible {
    let description = "it is not a regular file"
}
