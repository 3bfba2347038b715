package import Foundation
import StrictJSON
package import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        guard !changes.isEmpty else { return [:] }
        guard Set(changes.map(\.run.id)).count == changes.count else {
            throw RunStoreError(.internal, "a batch names a run twice")
        }
        let (outcomes, hasEnded) = try await write { [sql] session in
            var writer = ChangeWriter(session, sql, lease)
            try writer.write(changes, dailyBudget)
            return ((writer.outcomes, writer.hasEnded), rings: writer.madeDue)
        }
        tellChange(hasEnded: hasEnded)
        return outcomes
    }

    package func amend(
        _ id: AnimationID,
        _ change: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Run? {
        let run: Run? = try await write { [sql] session in
            let find = "SELECT * FROM animation_runs WHERE id = $1"
            let rows = try session.query(find + session.dialect.forUpdate, [id.sqlValue])
            guard let run = try session.runs(rows, sql).first else { return (nil, rings: false) }
            guard let change = change(run, session.now) else { return (run, rings: false) }
            try Self.write(change, session, sql)
            return (try session.runs(session.query(find, [id.sqlValue]), sql).first, rings: true)
        }
        tellChange(hasEnded: run?.outcome != nil)
        return run
    }

    /// Writes a change that nobody who holds the run made, so that whoever does has lost it.
    static func write(_ change: RunChange, _ session: any SQLSession, _ sql: RunStatements) throws {
        var writer = ChangeWriter(session, sql, .zero)
        try writer.write([change], nil)
        try session.execute(
            """
            UPDATE animation_runs SET lease_epoch = lease_epoch + 1, lease_owner = NULL, lease_expires_at = NULL,
                rung = false
            WHERE id = $1
            """,
            [change.run.id.sqlValue]
        )
    }
}

/// Writes changes of runs in one transaction.
struct ChangeWriter {
    private(set) var outcomes: [AnimationID: CommitOutcome] = [:]
    /// Whether a run may be claimed now that could not before.
    private(set) var madeDue = false
    /// Whether callers see the end of a run with it, or see it taken back.
    private(set) var hasEnded = false
    private let session: any SQLSession
    private let sql: RunStatements
    private let lease: Duration

    init(_ session: any SQLSession, _ sql: RunStatements, _ lease: Duration) {
        self.session = session
        self.sql = sql
        self.lease = lease
    }

    mutating func write(_ changes: [RunChange], _ dailyBudget: MicroUSD?) throws {
        guard let dailyBudget else { return try write(changes) }
        // Those that reserve nothing come first: what they book counts.
        try write(changes.filter { $0.reserved <= .zero })
        let reserving = changes.filter { $0.reserved > .zero }
        if !reserving.isEmpty { try write(affordable(reserving, dailyBudget)) }
    }

    /// Passes over what the day's budget does not allow, unless it is lost anyway.
    private mutating func affordable(_ changes: [RunChange], _ dailyBudget: MicroUSD) throws -> [RunChange] {
        if session.dialect == .postgres {
            // Until the end of the transaction nobody else reserves; the number is ours alone.
            _ = try session.query("SELECT pg_advisory_xact_lock(7305016813)")
        }
        let today = session.now.day
        let sum = try session.query("SELECT sum(amount) AS amount FROM ledger WHERE day = $1", [today.sqlValue])
        var spent = try sum.first?.find("amount", as: MicroUSD.self) ?? .zero
        let ids = try sql.ids.parameter(changes.map { [$0.run.id.sqlValue] })
        var epochs: [AnimationID: Int64] = [:]
        for row in try session.query(sql.epochs, [ids]) { epochs[try row.get("id")] = try row.get("lease_epoch") }
        return changes.filter { change in
            guard epochs[change.run.id] == change.epoch else { return true }
            guard spent + change.reserved <= dailyBudget else {
                outcomes[change.run.id] = .overBudget
                return false
            }
            spent = spent + change.reserved
            return true
        }
    }

