import Foundation
import Testing
import ZoetropeDatabase

struct MigratorTests {
    static let first = Migration(version: 1, name: "letters") { dialect in
        "CREATE TABLE a (n \(dialect.type(.integer))); CREATE TABLE b (n \(dialect.type(.integer)));"
    }
    static let second = Migration(version: 2, name: "more") { _ in "INSERT INTO a (n) VALUES (1)" }
    static let broken = Migration(version: 2, name: "broken") { _ in "DROP TABLE a; INSERT INTO nothing VALUES (1)" }

    @Test(arguments: Backend.allCases)
    func `what is missing is applied once and in order`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            #expect(try await Migrator([Self.first]).migrate(database).map(\.version) == [1])
            #expect(try await Migrator([Self.first, Self.second]).migrate(database).map(\.version) == [2])
            #expect(try await Migrator([Self.first, Self.second]).migrate(database).isEmpty)
            let rows = try await database.read { try $0.query("SELECT * FROM schema_migrations ORDER BY version") }
            #expect(try rows.map { try $0.get("name", as: String.self) } == ["letters", "more"])
            #expect(try abs(rows[0].get("applied_at", as: Date.self).timeIntervalSinceNow) < 60)
            #expect(try await database.read { try $0.query("SELECT n FROM a").count } == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `many programs that migrate at once apply each migration once`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await Migrator([Self.first, Self.second]).migrate(database).count }
                }
                return try await group.reduce(0, +)
            }
            #expect(applied == 2)
            #expect(try await database.read { try $0.query("SELECT n FROM a").count } == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a database of a newer program is refused with a polite sentence`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await Migrator([Self.first, Self.second]).migrate(database)
            let error = await databaseError { try await Migrator([Self.first]).migrate(database) }
            #expect(error?.code == .newerSchema)
            #expect(error?.isRetryable == false)
            #expect(error?.message.contains("newer Zoetrope") == true)
            #expect(error?.detail == "the schema has version 2, this program knows 1")
        }
    }

    @Test(arguments: Backend.allCases)
    func `a migration that fails half-way leaves nothing`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            let error = await databaseError { try await Migrator([Self.first, Self.broken]).migrate(database) }
            #expect(error?.code == .internal)
            let rows = try await database.read { try $0.query("SELECT n FROM a") }
            #expect(rows.isEmpty)
            #expect(try await Migrator([Self.first, Self.second]).migrate(database).map(\.version) == [2])
        }
    }
}
