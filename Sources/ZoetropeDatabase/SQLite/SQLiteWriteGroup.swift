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

    /// How many go together at most, so that the first need not wait long for the last.
    private static let most = 64

    private let thread = BlockingThreads(name: "sqlite-writer", count: 1) {}
    private let waiting = Mutex<[any GroupedWrite]>([])

    /// Runs something on the thread that writes.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await thread.run { _ in try body() }
    }

    func close() async { await thread.close() }

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
            waiting.withLock { $0.append(write) }
            let refusal = thread.add { [self] _ in commitWaiting(commit) }
            // Whoever takes it out of the list answers for it.
            guard let refusal, take(where: { $0 === write }, most: 1).count == 1 else { return }
            continuation.resume(throwing: refusal)
        }
    }

    private func commitWaiting(_ commit: ([any GroupedWrite]) throws -> Void) {
        let writes = take(where: { _ in true }, most: Self.most)
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

    private func take(where isWanted: (any GroupedWrite) -> Bool, most: Int) -> [any GroupedWrite] {
        waiting.withLock { waiting in
            var taken: [any GroupedWrite] = []
            waiting.removeAll { write in
                guard taken.count < most, isWanted(write) else { return false }
                taken.append(write)
                return true
            }
            return taken
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
