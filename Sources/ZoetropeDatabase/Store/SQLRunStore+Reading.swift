package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        try await read { session in
            try session.query("SELECT * FROM jobs WHERE id = $1 AND deleted_at IS NULL", [id.sqlValue])
                .first.map { try Job($0) }
        }
    }

    package func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try await read { session in
            try session.query(
                """
                SELECT * FROM jobs WHERE user_id = $1 AND deleted_at IS NULL
                ORDER BY created_at DESC, id DESC LIMIT $2
                """,
                [.text(userID), limit.sqlValue]
            )
            .map { try Job($0) }
        }
    }

    package func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        try await read { session in
            try session.query("SELECT * FROM restore_attempts WHERE id = $1", [id.sqlValue])
                .first.map { try RestoreAttempt($0) }
        }
    }

    package func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        try await read { session in
            try session.query("SELECT * FROM animation_attempts WHERE id = $1", [id.sqlValue])
                .first.map { try AnimationAttempt($0) }
        }
    }

    package func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        try await read { session in
            try session.query(
                "SELECT * FROM animation_attempts WHERE job_id = $1 ORDER BY created_at, id",
                [job.sqlValue]
            )
            .map { try AnimationAttempt($0) }
        }
    }

    package func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        try await read { [sql] session in
            let rows = try session.query("SELECT * FROM animation_runs WHERE id = $1", [id.sqlValue])
            return try session.runs(rows, sql).first
        }
    }

    package func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try await read { [sql, unreadable] session in
            let isWanted =
                switch state {
                case nil: ""
                case .checking: "WHERE check_at IS NOT NULL"
                case _?: "WHERE state = $2 AND check_at IS NULL"
                }
            let rows = try session.query(
                "SELECT * FROM animation_runs \(isWanted) ORDER BY created_at DESC, id DESC LIMIT $1",
                [limit.sqlValue] + (state.flatMap { $0 == .checking ? nil : [$0.sqlValue] } ?? [])
            )
            return try session.runs(rows, sql, unreadable: unreadable)
        }
    }

    package func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        try await read { session in
            try session.query("SELECT * FROM undo_records WHERE animation_id = $1 ORDER BY place", [id.sqlValue])
                .map { try UndoRecord($0) }
        }
    }

    package func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try await read { session in
            let isWanted = id == nil ? "" : "AND animation_id = $2"
            return
                try session.query(
                    "SELECT * FROM ledger WHERE at >= $1 \(isWanted) ORDER BY place",
                    [since.inRange.sqlValue] + (id.map { [$0.sqlValue] } ?? [])
                )
                .map { row in
                    LedgerEntry(
                        id: try row.get("id"),
                        intentID: try row.get("intent_id"),
                        animationID: try row.get("animation_id"),
                        kind: try row.get("kind"),
                        amount: try row.get("amount"),
                        at: try row.get("at")
                    )
                }
        }
    }

    package func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        try await read { session in
            try session.query(
                "SELECT * FROM paid_intents WHERE created_at >= $1 ORDER BY created_at, tag",
                [since.inRange.sqlValue]
            )
            .map { try PaidIntent($0) }
        }
    }
}

extension Date {
    /// `distantPast` lies before the year 1, where the databases' times begin.
    fileprivate var inRange: Date { max(self, Date(timeIntervalSince1970: -62_135_596_800)) }
}
