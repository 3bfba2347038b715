import Foundation
import Synchronization
import Testing
import ZoetropeDatabase

struct TransactionTests {
    struct Stop: Error {}

    @Test(arguments: Backend.allCases)
    func `a body that throws has changed nothing, and its error comes through`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            await #expect(throws: Stop.self) {
                try await database.write { session in
                    let changes = try session.execute("UPDATE counters SET n = 7")
                    #expect(changes == 1)
                    throw Stop()
                }
            }
            #expect(try await database.count == 0)
            try await database.write { _ = try $0.execute("UPDATE counters SET n = 8") }
            #expect(try await database.count == 8)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a body that hides a failed statement does not commit`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let error = await databaseError {
                try await database.write { session in
                    try session.execute("UPDATE counters SET n = 7")
                    _ = try? session.execute("UPDATE nothing SET n = 7")
                }
            }
            #expect(error?.code == .internal)
            #expect(try await database.count == 0)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a read cannot write`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let error = await databaseError {
                try await database.read { _ = try $0.execute("UPDATE counters SET n = 7") }
            }
            #expect(error != nil)
            #expect(try await database.count == 0)
            try await database.write { _ = try $0.execute("UPDATE counters SET n = 1") }
            #expect(try await database.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [Backend.file, .postgres])
    func `a read sees one state although others write meanwhile`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let (hasRead, hasWritten) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            async let counts = database.read { session in
                let before: Int = try session.query("SELECT n FROM counters")[0].get("n")
                hasRead.signal()
                hasWritten.wait()
                return (before, try session.query("SELECT n FROM counters")[0].get("n", as: Int.self))
            }
            try await database.write { session in
                hasRead.wait()
                try session.execute("UPDATE counters SET n = 5")
            }
            hasWritten.signal()
            #expect(try await counts == (0, 0))
            #expect(try await database.count == 5)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a session is of no use after its transaction`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            let kept = Mutex<Kept?>(nil)
            try await database.write { session in kept.withLock { $0 = Kept(session: session) } }
            #expect(throws: DatabaseError.self) { try kept.withLock { _ = try $0?.session.query("SELECT 1 AS a") } }
        }
    }

    /// Sendable because the test uses it only when nobody else does.
    private struct Kept: @unchecked Sendable {
        let session: any SQLSession
    }

    static let violations: [(String, DatabaseError.Code)] = [
        ("INSERT INTO parents (id, email, kind) VALUES (1, 'b', 'x')", .constraint("parents_pkey")),
        ("INSERT INTO parents (id, email, kind) VALUES (2, 'a', 'x')", .constraint("parents_email_key")),
        ("INSERT INTO parents (id, email) VALUES (2, 'b')", .constraint("parents.kind")),
        ("INSERT INTO parents (id, email, kind) VALUES (2, 'b', '')", .constraint("parents_kind_named")),
        ("INSERT INTO children (id, parent, open) VALUES ('c2', 99, 0)", .constraint("foreign_key")),
        ("DELETE FROM parents", .constraint("foreign_key")),
        ("INSERT INTO children (id, parent, open) VALUES ('c1', 1, 0)", .constraint("children_pkey")),
        ("INSERT INTO children (id, parent, open) VALUES ('c2', 1, 1)", .constraint("one_open_child")),
    ]

    @Test(arguments: Backend.allCases, violations)
    func `a broken rule has the same name on both databases`(
        backend: Backend,
        violation: (sql: String, code: DatabaseError.Code)
    ) async throws {
        try await backend.withDatabase { database in
            try await database.write { session in
                let number = session.dialect.type(.integer)
                try session.run(
                    script: """
                        CREATE TABLE parents (
                            id \(number) PRIMARY KEY NOT NULL, email text UNIQUE, kind text NOT NULL,
                            CONSTRAINT parents_kind_named CHECK (kind <> '')
                        );
                        CREATE TABLE children (
                            id text PRIMARY KEY NOT NULL, parent \(number) NOT NULL REFERENCES parents (id), open \(number)
                        );
                        CREATE UNIQUE INDEX one_open_child ON children (parent) WHERE open = 1;
                        INSERT INTO parents (id, email, kind) VALUES (1, 'a', 'x');
                        INSERT INTO children (id, parent, open) VALUES ('c1', 1, 1)
                        """
                )
            }
            let error = await databaseError { try await database.write { _ = try $0.execute(violation.sql) } }
            #expect(error?.code == violation.code, "\(error?.detail ?? "nothing was thrown")")
            #expect(error?.isRetryable == false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `parameters go where their numbers say, more than once if need be`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            let row = try await database.read { session in
                try
                    session.query(
                        "SELECT CAST($2 AS text) AS b, CAST($1 AS text) AS a, '$1' AS c, CAST($2 AS text) AS \"$2\"",
                        [.text("first"), .text("second")]
                    )[0]
            }
            #expect(row.values == [.text("second"), .text("first"), .text("$1"), .text("second")])
        }
    }

    @Test
    func `the database's clock is the injected one on SQLite, and the server's on PostgreSQL`() async throws {
        let date = Date(timeIntervalSince1970: 1_795_273_445.123)
        let database = try SQLiteDatabase.inMemory { date.addingTimeInterval(0.000_4) }
        #expect(try await database.read { $0.now } == date)
        #expect(try await database.write { $0.now } == date)
        await database.close()

        let postgres = try await PostgresDatabase.scratch(connections: 1)
        let times = try await postgres.read { session in
            (session.now, try session.query("SELECT now() AS now")[0].get("now", as: Date.self))
        }
        #expect(abs(times.0.timeIntervalSince(times.1)) < 1)
        #expect(times.0 == times.0.roundedToMilliseconds)
        await postgres.close()
    }
}
