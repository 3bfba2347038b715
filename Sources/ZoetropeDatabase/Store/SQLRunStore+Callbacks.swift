import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func claimCallbacks(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [Callback] {
        try await write { session in
            let rows = try session.query(
                """
                UPDATE callbacks SET wake_at = $2, tries = tries + 1 WHERE id IN (
                    SELECT id FROM callbacks WHERE state = 'due' AND wake_at <= $1
                    ORDER BY wake_at, id LIMIT $3\(session.dialect.skippingLocked)
                )
                RETURNING *
                """,
                [session.now.sqlValue, (session.now + lease).sqlValue, limit.sqlValue]
            )
            return (try rows.map { try Callback($0) }, rings: false)
        }
    }

    package func settle(_ callback: Callback) async throws(RunStoreError) {
        try await write { session in
            try session.execute(
                """
                UPDATE callbacks SET state = $3, wake_at = $4, last_status = $5, last_error = $6
                WHERE id = $1 AND tries = $2 AND state = 'due'
                """,
                [
                    callback.id.sqlValue, callback.tries.sqlValue, callback.state.sqlValue, SQLValue(callback.wakeAt),
                    SQLValue(callback.lastStatus), SQLValue(callback.lastError),
                ]
            )
            return ((), rings: false)
        }
    }

    package func callback(of id: AnimationID) async throws(RunStoreError) -> Callback? {
        try await read { session in
            try session.query("SELECT * FROM callbacks WHERE animation_id = $1", [id.sqlValue])
                .first.map { try Callback($0) }
        }
    }
}

extension Callback.State: SQLConvertible {}

extension Callback {
    static let columns = [
        "id", "animation_id", "user_id", "url", "state", "tries", "wake_at", "last_status", "last_error", "created_at",
    ]

    func values(at now: Date) -> [SQLValue] {
        [
            id.sqlValue, animationID.sqlValue, .text(userID), .text(url), state.sqlValue, tries.sqlValue,
            SQLValue(wakeAt), SQLValue(lastStatus), SQLValue(lastError), now.sqlValue,
        ]
    }

    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"),
            animationID: try row.get("animation_id"),
            userID: try row.get("user_id"),
            url: try row.get("url"),
            state: try row.get("state"),
            tries: try row.get("tries"),
            wakeAt: try row.find("wake_at"),
            lastStatus: try row.find("last_status"),
            lastError: try row.find("last_error"),
            endedAt: try row.find("ended_at")
        )
    }
}
