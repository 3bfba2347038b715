package import Foundation
package import Logging
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

/// The run store on SQLite and PostgreSQL: one text of SQL for both.
package final class SQLRunStore: RunStore {
    /// What was brought up to date when the store was opened.
    package let appliedMigrations: [Migration]
    let database: any SQLDatabase
    let sql: RunStatements
    private let logger: Logger
    private let rings: @Sendable (_ channel: String) -> AsyncStream<Void>?
    private let bells: Bells
    private let changeBells = Bells()
    /// Nil where all who listen are in this process.
    private let ringer: Ringer?
    private let changeRinger: Ringer?

    /// Opens or creates a database file.
    ///
    /// `now` is the database's clock. Without `migrates` a schema that is not up to date is refused. Throws
    /// ``RunStoreError``.
    package static func sqlite(
        path: String,
        migrates: Bool = true,
        logger: Logger = Logger(label: "zoetrope.database"),
        now: @escaping @Sendable () -> Date
    ) async throws -> SQLRunStore {
        try await translating { try await SQLiteDatabase.open(path: path, now: now) }
            .store(migrates: migrates, logger)
    }

    /// A database that lives as long as the store; its calls come back on the thread that made them.
    package static func inMemory(
        logger: Logger = Logger(label: "zoetrope.database"),
        now: @escaping @Sendable () -> Date
    ) async throws -> SQLRunStore {
        try await translating { try SQLiteDatabase.inMemory(now: now) }.store(migrates: true, logger)
    }

    /// Connects to PostgreSQL; see ``PostgresDatabase/init(url:connections:statementTimeout:logger:)``.
    ///
    /// Throws ``RunStoreError``.
    package static func postgres(
        url: String,
        migrates: Bool = true,
        connections: Int = 8,
        logger: Logger
    ) async throws -> SQLRunStore {
        let database = try await translating {
            try PostgresDatabase(url: url, connections: connections, logger: logger)
        }
        return try await open(database, migrates: migrates, logger) { database.rings(channel: $0) }
    }

    /// The channel on which PostgreSQL tells that runs became due.
    static let dueChannel = "zoetrope_due"
    /// The channel on which it tells that a run has ended.
    static let endChannel = "zoetrope_ended"

    fileprivate static func open(
        _ database: any SQLDatabase,
        migrates: Bool,
        _ logger: Logger,
        _ rings: @escaping @Sendable (_ channel: String) -> AsyncStream<Void>?
    ) async throws -> SQLRunStore {
        do {
            let applied = try await translating {
                let migrator = Migrator(Schema.migrations)
                if migrates { return try await migrator.migrate(database) }
                try await migrator.check(database)
                return []
            }
            return SQLRunStore(database, applied, logger, rings)
        } catch {
            await database.close()
            throw error
        }
    }

    private init(
        _ database: any SQLDatabase,
        _ applied: [Migration],
        _ logger: Logger,
        _ rings: @escaping @Sendable (_ channel: String) -> AsyncStream<Void>?
    ) {
        self.database = database
        sql = RunStatements(database.dialect)
        appliedMigrations = applied
        self.logger = logger
        self.rings = rings
        let tellsOthers = database.dialect == .postgres
        ringer = tellsOthers ? Ringer(database, Self.dueChannel) : nil
        changeRinger = tellsOthers ? Ringer(database, Self.endChannel) : nil
        bells = Bells()
    }

    package func doorbell() -> AsyncStream<Void> { rings(Self.dueChannel) ?? bells.listen() }

    package func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Owned by the stream, with which they end.
        let sources = [changeBells.listen(), rings(Self.endChannel)].compactMap(\.self)
            .map { source in
                Task { for await _ in source { continuation.yield() } }
            }
        continuation.onTermination = { _ in for source in sources { source.cancel() } }
        return stream
    }

    package func close() async {
        bells.close()
        changeBells.close()
        await ringer?.finish()
        await changeRinger?.finish()
        await database.close()
    }

    // MARK: For the other files

    /// Runs a transaction whose body says whether runs became due; rings if so.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> (Value, rings: Bool)
    ) async throws(RunStoreError) -> Value {
        try await Self.translating { try await self.transaction(body) }
    }

    /// Tells those who wait for news of runs.
    func tellChange(hasEnded: Bool) {
        changeBells.ring()
        if hasEnded { changeRinger?.ring() }
    }

    /// The same, but what the body throws comes out as it is.
    func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> (Value, rings: Bool)
    ) async throws -> Value {
        let (value, rings) = try await database.write(body)
        if rings {
            bells.ring()
            ringer?.ring()
        }
        return value
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws(RunStoreError) -> Value {
        try await Self.translating { [database] in try await database.read(body) }
    }

    /// Says which runs this program cannot read.
    var unreadable: @Sendable (AnimationID, any Error) -> Void {
        { [logger] id, error in
            let detail = (error as? DatabaseError)?.detail ?? "\(error)"
            logger.error(
                "a run cannot be read",
                metadata: Logger.Metadata([.animationID: "\(id)", .detail: "\(detail)"])
            )
        }
    }

    static func translating<Value>(_ body: () async throws -> Value) async throws(RunStoreError) -> Value {
        do {
            return try await body()
        } catch let error as DatabaseError {
            throw RunStoreError(error)
        } catch {
            throw RunStoreError(.internal, "\(error)")
        }
    }
}

