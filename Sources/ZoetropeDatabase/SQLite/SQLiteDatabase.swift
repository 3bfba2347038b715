package import Foundation
internal import GRDB
import Synchronization

/// A database in a file of this host, or in memory.
///
/// One thread writes, several read. The file is in WAL mode, and every commit is flushed to the disk before it returns;
/// writes that wait for it meanwhile are committed together (docs/decisions/0021).
/// Other processes may use the same file; a write waits five times five seconds for another's before it is
/// refused as busy.
package final class SQLiteDatabase: SQLDatabase {
    package let dialect = SQLDialect.sqlite
    /// Nil for a database in memory, which waits for no disk and works on the calling thread.
    private let threads: (writing: SQLiteWriteGroup, reading: BlockingThreads<Void>)?
    private let isClosed = Mutex(false)
    private let connections: any DatabaseWriter
    private let schema = SchemaWatch()
    private let now: @Sendable () -> Date

    /// Opens or creates a database file, with its folder, that only this user can read.
    ///
    /// `now` is the database's clock. Throws ``DatabaseError``.
    package static func open(path: String, now: @escaping @Sendable () -> Date) async throws -> SQLiteDatabase {
        let writing = SQLiteWriteGroup()
        let pool = try await writing.run {
            do {
                try prepareFile(path)
                return try openPool(path, configuration)
            } catch let error as GRDB.DatabaseError {
                throw DatabaseError(error)
            }
        }
        return SQLiteDatabase(pool, (writing, BlockingThreads(name: "sqlite-reader", count: readerCount) {}), now)
    }

    /// A database that lives as long as this object; its calls come back on the thread that made them.
    package static func inMemory(now: @escaping @Sendable () -> Date) throws -> SQLiteDatabase {
        try SQLiteTransaction.translating {
            SQLiteDatabase(try DatabaseQueue(configuration: configuration), nil, now)
        }
    }

    private init(
        _ connections: any DatabaseWriter,
        _ threads: (writing: SQLiteWriteGroup, reading: BlockingThreads<Void>)?,
        _ now: @escaping @Sendable () -> Date
    ) {
        self.connections = connections
        self.threads = threads
        self.now = now
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        guard let threads else {
            return try alone {
                try connections.writeWithoutTransaction { try SQLiteTransaction.write($0, schema, now, body) }
            }
        }
        // GRDB's own asynchronous calls undo a write whose task was cancelled.
        return try await threads.writing.write(body) { [connections, schema, now] writes in
            try SQLiteTransaction.repeating {
                try connections.writeWithoutTransaction { try SQLiteTransaction.write($0, schema, now, writes) }
            }
        }
    }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        guard let threads else {
            return try alone {
                try connections.writeWithoutTransaction { try SQLiteTransaction.readAlone($0, now, body) }
            }
        }
        return try await threads.reading.run { [connections, schema, now] _ in
            try SQLiteTransaction.repeating {
                try connections.read { database in
                    try schema.look(database)
                    return try SQLiteTransaction.use(database, now, body)
                }
            }
        }
    }

    /// Runs a transaction on the calling thread.
    private func alone<Value>(_ transaction: () throws -> Value) throws -> Value {
        guard !isClosed.withLock({ $0 }) else { throw DatabaseError.closed }
        return try SQLiteTransaction.repeating(transaction)
    }

    package func close() async {
        await threads?.reading.close()
        // What could not be closed is closed with the last reference.
        if let threads {
            try? await threads.writing.run { [connections] in try connections.close() }
        } else {
            try? connections.close()
        }
        isClosed.withLock { $0 = true }
        await threads?.writing.close()
    }

    private static let readerCount = 4

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = readerCount
        return configuration
    }

    private static func prepareFile(_ path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw DatabaseError.unavailable("the database's folder cannot be made: \(error)")
        }
        // SQLite gives its other files the rights of this one.
        let file = Foundation.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DatabaseError.unavailable("the database file cannot be opened: errno \(errno)") }
        Foundation.close(file)
    }

    private static func openPool(_ path: String, _ configuration: Configuration) throws -> DatabasePool {
        var attempt = 1
        while true {
            do {
                let pool = try DatabasePool(path: path, configuration: configuration)
                // DatabasePool sets NORMAL after it has prepared the connection, which loses commits in a power cut.
                let level = try pool.writeWithoutTransaction { database in
                    try database.execute(sql: "PRAGMA synchronous = FULL")
                    return try Int.fetchOne(database, sql: "PRAGMA synchronous")
                }
                guard level == 2 else { throw DatabaseError.internal("synchronous must be 2, got \(level ?? -1)") }
                return pool
            } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_BUSY && attempt < Rerun.limit {
                // Changing to WAL does not wait for another process that does the same.
                Rerun.pause(after: attempt)
                attempt += 1
            }
        }
    }
}
