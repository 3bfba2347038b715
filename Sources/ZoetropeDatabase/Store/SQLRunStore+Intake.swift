import Foundation
import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome {
        try await Self.translating {
            do {
                return try await self.transaction { [sql] session in
                    if let key = intake.idempotency, let answer = try Self.claim(key, session) { throw Refused(answer) }
                    if let job = intake.restore?.jobID ?? intake.animation?.attempt.jobID, job != intake.job?.id {
                        // Locked, so that it cannot be condemned meanwhile.
                        let rows = try session.query(
                            "SELECT id FROM jobs WHERE id = $1 AND deleted_at IS NULL\(session.dialect.forUpdate)",
                            [job.sqlValue]
                        )
                        guard !rows.isEmpty else { throw Refused(.jobMissing) }
                    }
                    if let limits = intake.limits, let animation = intake.animation {
                        let hit = try UserLimits(animation, limits, session.now).hit(session)
                        if let hit { throw Refused(.limited(hit)) }
                    }
                    try Self.insert(intake, session, sql)
                    return (.accepted, rings: intake.animation != nil)
                }
            } catch let refused as Refused {
                return refused.outcome
            }
        }
    }

    /// An intake that is answered and undone.
    private struct Refused: Error {
        let outcome: IntakeOutcome

        init(_ outcome: IntakeOutcome) { self.outcome = outcome }
    }

    /// Takes an idempotency key, after whoever else takes it at this moment; the answer if it was taken before.
    private static func claim(_ key: IdempotencyKey, _ session: any SQLSession) throws -> IntakeOutcome? {
        let taken = try session.execute(
            """
            INSERT INTO idempotency_keys (user_id, key, fingerprint, answer, expires_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (user_id, key) DO UPDATE
            SET fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at
            WHERE idempotency_keys.expires_at <= $6 OR $7
            """,
            [
                .text(key.userID), .text(key.key), .text(key.fingerprint), try .json(key.answer),
                key.expiresAt.sqlValue, session.now.sqlValue, .boolean(key.replaces),
            ]
        )
        guard taken == 0 else { return nil }
        let rows = try session.query(
            "SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $1 AND key = $2",
            [.text(key.userID), .text(key.key)]
        )
        guard let row = rows.first, let answer = try row.json("answer") else {
            throw DatabaseError.internal("an idempotency key is there and is not")
        }
        return try row.get("fingerprint") == key.fingerprint ? .replayed(answer: answer) : .mismatched
    }

    private static func insert(_ intake: Intake, _ session: any SQLSession, _ sql: RunStatements) throws {
        if let job = intake.job { try session.insert(job.values, into: "jobs", Job.columns) }
        if let restore = intake.restore {
            try session.insert(restore.values, into: "restore_attempts", RestoreAttempt.columns)
        }
        if let animation = intake.animation {
            try session.insert(animation.attempt.values(), into: "animation_attempts", AnimationAttempt.columns)
            let run = animation.run
            try session.insert(
                try run.allValues() + [
                    SQLValue(animation.userID), run.request.partCount.sqlValue, run.request.seconds.sqlValue,
                    run.request.price.sqlValue,
                ],
                into: "animation_runs",
                Run.all.map(\.0) + ["user_id", "part_count", "seconds", "price"]
            )
            if let callback = animation.callback {
                try session.insert(callback.values(at: run.createdAt), into: "callbacks", Callback.columns)
            }
        }
    }
}
