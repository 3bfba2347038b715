package import Foundation
package import ZoetropeWorkflow

extension SQLRunStore {
    package func amendGates<Result: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Result
    ) async throws(RunStoreError) -> Result {
        // In one order, so that two callers cannot wait for each other.
        let keys = Set(keys).sorted()
        return try await write { session in
            var gates: [String: ProviderGate] = [:]
            for key in keys {
                if let gate = try Self.lock(key, session) { gates[key] = gate }
            }
            let before = gates
            let result = change(&gates, session.now)
            for key in keys where gates[key] != before[key] { try Self.write(gates[key], at: key, session) }
            return (result, rings: false)
        }
    }

    /// Reads a gate, which then nobody else can change; where there is none, a row that is none takes its place.
    private static func lock(_ key: String, _ session: any SQLSession) throws -> ProviderGate? {
        let find = "SELECT * FROM provider_gates WHERE key = $1\(session.dialect.forUpdate)"
        var rows = try session.query(find, [.text(key)])
        if rows.isEmpty {
            try session.execute(
                "INSERT INTO provider_gates (key, failures) VALUES ($1, 0) ON CONFLICT (key) DO NOTHING",
                [.text(key)]
            )
            rows = try session.query(find, [.text(key)])
        }
        guard let row = rows.first, let tokens: Double = try row.find("tokens") else { return nil }
        var gate = ProviderGate(key: key, tokens: tokens, refilledAt: try row.get("refilled_at"))
        gate.failures = try row.get("failures")
        gate.closedUntil = try row.find("closed_until")
        gate.reason = try row.find("reason")
        return gate
    }

    private static func write(_ gate: ProviderGate?, at key: String, _ session: any SQLSession) throws {
        try session.execute(
            """
            UPDATE provider_gates SET tokens = $2, refilled_at = $3, failures = $4, closed_until = $5, reason = $6
            WHERE key = $1
            """,
            [
                .text(key), SQLValue(gate?.tokens), SQLValue(gate?.refilledAt), (gate?.failures ?? 0).sqlValue,
                SQLValue(gate?.closedUntil), SQLValue(gate?.reason),
            ]
        )
    }
}
