import Dispatch
import Foundation
import NIOCore
import SystemPackage
import ZoetropeWorkflow

/// A result that is written as it comes, beside its place, and put there when it is whole.
///
/// Its work blocks a thread of Dispatch, not a task's. Only one task at a time uses it.
final class ResultFile: Sendable {
    private let path: String
    private let temporaryPath: String
    private let descriptor: SystemPackage.FileDescriptor

    /// Creates the file beside `path`.
    static func creating(at path: String) async throws(ProviderError) -> ResultFile {
        let temporaryPath = "\(path).\(UUID().uuidString.prefix(8)).part"
        let descriptor = try await working(path) {
            try SystemPackage.FileDescriptor.open(
                FilePath(temporaryPath),
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead]
            )
        }
        return ResultFile(path, temporaryPath, descriptor)
    }

    private init(_ path: String, _ temporaryPath: String, _ descriptor: SystemPackage.FileDescriptor) {
        self.path = path
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
    }

    /// Closes the file, and removes what did not become whole.
    deinit {
        try? descriptor.close()
        unlink(temporaryPath)
    }

    func write(_ bytes: ByteBuffer, at offset: Int64) async throws(ProviderError) {
        try await Self.working(path) { [descriptor] in
            _ = try bytes.withUnsafeReadableBytes {
                try descriptor.writeAll(toAbsoluteOffset: offset, $0)
            }
        }
    }

    /// Empties the file.
    func clear() async throws(ProviderError) {
        try await Self.working(path) { [descriptor] in try descriptor.resize(to: 0) }
    }

    /// Waits until the disk holds the bytes, then gives the file its name.
    func publish() async throws(ProviderError) {
        try await Self.working(path) { [descriptor, temporaryPath, path] in
            guard fsync(descriptor.rawValue) == 0, rename(temporaryPath, path) == 0 else {
                throw Errno(rawValue: errno)
            }
        }
    }

    private static func working<Result: Sendable>(
        _ path: String,
        _ body: @escaping @Sendable () throws -> Result
    ) async throws(ProviderError) -> Result {
        do {
            return try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
            }
        } catch {
            throw ProviderError(.storage, "\"\(path)\" cannot be written: \(error)")
        }
    }
}
