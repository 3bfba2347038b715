import Foundation
import Logging
import StrictJSON
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// What only the databases can do, or fail at.
@Suite(.timeLimit(.minutes(2)))
struct SQLRunStoreTests {
    @Test
    func `what was accepted is there when the file is opened again`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("zoetrope.sqlite")
        let first = try await SQLRunStore.sqlite(path: path) { Date() }
        #expect(first.appliedMigrations.map(\.version) == [1, 2, 3, 4, 5])
        let run = try await first.acceptOne()
        await first.close()
        await #expect(throws: RunStoreError.self) { try await first.run(run.id) }

        let second = try await SQLRunStore.sqlite(path: path, migrates: false) { Date() }
        #expect(second.appliedMigrations.isEmpty)
        #expect(try await second.run(run.id) == run)
        await second.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `a schema that is not up to date, or newer, is refused in words`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let url = backend == .postgres ? try await TestPostgres.shared().makeDatabase() : ""
        func open(migrates: Bool) async throws -> SQLRunStore {
            backend == .postgres
                ? try await .postgres(url: url, migrates: migrates, connections: 2, logger: .silent)
                : try await .sqlite(path: folder.path("x.sqlite"), migrates: migrates) { Date() }
        }
        let old = await #expect(throws: RunStoreError.self) { try await open(migrates: false) }
        #expect(old?.detail.contains("please run zoetrope migrate") == true)
        let store = try await open(migrates: true)
        await store.close()
        await (try await open(migrates: false)).close()

        let database: any SQLDatabase =
            backend == .postgres
            ? try PostgresDatabase.at(url, connections: 1)
            : try await SQLiteDatabase.open(path: folder.path("x.sqlite")) { Date() }
        try await database.write { session in
            _ = try session.execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'later', $1)",
                [.timestamp(session.now)]
            )
        }
        await database.close()
        for migrates in [true, false] {
            let newer = await #expect(throws: RunStoreError.self) { try await open(migrates: migrates) }
            #expect(newer?.code == .newerSchema)
        }
    }

    @Test(arguments: [Backend.memory, .postgres])
    func `a text with NUL is refused, and nothing is written`(backend: Backend) async throws {
        let store = try await backend.store()
        let job = Job.sample
        for text in ["a\0b", "\\u0000"] {
            let run = try Run.sample(of: job)
            let attempt = AnimationAttempt(
                id: run.id,
                jobID: job.id,
                params: ["prompt": .string(text)],
                createdAt: run.createdAt
            )
            let intake = Intake(job: job, animation: AnimationIntake(attempt: attempt, run: run))
            if text.utf8.contains(0) {
                let error = await #expect(throws: RunStoreError.self) { try await store.accept(intake) }
                #expect(error?.code == .internal)
                #expect(try await store.job(job.id) == nil)
            } else {
                #expect(try await store.accept(intake) == .accepted)
                #expect(try await store.attempt(run.id)?.params?["prompt"]?.string == text)
            }
        }
        await store.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `a run that a newer program wrote keeps nobody from the others`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let runs = [try await store.acceptOne(), try await store.acceptOne(), try await store.acceptOne()]
        try await database.write { session in
            try session.execute("UPDATE animation_runs SET state = 'dreaming' WHERE id = $1", [.uuid(runs[0].id.uuid)])
            _ = try session.execute(
                "UPDATE animation_runs SET failure_code = 'boredom', failure_detail = 'x' WHERE id = $1",
                [.uuid(runs[1].id.uuid)]
            )
        }
        let order = ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)
        #expect(Set(try await store.claim(order).runs.map(\.id)) == [runs[1].id, runs[2].id])
        #expect(try await store.runs(in: nil, limit: 9).count == 2)
        #expect(try await store.run(runs[1].id)?.failure == RunFailure(.internal, "boredom: x"))
        await #expect(throws: RunStoreError.self) { try await store.run(runs[0].id) }
        await store.close()
        await database.close()
    }

    @Test
    func `an accepted run rings in another process`() async throws {
        let url = try await TestPostgres.shared().makeDatabase()
        let here = try await SQLRunStore.postgres(url: url, connections: 1, logger: .silent)
        let there = try await SQLRunStore.postgres(url: url, connections: 1, logger: .silent)
        var bell = there.doorbell().makeAsyncIterator()
        // It listens.
        await bell.next()
        _ = try await here.acceptOne()
        await bell.next()
        await here.close()
        await there.close()
        #expect(await bell.next() == nil)
    }

    @Test
    func `what was acknowledged outlives a server that is killed again and again`() async throws {
        let server = try await TestPostgres.launch()
        let url = try await server.makeDatabase()
        let store = try await SQLRunStore.postgres(url: url, connections: 4, logger: .silent)
        let acknowledged = Acknowledged()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while !acknowledged.isOver {
                        let (job, run) = (Job.sample, try Run.sample(of: .sample))
                        let intake = try Intake(job: job, animation: .init(of: job, run))
                        do throws(RunStoreError) {
                            if try await store.accept(intake) == .accepted {
                                acknowledged.add(intake.animation?.run.id)
                            }
                        } catch {
                            #expect(error.code == .unavailable || error.code == .commitUnknown, "\(error)")
                            try await Task.sleep(for: .milliseconds(1))
                        }
                    }
                }
            }
            for round in 1...4 {
                try await eventually { try acknowledged.reach(round * 40) }
                try await server.stopImmediately()
                try await server.start()
            }
            try await eventually { try acknowledged.reach(200) }
            acknowledged.end()
            try await group.waitForAll()
        }
        let there = Set(try await store.runs(in: nil, limit: 100_000).map(\.id))
        #expect(acknowledged.ids.subtracting(there).isEmpty)
        await store.close()
        try await server.stopImmediately()
    }
}

