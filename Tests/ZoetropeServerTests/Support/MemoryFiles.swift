import Foundation
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

/// Scratch folders in memory.
final class MemoryFiles: Scratch {
    private let files = Mutex<[String: Data]>([:])

    func write(_ bytes: [UInt8], _ path: String) {
        files.withLock { $0[path] = Data(bytes) }
    }

    func read(_ path: String) throws -> Data {
        guard let data = files.withLock({ $0[path] }) else { throw CocoaError(.fileNoSuchFile) }
        return data
    }

    func withFolder<Result: Sendable>(
        for run: AnimationID,
        epoch: Int64,
        _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        let folder = "/memory/\(run)"
        defer { files.withLock { files in files = files.filter { !$0.key.hasPrefix(folder) } } }
        return try await body(folder)
    }
}

/// The service takes orders and makes no pictures.
struct NoMedia: MediaPipeline {
    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        throw MediaFailure(.internal, "the server called makeInput", isRetryable: false)
    }

    func publishable(from parts: [String], in folder: String, seconds: Int, wantsSound: Bool)
        async throws(MediaFailure) -> PublishableVideo
    {
        throw MediaFailure(.internal, "the server called publishable", isRetryable: false)
    }

    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize {
        throw MediaFailure(.internal, "the server called lastFrame", isRetryable: false)
    }
}
