import Synchronization

/// Writes that wait at the same time; one flush to the disk does for all of them.
final class SQLiteWriteGroup: Sendable {
    /// A write and who waits for it.
    private final class Write<Value: Sendable>: GroupedWrite {
        private let body: @Sendable (any SQLSession) throws -> Value
        private let continuation: CheckedContinuation<Value, any Error>
        private let outcome = Mutex<Result<Value, any Error>>(.failure(DatabaseError.closed))

        init(
            _ body: @escaping @Sendable (any SQLSession) throws -> Value,
            _ continuation: CheckedContinuation<Value, any Error>
        ) {
            self.body = body
            self.continuation = continuation
        }

        func attempt(_ session: any SQLSession) throws {
            let result = Result { try body(session) }
            outcome.withLock { $0 = result }
            _ = try result.get()
        }

        func fail(_ error: any Error) { outcome.withLock { $0 = .failure(error) } }

        func finish() { continuation.resume(with: outcome.withLock(\.self)) }
    }

    private struct State {
        var waiting: [any GroupedWrite] = []
        /// Whether the thread has been told, or is at work, so that it will see who waits.
        var isTold = false
        var isClosed = false
    }

    /// How many go together at most, so that the first need not wait long for the last.
    private static let most = 64
    /// How many may wait; more are refused.
    private static let mostWaiting = 4_096

    private let thread = BlockingThreads(name: "sqlite-writer", count: 1) {}
    private let state = Mutex(State())

    /// Runs something on the thread that writes.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await thread.run { _ in try body() }
    }

    /// Refuses new writes, does those that wait, and returns when the thread is at its end.
    func close() async {
        state.withLock { $0.isClosed = true }
        await thread.close()
    }

    /// Does a write together with those that wait.
    ///
    /// `commit` runs writes in one transaction and tells each what came of it; it throws when nothing of any of them is
    /// written, or when that is not known.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value,
        commit: @escaping @Sendable ([any GroupedWrite]) throws -> Void
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let write = Write(body, continuation)
            let entry: Result<Bool, DatabaseError> = state.withLock { state in
                if state.isClosed { return .failure(.closed) }
                if state.waiting.count >= Self.mostWaiting {
                    return .failure(.busy("\(Self.mostWaiting) writes wait already"))
                }
                state.waiting.append(write)
                defer { state.isTold = true }
                return .success(!state.isTold)
            }
            switch entry {
            case .failure(let refusal): continuation.resume(throwing: refusal)
            case .success(let isFirst) where isFirst:
                // The thread may have been closed at this moment.
                guard let refusal = thread.add({ [self] _ in commitWaiting(commit) }) else { return }
                for write in takeAll() {
                    write.fail(refusal)
                    write.finish()
                }
            case .success: break
            }
        }
    }

    /// Commits those who wait, and sees to it that those are seen who come meanwhile.
    private func commitWaiting(_ commit: @escaping @Sendable ([any GroupedWrite]) throws -> Void) {
        repeat {
            commitGroup(commit)
            let isMore = state.withLock { state in
                state.isTold = !state.waiting.isEmpty
                return state.isTold
            }
            guard isMore else { return }
            // Behind what else the thread has to do; a thread that is being closed takes no more, and ends with these.
        } while thread.add({ [self] _ in commitWaiting(commit) }) != nil
    }

    private func commitGroup(_ commit: ([any GroupedWrite]) throws -> Void) {
        let writes = state.withLock { state in
            defer { state.waiting.removeFirst(min(Self.most, state.waiting.count)) }
            return Array(state.waiting.prefix(Self.most))
        }
        guard !writes.isEmpty else { return }
        do {
            try commit(writes)
        } catch let error as DatabaseError where writes.count > 1 && !error.concernsAll {
            // One of them has spoilt it for the others.
            for write in writes {
                do { try commit([write]) } catch { write.fail(error) }
            }
        } catch {
            for write in writes { write.fail(error) }
        }
        for write in writes { write.finish() }
    }

    private func takeAll() -> [any GroupedWrite] {
        state.withLock { state in
            defer { (state.waiting, state.isTold) = ([], false) }
            return state.waiting
        }
    }
}

/// A write in a transaction that it has not for itself.
protocol GroupedWrite: AnyObject, Sendable {
    /// Runs it; throws what it throws. The last attempt counts.
    func attempt(_ session: any SQLSession) throws
    /// Puts an error in the place of what the attempt came to.
    func fail(_ error: any Error)
    /// Tells who waits.
    func finish()
}

extension DatabaseError {
    /// Whether another try of one write alone would meet it, too.
    fileprivate var concernsAll: Bool {
        switch code {
        case .unavailable, .busy, .commitUnknown: true
        case .constraint, .newerSchema, .full, .internal: false
        }
    }
}
