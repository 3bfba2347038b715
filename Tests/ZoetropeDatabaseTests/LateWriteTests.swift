import Foundation
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// Ten thousand writes of owners whose lease has run out and whose runs are others' since: none lands.
@Suite(.timeLimit(.minutes(2)))
struct LateWriteTests {
    /// What a run's second owner has done with it when the first one's writes come.
    enum Fate: CaseIterable, Sendable {
        case held, handedOn, ended, takenByAnAmendment
    }

    /// What the first owner still tries.
    enum Late: CaseIterable, Sendable {
        case decision, nothingNew, release, newIntent, changedIntent, newUndo, changedUndo, ledger, attempt, end,
            everything
    }

    private static let runs = 100
    private static let writes = 10_000

    @Test(arguments: [Backend.file, .postgres])
    func `of ten thousand late writes none lands, and not a byte is changed`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let late = try await lateOwners(store)
        let before = try await contents(of: database)

        var answers: [CommitOutcome: Int] = [:]
        var tried = 0
        var round = 0
        // A tenth goes one by one, as a worker does with a decision that failed before; the rest goes as workers commit.
        while tried < Self.writes {
            let changes = late.enumerated()
                .map { number, run in
                    change(Late.allCases[(number + round) % Late.allCases.count], of: run, round: round)
                }
            let batches = round % 10 == 9 ? changes.map { [$0] } : [changes]
            // With a budget a commit takes another way through the statements.
            let budget = round % 2 == 0 ? nil : MicroUSD(1_000_000_000)
            for batch in batches {
                let outcomes = try await store.commit(batch, lease: .seconds(60), dailyBudget: budget)
                #expect(outcomes.count == batch.count)
                for outcome in outcomes.values { answers[outcome, default: 0] += 1 }
            }
            tried += changes.count
            // Renewals are late writes as well.
            let leases = Dictionary(uniqueKeysWithValues: late.map { ($0.id, $0.lease.epoch) })
            #expect(try await store.renew(leases, lease: .seconds(600)) == [])
            round += 1
        }
        #expect(answers == [.lost: Self.writes])
        let after = try await contents(of: database)
        #expect(after.keys.sorted() == before.keys.sorted())
        for (table, rows) in before { #expect(after[table] == rows, "\(table) has changed") }
        await store.close()
        await database.close()
    }

