import Foundation
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
