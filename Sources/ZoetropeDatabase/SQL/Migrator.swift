/// One step of the schema; never edited after a release.
package struct Migration: Sendable {
    /// From 1, rising.
    package let version: Int
    package let name: String
    /// Statements that are separated by semicolons.
    package let script: @Sendable (SQLDialect) -> String

    package init(version: Int, name: String, script: @escaping @Sendable (SQLDialect) -> String) {
        self.version = version
        self.name = name
        self.script = script
    }
}

/// Brings a database's schema up to date.
package struct Migrator: Sendable {
    private let migrations: [Migration]

    /// Versions must be 1, 2, 3, ….
    package init(_ migrations: [Migration]) {
        for (index, migration) in migrations.enumerated() {
            precondition(migration.version == index + 1, "migration \(index + 1) has version \(migration.version)")
        }
        self.migrations = migrations
    }

    /// Applies what is missing, each migration in a transaction of its own; returns what it applied.
    ///
    /// Any number of processes may do this at the same time. Throws ``DatabaseError/Code/newerSchema`` and changes
    /// nothing when the database has a version that is not in the list.
    @discardableResult
    package func migrate(_ database: some SQLDatabase) async throws -> [Migration] {
        var applied: [Migration] = []
        while let migration = try await database.write({ try applyNext($0) }) { applied.append(migration) }
        return applied
    }

    /// Throws ``DatabaseError`` unless the database has exactly these migrations.
    package func check(_ database: some SQLDatabase) async throws {
        let version = try await database.read { session in
            let tables =
                switch session.dialect {
                case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
                case .postgres: "SELECT 1 AS name WHERE to_regclass('schema_migrations') IS NOT NULL"
                }
            return try session.query(tables).isEmpty ? 0 : try known(session)
        }
        guard version == migrations.count else {
            throw DatabaseError(
                .internal,
                "The database is not up to date; please run zoetrope migrate",
                detail: "the schema has version \(version), this program needs \(migrations.count)"
            )
        }
    }

    /// The schema's version, unless it is one that this program does not know.
    private func known(_ session: any SQLSession) throws -> Int {
        let version: Int =
            try session.query("SELECT coalesce(max(version), 0) AS version FROM schema_migrations")
            .first?
            .get("version") ?? 0
        guard version <= migrations.count else {
            throw DatabaseError(
                .newerSchema,
                "The database was made by a newer Zoetrope; please start that version, or restore an older backup",
                detail: "the schema has version \(version), this program knows \(migrations.count)"
            )
        }
        return version
    }

    private func applyNext(_ session: any SQLSession) throws -> Migration? {
        if session.dialect == .postgres {
            // Another process may migrate for longer than a statement may take; the number is ours alone.
            try session.run(script: "SET LOCAL statement_timeout = '10min'; SELECT pg_advisory_xact_lock(7305016812)")
        }
        try session.run(script: table(session.dialect))
        let version = try known(session)
        guard version < migrations.count else { return nil }
        let next = migrations[version]
        try session.run(script: next.script(session.dialect))
        try session.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
            [.integer(Int64(next.version)), .text(next.name), .timestamp(session.now)]
        )
        return next
    }

    private func table(_ dialect: SQLDialect) -> String {
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version \(dialect.type(.integer)) PRIMARY KEY NOT NULL,
            name \(dialect.type(.text)) NOT NULL,
            applied_at \(dialect.type(.timestamp)) NOT NULL
        )
        """
    }
}
