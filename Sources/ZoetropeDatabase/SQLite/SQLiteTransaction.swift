import Foundation
internal import GRDB
import Synchronization

/// How a body becomes a transaction.
enum SQLiteTransaction {
    /// Runs a transaction again while another process is in the way.
    static func repeating<Value>(_ transaction: () throws -> Value) throws -> Value {
        var run = 1
        while true {
            do {
                return try translating(transaction)
            } catch let error as DatabaseError where error.isConflict && run < Rerun.limit {
                Rerun.pause(after: run)
                run += 1
            }
        }
    }

    /// Takes the right to write at once, since a transaction that reads first can lose it to another process.
    static func write<Value>(
        _ database: Database,
        _ schema: SchemaWatch,
        _ now: () -> Date,
        _ body: (any SQLSession) throws -> Value
    ) throws -> Value {
        try transaction(database, schema) { try use(database, now, body) }
    }

    /// Runs writes one after the other and commits them together; what fails is undone by itself.
    ///
    /// Throws when nothing of any of them is written, or, with `commitUnknown`, when that is not known.
    static func write(
        _ database: Database,
        _ schema: SchemaWatch,
        _ now: () -> Date,
        _ writes: [any GroupedWrite]
    ) throws {
        try transaction(database, schema) {
            for write in writes {
                try run("SAVEPOINT one", database)
                do {
                    try use(database, now, write.attempt)
                } catch {
                    write.fail(error)
                    // SQLite may have ended the whole transaction, with what the others wrote.
                    guard database.isInsideTransaction else {
                        throw error as? DatabaseError ?? .internal("the transaction was lost: \(error)")
                    }
                    try run("ROLLBACK TRANSACTION TO SAVEPOINT one", database)
                }
                try run("RELEASE SAVEPOINT one", database)
            }
        }
    }

    private static func transaction<Value>(
        _ database: Database,
        _ schema: SchemaWatch,
        _ body: () throws -> Value
    ) throws -> Value {
        try run("BEGIN IMMEDIATE TRANSACTION", database)
        // After an error SQLite may have ended the transaction itself; then this does nothing.
        defer { try? database.rollback() }
        try schema.look(database)
        let value = try body()
        do {
            try run("COMMIT TRANSACTION", database)
        } catch let error as GRDB.DatabaseError where error.resultCode == .SQLITE_IOERR {
            // When only the flush failed, the commit is in the file, and recovery after a crash may find it.
            throw DatabaseError.commitUnknown(DatabaseError.detail(of: error))
        }
        return value
    }

    /// Reads from a database that has one connection, which nobody else uses meanwhile.
    static func readAlone<Value>(
        _ database: Database,
        _ now: () -> Date,
        _ body: (any SQLSession) throws -> Value
    ) throws -> Value {
        // GRDB would set `query_only` for each read, after which SQLite prepares every statement anew.
        try use(database, now, readOnly: true, body)
    }

    /// Runs a statement that is prepared once for each connection, which GRDB's own calls do each time.
    private static func run(_ sql: String, _ database: Database) throws {
        try database.cachedStatement(sql: sql).execute()
    }

    /// Lends a body a session on a transaction that is open.
    static func use<Value>(
        _ database: Database,
        _ now: () -> Date,
        readOnly: Bool = false,
        _ body: (any SQLSession) throws -> Value
    ) throws -> Value {
        let session = SQLiteSession(database, now: now().roundedToMilliseconds, isReadOnly: readOnly)
        defer { session.end() }
        let value = try body(session)
        if let failure = session.failure { throw failure }
        return value
    }

    static func translating<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as GRDB.DatabaseError {
            throw DatabaseError(error)
        }
    }
}

/// Notices that another process has changed the schema.
///
/// Statements that were prepared before it are prepared anew by SQLite when they run, and then have other columns than GRDB
/// has noted. So what was prepared is forgotten, and the connection made to read the new schema, before anything is prepared.
final class SchemaWatch: Sendable {
    /// The schema's version that each connection has last seen.
    private let seen = Mutex<[ObjectIdentifier: Int]>([:])

    /// Call in a transaction, before anything else.
    func look(_ database: Database) throws {
        let version = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA schema_version"))
        let last = seen.withLock { $0.updateValue(version ?? 0, forKey: ObjectIdentifier(database)) }
        guard last != version else { return }
        database.clearSchemaCache()
        // Only a statement that reads a table compares the schema in memory with that of the file.
        _ = try Int.fetchOne(database, sql: "SELECT 1 FROM sqlite_master LIMIT 1")
    }
}