    private mutating func write(_ changes: [RunChange]) throws {
        guard !changes.isEmpty else { return }
        // In one order, so that a renewal of the same leases and this cannot wait for each other.
        let order = changes.indices.map { (id: changes[$0].run.id, index: $0) }.sorted { $0.id < $1.id }
        let rows = try order.map { _, index in
            let change = changes[index]
            return [change.run.id.sqlValue, .integer(change.epoch), .boolean(change.releasesLease)]
                + (try change.run.changingValues())
        }
        let now = session.now
        let landed = try session.query(
            sql.change,
            [try sql.changes.parameter(rows), now.sqlValue, (now + lease).sqlValue]
        )
        for row in landed {
            outcomes[try row.get("id")] = .landed
            if let due: Date = try row.find("due_at"), due <= now { madeDue = true }
        }
        for change in changes {
            if outcomes[change.run.id] == nil { outcomes[change.run.id] = .lost }
            if change.releasesLease, let checkAt = change.run.checkAt, checkAt <= now { madeDue = true }
        }
        try writeParts(of: changes.filter { outcomes[$0.run.id] == .landed })
    }

    private mutating func writeParts(of changes: [RunChange]) throws {
        // An intent that closes makes room for one that opens.
        let intents = changes.flatMap(\.intents)
        let ordered = intents.filter { !$0.state.isOpen } + intents.filter(\.state.isOpen)
        try run(sql.upsertIntents, sql.newIntents, ordered.map(\.values))
        try run(sql.upsertUndos, sql.newUndos, changes.flatMap(\.undos).map { try $0.values() })
        let ledger = changes.flatMap(\.ledger)
            .map { entry in
                [
                    .uuid(entry.id), .uuid(entry.intentID), entry.animationID.sqlValue, entry.kind.sqlValue,
                    entry.amount.sqlValue, entry.at.sqlValue, entry.at.day.sqlValue,
                ]
            }
        try run(sql.insertLedger, sql.newLedger, ledger)
        try writeAttempts(changes.compactMap { change in change.attempt.map { (change.run.id, $0) } })
        let recalled = changes.compactMap { change in change.recall.map { [change.run.id.sqlValue, .uuid($0)] } }
        try run(sql.recallCallbacks, sql.recalls, recalled)
        if !recalled.isEmpty { hasEnded = true }
        let ended = changes.filter { $0.attempt != nil && $0.run.outcome != nil }
        guard !ended.isEmpty else { return }
        hasEnded = true
        try session.execute(
            sql.ringCallbacks,
            [try sql.ids.parameter(ended.map { [$0.run.id.sqlValue] }), session.now.sqlValue]
        )
    }

    /// Changes the rows that callers know, where they still are.
    private func writeAttempts(_ changes: [(id: AnimationID, change: AttemptChange)]) throws {
        guard !changes.isEmpty else { return }
        var params: [AnimationID: JSONValue] = [:]
        for row in try session.query(sql.attempts, [try sql.ids.parameter(changes.map { [$0.id.sqlValue] })]) {
            params[try row.get("id")] = try row.json("params") ?? .null
        }
        let rows = try changes.compactMap { id, change -> [SQLValue]? in
            guard let old = params[id] else { return nil }
            return [
                id.sqlValue, .text(change.previewS3Key), SQLValue(change.resultS3Key), SQLValue(change.thumbS3Key),
                try .json(AnimationParams.merging(change.params, into: old)),
            ]
        }
        try run(sql.changeAttempts, sql.newAttempts, rows)
    }

    private func run(_ statement: String, _ batch: SQLBatch, _ rows: [[SQLValue]]) throws {
        guard !rows.isEmpty else { return }
        try session.execute(statement, [try batch.parameter(rows)])
    }

}

extension RunChange {
    fileprivate var reserved: MicroUSD {
        ledger.reduce(.zero) { $1.kind == .reserve ? $0 + $1.amount : $0 }
    }
}
