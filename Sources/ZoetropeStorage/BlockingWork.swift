import Foundation
import ZoetropeWorkflow

/// A few threads for calls that wait for a disk, so that they never hold up the cooperative pool.
final class BlockingWork: Sendable {
    private let queue: OperationQueue

    init(threads: Int) {
        queue = OperationQueue()
        queue.name = "zoetrope.storage"
        queue.maxConcurrentOperationCount = threads
    }

    /// Runs `body` on one of the threads, to its end, also when the task is cancelled.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let result = await withCheckedContinuation { continuation in
            queue.addOperation {
                continuation.resume(returning: Result { () throws(StorageError) in try body() })
            }
        }
        return try result.get()
    }
}
