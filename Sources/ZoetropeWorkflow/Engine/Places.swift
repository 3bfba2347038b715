import Synchronization

/// Lets a few at a time do something; the others wait in the order of their coming.
final class Places: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    /// Throws a `CancellationError` when the task was cancelled before its turn came.
    func with(_ body: () async throws -> Void) async throws {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        defer {
            let next = state.withLock { state in
                guard state.waiting.isEmpty else {
                    return state.waiting.removeFirst() as CheckedContinuation<Void, Never>?
                }
                state.free += 1
                return nil
            }
            next?.resume()
        }
        try Task.checkCancellation()
        try await body()
    }
}
