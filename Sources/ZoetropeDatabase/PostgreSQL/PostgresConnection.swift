import CLibPQ
import Foundation

/// A connection to PostgreSQL; for one thread.
final class PostgresConnection {
    private let handle: OpaquePointer
    private let options: PostgresOptions
    private var statements = PostgresStatements()
    /// The connection is of no more use: closed by the server, silent for too long, or with outdated statements.
    private(set) var isLost = false

    static func open(_ options: PostgresOptions) throws(DatabaseError) -> PostgresConnection {
        let connection = PostgresConnection(try options.connect(), options)
        // A plan that was made while a table was empty is kept for long: it must not be a sequential scan, and its
        // price must not make it look worth compiling.
        try connection.run(
            script: """
                SET statement_timeout = \(options.statementTimeout);
                SET idle_in_transaction_session_timeout = \(options.statementTimeout + margin);
                SET timezone = 'UTC';
                SET datestyle = 'ISO';
                SET bytea_output = 'hex';
                SET extra_float_digits = 1;
                SET enable_seqscan = off;
                SET jit = off;
                SELECT set_config('synchronous_commit', 'on', false)
                WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
                """
        )
        return connection
    }

    private init(_ handle: OpaquePointer, _ options: PostgresOptions) {
        self.handle = handle
        self.options = options
    }

    deinit { PQfinish(handle) }

    /// Runs statements without parameters.
    ///
    /// Returns the tag of the last one, such as `COMMIT`.
    @discardableResult
    func run(script: String, timeout: Int? = nil) throws(DatabaseError) -> String {
        guard !script.utf8.contains(0) else { throw .internal("a statement must not contain NUL") }
        guard PQsendQuery(handle, script) == 1 else { throw lost() }
        let result = try result(within: timeout ?? options.statementTimeout)
        defer { PQclear(result) }
        return String(cString: PQcmdStatus(result))
    }

    /// Begins a transaction; returns the server's time, which costs no round trip of its own.
    func begin(_ statement: String) throws(DatabaseError) -> Date {
        guard PQsendQuery(handle, "\(statement); SELECT clock_timestamp()") == 1 else { throw lost() }
        let result = try result(within: options.statementTimeout)
        defer { PQclear(result) }
        guard let row = try PostgresResult(result).rows().first else { throw .internal("the server has no clock") }
        return try row.get(at: 0)
    }

    /// Runs one statement, prepared the first time.
    func run<Value>(
        _ sql: String,
        _ values: [SQLValue],
        _ read: (PostgresResult) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> Value {
        for value in values { try value.check() }
        guard !sql.utf8.contains(0) else { throw .internal("a statement must not contain NUL") }
        let name = try prepare(sql)
        let isSent = withCStrings(values.map(\.postgresText)) { parameters in
            PQsendQueryPrepared(handle, name, Int32(values.count), parameters, nil, nil, 0)
        }
        guard isSent == 1 else { throw lost() }
        let result = try result(within: options.statementTimeout)
        defer { PQclear(result) }
        return try read(PostgresResult(result))
    }

    /// The socket to wait on for notifications.
    var socket: Int32 { PQsocket(handle) }

    /// Payloads that arrived; nil when the connection is lost.
    func takeNotifications() -> [String]? {
        guard PQconsumeInput(handle) == 1 else { return nil }
        var payloads: [String] = []
        while let notification = PQnotifies(handle) {
            payloads.append(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        return payloads
    }

    /// A name in double quotes.
    func quoted(name: String) throws(DatabaseError) -> String {
        guard let text = PQescapeIdentifier(handle, name, name.utf8.count) else { throw lost() }
        defer { PQfreemem(text) }
        return String(cString: text)
    }

    private func prepare(_ sql: String) throws(DatabaseError) -> String {
        if let name = statements.find(sql) { return name }
        if let evicted = statements.evict() { try run(script: "DEALLOCATE \(evicted)") }
        let name = statements.nextName
        guard PQsendPrepare(handle, name, sql, 0, nil) == 1 else { throw lost() }
        PQclear(try result(within: options.statementTimeout))
        statements.add(sql)
        return name
    }

    /// Milliseconds that the server has, beyond the statement's own time, to say that it ended a statement.
    private static let margin = 5_000

    /// Waits for the answer to what was sent; the caller clears it.
    private func result(within timeout: Int) throws(DatabaseError) -> OpaquePointer {
        let deadline = ContinuousClock.now + .milliseconds(timeout + Self.margin)
        var last: OpaquePointer?
        var failure: DatabaseError?
        while true {
            do {
                try waitForInput(until: deadline)
            } catch {
                PQclear(last)
                throw error
            }
            guard let result = PQgetResult(handle) else { break }
            PQclear(last)
            last = result
            let status = PQresultStatus(result)
            if status != PGRES_TUPLES_OK, status != PGRES_COMMAND_OK, failure == nil {
                failure = DatabaseError(postgres: result, redact: options.withoutPassword)
                if PostgresState(of: result).isOutdatedStatement { isLost = true }
            }
        }
        if PQstatus(handle) != CONNECTION_OK { isLost = true }
        guard failure == nil, let last else {
            PQclear(last)
            throw failure ?? lost()
        }
        return last
    }

    /// Returns when `PQgetResult` will not block.
    private func waitForInput(until deadline: ContinuousClock.Instant) throws(DatabaseError) {
        while PQisBusy(handle) == 1 {
            let left = (deadline - .now).milliseconds
            guard left > 0 else {
                isLost = true
                throw .unavailable("no answer in time")
            }
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            let count = poll(&descriptor, 1, Int32(left))
            guard count > 0 || errno == EINTR || count == 0 else { throw lost() }
            if count > 0, PQconsumeInput(handle) != 1 { throw lost() }
        }
    }

    private func lost() -> DatabaseError {
        isLost = true
        return .unavailable(options.withoutPassword(String(cString: PQerrorMessage(handle))))
    }
}
