package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// Deleting what callers want gone: rows at once, objects as soon as the store lets them go.
extension SQLRunStore {
    package func erase(
        _ job: JobID,
        of userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool {
        let isGone: Bool = try await write { [sql] session in
            guard let row = try Self.lock(job, of: userID, session) else { return (false, rings: false) }
            let attempts = try session.query("SELECT * FROM animation_attempts WHERE job_id = $1", [job.sqlValue])
                .map { try AnimationAttempt($0) }
            try Self.cancel("job_id", job.sqlValue, session, sql, cancel)
            var keys = [row.source.key]
            keys += try session.query("SELECT * FROM restore_attempts WHERE job_id = $1", [job.sqlValue])
                .map { try RestoreAttempt($0).image.key }
            keys += attempts.flatMap(\.keys)
            try Self.note(keys, session, sql)
            for statement in [
                "DELETE FROM animation_attempts WHERE job_id = $1", "DELETE FROM restore_attempts WHERE job_id = $1",
                "DELETE FROM jobs WHERE id = $1",
            ] {
                try session.execute(statement, [job.sqlValue])
            }
            return (true, rings: true)
        }
        if isGone { tellChange(hasEnded: true) }
        return isGone
    }

    package func erase(
        _ animation: AnimationID,
        of job: JobID,
        by userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool {
        let isGone: Bool = try await write { [sql] session in
            guard try Self.lock(job, of: userID, session) != nil else { return (false, rings: false) }
            let rows = try session.query(
                "SELECT * FROM animation_attempts WHERE id = $1 AND job_id = $2",
                [animation.sqlValue, job.sqlValue]
            )
            guard let attempt = try rows.first.map({ try AnimationAttempt($0) }) else { return (false, rings: false) }
            try Self.cancel("id", animation.sqlValue, session, sql, cancel)
            try Self.note(attempt.keys, session, sql)
            try session.execute("DELETE FROM animation_attempts WHERE id = $1", [animation.sqlValue])
            return (true, rings: true)
        }
        if isGone { tellChange(hasEnded: true) }
        return isGone
    }

    /// Locked, so that nothing is accepted for it meanwhile.
    private static func lock(_ job: JobID, of userID: String, _ session: any SQLSession) throws -> Job? {
        try session.query(
            "SELECT * FROM jobs WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL\(session.dialect.forUpdate)",
            [job.sqlValue, .text(userID)]
        )
        .first.map { try Job($0) }
    }

    /// Ends the runs that a column says, tells nobody how they ended, and blanks what their callers wrote.
    private static func cancel(
        _ column: String,
        _ value: SQLValue,
        _ session: any SQLSession,
        _ sql: RunStatements,
        _ cancel: (Run, Date) -> RunChange?
    ) throws {
        let rows = try session.query(
            """
            SELECT * FROM animation_runs WHERE \(column) = $1 AND (outcome IS NULL OR check_at IS NOT NULL)
            ORDER BY id\(session.dialect.forUpdate)
            """,
            [value]
        )
        for run in try session.runs(rows, sql) {
            if let change = cancel(run, session.now) { try write(change, session, sql) }
        }
        try forget("IN (SELECT id FROM animation_runs WHERE \(column) = $1)", value, session)
    }

    /// Notes objects for ``claimDeletions(_:lease:)``.
    static func note(_ keys: [ObjectKey], _ session: any SQLSession, _ sql: RunStatements) throws {
        guard !keys.isEmpty else { return }
        try session.execute(
            """
            INSERT INTO object_deletions (key, created_at, wake_at, tries)
            SELECT key, \(session.dialect.cast("$2", as: .timestamp)), \(session.dialect.cast("$2", as: .timestamp)), 0
            FROM \(sql.keys.source(session.dialect)) WHERE true ON CONFLICT (key) DO NOTHING
            """,
            [try sql.keys.parameter(keys.map { [$0.sqlValue] }), session.now.sqlValue]
        )
    }

    package func claimDeletions(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [ObjectDeletion] {
        try await write { session in
            let rows = try session.query(
                """
                UPDATE object_deletions SET wake_at = $2, tries = tries + 1 WHERE key IN (
                    SELECT key FROM object_deletions WHERE wake_at <= $1
                    ORDER BY wake_at LIMIT $3\(session.dialect.skippingLocked)
                )
                RETURNING key, tries
                """,
                [session.now.sqlValue, (session.now + lease).sqlValue, limit.sqlValue]
            )
            let deletions = try rows.map { ObjectDeletion(key: try $0.get("key"), tries: try $0.get("tries")) }
            return (deletions, rings: false)
        }
    }

    package func finishDeletions(_ keys: [ObjectKey]) async throws(RunStoreError) {
        guard !keys.isEmpty else { return }
        try await write { [sql] session in
            try session.execute(
                "DELETE FROM object_deletions WHERE key IN (SELECT key FROM \(sql.keys.source(session.dialect)))",
                [try sql.keys.parameter(keys.map { [$0.sqlValue] })]
            )
            return ((), rings: false)
        }
    }

    package func postponeDeletion(
        _ key: ObjectKey,
        by wait: Duration,
        because detail: String
    ) async throws(RunStoreError) {
        try await write { session in
            try session.execute(
                "UPDATE object_deletions SET wake_at = $2, last_error = $3 WHERE key = $1",
                [key.sqlValue, (session.now + wait).sqlValue, .text(detail)]
            )
            return ((), rings: false)
        }
    }
}