    /// The same at once with the new owners, who work on.
    @Test(arguments: [Backend.file, .postgres])
    func `late writes among those of the new owners change none of these`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let late = try await lateOwners(store)
        let held = try await store.runs(in: nil, limit: 1_000).filter { $0.lease.owner == "second" }
        #expect(held.count == Self.runs / Fate.allCases.count)
        let steps = 20
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<4 {
                group.addTask {
                    for step in 0..<steps {
                        let changes = late.map { change(.everything, of: $0, round: round * steps + step) }
                        let outcomes = try await store.commit(changes, lease: .seconds(60), dailyBudget: nil)
                        #expect(outcomes.values.allSatisfy { $0 == .lost })
                    }
                }
            }
            group.addTask {
                var runs = held
                for _ in 0..<steps {
                    runs = runs.map { run in
                        var run = run
                        run.version += 1
                        run.polls += 1
                        return run
                    }
                    let changes = runs.map { RunChange(run: $0, epoch: $0.lease.epoch, releasesLease: false) }
                    let outcomes = try await store.commit(changes, lease: .seconds(60), dailyBudget: nil)
                    #expect(outcomes.values.allSatisfy { $0 == .landed })
                }
            }
            try await group.waitForAll()
        }
        for run in held {
            let stored = try #require(try await store.run(run.id))
            #expect(stored.version == run.version + steps)
            #expect(stored.polls == run.polls + steps)
            #expect(stored.lease.owner == "second")
        }
        await store.close()
        await database.close()
    }

    /// Callbacks are held by their number of tries.
    @Test(arguments: [Backend.file, .postgres])
    func `a late courier changes nothing`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        for _ in 0..<20 {
            let job = Job.sample
            let intake = try AnimationIntake(of: job, .sample(of: job))
            let callback = Callback(id: UUID(), animationID: intake.run.id, userID: "ann", url: "https://example.com")
            let animation = AnimationIntake(
                attempt: intake.attempt,
                run: intake.run,
                userID: "ann",
                callback: callback
            )
            #expect(try await store.accept(Intake(job: job, animation: animation)) == .accepted)
            _ = try await store.amend(intake.run.id) { run, _ in ended(run) }
        }
        let first = try await store.claimCallbacks(99, lease: .zero)
        #expect(first.count == 20)
        var second: Set<UUID> = []
        while second.count < 20 { second.formUnion(try await store.claimCallbacks(99, lease: .seconds(60)).map(\.id)) }
        let before = try await contents(of: database)
        for callback in first {
            for outcome in [
                CallbackAnswer.delivered(status: 200), .failed(status: 500, detail: "x", retryAfter: nil), .gone,
            ] {
                try await store.settle(callback.after(outcome, unit: 0, now: Date()))
            }
        }
        #expect(try await contents(of: database) == before)
        await store.close()
        await database.close()
    }

    // MARK: The stage

    /// Lets one owner begin to work on many runs and lose them to another; returns them as the first one has them.
    private func lateOwners(_ store: SQLRunStore) async throws -> [Run] {
        for _ in 0..<Self.runs { _ = try await store.acceptOne() }
        let soon = Duration.milliseconds(1)
        let all = ClaimOrder(owner: "first", lease: .seconds(60), light: 1_000, heavy: 1_000)
        var runs = try await store.claim(all).runs
        #expect(runs.count == Self.runs)
        runs = runs.map(begun)
        let beginnings = runs.map { run in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: false)
            change.intents = run.intents
            change.undos = run.undos
            change.ledger = [ledger(run, .reserve)]
            return change
        }
        // With this the leases last no longer than a millisecond, by the database's clock.
        let outcomes = try await store.commit(beginnings, lease: soon, dailyBudget: nil)
        #expect(outcomes.values.allSatisfy { $0 == .landed })

        var taken: [Run] = []
        while taken.count < runs.count {
            let order = ClaimOrder(owner: "second", lease: .seconds(600), light: 1_000, heavy: 1_000)
            taken += try await store.claim(order).runs
        }
        #expect(taken.allSatisfy { $0.lease.epoch == 2 })
        for (number, run) in taken.sorted(by: { $0.id < $1.id }).enumerated() {
            switch Fate.allCases[number % Fate.allCases.count] {
            case .held: break
            case .handedOn:
                var change = RunChange(run: run, epoch: 2, releasesLease: true)
                change.run.version += 1
                change.run.wakeAt = Date().roundedToMilliseconds + 3_600
                #expect(try await store.commit([change], lease: soon, dailyBudget: nil) == [run.id: .landed])
            case .ended:
                #expect(try await store.commit([ended(run)], lease: soon, dailyBudget: nil) == [run.id: .landed])
            case .takenByAnAmendment:
                _ = try await store.amend(run.id) { run, _ in ended(run) }
            }
        }
        return runs.sorted { $0.id < $1.id }
    }

    /// A run whose prediction is bound, with something to undo.
    private func begun(_ run: Run) -> Run {
        var run = run
        run.state = .generating
        run.version += 1
        run.intents = [intent(run, number: 1, .bound)]
        run.undos = [undo(run)]
        return run
    }

    private func ended(_ run: Run) -> RunChange {
        var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
        change.run.state = .done
        change.run.outcome = .failed
        change.run.failure = RunFailure(.canceled, "x")
        change.run.wakeAt = nil
        change.run.version += 1
        change.attempt = AttemptChange(previewS3Key: AnimationAttempt.failedKey)
        return change
    }

    /// A write that the first owner of a run still tries.
    private func change(_ late: Late, of run: Run, round: Int) -> RunChange {
        var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: round % 3 == 0)
        change.run.version += 1
        func addIntent() {
            let new = intent(run, number: 2 + round, .settled)
            change.run.intents.append(new)
            change.intents.append(new)
        }
        func changeIntent() {
            var old = run.intents[0]
            old.state = .settled
            old.output = "https://example.com/late.mp4"
            old.cost = MicroUSD(990_000)
            change.run.intents[0] = old
            change.intents.append(old)
        }
        func addUndo() { change.undos.append(undo(run)) }
        func changeUndo() {
            var old = run.undos[0]
            old.state = .done
            old.tries += 1
            change.undos.append(old)
        }
        func addLedger() { change.ledger.append(ledger(run, round % 2 == 0 ? .reserve : .settle)) }
        func publish() {
            change.attempt = AttemptChange(
                previewS3Key: "animations/late.mp4",
                resultS3Key: "late",
                thumbS3Key: "late",
                params: ["late": true]
            )
        }
        switch late {
        case .nothingNew: change.run = run
        case .decision:
            change.run.state = .finishing
            change.run.polls += 1
            change.run.wakeAt = Date().roundedToMilliseconds
        case .release: change.releasesLease = true
        case .newIntent: addIntent()
        case .changedIntent: changeIntent()
        case .newUndo: addUndo()
        case .changedUndo: changeUndo()
        case .ledger: addLedger()
        case .attempt: publish()
        case .end: change = ended(change.run)
        case .everything:
            change = ended(change.run)
            change.run.outcome = .ready
            addIntent()
            changeIntent()
            addUndo()
            changeUndo()
            addLedger()
            publish()
        }
        return change
    }

    private func intent(_ run: Run, number: Int, _ state: IntentState) -> PaidIntent {
        var intent = PaidIntent(
            id: UUID(),
            animationID: run.id,
            part: 0,
            number: number,
            tag: UUID().uuidString,
            provider: .replicate,
            model: "m",
            priceCap: MicroUSD(500_000),
            createdAt: run.createdAt
        )
        intent.state = state
        intent.sentAt = run.createdAt
        intent.predictionID = UUID().uuidString
        return intent
    }

    private func undo(_ run: Run) -> UndoRecord {
        UndoRecord(
            id: UUID(),
            animationID: run.id,
            action: .deleteObject(.video(run.jobID, run.id)),
            createdAt: run.createdAt,
            state: .armed
        )
    }

    private func ledger(_ run: Run, _ kind: LedgerEntry.Kind) -> LedgerEntry {
        LedgerEntry(
            id: UUID(),
            intent: run.intents[0],
            kind: kind,
            amount: MicroUSD(500_000),
            at: run.createdAt
        )
    }

    /// Every row of every table as the database has it; on PostgreSQL with the transaction that wrote it, and its place.
    private func contents(of database: any SQLDatabase) async throws -> [String: [[SQLValue]]] {
        try await database.read { session in
            let list =
                switch session.dialect {
                case .sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'"
                case .postgres: "SELECT CAST(tablename AS text) AS name FROM pg_tables WHERE schemaname = 'public'"
                }
            var contents: [String: [[SQLValue]]] = [:]
            for row in try session.query(list) {
                let table: String = try row.get("name")
                let rows =
                    switch session.dialect {
                    case .sqlite: "SELECT rowid, * FROM \(table) ORDER BY 1"
                    case .postgres:
                        "SELECT CAST(xmin AS text) AS x, CAST(ctid AS text) AS c, t.* FROM \(table) t ORDER BY ctid"
                    }
                contents[table] = try session.query(rows).map(\.values)
            }
            return contents
        }
    }
}
