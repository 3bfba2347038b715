package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

extension SQLRunStore {
    package func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        try await write { [sql, unreadable] session in
            let now = session.now
            let rows = try session.query(
                sql.claim,
                [
                    .text(order.owner), (now + order.lease).sqlValue, now.sqlValue, order.light.sqlValue,
                    order.heavy.sqlValue, order.checks.sqlValue,
                ]
            )
            // The statement does not keep an order.
            let ordered =
                try rows.map { row in
                    // As text: a newer program may have more states.
                    let isHeavy = try row.get("state", as: String.self) == RunState.finishing.rawValue
                    let wakeAt: Date? = try row.find("wake_at")
                    let checkAt: Date? = try row.find("check_at")
                    let isCheck = checkAt != nil && wakeAt ?? .distantFuture > now
                    let dueAt = (isCheck ? checkAt : wakeAt) ?? now
                    let kind = isHeavy ? 1 : isCheck ? 2 : 0
                    return (row: row, place: (kind, dueAt, try row.get("id", as: AnimationID.self)))
                }
                .sorted { $0.place < $1.place }
            let runs = try session.runs(ordered.map(\.row), sql, unreadable: unreadable)
            return (Claim(runs: runs, now: now), rings: false)
        }
    }

    package func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError)
        -> Set<AnimationID>
    {
        guard !leases.isEmpty else { return [] }
        return try await write { [sql] session in
            let rows = try session.query(
                sql.renew,
                [
                    try sql.leases.parameter(
                        leases.sorted { $0.key < $1.key }.map { [$0.key.sqlValue, .integer($0.value)] }
                    ),
                    (session.now + lease).sqlValue,
                ]
            )
            return (Set(try rows.map { try $0.get("id") }), rings: false)
        }
    }

    package func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        try await read { session in
            // One look into each of the indexes that claiming uses; few runs are being checked.
            let rows = try session.query(
                """
                SELECT min(due_at) AS due_at FROM animation_runs WHERE due_at IS NOT NULL AND state <> 'finishing'
                UNION ALL
                SELECT min(due_at) AS due_at FROM animation_runs WHERE due_at IS NOT NULL AND state = 'finishing'
                UNION ALL
                SELECT min(CASE WHEN lease_owner IS NULL OR check_at > lease_expires_at THEN check_at
                    ELSE lease_expires_at END) AS due_at FROM animation_runs WHERE check_at IS NOT NULL
                """
            )
            return (try rows.compactMap { try $0.find("due_at", as: Date.self) }.min(), session.now)
        }
    }
}
