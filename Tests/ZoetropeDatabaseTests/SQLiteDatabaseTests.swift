import Foundation
import Synchronization
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

struct SQLiteDatabaseTests {
    @Test
    func `the writer flushes every commit, keeps references whole and waits for others`() async throws {
        try await Backend.file.withDatabase { database in
            let pragmas = try await database.write { session in
                try ["synchronous", "journal_mode", "foreign_keys", "busy_timeout"]
                    .map { name in
                        try session.query("PRAGMA \(name)")[0].values[0]
                    }
            }
            #expect(pragmas == [.integer(2), .text("wal"), .integer(1), .integer(5_000)])
        }
    }

    @Test
    func `the file and its companions are for this user only, in a folder that is made`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("new/folder/zoetrope.sqlite")
        let database = try await SQLiteDatabase.open(path: path) { Date() }
        try await database.makeCounter()
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("new/folder"))
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        await database.close()
        let again = try await SQLiteDatabase.open(path: path) { Date() }
        #expect(try await again.count == 0)
        await again.close()
    }

    @Test
    func `a file that is no database, and a place where none can be, are refused`() async throws {
        let folder = try TemporaryFolder()
        try Data("this is a letter to somebody, not a database at all".utf8)
            .write(to: URL(filePath: folder.path("letter")))
        let letter = await databaseError { _ = try await SQLiteDatabase.open(path: folder.path("letter")) { Date() } }
        #expect(letter?.code == .internal)
        let place = await databaseError {
            _ = try await SQLiteDatabase.open(path: folder.path("letter/x.sqlite")) { Date() }
        }
        #expect(place?.code == .unavailable)
        for error in [letter, place] { #expect(error?.message.contains(folder.url.path) == false) }
    }

    @Test
    func `without space nothing is written, and later all is well`() async throws {
        try await Backend.file.withDatabase { database in
            try await database.makeCounter()
            let pages = try await database.write { session in
                try session.query("PRAGMA page_count")[0].get(at: 0, as: Int.self)
            }
            let limit = "PRAGMA max_page_count = "
            _ = try await database.write { try $0.query(limit + "\(pages)") }
            let error = await databaseError {
                try await database.write { session in
                    try session.execute("UPDATE counters SET n = 1")
                    try session.execute(
                        "UPDATE counters SET note = $1",
                        [.text(String(repeating: "x", count: 100_000))]
                    )
                }
            }
            #expect(error?.code == .full)
            #expect(error?.isRetryable == true)
            #expect(try await database.count == 0)
            _ = try await database.write { try $0.query(limit + "1000000") }
            try await database.write { _ = try $0.execute("UPDATE counters SET n = 2") }
            #expect(try await database.count == 2)
        }
    }

    /// Lets writes wait for one that is under way, and returns what came of them.
    private func together(
        _ database: any SQLDatabase,
        _ writes: [@Sendable (any SQLSession) throws -> Void]
    ) async throws -> [Result<Void, any Error>] {
        let tasks = try await database.write { _ in
            // Each runs here until it waits.
            writes.map { write in Task.immediate { try await database.write(write) } }
        }
        var results: [Result<Void, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    @Test
    func `writes that wait for the disk at the same time are committed together`() async throws {
        try await Backend.file.withDatabase { database in
            try await database.makeCounter()
            let seen = Board()
            let results = try await together(
                database,
                Array(
                    repeating: { session in
                        _ = try session.execute("UPDATE counters SET n = n + 1")
                        let isSeen = DispatchSemaphore(value: 0)
                        Task {
                            seen.add((try? await database.count) ?? -1)
                            isSeen.signal()
                        }
                        isSeen.wait()
                    },
                    count: 20
                )
            )
            for result in results { try result.get() }
            #expect(try await database.count == 20)
            #expect(seen.numbers == Array(repeating: 0, count: 20), "nobody sees the first before the last")
        }
    }

    @Test
    func `however many writes there were, only those that wait count against the limit`() async throws {
        try await Backend.file.withDatabase { database in
            try await database.makeCounter()
            // Each of 48 callers comes again as soon as it is answered.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<48 {
                    group.addTask {
                        for _ in 0..<150 {
                            try await database.write { _ = try $0.execute("UPDATE counters SET n = n + 1") }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.count == 7_200)
        }
    }

    @Test
    func `a write that fails among others undoes itself alone`() async throws {
        try await Backend.file.withDatabase { database in
            try await database.makeCounter()
            let results = try await together(
                database,
                (0..<30)
                    .map { number in
                        { session in
                            _ = try session.execute("UPDATE counters SET n = n + 1")
                            switch number % 3 {
                            case 1: throw Refusal()
                            // Swallowed here, and yet nothing of this write may stay.
                            case 2: _ = try? session.execute("INSERT INTO counters (id, n) VALUES (1, 0)")
                            default: break
                            }
                        }
                    }
            )
            for (number, result) in results.enumerated() {
                switch number % 3 {
                case 1: #expect(throws: Refusal.self) { try result.get() }
                case 2: #expect(throws: DatabaseError.self) { try result.get() }
                default: try result.get()
                }
            }
            #expect(try await database.count == 10)
        }
    }

    @Test
    func `one that finds no space spoils nothing for the others`() async throws {
        try await Backend.file.withDatabase { database in
            try await database.makeCounter()
            let pages = try await database.write { session in
                try session.query("PRAGMA page_count")[0].get(at: 0, as: Int.self)
            }
            _ = try await database.write { try $0.query("PRAGMA max_page_count = \(pages)") }
            let results = try await together(
                database,
                (0..<9)
                    .map { number in
                        { session in
                            _ = try session.execute("UPDATE counters SET n = n + 1")
                            guard number == 4 else { return }
                            let note = String(repeating: "x", count: 100_000)
                            _ = try session.execute("UPDATE counters SET note = $1", [.text(note)])
                        }
                    }
            )
            let failures = results.enumerated().filter { (try? $1.get()) == nil }
            #expect(failures.map(\.offset) == [4])
            #expect(await databaseError { try failures[0].element.get() }?.code == .full)
            #expect(try await database.count == 8)
        }
    }

    @Test
    func `a real second program reads and writes the same file`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("zoetrope.sqlite")
        let database = try await SQLiteDatabase.open(path: path) { Date() }
        try await database.makeCounter()
        let python = """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], timeout=10)
            for _ in range(50):
                connection.execute("UPDATE counters SET n = n + 1")
                connection.commit()
            """
        async let other = ToolRunner.succeed("python3", ["-c", python, path])
        for _ in 0..<50 { try await database.write { _ = try $0.execute("UPDATE counters SET n = n + 1") } }
        _ = try await other
        #expect(try await database.count == 100)
        await database.close()
    }
}

private struct Refusal: Error {}

private final class Board: Sendable {
    private let state = Mutex<[Int]>([])

    var numbers: [Int] { state.withLock(\.self) }

    func add(_ number: Int) { state.withLock { $0.append(number) } }
}
