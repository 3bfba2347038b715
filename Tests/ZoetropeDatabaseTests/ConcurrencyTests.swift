import Foundation
import Synchronization
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

@Suite(.timeLimit(.minutes(1)))
struct ConcurrencyTests {
    @Test(arguments: Backend.allCases)
    func `writers that read before they write lose nothing`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        try await database.write { session in
                            let lock = session.dialect.forUpdate
                            let n: Int = try session.query("SELECT n FROM counters WHERE id = 1\(lock)")[0].get("n")
                            try session.execute("UPDATE counters SET n = $1 WHERE id = 1", [.integer(Int64(n + 1))])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.count == 200)
        }
    }

    @Test
    func `two programs on one file lose nothing either`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("zoetrope.sqlite")
        let databases = [
            try await SQLiteDatabase.open(path: path) { Date() }, try await SQLiteDatabase.open(path: path) { Date() },
        ]
        try await databases[0].makeCounter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<100 {
                group.addTask {
                    try await databases[index % 2]
                        .write { session in
                            let n: Int = try session.query("SELECT n FROM counters WHERE id = 1")[0].get("n")
                            try session.execute("UPDATE counters SET n = $1 WHERE id = 1", [.integer(Int64(n + 1))])
                        }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await databases[1].count == 100)
        for database in databases { await database.close() }
    }

    @Test(arguments: Backend.allCases)
    func `a write goes on when the task that waits for it is cancelled, and its result arrives`(backend: Backend)
        async throws
    {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let (hasBegun, isCancelled) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let task = Task {
                try await database.write { session in
                    try session.execute("UPDATE counters SET n = 41")
                    hasBegun.signal()
                    isCancelled.wait()
                    return try session.query("UPDATE counters SET n = n + 1 RETURNING n")[0].get("n", as: Int.self)
                }
            }
            await signal(hasBegun)
            task.cancel()
            isCancelled.signal()
            #expect(try await task.value == 42)
            #expect(try await database.count == 42)
            // A task that was cancelled before it asked is served as well: what it records must not be lost.
            let late = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await database.write { _ = try $0.execute("UPDATE counters SET n = 43") }
            }
            try await late.value
            #expect(try await database.count == 43)
        }
    }

    @Test
    func `64 transactions at once share four connections`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 4)
        try await database.makeCounter()
        let running = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    try await database.write { session in
                        running.begin()
                        defer { running.end() }
                        try session.execute("UPDATE counters SET n = n + 1")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.count == 64)
        #expect(running.most == 4)
        let connections = try await database.read { session in
            try session.query("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()")[0]
                .get("n", as: Int.self)
        }
        #expect(connections == 4)
        await database.close()
    }

    @Test
    func `a transaction that the server undid in a deadlock runs again`() async throws {
        let database = try await PostgresDatabase.scratch()
        try await database.makeCounter()
        try await database.write { _ = try $0.execute("INSERT INTO counters (id, n) VALUES (2, 0)") }
        let (first, second) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let runs = Tally()
        async let upwards: Void = database.write { session in
            runs.begin()
            try session.execute("UPDATE counters SET n = n + 1 WHERE id = 1")
            first.signal()
            _ = second.wait(timeout: .now() + 1)
            try session.execute("UPDATE counters SET n = n + 1 WHERE id = 2")
        }
        async let downwards: Void = database.write { session in
            runs.begin()
            try session.execute("UPDATE counters SET n = n + 1 WHERE id = 2")
            second.signal()
            _ = first.wait(timeout: .now() + 1)
            try session.execute("UPDATE counters SET n = n + 1 WHERE id = 1")
        }
        _ = try await (upwards, downwards)
        #expect(runs.most == 3)
        #expect(try await database.count == 2)
        await database.close()
    }

    @Test(arguments: Backend.allCases)
    func `closing waits for what runs and refuses what comes`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let hasBegun = DispatchSemaphore(value: 0)
            async let result = database.write { session in
                hasBegun.signal()
                return try session.query("UPDATE counters SET n = 3 RETURNING n")[0].get("n", as: Int.self)
            }
            await signal(hasBegun)
            await database.close()
            #expect(try await result == 3)
            let error = await databaseError { try await database.makeCounter() }
            #expect(error?.code == .unavailable)
        }
    }
}

/// Counts what runs at the same time.
private final class Tally: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func begin() {
        state.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
    }

    func end() { state.withLock { $0.now -= 1 } }
}
