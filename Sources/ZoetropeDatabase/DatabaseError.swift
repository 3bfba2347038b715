/// Why the database did not do what it was asked.
package struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// Not reached, lost before the commit was sent, or closed; nothing was written.
        case unavailable
        /// Others hold what is needed, or too many calls wait already; nothing was written.
        case busy
        /// The answer to the commit was lost: it was written, or it was not, so callers read again.
        case commitUnknown
        /// Against a rule of the schema.
        ///
        /// The name is that of the constraint or index, the same on both databases: `table_pkey` for a primary key,
        /// `table.column` for a missing value, and ``foreignKey`` for every reference, because SQLite names none.
        case constraint(String)
        /// The schema has a version that this program does not know.
        case newerSchema
        /// No space left; nothing was written.
        case full
        /// A mistake in our own SQL, values or settings, or a database that is damaged.
        case `internal`
    }

    /// The name that every broken reference has in ``Code/constraint(_:)``.
    package static let foreignKey = "foreign_key"

    package let code: Code
    /// One sentence that is safe to show: no SQL, values, hosts or secrets.
    package let message: String
    /// What the database said, for operators; never a password; at most 2,000 characters.
    package let detail: String
    /// Whether the driver runs the transaction again by itself before anybody sees this.
    private(set) var isConflict = false

    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = String(detail.prefix(2_000))
    }

    /// Whether the same call may succeed later and surely was not done yet.
    package var isRetryable: Bool {
        switch code {
        case .unavailable, .busy, .full: true
        case .commitUnknown, .constraint, .newerSchema, .internal: false
        }
    }

    package var description: String { message }
}

extension DatabaseError {
    static func unavailable(_ detail: String) -> Self {
        Self(.unavailable, "The database cannot be reached at the moment", detail: detail)
    }

    static let closed = unavailable("closed")

    static func busy(_ detail: String) -> Self {
        Self(.busy, "The database is too busy at the moment", detail: detail)
    }

    /// The database undid the transaction because of another one.
    static func conflict(_ detail: String) -> Self {
        var error = busy(detail)
        error.isConflict = true
        return error
    }

    static func full(_ detail: String) -> Self {
        Self(.full, "The database has no space left", detail: detail)
    }

    static func commitUnknown(_ detail: String) -> Self {
        Self(.commitUnknown, "The database did not confirm that it has stored the change", detail: detail)
    }

    static func constraint(_ name: String, _ detail: String) -> Self {
        Self(.constraint(name), "A rule of the database forbids the change", detail: detail)
    }

    static func `internal`(_ detail: String) -> Self {
        Self(.internal, "The database refused the call", detail: detail)
    }
}
