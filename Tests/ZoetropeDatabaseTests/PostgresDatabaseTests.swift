import Foundation
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

@Suite(.timeLimit(.minutes(5)))
struct PostgresDatabaseTests {
    @Test
    func `a server that was restarted is used again without an error`() async throws {
        let server = try await TestPostgres.launch()
        let database = try PostgresDatabase.at(try await server.makeDatabase())
        try await database.makeCounter()
        // All four connections are open, and none knows that the server goes.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<16 {
                group.addTask { try await database.write { _ = try $0.execute("UPDATE counters SET n = n + 1") } }
            }
            try await group.waitForAll()
        }
        try await server.stopImmediately()
        try await server.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<16 {
                group.addTask { try await database.write { _ = try $0.execute("UPDATE counters SET n = n + 1") } }
            }
            try await group.waitForAll()
        }
        #expect(try await database.count == 32)
        await database.close()
        try await server.stopImmediately()
    }

    @Test
    func `a server that dies in the middle of a transaction is unavailable, and works again after its start`()
        async throws
    {
        let server = try await TestPostgres.launch()
        let database = try PostgresDatabase.at(try await server.makeDatabase())
        try await database.makeCounter()
        let (hasBegun, isDown) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let task = Task {
            try await database.write { session in
                try session.execute("UPDATE counters SET n = 1")
                hasBegun.signal()
                isDown.wait()
                try session.execute("UPDATE counters SET n = 2")
            }
        }
        await signal(hasBegun)
        try await server.stopImmediately()
        isDown.signal()
        let error = await databaseError { try await task.value }
        #expect(error?.code == .unavailable)
        #expect(error?.isRetryable == true)
        #expect(error?.message.contains("/tmp") == false)
        let refused = await databaseError { _ = try await database.count }
        #expect(refused?.code == .unavailable)

        try await server.start()
        #expect(try await eventually { try await database.count } == 0)
        await database.close()
        try await server.stopImmediately()
    }

    @Test
    func `a commit whose answer is lost is unknown, and the body does not run again`() async throws {
        let database = try await PostgresDatabase.scratch()
        try await database.makeCounter()
        try await database.write { session in
            try session.run(
                script: """
                    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
                    CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON counters DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION die()
                    """
            )
        }
        let error = await databaseError {
            try await database.write { session in
                let changes = try session.execute("UPDATE counters SET n = 1")
                #expect(changes == 1)
            }
        }
        #expect(error?.code == .commitUnknown)
        #expect(error?.isRetryable == false)
        #expect(try await database.count == 0)
        await database.close()
    }

    @Test
    func `a statement that takes too long is ended by the server`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 1, statementTimeout: .milliseconds(100))
        let begin = ContinuousClock.now
        let error = await databaseError { _ = try await database.read { try $0.query("SELECT pg_sleep(30)") } }
        #expect(error?.code == .busy)
        #expect(ContinuousClock.now - begin < .seconds(25))
        #expect(try await database.read { try $0.query("SELECT 1 AS a").count } == 1)
        await database.close()
    }

    @Test
    func `commits are flushed although the server would not, and a stronger setting stays`() async throws {
        let server = try await TestPostgres.shared()
        for (configured, expected) in [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")] {
            let url = try await server.makeDatabase()
            let name = try #require(url.firstMatch(of: /test\d+/)).output
            try await server.execute("ALTER DATABASE \(name) SET synchronous_commit = \(configured)", in: "postgres")
            let database = try PostgresDatabase.at(url, connections: 1)
            let row = try await database.read { session in
                try
                    session.query(
                        """
                        SELECT current_setting('synchronous_commit') AS level, current_setting('TimeZone') AS zone,
                            current_setting('application_name') AS program, current_setting('statement_timeout') AS time
                        """
                    )[0]
            }
            #expect(row.values == [.text(expected), .text("UTC"), .text("zoetrope"), .text("30s")])
            await database.close()
        }
    }

    @Test
    func `a connection keeps at most 256 prepared statements`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 1)
        for _ in 0..<2 {
            try await database.read { session in
                for number in 1...300 {
                    let n: Int = try session.query("SELECT \(number) AS n")[0].get("n")
                    #expect(n == number)
                }
            }
        }
        let count = try await database.read { session in
            try session.query("SELECT count(*) AS n FROM pg_prepared_statements")[0].get("n", as: Int.self)
        }
        #expect(count == 256)
        await database.close()
    }

    @Test
    func `a table that was changed by a migration does not disturb prepared statements`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 2)
        try await database.makeCounter()
        let all = "SELECT * FROM counters"
        for _ in 0..<3 { _ = try await database.write { try $0.query(all) } }
        try await database.write { try $0.run(script: "ALTER TABLE counters ADD COLUMN extra text DEFAULT 'new'") }
        for _ in 0..<4 {
            let row = try await database.write { try $0.query(all)[0] }
            #expect(try row.get("extra") == "new")
        }
        await database.close()
    }

    @Test(arguments: [
        "", "zoetrope", "mysql://u:geheim@h/d", "postgres://u:geheim%zz@h/d", "postgres://u:geheim@h:port/d",
        "postgres://u:geheim@h/d?nonsense=1", "postgres://u:geheim@h/d\0",
    ])
    func `a URL that cannot be read is refused without a word of it`(url: String) async throws {
        let error = await databaseError {
            // The port is read only when connecting.
            _ = try await PostgresDatabase.at(url).read { try $0.query("SELECT 1") }
        }
        let text = "\(error?.message ?? "") \(error?.detail ?? "geheim")"
        #expect(!text.contains("geheim"))
    }

    @Test
    func `a server that cannot be reached is unavailable, and the next calls are refused at once`() async throws {
        let server = try PlainServer()
        let url = "postgres://zoetrope:geheim@127.0.0.1:\(server.port)/db?sslmode=disable"
        let database = try PostgresDatabase.at(url, connections: 2)
        for _ in 0..<1_000 {
            let error = await databaseError { _ = try await database.read { try $0.query("SELECT 1") } }
            #expect(error?.code == .unavailable && error?.isRetryable == true)
            #expect(error?.message == "The database cannot be reached at the moment")
            #expect(error?.detail.contains("geheim") == false)
        }
        // A thousand refusals take a moment, in which the waits grow from 50 ms.
        #expect((1...20).contains(server.connections), "\(server.connections)")
        await database.close()
    }

    @Test(arguments: [("require", true), ("verify-full", true), ("prefer", false), ("disable", false)])
    func `a server without TLS is refused where TLS is required`(mode: String, wantsTLS: Bool) async throws {
        let server = try PlainServer()
        let database = try PostgresDatabase.at(
            "postgres://zoetrope@127.0.0.1:\(server.port)/db?sslmode=\(mode)",
            connections: 1
        )
        let error = await databaseError { _ = try await database.read { try $0.query("SELECT 1") } }
        #expect(error?.code == .unavailable)
        #expect(error?.detail.contains("server does not support SSL, but SSL was required") == wantsTLS)
        #expect(server.sawUser == !wantsTLS)
        await database.close()
    }
}

/// What a test waits for is not there yet.
struct NotYet: Error {}

/// Calls until nothing is thrown, such as by a database that was just started.
func eventually<Value>(_ body: () async throws -> Value) async throws -> Value {
    let end = ContinuousClock.now + .seconds(20)
    while true {
        do {
            return try await body()
        } catch {
            guard ContinuousClock.now < end else { throw error }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