extension SQLiteDatabase {
    fileprivate func store(migrates: Bool, _ logger: Logger) async throws -> SQLRunStore {
        try await SQLRunStore.open(self, migrates: migrates, logger) { _ in nil }
    }
}

extension RunStoreError {
    init(_ error: DatabaseError) {
        let code: Code =
            switch error.code {
            case .unavailable, .busy: .unavailable
            case .full: .full
            case .commitUnknown: .commitUnknown
            case .constraint: .constraint
            case .newerSchema: .newerSchema
            case .internal: .internal
            }
        var detail = "\(error.message): \(error.detail)"
        if case .constraint(let name) = error.code { detail = "\(name): \(error.detail)" }
        self.init(code, detail)
    }
}

/// Rings in every process, with a transaction of its own for all that was to be told meanwhile.
///
/// A commit with a `NOTIFY` in it lets no other one be flushed to disk together with it. A ring that is lost with its
/// process costs those who listen at most their longest wait.
private final class Ringer: Sendable {
    private struct State {
        /// Rings until nobody asks for another; nil when nobody has.
        var work: Task<Void, Never>?
        var isWanted = false
    }

    private let database: any SQLDatabase
    private let channel: String
    private let state = Mutex(State())

    init(_ database: any SQLDatabase, _ channel: String) {
        self.database = database
        self.channel = channel
    }

    func ring() {
        state.withLock { state in
            state.isWanted = true
            // Owned by this object, which waits for it at its end.
            if state.work == nil { state.work = Task { await self.work() } }
        }
    }

    private func work() async {
        while isWantedAgain() {
            try? await database.write { [channel] session in
                _ = try session.query("SELECT pg_notify($1, '')", [.text(channel)])
            }
        }
    }

    private func isWantedAgain() -> Bool {
        state.withLock { state in
            defer { state.isWanted = false }
            if !state.isWanted { state.work = nil }
            return state.isWanted
        }
    }

    func finish() async { await state.withLock { $0.work }?.value }
}

/// Rings for everybody in this process who listens.
final class Bells: Sendable {
    private struct State {
        var count = 0
        var listeners: [Int: AsyncStream<Void>.Continuation]? = [:]
    }

    private let state = Mutex(State())

    func listen() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number: Int? = state.withLock { state in
            state.count += 1
            state.listeners?[state.count] = continuation
            return state.listeners == nil ? nil : state.count
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.listeners?[number] = nil } }
        return stream
    }

    func ring() {
        let listeners = state.withLock { $0.listeners ?? [:] }
        // In the order of their coming, which the simulation relies on.
        for (_, listener) in listeners.sorted(by: { $0.key < $1.key }) { listener.yield() }
    }

    func close() {
        let listeners = state.withLock { state in
            defer { state.listeners = nil }
            return state.listeners ?? [:]
        }
        for (_, listener) in listeners { listener.finish() }
    }
}
