import Dispatch

/// Work of milliseconds that reads and writes files: not on a thread that others wait for.
enum BlockingWork {
    static func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global()
                .async {
                    continuation.resume(returning: Result { () throws(Failure) in try body() })
                }
        }
        return try result.get()
    }
}
