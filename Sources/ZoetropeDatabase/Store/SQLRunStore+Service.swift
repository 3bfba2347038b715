import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// What callers read.
extension SQLRunStore: ServiceStore {
    package func jobs(_ query: JobQuery) async throws(RunStoreError) -> [Job] {
        var text = "SELECT * FROM jobs WHERE user_id = $1 AND deleted_at IS NULL"
        var values: [SQLValue] = [.text(query.userID)]
        func add(_ condition: (String) -> String, _ value: SQLValue) {
            values.append(value)
            text += " AND " + condition("$\(values.count)")
        }
        if let session = query.sessionID { add({ "session_id = \($0)" }, .text(session)) }
        if let kind = query.kind { add({ "kind = \($0)" }, kind.sqlValue) }
        if let after = query.after {
            values += [after.createdAt.sqlValue, after.id.sqlValue]
            text += " AND (created_at, id) < ($\(values.count - 1), $\(values.count))"
        }
        values.append(query.limit.sqlValue)
        text += " ORDER BY created_at DESC, id DESC LIMIT $\(values.count)"
        return try await read { [text, values] session in try session.query(text, values).map { try Job($0) } }
    }

    package func restores(of jobs: [JobID]) async throws(RunStoreError) -> [RestoreAttempt] {
        guard !jobs.isEmpty else { return [] }
        return try await read { [sql] session in
            try session.query(sql.restoresOfJobs, [try sql.ids.parameter(jobs.map { [$0.sqlValue] })])
                .map { try RestoreAttempt($0) }
        }
    }

    package func animations(of jobs: [JobID]) async throws(RunStoreError) -> [AnimationRecord] {
        guard !jobs.isEmpty else { return [] }
        return try await read { [sql] session in
            try session.query(sql.recordsOfJobs, [try sql.ids.parameter(jobs.map { [$0.sqlValue] })])
                .map { try AnimationRecord($0) }
        }
    }

    package func animation(_ id: AnimationID) async throws(RunStoreError) -> AnimationRecord? {
        try await read { [sql] session in
            try session.query(sql.record, [id.sqlValue]).first.map { try AnimationRecord($0) }
        }
    }

    package func animations(_ query: AnimationQuery) async throws(RunStoreError) -> [AnimationRecord]? {
        let (order, comparison) = query.isNewestFirst ? ("DESC", "<") : ("ASC", ">")
        return try await read { [sql] session in
            var text = "\(sql.records) WHERE r.user_id = $1 AND j.user_id = $1"
            var values: [SQLValue] = [.text(query.userID)]
            if let after = query.after {
                let place = try session.query(
                    "SELECT created_at FROM animation_runs WHERE id = $1 AND user_id = $2",
                    [after.sqlValue, .text(query.userID)]
                )
                guard let createdAt: Date = try place.first?.get("created_at") else { return nil }
                text += " AND (r.created_at, r.id) \(comparison) ($2, $3)"
                values += [createdAt.sqlValue, after.sqlValue]
            }
            values.append(query.limit.sqlValue)
            text += " ORDER BY r.created_at \(order), r.id \(order) LIMIT $\(values.count)"
            return try session.query(text, values).map { try AnimationRecord($0) }
        }
    }

    package func versions(of ids: [AnimationID]) async throws(RunStoreError) -> [AnimationID: Int] {
        guard !ids.isEmpty else { return [:] }
        return try await read { [sql] session in
            var versions: [AnimationID: Int] = [:]
            for row in try session.query(sql.versions, [try sql.ids.parameter(ids.map { [$0.sqlValue] })]) {
                versions[try row.get(at: 0)] = try row.get(at: 1)
            }
            return versions
        }
    }

