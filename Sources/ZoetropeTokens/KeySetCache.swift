import Foundation
import Logging
import ZoetropeWorkflow

/// A key set as an issuer answered.
package struct FetchedKeySet: Sendable {
    package let body: [UInt8]
    /// How long the issuer says that the answer is good; `nil` where it does not say.
    package let maxAge: Duration?

    package init(body: [UInt8], maxAge: Duration? = nil) {
        self.body = body
        self.maxAge = maxAge
    }
}

/// Asks the issuer for its key set; the time and size of the answer are limited there.
package typealias FetchKeySet = @Sendable () async throws -> FetchedKeySet

/// The issuer's keys: asked for when they have grown old or a token names one that is not known.
///
/// - Keys are good for 10 minutes, or as long as the issuer says, between a minute and an hour.
/// - The issuer is asked by one request at a time, at most every 30 s, whatever the tokens name; every 5 s as long as there has never been an answer.
/// - While it does not answer, keys of the last 24 hours go on being used.
actor KeySetCache {
    static let usualLifetime: TimeInterval = 600
    static let lifetimes: ClosedRange<TimeInterval> = 60...3_600
    static let longestUse: TimeInterval = 86_400
    static let pause: TimeInterval = 30
    static let firstPause: TimeInterval = 5

    private let fetch: FetchKeySet
    private let now: @Sendable () -> Date
    private let logger: Logger

    private var known: (set: KeySet, since: Date, lifetime: TimeInterval)?
    private var askedAt: Date?
    /// Why the last request failed; `nil` when it did not.
    private var failure: String?
    /// The request under way; it ends by its own deadline, not by a caller's cancellation.
    private var refreshing: Task<Void, Never>?

    init(fetch: @escaping FetchKeySet, logger: Logger, now: @escaping @Sendable () -> Date) {
        self.fetch = fetch
        self.logger = logger
        self.now = now
    }

    /// The keys that may have signed a token, never none.
    ///
    /// - Throws: ``AccessError`` with `unknownKey`, or with `unavailable` when the issuer's keys are not to be had.
    func keys(for token: CompactToken) async throws(AccessError) -> [TokenKey] {
        if let known, isWithin(known.lifetime, since: known.since) {
            let keys = known.set.keys(for: token)
            if !keys.isEmpty { return keys }
        }
        if let refreshing = refreshing ?? refreshIfDue() {
            // The issuer has not answered before: nobody waits for it who can do without.
            if failure != nil, let keys = usableSet?.keys(for: token), !keys.isEmpty { return keys }
            await refreshing.value
        }
        guard let usableSet else { throw AccessError(.unavailable, "the issuer's keys: \(failure ?? "none")") }
        let keys = usableSet.keys(for: token)
        guard keys.isEmpty else { return keys }
        if let failure { throw AccessError(.unavailable, "a key that is not known, and the issuer's keys: \(failure)") }
        throw AccessError(.unknownKey, "the issuer has no such key, or several where the token names none")
    }

    private var usableSet: KeySet? {
        known.flatMap { isWithin(Self.longestUse, since: $0.since) ? $0.set : nil }
    }

    /// A clock that was set back makes everything old, so that nothing stays for ever.
    private func isWithin(_ interval: TimeInterval, since start: Date) -> Bool {
        let age = now().timeIntervalSince(start)
        return age >= 0 && age < interval
    }

    private func refreshIfDue() -> Task<Void, Never>? {
        if let askedAt, isWithin(known == nil ? Self.firstPause : Self.pause, since: askedAt) { return nil }
        askedAt = now()
        let task = Task { await refresh() }
        refreshing = task
        return task
    }

    private func refresh() async {
        do {
            let answer = try await fetch()
            guard let set = await KeySet(parsing: answer.body) else { throw KeySetFailure("the answer is no key set") }
            let seconds = answer.maxAge.map { $0 / .seconds(1) } ?? Self.usualLifetime
            known = (set, now(), min(max(seconds, Self.lifetimes.lowerBound), Self.lifetimes.upperBound))
            failure = nil
        } catch {
            let reason = (error as? KeySetFailure)?.description ?? "no answer"
            logger.warning("the issuer's key set cannot be had", metadata: Logger.Metadata([.reason: "\(reason)"]))
            failure = reason
        }
        refreshing = nil
    }
}

/// Why a key set could not be had, in words for operators.
package struct KeySetFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
