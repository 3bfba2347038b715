/// A wait was over before the prediction was.
public struct WaitTimedOut: Error, Sendable, CustomStringConvertible {
    /// Which prediction goes on without being watched; it was not cancelled and may still be charged.
    public let id: Prediction.ID
    /// How it was last seen; `nil` when it was never seen.
    public let last: Prediction?
    /// How long was waited.
    public let waited: Duration

    /// Creates one, for a double of the client.
    public init(id: Prediction.ID, last: Prediction?, waited: Duration) {
        (self.id, self.last, self.waited) = (id, last, waited)
    }

    /// The same for people.
    public var description: String {
        "prediction \(id) is still \(last?.status.rawValue ?? "unseen") after \(waited.components.seconds) s; it was not cancelled"
    }
}

/// How often a waiting client asks.
package struct PollSchedule: Sendable {
    /// The wait before the next look: 3 s in the first minute, 5 s until five minutes, then 10 s; ±20 % by `jitter` from 0 to 1.
    package static func wait(elapsed: Duration, jitter: Double) -> Duration {
        let plain: Duration =
            if elapsed < .seconds(60) { .seconds(3) } else if elapsed < .seconds(300) { .seconds(5) } else {
                .seconds(10)
            }
        return plain * (0.8 + 0.4 * jitter)
    }

    /// A prediction that was just created may be answered 404 for this long.
    static let graceForNotFound = Duration.seconds(60)
}

extension ReplicateClient {
    /// Looks at a prediction until it is terminal: succeeded, failed, canceled or aborted.
    ///
    /// Asks every 3 s in the first minute, then every 5 s, after five minutes every 10 s, each ±20 %, and
    /// later when it is told to wait. A failed look is not the end of the
    /// wait, nor is a status that this library does not know. For a service with many predictions use webhooks and
    /// ``predictions(createdAfter:createdBefore:)`` instead.
    ///
    /// - Parameters:
    ///   - id: The prediction.
    ///   - timeout: How long to wait; 30 minutes unless told, after which Replicate itself stops a prediction.
    ///   - onUpdate: Called with each look, for progress.
    /// - Returns: The terminal prediction; whether it succeeded is in its ``Prediction/status``.
    /// - Throws: ``WaitTimedOut``, ``ReplicateError`` when Replicate refuses to show it, or `CancellationError`.
    public func waitUntilTerminal(
        _ id: Prediction.ID,
        timeout: Duration = .seconds(30 * 60),
        onUpdate: (@Sendable (Prediction) -> Void)? = nil
    ) async throws -> Prediction {
        try await waitUntilTerminal(id, timeout: timeout, clock: configuration.clock, onUpdate: onUpdate)
    }

    private func waitUntilTerminal<C: Clock<Duration>>(
        _ id: Prediction.ID,
        timeout: Duration,
        clock: C,
        onUpdate: (@Sendable (Prediction) -> Void)?
    ) async throws -> Prediction {
        let start = clock.now
        var last: Prediction?
        while true {
            var named = Duration.zero
            do {
                // The wait itself is the retry, so each look is one try and ends with the wait; the last one gets a second.
                let left = max(.seconds(1), timeout - start.duration(to: clock.now))
                let prediction = try await prediction(id, timeout: min(configuration.readTimeout, left), attempts: 1)
                onUpdate?(prediction)
                if prediction.status.isTerminal { return prediction }
                last = prediction
            } catch let error as ReplicateError {
                let isNew = last == nil && start.duration(to: clock.now) < PollSchedule.graceForNotFound
                guard error.kind == .transient || error.kind == .throttled || (error.status == 404 && isNew) else {
                    throw error
                }
                named = error.retryAfter ?? .zero
            }
            let elapsed = start.duration(to: clock.now)
            guard elapsed < timeout else { throw WaitTimedOut(id: id, last: last, waited: elapsed) }
            let wait = max(PollSchedule.wait(elapsed: elapsed, jitter: configuration.jitter()), named)
            try await clock.sleep(for: min(wait, timeout - elapsed))
        }
    }
}
