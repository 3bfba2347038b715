/// What differs between the two databases' SQL, where it matters to us.
package enum SQLDialect: String, Sendable, CaseIterable {
    case sqlite
    case postgres

    /// Types of columns and casts.
    package enum ColumnType: String, Sendable, CaseIterable {
        case integer, real, text, blob, timestamp, uuid, json, boolean
    }

    /// Appended to a `SELECT`, locks its rows and passes over those that others have locked.
    ///
    /// SQLite has nothing of the kind and needs nothing, because writers take turns.
    package var skippingLocked: String {
        switch self {
        case .sqlite: ""
        case .postgres: " FOR UPDATE SKIP LOCKED"
        }
    }

    /// Appended to a `SELECT`, locks its rows until the end of the transaction.
    package var forUpdate: String {
        switch self {
        case .sqlite: ""
        case .postgres: " FOR UPDATE"
        }
    }

    /// The name of a type in `CREATE TABLE` and in casts.
    package func type(_ type: ColumnType) -> String {
        switch (self, type) {
        case (.sqlite, .integer), (.sqlite, .boolean): "INTEGER"
        case (.sqlite, .real): "REAL"
        case (.sqlite, .blob): "BLOB"
        case (.sqlite, .text), (.sqlite, .timestamp), (.sqlite, .uuid), (.sqlite, .json): "TEXT"
        case (.postgres, .integer): "bigint"
        case (.postgres, .real): "double precision"
        case (.postgres, .text): "text"
        case (.postgres, .blob): "bytea"
        case (.postgres, .timestamp): "timestamp with time zone"
        case (.postgres, .uuid): "uuid"
        case (.postgres, .json): "json"
        case (.postgres, .boolean): "boolean"
        }
    }

    /// An expression with its type said, for places where PostgreSQL cannot see it, such as a list of `VALUES`.
    package func cast(_ expression: String, as type: ColumnType) -> String {
        switch self {
        case .sqlite: expression
        case .postgres: "CAST(\(expression) AS \(self.type(type)))"
        }
    }
}
