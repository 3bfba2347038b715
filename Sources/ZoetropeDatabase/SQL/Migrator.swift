/// One step of the schema; never edited after a release.
///
/// Old and new programs work side by side while a release is rolled out, so a schema is expanded first and contracted in a
/// later release (docs/decisions/0020).
package struct Migration: Sendable {
    /// From 1, rising.
    package let version: Int
    package let name: String
    /// The oldest schema version whose programs may go on working with the database once this is applied.
    package let worksWith: Int
    /// Statements that are separated by semicolons.
    package let script: @Sendable (SQLDialect) -> String

    /// Describes a step.
    ///
    /// - Parameters:
    ///   - version: From 1, rising.
    ///   - name: What came with it, for people.
    ///   - worksWith: The oldest version whose programs may go on; 1 to `version`. By default the version before, which
    ///     fits an expansion: new tables, indexes, and columns that may be left out. What takes away or forbids something
    ///     that programs of the version before do is a contraction and says `version`.
    ///   - script: Statements that are separated by semicolons.
    package init(
        version: Int,
        name: String,
        worksWith: Int? = nil,
        script: @escaping @Sendable (SQLDialect) -> String
    ) {
        self.version = version
        self.name = name
        self.worksWith = worksWith ?? max(1, version - 1)
        self.script = script
    }
}

/// Brings a database's schema up to date.
package struct Migrator: Sendable {
    private let migrations: [Migration]

    /// Versions must be 1, 2, 3, ….
    package init(_ migrations: [Migration]) {
        for (index, migration) in migrations.enumerated() {
            let version = migration.version
            precondition(version == index + 1, "migration \(index + 1) has version \(version)")
            precondition(
                (1...version).contains(migration.worksWith),
                "migration \(version) works with \(migration.worksWith)"
            )
        }
        self.migrations = migrations
    }

    /// Applies what is missing, each migration in a transaction of its own; returns what it applied.
    ///
    /// Any number of processes may do this at the same time. A database that newer programs have extended is left as it is.
    /// Throws ``DatabaseError/Code/newerSchema`` and changes nothing when this program may not work with it.
    @discardableResult
    package func migrate(_ database: some SQLDatabase) async throws -> [Migration] {
        var applied: [Migration] = []
        while let migration = try await database.write({ try applyNext($0) }) { applied.append(migration) }
        return applied
    }

    /// Throws ``DatabaseError`` unless the database has these migrations, and no later one that shuts this program out.
    package func check(_ database: some SQLDatabase) async throws {
        let version = try await database.read { session in
            let tables =
                switch session.dialect {
                case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
                case .postgres: "SELECT 1 AS name WHERE to_regclass('schema_migrations') IS NOT NULL"
                }
            return try session.query(tables).isEmpty ? 0 : try accepted(try applied(session))
        }
        guard version >= migrations.count else {
            throw DatabaseError(
                .internal,
                "The database is not up to date; please run zoetrope migrate",
                detail: "the schema has version \(version), this program needs \(migrations.count)"
            )
        }
    }

    /// The rows of what was applied, oldest first.
    private func applied(_ session: any SQLSession) throws -> [SQLRow] {
        try session.query("SELECT * FROM schema_migrations ORDER BY version")
    }

    /// The schema's version, unless this program is too old for it.
    private func accepted(_ rows: [SQLRow]) throws -> Int {
        let version: Int = try rows.last?.get("version") ?? 0
        let oldest = try rows.map { try worksWith($0) }.max() ?? 0
        guard oldest <= migrations.count else {
            throw DatabaseError(
                .newerSchema,
                "The database was made by a newer Zoetrope; please start that version, or restore an older backup",
                detail: "the schema has version \(version) and works with programs of \(oldest) and later, "
                    + "this program knows \(migrations.count)"
            )
        }
        return version
    }

    /// The oldest version whose programs a migration leaves working.
    ///
    /// Programs up to version 2 did not write it down, and refuse every schema that is newer than theirs.
    private func worksWith(_ row: SQLRow) throws -> Int {
        let isWritten = row.columns.contains(Self.worksWithColumn)
        return try (isWritten ? row.find(Self.worksWithColumn) : nil) ?? row.get("version")
    }

    private func applyNext(_ session: any SQLSession) throws -> Migration? {
        if session.dialect == .postgres {
            // Another process may migrate for longer than a statement may take; the number is ours alone.
            try session.run(script: "SET LOCAL statement_timeout = '10min'; SELECT pg_advisory_xact_lock(7305016812)")
        }
        try session.run(script: table(session.dialect))
        let rows = try applied(session)
        let version = try accepted(rows)
        guard version < migrations.count else { return nil }
        // A table without rows was made just now.
        if let row = rows.first, !row.columns.contains(Self.worksWithColumn) {
            let type = session.dialect.type(.integer)
            try session.run(script: "ALTER TABLE schema_migrations ADD COLUMN \(Self.worksWithColumn) \(type)")
        }
        let next = migrations[version]
        try session.run(script: next.script(session.dialect))
        try session.execute(
            """
            INSERT INTO schema_migrations (version, name, applied_at, \(Self.worksWithColumn)) VALUES ($1, $2, $3, $4)
            """,
            [
                .integer(Int64(next.version)), .text(next.name), .timestamp(session.now),
                .integer(Int64(next.worksWith)),
            ]
        )
        return next
    }

    private static let worksWithColumn = "works_with"

    private func table(_ dialect: SQLDialect) -> String {
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version \(dialect.type(.integer)) PRIMARY KEY NOT NULL,
            name \(dialect.type(.text)) NOT NULL,
            applied_at \(dialect.type(.timestamp)) NOT NULL,
            \(Self.worksWithColumn) \(dialect.type(.integer))
        )
        """
    }
}
