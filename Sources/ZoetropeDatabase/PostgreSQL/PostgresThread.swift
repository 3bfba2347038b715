import Foundation

/// A thread's connection, and the transactions on it.
final class PostgresThread {
    private let options: PostgresOptions
    private let gate: ReconnectGate
    private var connection: PostgresConnection?

    init(_ options: PostgresOptions, _ gate: ReconnectGate) {
        self.options = options
        self.gate = gate
    }

    /// Runs a body between `begin` and a commit, again where that is safe and helps.
    ///
    /// Nothing is committed before `COMMIT` was sent, so a connection that was lost earlier, most often while it lay idle,
    /// costs one more run on a fresh one.
    func transaction<Value>(_ begin: String, _ body: (any SQLSession) throws -> Value) throws -> Value {
        var run = 1
        var mayReconnect = true
        while true {
            do {
                return try once(begin, body)
            } catch RerunReason.lost where mayReconnect {
                mayReconnect = false
            } catch RerunReason.conflict where run < Rerun.limit {
                Rerun.pause(after: run)
                run += 1
            } catch let reason as RerunReason {
                throw reason.error
            }
        }
    }

    private func once<Value>(_ begin: String, _ body: (any SQLSession) throws -> Value) throws -> Value {
        let connection = try self.connection ?? gate.connect(options)
        self.connection = connection
        defer { if connection.isLost { self.connection = nil } }
        let now: Date
        do {
            now = try connection.begin(begin)
        } catch {
            // Half a beginning would refuse everything that comes after it.
            if !connection.isLost { rollBack(connection) }
            throw connection.isLost ? RerunReason.lost(error) : error
        }
        let session = PostgresSession(connection, now: now)
        let result = Result { try body(session) }
        session.end()
        if let failure = session.failure, connection.isLost { throw RerunReason.lost(failure) }
        let value: Value
        do {
            value = try result.get()
            // A body that went on after a failed statement must not seem to have been committed.
            if let failure = session.failure { throw failure }
        } catch {
            rollBack(connection)
            if let failure = session.failure, failure.isConflict { throw RerunReason.conflict(failure) }
            throw error
        }
        try commit(connection)
        return value
    }

    private func commit(_ connection: PostgresConnection) throws {
        do {
            let tag = try connection.run(script: "COMMIT")
            guard tag == "COMMIT" else { throw DatabaseError.internal("the transaction ended as \(tag)") }
        } catch let error as DatabaseError {
            if connection.isLost { throw DatabaseError.commitUnknown(error.detail) }
            if error.isConflict { throw RerunReason.conflict(error) }
            throw error
        }
    }

    private func rollBack(_ connection: PostgresConnection) {
        do {
            try connection.run(script: "ROLLBACK")
        } catch {
            // The server rolls back what is not committed when the connection goes.
            self.connection = nil
        }
    }
}

/// Why a transaction may be run again.
private enum RerunReason: Error {
    /// The connection went before the commit was sent.
    case lost(DatabaseError)
    /// The server undid the transaction because of another one.
    case conflict(DatabaseError)

    var error: DatabaseError {
        switch self {
        case .lost(let error): .unavailable(error.detail)
        case .conflict(let error): error
        }
    }
}

/// A transaction on PostgreSQL.
private final class PostgresSession: SQLSession {
    let dialect = SQLDialect.postgres
    let now: Date
    /// The first statement that failed, after which the server refuses all others.
    private(set) var failure: DatabaseError?
    private var connection: PostgresConnection?

    init(_ connection: PostgresConnection, now: Date) {
        self.connection = connection
        self.now = now
    }

    func end() { connection = nil }

    func query(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow] {
        try perform { connection throws(DatabaseError) in
            try connection.run(sql, values) { result throws(DatabaseError) in try result.rows() }
        }
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws -> Int {
        try perform { connection throws(DatabaseError) in
            try connection.run(sql, values) { result throws(DatabaseError) in result.changes }
        }
    }

    func run(script: String) throws {
        // A migration may take its time, and sets its own limit at the server.
        try perform { connection throws(DatabaseError) in _ = try connection.run(script: script, timeout: 600_000) }
    }

    private func perform<Value>(
        _ body: (PostgresConnection) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        guard let connection else { throw .internal("the transaction is over") }
        if let failure { throw failure }
        do {
            return try body(connection)
        } catch {
            failure = error
            throw error
        }
    }
}
