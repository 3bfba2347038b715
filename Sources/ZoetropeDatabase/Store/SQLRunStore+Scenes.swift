import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        try await write { session in
            // Locked, so that nothing is accepted for it meanwhile.
            let rows = try session.query("SELECT * FROM jobs WHERE id = $1\(session.dialect.forUpdate)", [job.sqlValue])
            guard let row = rows.first else { return ([], rings: false) }
            let attempts = try session.query("SELECT * FROM animation_attempts WHERE job_id = $1", [job.sqlValue])
                .map { try AnimationAttempt($0) }
            guard attempts.allSatisfy({ $0.id == animation || $0.status == .failed }) else {
                return (nil, rings: false)
            }
            try session.execute(
                "UPDATE jobs SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL",
                [job.sqlValue, session.now.sqlValue]
            )
            var keys = [try Job(row).source.key]
            keys += try session.query("SELECT * FROM restore_attempts WHERE job_id = $1", [job.sqlValue])
                .map { try RestoreAttempt($0).image.key }
            keys += attempts.flatMap(\.keys)
            return (keys.sorted { $0.description < $1.description }, rings: false)
        }
    }

    package func remove(_ job: JobID) async throws(RunStoreError) {
        try await write { session in
            let rows = try session.query(
                "SELECT id FROM jobs WHERE id = $1 AND deleted_at IS NOT NULL\(session.dialect.forUpdate)",
                [job.sqlValue]
            )
            guard !rows.isEmpty else { return ((), rings: false) }
            for statement in [
                "DELETE FROM animation_attempts WHERE job_id = $1", "DELETE FROM restore_attempts WHERE job_id = $1",
                "DELETE FROM jobs WHERE id = $1",
            ] {
                try session.execute(statement, [job.sqlValue])
            }
            return ((), rings: false)
        }
    }
}
