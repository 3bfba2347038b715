package import Foundation
package import Logging
import Synchronization
import ZoetropeWorkflow

/// The credentials that are good now: fetched when they are first needed, and again before they expire.
///
/// One fetch at a time, whoever waits for it.
package final class AWSCredentialsCache: Sendable {
    /// Credentials that have less left are fetched again, while those at hand still serve.
    static let earlySeconds: TimeInterval = 600
    /// How long a fetch that failed is not repeated while those at hand still serve.
    private static let pause: TimeInterval = 60

    private struct State {
        var credentials: AWSCredentials?
        var fetch: Task<AWSCredentials, any Error>?
        var failedAt: Date?
    }

    private let state = Mutex(State())
    private let fetch: @Sendable () async throws -> AWSCredentials
    private let now: @Sendable () -> Date
    private let logger: Logger

    package init(
        now: @escaping @Sendable () -> Date,
        logger: Logger,
        fetch: @escaping @Sendable () async throws -> AWSCredentials
    ) {
        self.now = now
        self.logger = logger
        self.fetch = fetch
    }

    /// What is at hand, perhaps expired; nil before the first fetch.
    package var latest: AWSCredentials? { state.withLock(\.credentials) }

    /// Credentials that have not expired.
    ///
    /// Throws ``CredentialsError``.
    package func current() async throws -> AWSCredentials {
        let now = now()
        let (good, fetching) = state.withLock {
            state -> (AWSCredentials?, Task<AWSCredentials, any Error>?) in
            let left = state.credentials.map { $0.expires?.timeIntervalSince(now) ?? .infinity } ?? 0
            let good = left > 0 ? state.credentials : nil
            let isPausing = state.failedAt.map { now.timeIntervalSince($0) < Self.pause } ?? false
            if left > Self.earlySeconds || (good != nil && isPausing) { return (good, nil) }
            if state.fetch == nil {
                // Owned by everybody who waits for it: one of them may be cancelled.
                state.fetch = Task { try await self.fetchNow() }
            }
            return (good, state.fetch)
        }
        if let good { return good }
        guard let fetching else { throw CredentialsError("there are none") }
        return try await fetching.value
    }

    /// Forgets credentials that a server does not take any more.
    func forget(_ credentials: AWSCredentials) {
        state.withLock { if $0.credentials == credentials { $0.credentials = nil } }
    }

    private func fetchNow() async throws -> AWSCredentials {
        let result: Result<AWSCredentials, any Error>
        do {
            result = .success(try await fetch())
        } catch {
            result = .failure(error)
        }
        let now = now()
        state.withLock { state in
            state.fetch = nil
            switch result {
            case .success(let fetched):
                state.credentials = fetched
                state.failedAt = nil
            case .failure:
                state.failedAt = now
            }
        }
        if case .failure(let error) = result {
            logger.warning(
                "credentials were not renewed",
                metadata: Logger.Metadata([.error: "\(error)"])
            )
        }
        return try result.get()
    }
}
