/// How a call that may safely be sent again is sent again: exponential backoff with full jitter.
///
/// The wait before retry *n* is drawn evenly from 0 to `min(cap, base × 2ⁿ⁻¹)`; where the answer names a wait (429, 503) it is kept
/// in full, plus up to a second. Calls that create something are never retried, whatever this says.
public struct RetryPolicy: Sendable, Hashable {
    /// How often a call is sent at most, the first time included; 1 or more.
    public var maximumAttempts: Int
    /// The largest wait before the first retry.
    public var base: Duration
    /// The largest wait before any retry.
    public var cap: Duration
    /// A call that is told to wait longer than this is given up at once.
    public var longestThrottle: Duration

    /// Five attempts, 0.5 s doubling to 8 s, throttled for at most a minute.
    public init(
        maximumAttempts: Int = 5,
        base: Duration = .milliseconds(500),
        cap: Duration = .seconds(8),
        longestThrottle: Duration = .seconds(60)
    ) {
        self.maximumAttempts = max(1, maximumAttempts)
        self.base = base
        self.cap = cap
        self.longestThrottle = longestThrottle
    }

    /// No retries.
    public static let never = RetryPolicy(maximumAttempts: 1)

    /// The wait before the next try; `nil` when there is none.
    ///
    /// `attempt` counts from 1 and has failed; `jitter` is a number from 0 to 1.
    package func wait(afterAttempt attempt: Int, _ error: ReplicateError, jitter: Double) -> Duration? {
        guard attempt < maximumAttempts else { return nil }
        let limit = min(cap, base * (1 << min(max(attempt, 1) - 1, 20)))
        switch error.kind {
        case .transient, .throttled:
            guard let named = error.retryAfter else { return limit * jitter }
            return named > longestThrottle ? nil : named + .seconds(1) * jitter
        case .refused, .ambiguous, .permanent:
            return nil
        }
    }
}
