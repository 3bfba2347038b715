import Foundation
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

@Suite(.timeLimit(.minutes(1)))
struct PostgresNotificationTests {
    @Test
    func `a committed NOTIFY arrives, one that was undone does not`() async throws {
        let database = try await PostgresDatabase.scratch()
        var elements = database.notifications(channel: "Due \"runs\"").makeAsyncIterator()
        #expect(await elements.next() == "")
        struct Stop: Error {}
        await #expect(throws: Stop.self) {
            try await database.write { session in
                try session.run(script: "NOTIFY \"Due \"\"runs\"\"\", 'undone'")
                throw Stop()
            }
        }
        for payload in ["one", "two"] {
            try await database.write { _ = try $0.query("SELECT pg_notify('Due \"runs\"', $1)", [.text(payload)]) }
        }
        #expect(await elements.next() == "one")
        #expect(await elements.next() == "two")
        await database.close()
        #expect(await elements.next() == nil)
    }

    @Test
    func `after the server was gone an empty element says that something may have been missed`() async throws {
        let server = try await TestPostgres.launch()
        let database = try PostgresDatabase.at(try await server.makeDatabase())
        var elements = database.notifications(channel: "due").makeAsyncIterator()
        #expect(await elements.next() == "")
        try await server.stopImmediately()
        try await server.start()
        #expect(await elements.next() == "")
        try await eventually { try await database.write { try $0.run(script: "NOTIFY due, 'again'") } }
        #expect(await elements.next() == "again")
        await database.close()
        #expect(await elements.next() == nil)
        try await server.stopImmediately()
    }

    @Test
    func `listening ends with its reader, and after closing there is none`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 1)
        let task = Task { [stream = database.notifications(channel: "due")] in
            for await _ in stream { withUnsafeCurrentTask { $0?.cancel() } }
        }
        await task.value
        try await eventually {
            let count = try await database.read { session in
                try
                    session.query(
                        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                    )[0]
                    .get("n", as: Int.self)
            }
            guard count == 0 else { throw NotYet() }
        }
        await database.close()
        var elements = database.notifications(channel: "due").makeAsyncIterator()
        #expect(await elements.next() == nil)
    }
}
