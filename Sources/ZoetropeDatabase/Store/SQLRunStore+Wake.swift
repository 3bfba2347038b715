package import ZoetropeWorkflow

extension SQLRunStore {
    package func wake(tag: String) async throws(RunStoreError) -> Bool {
        try await write { session in
            let isThere = try Self.wake(tag, session)
            return (isThere, rings: isThere)
        }
    }

    package func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try await write { session in
            let isNew = try session.execute(
                """
                INSERT INTO webhook_inbox (provider, id, tag, received_at) SELECT $1, $2, tag, $4
                FROM paid_intents WHERE tag = $3 ON CONFLICT (provider, id) DO NOTHING
                """,
                [
                    webhook.provider.sqlValue, .text(webhook.id), .text(webhook.tag), webhook.receivedAt.sqlValue,
                ]
            )
            if isNew == 1 { return (.applied, rings: try Self.wake(webhook.tag, session)) }
            let known = try session.query(
                "SELECT id FROM webhook_inbox WHERE provider = $1 AND id = $2",
                [webhook.provider.sqlValue, .text(webhook.id)]
            )
            return (known.isEmpty ? .unknownTag : .duplicate, rings: false)
        }
    }

    /// The run first and its intent second, as in ``commit(_:lease:dailyBudget:)``, so that the two do not block each other.
    private static func wake(_ tag: String, _ session: any SQLSession) throws -> Bool {
        let now = session.dialect.cast("$2", as: .timestamp)
        let runs = try session.execute(
            """
            UPDATE animation_runs SET wake_at = CASE WHEN wake_at <= \(now) THEN wake_at ELSE \(now) END,
                rung = lease_owner IS NOT NULL
            WHERE id = (SELECT animation_id FROM paid_intents WHERE tag = $1)
            """,
            [.text(tag), session.now.sqlValue]
        )
        guard runs == 1 else { return false }
        try session.execute(
            """
            UPDATE paid_intents SET wake_at = $2 WHERE tag = $1 AND state IN ('sent', 'unknown', 'absent', 'late')
                AND (wake_at IS NULL OR wake_at > $2)
            """,
            [.text(tag), session.now.sqlValue]
        )
        return true
    }
}
