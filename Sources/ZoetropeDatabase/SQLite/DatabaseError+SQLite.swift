internal import GRDB

extension DatabaseError {
    /// What an SQLite error means.
    init(_ error: GRDB.DatabaseError) {
        let detail = Self.detail(of: error)
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .conflict(detail)
        case .SQLITE_FULL: self = .full(detail)
        case .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_PROTOCOL: self = .unavailable(detail)
        case .SQLITE_CONSTRAINT: self = .constraint(Self.constraintName(of: error), detail)
        default: self = .internal(detail)
        }
    }

    /// The code and SQLite's message, which names tables and columns but holds no values.
    static func detail(of error: GRDB.DatabaseError) -> String {
        "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "")"
    }

    /// Reads the name out of the message, for example `CHECK constraint failed: runs_part_check`.
    private static func constraintName(of error: GRDB.DatabaseError) -> String {
        let subject = SQLiteUniqueIndex.subject(of: error)
        return switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_FOREIGNKEY: foreignKey
        case .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID: "\(subject.prefix { $0 != "." })_pkey"
        default: subject
        }
    }
}
