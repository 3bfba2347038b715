import Foundation
import Logging
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

/// The databases that every rule is tried on.
enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case file = "SQLite file"
    case memory = "SQLite in memory"
    case postgres = "PostgreSQL"

    var testDescription: String { rawValue }

    /// Lends a new, empty database.
    func withDatabase(_ body: (any SQLDatabase) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let database: any SQLDatabase =
            switch self {
            case .file: try await SQLiteDatabase.open(path: folder.path("zoetrope.sqlite")) { Date() }
            case .memory: try SQLiteDatabase.inMemory { Date() }
            case .postgres: try await PostgresDatabase.scratch()
            }
        do {
            try await body(database)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }
}

extension PostgresDatabase {
    /// A new database on the shared server.
    static func scratch(connections: Int = 4, statementTimeout: Duration = .seconds(30)) async throws
        -> PostgresDatabase
    {
        try PostgresDatabase(
            url: try await TestPostgres.shared().makeDatabase(),
            connections: connections,
            statementTimeout: statementTimeout,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// The database of a URL.
    static func at(_ url: String, connections: Int = 4) throws -> PostgresDatabase {
        try PostgresDatabase(
            url: url,
            connections: connections,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

extension SQLDatabase {
    /// Makes a table for counting: `counters (id, n, note)`, with one row, 1 and 0.
    func makeCounter() async throws {
        try await write { session in
            let number = session.dialect.type(.integer)
            try session.run(
                script: """
                    CREATE TABLE counters (id \(number) PRIMARY KEY NOT NULL, n \(number) NOT NULL, note text);
                    INSERT INTO counters (id, n) VALUES (1, 0)
                    """
            )
        }
    }

    var count: Int {
        get async throws {
            try await read { try $0.query("SELECT n FROM counters WHERE id = 1").first?.get("n") ?? -1 }
        }
    }
}

/// What a call threw, if it was a ``DatabaseError``.
func databaseError(_ body: () async throws -> Void) async -> DatabaseError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? DatabaseError
    }
}

/// Waits for a signal from a transaction's body, on a thread of its own.
func signal(_ semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            semaphore.wait()
            continuation.resume()
        }
    }
}
