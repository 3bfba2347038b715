import Foundation
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// This program as the old one, on a database that the program of tomorrow has extended.
@Suite(.timeLimit(.minutes(2)))
struct RollingUpgradeTests {
    @Test(arguments: RunStoreRule.allCases)
    func `every rule is kept on SQLite`(rule: RunStoreRule) async throws {
        try await check(rule, on: .file)
    }

    @Test(arguments: RunStoreRule.allCases)
    func `every rule is kept on PostgreSQL`(rule: RunStoreRule) async throws {
        try await check(rule, on: .postgres)
    }

    private func check(_ rule: RunStoreRule, on backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, first) = try await backend.databaseAndStore(in: folder)
        try await Tomorrow.extend(database)
        try await rule.check(first)
        await first.close()
        await database.close()
    }

    /// Statements that were prepared before are read right afterwards, too.
    @Test(arguments: [Backend.file, .postgres])
    func `a program that is at work goes on while another extends the database`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let first = try await store.acceptOne()
        let before = try await Account(of: store)
        #expect(before.records.map(\.attempt.id) == [first.id])
        let order = ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)
        let held = try #require(try await store.claim(order).runs.first)

        try await Tomorrow.extend(database)
        let after = try await Account(of: store)
        #expect(after.jobs == before.jobs)
        #expect(after.records == before.records)
        let change = RunChange(run: held, epoch: held.lease.epoch, releasesLease: false)
        #expect(try await store.commit([change], lease: .seconds(60), dailyBudget: nil) == [held.id: .landed])
        #expect(try await store.renew([held.id: held.lease.epoch], lease: .seconds(60)) == [held.id])
        let second = try await store.acceptOne()
        let runs = try await store.claim(order).runs
        #expect(runs.map(\.id) == [second.id])
        #expect(runs.first?.request == second.request)
        await store.close()
        await database.close()
    }

    /// The release before knows neither the state nor editions (docs/decisions/0023).
    @Test(arguments: [Backend.file, .postgres])
    func `an older program sees a run that is being checked as done, and cannot read a withdrawn one`(
        backend: Backend
    ) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let run = try await store.acceptOne()
        func row() async throws -> SQLRow {
            let rows = try await database.read {
                try $0.query("SELECT state, outcome, due_at, video FROM animation_runs")
            }
            return try #require(rows.first)
        }
        let decide = { @Sendable (run: Run, event: RunEvent, now: Date) in
            RunMachine(policy: RunPolicy(), traits: [], chance: .system).decide(run, event, at: now)?.change
        }
        let video = PublishedVideo(
            previewKey: .video(run.jobID, run.id),
            posterKey: .poster(run.jobID, run.id),
            size: FrameSize(width: 16, height: 9),
            seconds: 5,
            framesPerSecond: 30,
            byteCount: 1,
            sha256: "",
            posterByteCount: 1,
            posterSHA256: ""
        )
        _ = try await store.amend(run.id) { decide($0, .finished(video), $1) }
        var seen = try await row()
        #expect(try seen.get("state", as: String.self) == "done" && seen.get("outcome", as: String.self) == "ready")
        // Nothing to do for it, and readable.
        #expect(try seen.find("due_at", as: Date.self) == nil)
        #expect(try #require(try seen.find("video", as: String.self)).contains("preview_key"))

        let broken = StepFailure.media(MediaFailure(.outputInvalid, "", isRetryable: true))
        let withdrawn = try await store.amend(run.id) { decide($0, .checkFailed(broken), $1) }
        #expect(withdrawn?.state == .finishing && withdrawn?.edition == 2)
        seen = try await row()
        #expect(try seen.get("state", as: String.self) == "finishing")
        #expect(try !#require(try seen.find("video", as: String.self)).contains("preview_key"))
        await store.close()
        await database.close()
    }

    /// What is said about running programs in docs/operations.md.
    @Test(arguments: [Backend.file, .postgres])
    func `a program that meets a contraction at work fails, and writes nothing by halves`(
        backend: Backend
    ) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let run = try await store.acceptOne()
        let held = try #require(
            try await store.claim(ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)).runs.first
        )
        let next = Migration(version: Tomorrow.version, name: "undo records go", worksWith: Tomorrow.version) { _ in
            "DROP TABLE undo_records"
        }
        try await Migrator(Schema.migrations + [next]).migrate(database)
        var change = RunChange(run: held, epoch: held.lease.epoch, releasesLease: true)
        change.run.state = .finishing
        change.run.version += 1
        change.undos = [
            UndoRecord(
                id: UUID(),
                animationID: run.id,
                action: .deleteObject(.video(run.jobID, run.id)),
                createdAt: run.createdAt,
                state: .armed
            )
        ]
        let changes = [change]
        let error = await #expect(throws: RunStoreError.self) {
            try await store.commit(changes, lease: .seconds(60), dailyBudget: nil)
        }
        #expect(error?.code == .internal)
        let rows = try await database.read { try $0.query("SELECT state, version FROM animation_runs") }
        #expect(try rows.map { try $0.get("state", as: String.self) } == ["queued"])
        #expect(try rows.map { try $0.get("version", as: Int.self) } == [held.version])
        await store.close()
        // And does not start again.
        let refusal = await #expect(throws: DatabaseError.self) {
            try await Migrator(Schema.migrations).check(database)
        }
        #expect(refusal?.code == .newerSchema)
        await database.close()
    }
}

/// What the program of tomorrow does to the database: everything that an expansion may.
private enum Tomorrow {
    static let version = Schema.migrations.count + 1

    static func extend(_ database: any SQLDatabase) async throws {
        let tables = try await database.read { session in
            let list =
                switch session.dialect {
                case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
                case .postgres: "SELECT CAST(tablename AS text) AS name FROM pg_tables WHERE schemaname = 'public'"
                }
            return try session.query(list).map { try $0.get("name", as: String.self) }
        }
        #expect(tables.count > 10)
        let expansion = Migration(version: version, name: "tomorrow") { dialect in
            let number = dialect.type(.integer)
            return
                tables.filter { $0 != "schema_migrations" }
                .map { table in
                    """
                    ALTER TABLE \(table) ADD COLUMN mood \(dialect.type(.text));
                    ALTER TABLE \(table) ADD COLUMN shade \(number) NOT NULL DEFAULT 7;
                    CREATE INDEX ix_\(table)_mood ON \(table) (mood, shade);
                    """
                }
                .joined(separator: "\n") + "CREATE TABLE moods (id \(number) PRIMARY KEY NOT NULL);"
        }
        let applied = try await Migrator(Schema.migrations + [expansion]).migrate(database)
        #expect(applied.last?.version == version)
        try await Migrator(Schema.migrations).check(database)
    }
}

/// What a store says of jobs and animations.
private struct Account {
    let jobs: [Job]
    let records: [AnimationRecord]

    init(of store: SQLRunStore) async throws {
        jobs = try await store.jobs(of: "ann", limit: 9)
        records = try await store.animations(of: jobs.map(\.id))
        for record in records {
            #expect(try await store.animation(record.attempt.id) == record)
            #expect(try await store.run(record.attempt.id) != nil)
            #expect(try await store.attempt(record.attempt.id) == record.attempt)
        }
    }
}