/// The runs whose acceptance was answered.
private final class Acknowledged: Sendable {
    private let state = Mutex((ids: Set<AnimationID>(), isOver: false))

    var ids: Set<AnimationID> { state.withLock { $0.ids } }
    var isOver: Bool { state.withLock { $0.isOver } }

    func reach(_ count: Int) throws {
        guard ids.count >= count else { throw NotYet() }
    }

    func add(_ id: AnimationID?) {
        state.withLock { if let id { $0.ids.insert(id) } }
    }

    func end() { state.withLock { $0.isOver = true } }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension Backend {
    /// A store, and another way into its database.
    func databaseAndStore(in folder: TemporaryFolder) async throws -> (any SQLDatabase, SQLRunStore) {
        if self == .postgres {
            let url = try await TestPostgres.shared().makeDatabase()
            return (
                try PostgresDatabase.at(url, connections: 1),
                try await .postgres(url: url, connections: 4, logger: .silent)
            )
        }
        let path = folder.path("zoetrope.sqlite")
        return (
            try await SQLiteDatabase.open(path: path) { Date() },
            try await .sqlite(path: path, logger: .silent) { Date() }
        )
    }

    func store() async throws -> SQLRunStore {
        self == .postgres ? try await .scratch() : try await .inMemory { Date() }
    }
}

extension Job {
    static var sample: Job {
        let id = JobID(UUID())
        return Job(
            id: id,
            userID: "ann",
            kind: .photo,
            onFailure: .keep,
            source: SourceImage(
                key: .source(id, .jpeg),
                contentType: "image/jpeg",
                size: FrameSize(width: 4, height: 3),
                byteCount: 1,
                sha256: ""
            ),
            createdAt: Date().roundedToMilliseconds
        )
    }
}

extension Run {
    static func sample(of job: Job) throws -> Run {
        Run(
            id: AnimationID(UUID()),
            jobID: job.id,
            request: try AnimationRequest(),
            source: job.source,
            onFailure: job.onFailure,
            createdAt: job.createdAt
        )
    }
}

extension AnimationIntake {
    init(of job: Job, _ run: Run) throws {
        let run = Run(
            id: run.id,
            jobID: job.id,
            request: run.request,
            source: job.source,
            onFailure: job.onFailure,
            createdAt: job.createdAt
        )
        self.init(attempt: AnimationAttempt(id: run.id, jobID: job.id, createdAt: job.createdAt), run: run)
    }
}

extension SQLRunStore {
    /// Accepts a job with an animation.
    func acceptOne() async throws -> Run {
        let job = Job.sample
        let run = try Run.sample(of: job)
        #expect(try await accept(Intake(job: job, animation: AnimationIntake(of: job, run))) == .accepted)
        return run
    }
}
