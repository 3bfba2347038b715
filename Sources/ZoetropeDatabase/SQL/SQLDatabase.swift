package import Foundation

/// A database with transactions: SQLite or PostgreSQL.
///
/// Calls never block the cooperative pool, and the cancellation of the calling task neither stops nor undoes them.
package protocol SQLDatabase: Sendable {
    var dialect: SQLDialect { get }

    /// Runs a transaction that may write, and commits it; when the body throws, everything is undone.
    ///
    /// The body may run up to five times, when the database asks for it (deadlock, serialization failure, lock held by
    /// another process, connection lost before the commit was sent), so it must have no other effects than its
    /// statements. On SQLite writers take turns; on PostgreSQL the isolation is READ COMMITTED. Throws what the body
    /// throws, or ``DatabaseError``; after ``DatabaseError/Code/commitUnknown`` the caller reads again.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Runs a transaction that cannot write and sees one state of the database throughout.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Refuses new calls, waits for those under way, and lets go of every connection and thread.
    func close() async
}

/// A transaction under way.
///
/// Only for use inside of the body that received it, on its thread. Parameters are `$1` to `$n` on both databases. A
/// parameter whose type cannot be seen from its place needs ``SQLDialect/cast(_:as:)``. After a statement failed, the
/// body must end: PostgreSQL refuses everything else in this transaction.
package protocol SQLSession {
    var dialect: SQLDialect { get }
    /// The time at which the transaction began, by the database's clock, in whole milliseconds.
    var now: Date { get }

    /// The rows of a statement, which may also write (`RETURNING`).
    func query(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow]

    /// Returns how many rows a statement inserted, changed or deleted itself.
    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue]) throws -> Int

    /// Runs several statements without parameters, as in a migration.
    func run(script: String) throws
}

extension SQLSession {
    package func query(_ sql: String) throws -> [SQLRow] { try query(sql, []) }

    @discardableResult
    package func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}

/// How often a transaction is run again.
enum Rerun {
    /// Runs of one body at most, the first included.
    static let limit = 5

    /// Blocks the thread for a random time that grows with the number of the failed run, from 1: under 160 ms.
    static func pause(after run: Int) {
        let ceiling = 10_000 << min(run, 4)
        usleep(UInt32.random(in: 1...UInt32(ceiling)))
    }
}
