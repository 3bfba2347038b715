import Foundation
import Testing
import ZoetropeDatabase

struct SQLValueTests {
    static let texts = [
        "", " ", "pläin", "日本語", "👩‍👩‍👧‍👦🇩🇪", "a\nb\r\t\"'\\", "$1 ? :a", "\u{feff}x", "\u{1}\u{7f}",
        String(repeating: "x", count: 100_000),
    ]
    static let integers: [Int64] = [0, 1, -1, .max, .min, 1 << 53 + 1]
    static let reals: [Double] = [0, -0.5, 0.1, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e300, -123_456.789]
    static let dates = [0, -0.001, 1_795_273_445.123, -62_135_596_800, 253_402_300_799.999, 951_782_400]
        .map(Date.init(timeIntervalSince1970:))

    @Test(arguments: Backend.allCases)
    func `values of every type come back as they went in`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await makeTable(database)
            for (index, text) in Self.texts.enumerated() {
                let id = UUID()
                let date = Self.dates[index % Self.dates.count]
                let integer = Self.integers[index % Self.integers.count]
                let real = Self.reals[index % Self.reals.count]
                let bytes = [UInt8](0...255) + Array(text.utf8)
                let row = try await database.write { session in
                    try
                        session.query(
                            "INSERT INTO samples (i, r, t, b, at, u, j, f) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
                            [
                                .integer(integer), .real(real), .text(text), .blob(bytes), .timestamp(date), .uuid(id),
                                .json(#"{"a": [1, null, "ü"]}"#), .boolean(index.isMultiple(of: 2)),
                            ]
                        )[0]
                }
                #expect(try row.get("i") == integer)
                #expect(try row.get("r") == real)
                #expect(try row.get("t") == text)
                #expect(try row.get("b") == bytes)
                #expect(try row.get("at") == date.roundedToMilliseconds)
                #expect(try row.get("u") == id)
                #expect(try row.get("j", as: String.self) == #"{"a": [1, null, "ü"]}"#)
                #expect(try row.get("f") == index.isMultiple(of: 2))
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func `null comes back as nil and is refused where a value must be`(backend: Backend) async throws {
        try await backend.withDatabase { database in
            try await makeTable(database)
            let row = try await database.write { session in
                try
                    session.query(
                        "INSERT INTO samples (i, t, at, b) VALUES ($1, $2, $3, $4) RETURNING *",
                        [SQLValue(nil as Int?), SQLValue(nil as String?), SQLValue(nil as Date?), .null]
                    )[0]
            }
            #expect(try row.find("i", as: Int.self) == nil)
            #expect(try row.find("t", as: String.self) == nil)
            #expect(try row.find("at", as: Date.self) == nil)
            #expect(throws: DatabaseError.self) { try row.get("i", as: Int.self) }
        }
    }

    @Test(arguments: Backend.allCases)
    func `a value of another type, or a column that is not there, is an error that names it`(backend: Backend)
        async throws
    {
        try await backend.withDatabase { database in
            let row = try await database.read { try $0.query("SELECT CAST('x' AS text) AS t, 3000000000 AS big")[0] }
            let error = #expect(throws: DatabaseError.self) { try row.get("t", as: Int.self) }
            #expect(error?.detail == "column \"t\" must be Int, got text")
            #expect(throws: DatabaseError.self) { try row.get("t", as: Date.self) }
            #expect(throws: DatabaseError.self) { try row.get("t", as: UUID.self) }
            #expect(throws: DatabaseError.self) { try row.get("big", as: Bool.self) }
            #expect(throws: DatabaseError.self) { try row.get("u", as: String.self) }
            #expect(throws: DatabaseError.self) { try row.get(at: 2, as: String.self) }
            #expect(try row.get(at: 1, as: Int.self) == 3_000_000_000)
        }
    }

    static let refused: [SQLValue] = [
        .text("a\0b"), .json("\"\0\""), .real(.infinity), .real(-.infinity), .real(.nan),
        .timestamp(Date(timeIntervalSince1970: 253_402_300_800)),
        .timestamp(Date(timeIntervalSince1970: -62_135_596_801)),
    ]

    @Test(arguments: Backend.allCases, refused)
    func `what a database could not give back is refused, and nothing is written`(backend: Backend, value: SQLValue)
        async throws
    {
        try await backend.withDatabase { database in
            try await database.makeCounter()
            let error = await databaseError {
                try await database.write { session in
                    try session.execute("UPDATE counters SET n = 1")
                    try session.execute("INSERT INTO counters (id, n, note) VALUES (2, 2, $1)", [value])
                }
            }
            #expect(error?.code == .internal)
            #expect(try await database.count == 0)
        }
    }

    @Test
    func `rounding a time is the same before and after it was stored`() {
        for second in stride(from: -1e9, through: 4e9, by: 1_234_567.891_234) {
            let date = Date(timeIntervalSince1970: second)
            let text = SQLTimestamp.text(date)
            #expect(text?.utf8.count == 24)
            #expect(text.flatMap(SQLTimestamp.date) == date.roundedToMilliseconds)
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            #expect(text == date.roundedToMilliseconds.addingTimeInterval(0.000_1).formatted(style))
        }
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan, 1e300])
    func `a time that is none has no text`(seconds: Double) {
        #expect(SQLTimestamp.text(Date(timeIntervalSince1970: seconds)) == nil)
    }

    @Test(arguments: [
        ("2026-11-21T15:04:05.123Z", 1_795_273_445.123), ("2026-11-21 15:04:05+00", 1_795_273_445),
        ("2026-11-21 15:04:05.1235+00", 1_795_273_445.124), ("2026-11-21 15:04:05.123499+00", 1_795_273_445.123),
    ])
    func `times of both databases are read`(text: String, seconds: Double) {
        #expect(SQLTimestamp.date(text) == Date(timeIntervalSince1970: seconds))
    }

    @Test(arguments: [
        "", "infinity", "-infinity", "2026-11-21", "0044-03-15 00:00:00+00 BC", "12026-11-21 15:04:05+00",
        "2026-11-21T15:04:05.123", "2026-11-21 15:04:05+01", "2026-13-21T15:04:05Z", "2026-11-21T24:04:05Z", "now",
    ])
    func `other texts are not times`(text: String) {
        #expect(SQLTimestamp.date(text) == nil)
    }

    private func makeTable(_ database: any SQLDatabase) async throws {
        try await database.write { session in
            let dialect = session.dialect
            try session.run(
                script: """
                    CREATE TABLE samples (
                        i \(dialect.type(.integer)), r \(dialect.type(.real)), t \(dialect.type(.text)),
                        b \(dialect.type(.blob)), at \(dialect.type(.timestamp)), u \(dialect.type(.uuid)),
                        j \(dialect.type(.json)), f \(dialect.type(.boolean))
                    )
                    """
            )
        }
    }
}
