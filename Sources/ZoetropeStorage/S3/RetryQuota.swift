import Synchronization

/// How many retries a store may make when much goes wrong: a crowd of clients that repeat everything keeps a server down.
///
/// A bucket of tokens, as in the AWS SDKs: a retry takes some, and success gives some back.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
final class RetryQuota: Sendable {
    private static let capacity = 500
    private static let price = 5
    private static let priceAfterTimeout = 10

    private let tokens = Mutex(capacity)

    /// Takes what a retry costs; nil when there is not enough.
    func take(afterTimeout: Bool) -> Int? {
        let price = afterTimeout ? Self.priceAfterTimeout : Self.price
        return tokens.withLock { tokens in
            guard tokens >= price else { return nil }
            tokens -= price
            return price
        }
    }

    /// A call succeeded, for the last retry of which `price` was taken.
    func giveBack(_ price: Int?) {
        tokens.withLock { $0 = min(Self.capacity, $0 + (price ?? 1)) }
    }
}
