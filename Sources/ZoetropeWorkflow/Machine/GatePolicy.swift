package import Foundation
import ZoetropeCore

/// When a provider may be called: a token bucket for the account, and a circuit breaker for each model.
package struct GatePolicy: Sendable {
    /// Failures in a row that close a model's gate.
    package var failuresToClose = 5
    /// How long a gate stays closed at first, and at most; it doubles with each failed probe.
    package var closedFor = Duration.seconds(15)...Duration.seconds(600)
    /// How long an account is left alone whose token or balance is refused.
    package var accountPause = Duration.seconds(600)

    package init() {}

    /// Keys of the gates that a create passes.
    package static func createKeys(_ intent: PaidIntent) -> (account: String, model: String) {
        (intent.provider.rawValue, "\(intent.provider.rawValue):\(intent.model)")
    }

    /// Key of the gate of an account's other calls.
    package static func readsKey(_ traits: ProviderTraits) -> String { "\(traits.provider.rawValue)/reads" }

    /// Asks for one create; takes a token, and the one probe of a gate that was closed.
    ///
    /// - Returns: How long to wait and why; nil for "go".
    package func admitCreate(
        _ intent: PaidIntent,
        _ traits: ProviderTraits,
        _ gates: inout [String: ProviderGate],
        at now: Date
    ) -> (wait: Duration, reason: String)? {
        let keys = Self.createKeys(intent)
        for key in [keys.account, keys.model] {
            if let gate = gates[key], let until = gate.closedUntil, until > now {
                return (.seconds(until.timeIntervalSince(now)), gate.reason ?? "the provider is out of order")
            }
        }
        if let wait = take(1, of: keys.account, perMinute: traits.createsPerMinute, &gates, at: now) {
            return (wait, "the account's rate of creates is used up")
        }
        if var gate = gates[keys.model], gate.failures >= failuresToClose {
            // Half open: this call is the probe; others wait until it has said how it went, or died.
            gate.closedUntil = now + traits.submitTimeout
            gates[keys.model] = gate
        }
        return nil
    }

    /// Takes tokens from a bucket that holds a minute's worth.
    ///
    /// - Returns: How long until there are enough; nil when they were taken.
    package func take(
        _ count: Int,
        of key: String,
        perMinute: Int?,
        _ gates: inout [String: ProviderGate],
        at now: Date
    ) -> Duration? {
        guard let perMinute else { return nil }
        let rate = Double(perMinute) / 60
        // A tenth of a minute's worth at once: bursts above the rate are refused by some providers.
        let burst = max(1, Double(perMinute) / 10)
        var gate = gates[key] ?? ProviderGate(key: key, tokens: burst, refilledAt: now)
        gate.tokens = min(burst, gate.tokens + max(0, now.timeIntervalSince(gate.refilledAt)) * rate)
        gate.refilledAt = now
        let wanted = min(Double(count), burst)
        defer { gates[key] = gate }
        guard gate.tokens >= wanted else { return .seconds((wanted - gate.tokens) / rate) }
        gate.tokens -= wanted
        return nil
    }

    /// Learns from the outcome of a create.
    ///
    /// - Returns: What the operators should know: a gate that has just closed.
    package func learn(
        _ outcome: SubmitOutcome,
        of intent: PaidIntent,
        _ gates: inout [String: ProviderGate],
        at now: Date
    ) -> String? {
        let keys = Self.createKeys(intent)
        var account = gates[keys.account] ?? ProviderGate(key: keys.account, tokens: 0, refilledAt: now)
        var model = gates[keys.model] ?? ProviderGate(key: keys.model, tokens: 0, refilledAt: now)
        defer {
            gates[keys.account] = account
            gates[keys.model] = model
        }
        func pause(_ wait: Duration, _ reason: String) -> String? {
            let isNews = account.closedUntil.map { $0 <= now } ?? true
            account.closedUntil = now + wait
            account.reason = reason
            return isNews ? reason : nil
        }
        switch outcome {
        case .accepted:
            account.closedUntil = nil
            (model.failures, model.closedUntil, model.reason) = (0, nil, nil)
            return nil
        case .refused(let error):
            switch error.kind {
            case .throttled:
                _ = pause(error.retryAfter ?? .seconds(5), "the provider throttles")
                return nil
            case .credentials: return pause(accountPause, "the provider does not accept the token")
            case .credit: return pause(accountPause, "the provider account's balance is used up")
            case .unavailable: return failed(&model, at: now)
            case .rejected, .missing, .expired, .invalidOutput, .sourceUnreadable, .storage:
                // The provider is there and answers.
                (model.failures, model.closedUntil, model.reason) = (0, nil, nil)
                return nil
            }
        case .unknown: return failed(&model, at: now)
        }
    }

    private func failed(_ gate: inout ProviderGate, at now: Date) -> String? {
        gate.failures += 1
        guard gate.failures >= failuresToClose else { return nil }
        let doublings = min(gate.failures - failuresToClose, 20)
        gate.closedUntil = now + min(closedFor.upperBound, closedFor.lowerBound * (1 << doublings))
        gate.reason = "the provider failed \(gate.failures) times in a row"
        return doublings == 0 ? gate.reason : nil
    }
}
