import Foundation
import StrictJSON
import ZoetropeTestKit

/// The storm's database, looked at from outside with tools that are not ours, and the fence audit in it.
///
/// The audit is a table that a trigger fills with every change of a run: what the row was and became, and on PostgreSQL who
/// wrote, because each process connects under a name of its own.
enum StormDatabase: Sendable {
    case sqlite(path: String)
    case postgres(TestPostgres, url: String)

    /// What a process of this name has to set in its environment.
    func environment(for writer: String) -> [String: String] {
        switch self {
        case .sqlite(let path): ["ZOETROPE_DATABASE_URL": "sqlite:\(path)"]
        case .postgres(_, let url): ["ZOETROPE_DATABASE_URL": "\(url)&application_name=\(writer)"]
        }
    }

    func installAudit() async throws {
        switch self {
        case .sqlite: _ = try await run(Self.sqliteAudit)
        case .postgres: _ = try await run(Self.postgresAudit)
        }
    }

    /// The rows that a query gives, as objects.
    func rows(_ query: String) async throws -> [JSONValue] {
        let text =
            switch self {
            case .sqlite: try await run(query)
            case .postgres: try await run("SELECT coalesce(json_agg(t), '[]') FROM (\(query)) t")
            }
        return try JSONValue(parsing: text.utf8).array ?? []
    }

    private func run(_ sql: String) async throws -> String {
        switch self {
        case .sqlite(let path):
            try await ToolRunner.succeed("python3", ["-c", Self.sqliteTool, path, sql]).text
        case .postgres(_, let url):
            try await ToolRunner.succeed("psql", ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).text
        }
    }

    private static let sqliteTool = """
        import json, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], timeout=60)
        connection.row_factory = sqlite3.Row
        if sys.argv[2].startswith("SELECT"):
            print(json.dumps([dict(row) for row in connection.execute(sys.argv[2])]))
        else:
            connection.executescript(sys.argv[2])
        """

    // MARK: The audit

    /// What only a decision changes, and always together with the version.
    private static func decided(_ row: String) -> String {
        ["state", "outcome", "failure_code", "part", "regenerations", "tries", "polls"]
            .map { "coalesce(CAST(\(row).\($0) AS text), '-')" }
            .joined(separator: " || ' ' || ")
    }

    private static let columns = """
        at, writer, id, old_epoch, epoch, old_owner, owner, old_expires_at, old_version, version, old_decided, decided
        """

    private static func values(now: String, writer: String, seconds: (String) -> String) -> String {
        """
        \(now), \(writer), CAST(NEW.id AS text), OLD.lease_epoch, NEW.lease_epoch, OLD.lease_owner, NEW.lease_owner,
        \(seconds("OLD.lease_expires_at")), OLD.version, NEW.version, \(decided("OLD")), \(decided("NEW"))
        """
    }

    private static let sqliteAudit = """
        CREATE TABLE storm_history (
            place INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, writer TEXT, id TEXT NOT NULL, old_epoch INTEGER,
            epoch INTEGER, old_owner TEXT, owner TEXT, old_expires_at REAL, old_version INTEGER, version INTEGER,
            old_decided TEXT, decided TEXT
        );
        CREATE TRIGGER storm_audit AFTER UPDATE ON animation_runs BEGIN
            INSERT INTO storm_history (\(columns)) VALUES (
                \(values(now: "(julianday('now') - 2440587.5) * 86400.0", writer: "NULL") {
                    "(julianday(\($0)) - 2440587.5) * 86400.0"
                })
            );
        END;
        """

    /// The second trigger counts the writes that found no row: those that the fence has refused.
    ///
    /// Claims, which pass over locked rows, often find nothing and are not meant.
    private static let postgresAudit = """
        CREATE TABLE storm_history (
            place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at double precision NOT NULL, writer text,
            id text NOT NULL, old_epoch bigint, epoch bigint, old_owner text, owner text, old_expires_at double precision,
            old_version bigint, version bigint, old_decided text, decided text
        );
        CREATE FUNCTION storm_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO storm_history (\(columns)) VALUES (
                \(values(now: "extract(epoch FROM clock_timestamp())", writer: "current_setting('application_name')") {
                    "extract(epoch FROM \($0))"
                })
            );
            RETURN NULL;
        END $$;
        CREATE TRIGGER storm_audit AFTER UPDATE ON animation_runs FOR EACH ROW EXECUTE FUNCTION storm_note();
        CREATE TABLE storm_refused (at double precision NOT NULL, writer text);
        CREATE FUNCTION storm_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NOT EXISTS (SELECT FROM changed) AND current_query() NOT LIKE '%SKIP LOCKED%' THEN
                INSERT INTO storm_refused VALUES (
                    extract(epoch FROM clock_timestamp()), current_setting('application_name')
                );
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER storm_refusals AFTER UPDATE ON animation_runs REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION storm_refuse();
        """
}
