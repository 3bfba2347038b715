import Foundation
package import Logging
import Synchronization

/// A PostgreSQL server, reached through libpq.
///
/// Connections are opened when they are needed, each on a thread of its own, and again after they were lost; while the
/// server cannot be reached, calls are refused at once between the tries, which become rarer, up to one in 2 s.
package final class PostgresDatabase: SQLDatabase {
    package let dialect = SQLDialect.postgres
    private let options: PostgresOptions
    private let threads: BlockingThreads<PostgresThread>
    private let gate: ReconnectGate
    private let listeners = Mutex<[PostgresListener]?>([])

    /// Connects to nothing yet.
    ///
    /// - `url`: `postgres://user:password@host:port/name?sslmode=verify-full`, or for a Unix socket
    ///   `postgres:///name?host=/run/postgresql`; every parameter of libpq is understood.
    /// - `connections`: how many transactions run at the same time; the others wait.
    /// - `statementTimeout`: after which the server ends a statement.
    ///
    /// Throws ``DatabaseError`` when the URL cannot be read.
    package init(
        url: String,
        connections: Int = 8,
        statementTimeout: Duration = .seconds(30),
        logger: Logger
    ) throws(DatabaseError) {
        let options = try PostgresOptions(url: url, statementTimeout: statementTimeout)
        let gate = ReconnectGate(logger: logger)
        self.options = options
        self.gate = gate
        threads = BlockingThreads(name: "postgres", count: connections) { PostgresThread(options, gate) }
    }

    deinit { stopListeners() }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await threads.run { try $0.transaction("BEGIN", body) }
    }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await threads.run { try $0.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body) }
    }

    package func close() async {
        stopListeners()
        await threads.close()
    }

    /// The payloads of `NOTIFY channel`, over a connection of their own.
    ///
    /// An empty element comes whenever listening has begun, at first and after a lost connection: whoever reads should
    /// then look for what was missed. At most 256 unread payloads are kept, the newest. Ends with ``close()``.
    package func notifications(channel: String) -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(256))
        listen(to: channel, continuation) { $0 }
        return stream
    }

    /// The same for those who only want to know that there was something; what is unread is merged into one element.
    func rings(channel: String) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        listen(to: channel, continuation) { _ in }
        return stream
    }

    private func listen<Element: Sendable>(
        to channel: String,
        _ continuation: AsyncStream<Element>.Continuation,
        _ element: @escaping @Sendable (String) -> Element
    ) {
        let listener = PostgresListener(
            channel,
            options,
            yield: { continuation.yield(element($0)) },
            finish: { continuation.finish() }
        )
        guard let listener else { return continuation.finish() }
        let isOpen = listeners.withLock { listeners in
            listeners?.removeAll { $0.isStopped }
            listeners?.append(listener)
            return listeners != nil
        }
        guard isOpen else { return continuation.finish() }
        continuation.onTermination = { [weak listener] _ in listener?.stop() }
        listener.start()
    }

    private func stopListeners() {
        let all = listeners.withLock { listeners in
            defer { listeners = nil }
            return listeners
        }
        for listener in all ?? [] { listener.stop() }
    }
}

/// Keeps a server that is down from being asked by every call.
final class ReconnectGate: Sendable {
    private struct State {
        var failures = 0
        var closedUntil = ContinuousClock.now
        var reason = DatabaseError.unavailable("")
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Opens a connection, or throws at once while the last failure is too fresh.
    func connect(_ options: PostgresOptions) throws(DatabaseError) -> PostgresConnection {
        let refusal = state.withLock { $0.closedUntil > .now ? $0.reason : nil }
        if let refusal { throw refusal }
        do {
            let connection = try PostgresConnection.open(options)
            let failures = state.withLock { state in
                defer { state.failures = 0 }
                return state.failures
            }
            if failures > 0 { logger.info("database is back") }
            return connection
        } catch {
            let failures = state.withLock { state in
                state.failures += 1
                state.reason = error
                state.closedUntil = .now + Backoff.delay(after: state.failures)
                return state.failures
            }
            if failures == 1 {
                logger.warning("database cannot be reached", metadata: ["detail": "\(error.detail)"])
            }
            throw error
        }
    }
}

/// How long to wait before the next try to connect.
enum Backoff {
    /// A random time up to 50 ms after the first failure, doubling up to 2 s.
    static func delay(after failures: Int) -> Duration {
        .milliseconds(Int.random(in: 1...min(2_000, 50 << min(failures - 1, 6))))
    }
}
