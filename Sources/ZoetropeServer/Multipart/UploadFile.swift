import Glibc
import NIOPosix
import ZoetropeWorkflow

/// A file that is written as its bytes come, by threads that may wait for the disk.
final class UploadFile {
    let path: String
    private let descriptor: Int32
    private var byteCount = 0
    private var buffer: [UInt8] = []

    /// A write takes about as long as the change of threads that it needs.
    private static let bufferBytes = 64 * 1_024

    /// Makes a new file; one that is there is never touched.
    init(creating path: String) async throws {
        self.path = path
        descriptor = try await Self.offPool {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Self.failure(errno) }
            return descriptor
        }
    }

    func write(_ bytes: some Collection<UInt8>) async throws {
        buffer += bytes
        byteCount += bytes.count
        if buffer.count >= Self.bufferBytes { try await flush() }
    }

    deinit { close(descriptor) }

    /// Writes what is left; returns how many bytes the file has.
    func finish() async throws -> Int {
        try await flush()
        return byteCount
    }

    private func flush() async throws {
        let bytes = buffer
        buffer.removeAll()
        try await Self.offPool { [descriptor] in
            var written = 0
            while written < bytes.count {
                let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                guard count >= 0 || errno == EINTR else { throw Self.failure(errno) }
                written += max(0, count)
            }
        }
    }

    private static func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    private static func failure(_ number: Int32) -> StorageError {
        let isFull = number == ENOSPC || number == EDQUOT
        return StorageError(isFull ? .full : .unavailable, "write an upload: \(String(cString: strerror(number)))")
    }
}
