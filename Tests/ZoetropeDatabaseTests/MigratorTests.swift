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
    func `a program goes on with what later programs have added`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await Migrator([Self.first, Self.second]).migrate(database)
            let old = Migrator([Self.first])
            #expect(try await old.migrate(database).isEmpty)
            try await old.check(database)
            let rows = try await database.read { try $0.query("SELECT * FROM schema_migrations ORDER BY version") }
            #expect(try rows.map { try $0.get("works_with", as: Int.self) } == [1, 1])
        }
    }

    @Test(arguments: Backend.allCases)
    func `a program is shut out by a migration that is not meant for it, whatever came later`(
        backend: Backend
    ) async throws {
        let third = Migration(version: 3, name: "contracted", worksWith: 2) { _ in "DROP TABLE b" }
        // Says too little, which does not let anybody in again.
        let fourth = Migration(version: 4, name: "expanded", worksWith: 1) { _ in "CREATE TABLE c (n integer)" }
        let all = [Self.first, Self.second, third, fourth]
        try await backend.withDatabase { database in
            try await Migrator(all).migrate(database)
            for count in 2...4 {
                #expect(try await Migrator(Array(all.prefix(count))).migrate(database).isEmpty)
                try await Migrator(Array(all.prefix(count))).check(database)
            }
            let old = Migrator([Self.first])
            for call in [{ _ = try await old.migrate(database) }, { try await old.check(database) }] {
                let error = await databaseError(call)
                #expect(error?.code == .newerSchema)
                #expect(error?.isRetryable == false)
                #expect(error?.message.contains("newer Zoetrope") == true)
                #expect(
                    error?.detail
                        == "the schema has version 4 and works with programs of 2 and later, this program knows 1"
                )
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `an expansion lets in programs of the version before, and no older ones`(backend: Backend) async throws {
        let third = Migration(version: 3, name: "expanded") { _ in "CREATE TABLE c (n integer)" }
        #expect([Self.first, Self.second, third].map(\.worksWith) == [1, 1, 2])
        try await backend.withDatabase { database in
            try await Migrator([Self.first, Self.second, third]).migrate(database)
            try await Migrator([Self.first, Self.second]).check(database)
            #expect(await databaseError { try await Migrator([Self.first]).check(database) }?.code == .newerSchema)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a database from before this was written down is brought up to date, and lets nobody older in`(
        backend: Backend
    ) async throws {
        try await backend.withDatabase { database in
            // As the released programs of versions 1 and 2 left it.
            try await database.write { session in
                let (number, time) = (session.dialect.type(.integer), session.dialect.type(.timestamp))
                try session.run(
                    script: """
                        CREATE TABLE schema_migrations (
                            version \(number) PRIMARY KEY NOT NULL, name text NOT NULL, applied_at \(time) NOT NULL
                        );
                        CREATE TABLE a (n \(number)); CREATE TABLE b (n \(number));
                        INSERT INTO schema_migrations VALUES (1, 'letters', '2026-01-01 00:00:00.000');
                        INSERT INTO schema_migrations VALUES (2, 'more', '2026-01-02 00:00:00.000')
                        """
                )
            }
            try await Migrator([Self.first, Self.second]).check(database)
            #expect(await databaseError { try await Migrator([Self.first]).check(database) }?.code == .newerSchema)

            let third = Migration(version: 3, name: "third") { _ in "CREATE TABLE c (n integer)" }
            let fourth = Migration(version: 4, name: "fourth", worksWith: 2) { _ in "CREATE TABLE d (n integer)" }
            let all = [Self.first, Self.second, third, fourth]
            #expect(try await Migrator(Array(all.prefix(3))).migrate(database).map(\.version) == [3])
            #expect(try await Migrator(all).migrate(database).map(\.version) == [4])
            #expect(try await Migrator(all).migrate(database).isEmpty)
            let rows = try await database.read { try $0.query("SELECT * FROM schema_migrations ORDER BY version") }
            #expect(try rows.map { try $0.find("works_with", as: Int.self) } == [nil, nil, 2, 2])
            try await Migrator([Self.first, Self.second]).check(database)
            #expect(try await Migrator([Self.first, Self.second]).migrate(database).isEmpty)
            #expect(await databaseError { try await Migrator([Self.first]).check(database) }?.code == .newerSchema)
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
