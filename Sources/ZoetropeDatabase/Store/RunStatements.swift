import ZoetropeCore
import ZoetropeWorkflow

/// The statements of the engine that work on many rows at once.
struct RunStatements: Sendable {
    let claim: String
    let change: String
    let renew: String
    let epochs: String
    let intents: String
    let pendingUndos: String
    let upsertIntents: String
    let upsertUndos: String
    let insertLedger: String
    let attempts: String
    let changeAttempts: String
    let ringCallbacks: String
    let recallCallbacks: String
    /// Animations as callers see them, for a `WHERE` to follow: `a` is the row, `j` its job, `r` its run.
    let records: String
    let record: String
    let recordsOfJobs: String
    let restoresOfJobs: String
    let versions: String

    let recentOrders = RecentOrders()

    let ids = SQLBatch([("id", .uuid)])
    let keys = SQLBatch([("key", .text)])
    let leases = SQLBatch([("id", .uuid), ("lease_epoch", .integer)])
    let changes = SQLBatch([("id", .uuid), ("lease_epoch", .integer), ("releases", .boolean)] + Run.changing)
    let newIntents = SQLBatch(PaidIntent.fixed + PaidIntent.changing)
    let newUndos = SQLBatch(UndoRecord.fixed + UndoRecord.changing)
    let newLedger = SQLBatch([
        ("id", .uuid), ("intent_id", .uuid), ("animation_id", .uuid), ("kind", .text), ("amount", .integer),
        ("at", .timestamp), ("day", .integer),
    ])
    let recalls = SQLBatch([("animation_id", .uuid), ("id", .uuid)])
    let newAttempts = SQLBatch([
        ("id", .uuid), ("preview_s3_key", .text), ("result_s3_key", .text), ("thumb_s3_key", .text), ("params", .json),
    ])

