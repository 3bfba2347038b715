import Foundation
internal import GRDB
import ZoetropeCore

/// A transaction on SQLite.
final class SQLiteSession: SQLSession {
    let dialect = SQLDialect.sqlite
    let now: Date
    /// The first statement that failed; as on PostgreSQL, nothing is committed after it.
    private(set) var failure: DatabaseError?
    private var database: Database?
    /// Whether statements that write are refused here, and not by the connection.
    private let isReadOnly: Bool

    init(_ database: Database, now: Date, isReadOnly: Bool = false) {
        self.database = database
        self.now = now
        self.isReadOnly = isReadOnly
    }

    func end() { database = nil }

    func query(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow] {
        try perform { database in
            let statement = try prepare(sql, values, database)
            let columns = statement.columnNames
            var rows: [SQLRow] = []
            let cursor = try Row.fetchCursor(statement, arguments: StatementArguments(try values.map(databaseValue)))
            while let row = try cursor.next() {
                rows.append(SQLRow(columns: columns, values: row.databaseValues.map(SQLValue.init)))
            }
            return rows
        }
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws -> Int {
        try perform { database in
            let statement = try prepare(sql, values, database)
            try statement.execute(arguments: StatementArguments(try values.map(databaseValue)))
            return database.changesCount
        }
    }

    func run(script: String) throws {
        guard !isReadOnly else { throw DatabaseError.internal("a read must not run a script") }
        try perform { try $0.execute(sql: script) }
    }

    private func perform<Value>(_ body: (Database) throws -> Value) throws -> Value {
        guard let database else { throw DatabaseError.internal("the transaction is over") }
        if let failure { throw failure }
        do {
            return try body(database)
        } catch {
            let failure = error as? DatabaseError ?? translated(error, database)
            self.failure = failure
            throw failure
        }
    }

    private func translated(_ error: any Error, _ database: Database) -> DatabaseError {
        guard let error = error as? GRDB.DatabaseError else { return .internal("\(error)") }
        if error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE, let name = SQLiteUniqueIndex.name(error, database) {
            return .constraint(name, DatabaseError.detail(of: error))
        }
        return DatabaseError(error)
    }

    private func prepare(_ sql: String, _ values: [SQLValue], _ database: Database) throws -> Statement {
        for value in values { try value.check() }
        let statement = try database.cachedStatement(sql: SQLitePlaceholders.rewritten(sql))
        guard !isReadOnly || statement.isReadonly else { throw DatabaseError.internal("a read must not write") }
        return statement
    }

    private func databaseValue(_ value: SQLValue) throws -> DatabaseValue {
        switch value {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .real(let number): number.databaseValue
        case .text(let text), .json(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        case .timestamp(let date): SQLTimestamp.text(date)?.databaseValue ?? .null
        case .uuid(let id): id.text.databaseValue
        case .boolean(let flag): Int64(flag ? 1 : 0).databaseValue
        }
    }
}

extension SQLValue {
    fileprivate init(_ value: DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .double(let number): .real(number)
            case .string(let text): .text(text)
            case .blob(let data): .blob(Array(data))
            }
    }
}
