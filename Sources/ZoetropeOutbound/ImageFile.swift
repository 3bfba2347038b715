import Foundation
import NIOCore
import NIOPosix
import SystemPackage
import ZoetropeWorkflow

/// A new file that is written from its beginning, for its owner only.
struct ImageFile: Sendable {
    private let descriptor: SystemPackage.FileDescriptor
    private let path: String

    /// Creates a file that must not be there yet.
    init(creating path: String) throws(OutboundError) {
        do {
            descriptor = try .open(
                FilePath(path),
                .writeOnly,
                options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: .ownerReadWrite
            )
        } catch {
            throw Self.failure(error)
        }
        self.path = path
    }

    /// Blocks a thread of NIO's pool, not a task's.
    func append(_ buffer: ByteBuffer) async throws {
        do {
            try await NIOThreadPool.singleton.runIfActive {
                _ = try buffer.withUnsafeReadableBytes { try descriptor.writeAll($0) }
            }
        } catch let error as Errno {
            throw Self.failure(error)
        }
    }

    /// Closes the file and keeps it; nothing may be called after it.
    func close() throws(OutboundError) {
        do {
            try descriptor.close()
        } catch {
            unlink(path)
            throw Self.failure(error)
        }
    }

    /// Closes the file and removes it; nothing may be called after it.
    func discard() {
        try? descriptor.close()
        unlink(path)
    }

    private static func failure(_ error: any Error) -> OutboundError {
        OutboundError(.storage, "the image cannot be kept now; try again later", detail: "\(error)")
    }
}