    init(_ dialect: SQLDialect) {
        let of = { [ids] in "IN (SELECT id FROM \(ids.source(dialect)))" }
        // Whose lease has run out had its turn already: it does not queue up again behind a backlog.
        func taking(_ name: String, _ isFinishing: String, _ limit: String) -> String {
            """
            lapsed_\(name) AS (
                SELECT id FROM animation_runs
                WHERE lease_owner IS NOT NULL AND lease_expires_at <= $3 AND wake_at <= $3 AND state \(isFinishing) 'finishing'
                ORDER BY wake_at, id LIMIT \(limit)\(dialect.skippingLocked)
            ), \(name) AS (
                SELECT id FROM animation_runs
                WHERE due_at IS NOT NULL AND state \(isFinishing) 'finishing' AND due_at <= $3 AND lease_owner IS NULL
                ORDER BY due_at, id LIMIT \(limit) - (SELECT count(*) FROM lapsed_\(name))\(dialect.skippingLocked)
            )
            """
        }
        // $1 owner, $2 end of the lease, $3 now, $4 to $6 how many
        claim = """
            WITH \(taking("light", "<>", "$4")), \(taking("heavy", "=", "$5")), checks AS (
                SELECT id FROM animation_runs
                WHERE check_at IS NOT NULL AND check_at <= $3 AND (lease_owner IS NULL OR lease_expires_at <= $3)
                ORDER BY check_at, id LIMIT $6\(dialect.skippingLocked)
            )
            UPDATE animation_runs SET lease_epoch = lease_epoch + 1, lease_owner = $1, lease_expires_at = $2, rung = false
            WHERE id IN (
                SELECT id FROM lapsed_light UNION ALL SELECT id FROM light
                UNION ALL SELECT id FROM lapsed_heavy UNION ALL SELECT id FROM heavy UNION ALL SELECT id FROM checks
            )
            RETURNING *
            """
        // $1 rows, $2 now, $3 end of the lease
        let same = Run.changing.map(\.0).filter { $0 != "wake_at" }.map { "\($0) = batch.\($0)" }
        let now = dialect.cast("$2", as: .timestamp)
        let end = dialect.cast("$3", as: .timestamp)
        change = """
            UPDATE animation_runs SET \(same.joined(separator: ", ")),
                wake_at = CASE WHEN rung AND (batch.wake_at IS NULL OR batch.wake_at > \(now)) THEN \(now) ELSE batch.wake_at END,
                rung = rung AND NOT batch.releases,
                lease_owner = CASE WHEN batch.releases THEN NULL ELSE lease_owner END,
                lease_expires_at = CASE WHEN batch.releases THEN NULL ELSE \(end) END
            FROM \(changes.source(dialect))
            WHERE animation_runs.id = batch.id AND animation_runs.lease_epoch = batch.lease_epoch
            RETURNING animation_runs.id AS id, animation_runs.due_at AS due_at
            """
        renew = """
            UPDATE animation_runs SET lease_expires_at = $2 FROM \(leases.source(dialect))
            WHERE animation_runs.id = batch.id AND animation_runs.lease_epoch = batch.lease_epoch
                AND lease_owner IS NOT NULL
            RETURNING animation_runs.id AS id
            """
        epochs = "SELECT id, lease_epoch FROM animation_runs WHERE id \(of())"
        intents = "SELECT * FROM paid_intents WHERE animation_id \(of()) ORDER BY animation_id, number"
        pendingUndos = """
            SELECT * FROM undo_records WHERE animation_id \(of()) AND state IN ('armed', 'due')
            ORDER BY animation_id, place
            """
        upsertIntents = newIntents.upsert(into: "paid_intents", changing: PaidIntent.changing, dialect)
        upsertUndos = newUndos.upsert(into: "undo_records", changing: UndoRecord.changing, dialect)
        insertLedger = """
            INSERT INTO ledger (\(newLedger.names))
            SELECT batch.id, batch.intent_id, batch.animation_id, batch.kind, batch.amount, batch.at,
                coalesce(
                    (SELECT day FROM ledger WHERE intent_id = batch.intent_id ORDER BY place LIMIT 1), batch.day
                )
            FROM \(newLedger.source(dialect))
            """
        // $1 ids, $2 now
        ringCallbacks = """
            UPDATE callbacks SET state = 'due', wake_at = $2, ended_at = $2
            WHERE state = 'waiting' AND animation_id \(of())
            """
        // What was told, or was to be, is taken back: the message waits for the next end, as another one.
        recallCallbacks = """
            UPDATE callbacks SET id = batch.id, state = 'waiting', tries = 0, wake_at = NULL, last_status = NULL,
                last_error = NULL, ended_at = NULL
            FROM \(recalls.source(dialect))
            WHERE callbacks.animation_id = batch.animation_id AND callbacks.state <> 'void'
            """
        records = """
            SELECT a.*, j.user_id AS user_id, j.kind AS kind, r.outcome AS run_outcome,
                CASE WHEN r.check_at IS NULL THEN r.state ELSE 'checking' END AS run_state,
                r.version AS run_version, r.part AS run_part, r.part_count AS run_part_count,
                r.provider_done_at AS provider_done_at, r.playable_at AS playable_at,
                coalesce((SELECT sum(cost) FROM paid_intents i WHERE i.animation_id = a.id), 0) AS run_cost,
                (SELECT i.sent_at FROM paid_intents i WHERE i.animation_id = a.id
                    AND i.state IN ('intended', 'sent', 'unknown', 'bound')) AS sent_at
            FROM animation_attempts a JOIN jobs j ON j.id = a.job_id AND j.deleted_at IS NULL
                LEFT JOIN animation_runs r ON r.id = a.id
            """
        record = "\(records) WHERE a.id = $1"
        recordsOfJobs = "\(records) WHERE a.job_id \(of()) ORDER BY a.created_at, a.id"
        restoresOfJobs = "SELECT * FROM restore_attempts WHERE job_id \(of()) ORDER BY created_at, id"
        versions = "SELECT id, version FROM animation_runs WHERE id \(of())"
        attempts = "SELECT id, params FROM animation_attempts WHERE id \(of()) ORDER BY id\(dialect.forUpdate)"
        changeAttempts = """
            UPDATE animation_attempts SET preview_s3_key = batch.preview_s3_key, result_s3_key = batch.result_s3_key,
                thumb_s3_key = batch.thumb_s3_key, params = batch.params
            FROM \(newAttempts.source(dialect)) WHERE animation_attempts.id = batch.id
            """
    }
}

extension SQLSession {
    /// Runs with their intents and pending undos, in the order of the rows.
    ///
    /// A run that this program cannot read, perhaps because a newer one has written it, is told to `unreadable` and left
    /// out: it must not keep the others from being worked on.
    func runs(
        _ rows: [SQLRow],
        _ sql: RunStatements,
        unreadable: (AnimationID, any Error) throws -> Void = { throw $1 }
    ) throws -> [Run] {
        guard !rows.isEmpty else { return [] }
        let ids = try rows.map { try $0.get("id", as: AnimationID.self) }
        let parameter = try sql.ids.parameter(ids.map { [$0.sqlValue] })
        let intents = Dictionary(grouping: try query(sql.intents, [parameter])) { $0["animation_id"] }
        let undos = Dictionary(grouping: try query(sql.pendingUndos, [parameter])) { $0["animation_id"] }
        var runs: [Run] = []
        for (id, row) in zip(ids, rows) {
            do {
                var run = try Run(row, sql.recentOrders.order(of: id, in: row))
                run.intents = try (intents[row["id"]] ?? []).map { try PaidIntent($0) }
                run.undos = try (undos[row["id"]] ?? []).map { try UndoRecord($0) }
                runs.append(run)
            } catch {
                try unreadable(id, error)
            }
        }
        return runs
    }
}