    package func usage(of userID: String) async throws(RunStoreError) -> Usage {
        try await read { session in
            let now = session.now
            func tally(since start: Date) throws -> Usage.Tally {
                let runs = try session.query(
                    """
                    SELECT count(*) AS animations, count(CASE WHEN outcome = 'ready' THEN 1 END) AS ready,
                        count(CASE WHEN outcome = 'failed' THEN 1 END) AS failed,
                        coalesce(sum(CASE WHEN outcome = 'ready' THEN seconds END), 0) AS seconds
                    FROM animation_runs WHERE user_id = $1 AND created_at >= $2
                    """,
                    [.text(userID), start.sqlValue]
                )
                let cost = try session.query(
                    """
                    SELECT coalesce(sum(amount), 0) AS cost
                    FROM ledger JOIN animation_runs r ON r.id = ledger.animation_id
                    WHERE r.user_id = $1 AND ledger.day >= $2
                    """,
                    [.text(userID), start.day.sqlValue]
                )
                guard let row = runs.first else { throw DatabaseError.internal("a count without a row") }
                return Usage.Tally(
                    animations: try row.get("animations"),
                    ready: try row.get("ready"),
                    failed: try row.get("failed"),
                    seconds: try row.get("seconds"),
                    cost: try cost.first?.get("cost") ?? .zero
                )
            }
            let active = try session.query(
                "SELECT count(*) AS active FROM animation_runs WHERE user_id = $1 AND outcome IS NULL",
                [.text(userID)]
            )
            return Usage(
                active: try active.first?.get("active") ?? 0,
                today: try tally(since: now.startOfDay),
                month: try tally(since: now.startOfMonth),
                now: now
            )
        }
    }

    package func overview() async throws(RunStoreError) -> Overview {
        try await read { session in
            var runs: [RunState: Int] = [:]
            for row in try session.query(
                """
                SELECT state, count(*) AS runs FROM animation_runs
                WHERE due_at IS NOT NULL AND check_at IS NULL GROUP BY state
                """
            ) {
                runs[try row.get("state")] = try row.get("runs")
            }
            let checks = try session.query(
                "SELECT count(*) AS checks, min(check_at) AS check_at FROM animation_runs WHERE check_at IS NOT NULL"
            )
            runs[.checking] = try checks.first?.get("checks") ?? 0
            var callbacks: [Callback.State: Int] = [:]
            for row in try session.query(
                "SELECT state, count(*) AS callbacks FROM callbacks WHERE state <> 'void' GROUP BY state"
            ) {
                callbacks[try row.get("state")] = try row.get("callbacks")
            }
            let oldest = try session.query(
                "SELECT min(due_at) AS due_at FROM animation_runs WHERE due_at IS NOT NULL AND due_at <= $1",
                [session.now.sqlValue]
            )
            let spent = try session.query(
                "SELECT coalesce(sum(amount), 0) AS spent FROM ledger WHERE day = $1",
                [session.now.day.sqlValue]
            )
            let deletions = try session.query("SELECT count(*) AS deletions FROM object_deletions")
            let schedule = try session.query("SELECT * FROM schedules WHERE name = 'cleanup'")
            return Overview(
                runs: runs,
                oldestDue: try oldest.first?.find("due_at"),
                spentToday: try spent.first?.get("spent") ?? .zero,
                callbacks: callbacks,
                deletions: try deletions.first?.get("deletions") ?? 0,
                cleanup: try schedule.first.flatMap { try CleanupSchedule($0) },
                now: session.now
            )
        }
    }
}

extension AnimationRecord {
    init(_ row: SQLRow) throws {
        self.init(
            attempt: try AnimationAttempt(row),
            userID: try row.get("user_id"),
            kind: try row.get("kind"),
            run: try row.find("run_state", as: RunState.self)
                .map { state in
                    RunGlance(
                        state: state,
                        outcome: try row.find("run_outcome"),
                        version: try row.get("run_version"),
                        part: try row.get("run_part"),
                        partCount: try row.get("run_part_count"),
                        sentAt: try row.find("sent_at"),
                        cost: try row.get("run_cost"),
                        providerDoneAt: try row.find("provider_done_at"),
                        playableAt: try row.find("playable_at")
                    )
                }
        )
    }
}
