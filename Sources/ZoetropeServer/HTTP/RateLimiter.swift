import Synchronization
import ZoetropeWorkflow

/// Counts each user's requests: a bucket that fills up over a minute.
///
/// Counted in each process by itself; what costs money is counted in the database.
final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Duration
    }

    /// Users that are remembered; whoever is forgotten has a full bucket again.
    private static let most = 100_000

    private let buckets = Mutex<[String: Bucket]>([:])
    private let uptime: @Sendable () -> Duration

    init(uptime: @escaping @Sendable () -> Duration) { self.uptime = uptime }

    /// Takes one request; throws the 429 ``Problem`` when there is none left.
    func take(for user: String, perMinute: Int) throws(Problem) {
        let now = uptime()
        let rate = Double(perMinute) / 60
        let wait = buckets.withLock { buckets -> Double? in
            if buckets[user] == nil, buckets.count >= Self.most {
                // Those that were not used for a minute are full, and as good as new.
                buckets = buckets.filter { now - $0.value.filledAt < .seconds(60) }
                if buckets.count >= Self.most { buckets.removeAll(keepingCapacity: true) }
            }
            var bucket = buckets[user] ?? Bucket(tokens: Double(perMinute), filledAt: now)
            bucket.tokens = min(Double(perMinute), bucket.tokens + (now - bucket.filledAt) / .seconds(1) * rate)
            bucket.filledAt = now
            defer { buckets[user] = bucket }
            guard bucket.tokens < 1 else {
                bucket.tokens -= 1
                return nil
            }
            return (1 - bucket.tokens) / max(rate, 1e-9)
        }
        guard let wait else { return }
        let seconds = Int(min(3_600, wait.rounded(.up)))
        throw .limited(
            "rate_limited",
            "More than \(perMinute) requests in a minute. Come back in \(seconds) s",
            retryAfterSeconds: seconds
        )
    }
}
