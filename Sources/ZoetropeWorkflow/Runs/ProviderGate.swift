package import Foundation

/// What all workers share about one account or model: its rate budget, and whether it is worth calling at all.
///
/// A key is `replicate` for the account's creates, `replicate/reads` for its other calls, and `replicate:owner/name` for a model.
package struct ProviderGate: Sendable, Equatable {
    package let key: String
    /// Calls that may be made now; refilled by time.
    package var tokens: Double
    package var refilledAt: Date
    /// Failures in a row.
    package var failures: Int
    /// Closed until then; nil when open.
    package var closedUntil: Date?
    /// Why it is closed; for operators.
    package var reason: String?

    package init(key: String, tokens: Double, refilledAt: Date) {
        self.key = key
        self.tokens = tokens
        self.refilledAt = refilledAt
        failures = 0
    }
}
