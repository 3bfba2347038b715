/// A token bucket on virtual time.
package struct RateBucket: Sendable {
    /// The most tokens, and so the burst.
    let capacity: Double
    let perSecond: Double
    private var tokens: Double
    private var filledAt: Moment

    /// A full one.
    package init(perMinute: Int, burst: Int? = nil, now: Moment) {
        capacity = Double(burst ?? perMinute)
        perSecond = Double(perMinute) / 60
        tokens = capacity
        filledAt = now
    }

    /// Takes a token, or says in how many seconds there is one.
    ///
    /// With `refusalsCost` a refused request empties the bucket again.
    package mutating func take(now: Moment, refusalsCost: Bool = false) -> Result {
        tokens = min(capacity, tokens + max(0, now - filledAt) * perSecond)
        filledAt = max(filledAt, now)
        // A billionth is forgiven: sums of fractions seldom make a whole.
        guard tokens >= 1 - 1e-9 else {
            if refusalsCost { tokens = 0 }
            return .refused(seconds: max(1, Int(((1 - tokens) / perSecond - 1e-9).rounded(.up))))
        }
        tokens -= 1
        return .taken(remaining: Int(tokens))
    }

    /// What came of it.
    package enum Result: Sendable, Equatable {
        case taken(remaining: Int)
        case refused(seconds: Int)
    }
}
