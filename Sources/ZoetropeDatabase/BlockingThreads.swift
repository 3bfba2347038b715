import Foundation
import Synchronization

/// A fixed number of threads for calls that block, with a bounded queue.
///
/// Each thread has a resource of its own, such as a connection, which nothing else touches. Work that was taken in is
/// done, whatever becomes of the task that waits for it.
final class BlockingThreads<Resource>: Sendable {
    private let state: State

    /// Begins the threads.
    ///
    /// `makeResource` runs on each thread before its first work; more than `queueLimit` waiting calls are refused.
    init(name: String, count: Int, queueLimit: Int = 4_096, makeResource: @escaping @Sendable () -> Resource) {
        let state = State(living: count, queueLimit: queueLimit)
        self.state = state
        for number in 1...count {
            let thread = Thread {
                let resource = makeResource()
                while let work = state.next() { work(resource) }
                withExtendedLifetime(resource) {}
                state.threadEnds()
            }
            thread.name = "\(name)-\(number)"
            thread.start()
        }
    }

    deinit { state.close() }

    /// Runs a call on one of the threads, in the order of arrival.
    ///
    /// Throws ``DatabaseError`` at once when too many wait or the threads are closed.
    func run<Value: Sendable>(_ body: @escaping @Sendable (Resource) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let refusal = state.add { resource in
                continuation.resume(with: Result { try body(resource) })
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// Lets a call be run, of which nobody hears how it went; returns why it will not be run, if so.
    func add(_ body: @escaping @Sendable (Resource) -> Void) -> DatabaseError? { state.add(body) }

    /// Refuses new work, does what waits, and returns when every thread is at its end.
    func close() async {
        state.close()
        await withCheckedContinuation { state.whenEnded($0) }
    }

    private final class State: Sendable {
        typealias Work = @Sendable (Resource) -> Void

        private struct Inner {
            var queue: [Work] = []
            /// The place of the next work in `queue`; what lies before it is done.
            var head = 0
            var isClosed = false
            var living: Int
            var waiters: [CheckedContinuation<Void, Never>] = []
        }

        private let inner: Mutex<Inner>
        private let queueLimit: Int
        private let count: Int
        private let available = DispatchSemaphore(value: 0)

        init(living: Int, queueLimit: Int) {
            inner = Mutex(Inner(living: living))
            count = living
            self.queueLimit = queueLimit
        }

        func add(_ work: @escaping Work) -> DatabaseError? {
            let refusal: DatabaseError? = inner.withLock {
                if $0.isClosed { return .closed }
                if $0.queue.count - $0.head >= queueLimit { return .busy("\(queueLimit) calls wait already") }
                $0.queue.append(work)
                return nil
            }
            if refusal == nil { available.signal() }
            return refusal
        }

        /// Waits for work; nil when there will be none any more.
        func next() -> Work? {
            available.wait()
            return inner.withLock {
                guard $0.head < $0.queue.count else { return nil }
                let work = $0.queue[$0.head]
                $0.head += 1
                if $0.head == $0.queue.count || $0.head == 1_024 {
                    $0.queue.removeFirst($0.head)
                    $0.head = 0
                }
                return work
            }
        }

        func close() {
            let isFirst = inner.withLock { inner in
                defer { inner.isClosed = true }
                return !inner.isClosed
            }
            guard isFirst else { return }
            for _ in 0..<count { available.signal() }
        }

        func threadEnds() {
            let waiters = inner.withLock {
                $0.living -= 1
                return $0.living == 0 ? $0.waiters : []
            }
            for waiter in waiters { waiter.resume() }
        }

        func whenEnded(_ waiter: CheckedContinuation<Void, Never>) {
            let isOver = inner.withLock {
                if $0.living > 0 { $0.waiters.append(waiter) }
                return $0.living == 0
            }
            if isOver { waiter.resume() }
        }
    }
}
