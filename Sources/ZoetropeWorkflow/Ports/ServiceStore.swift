package import Foundation
package import ZoetropeCore

/// The database, as the API sees it: what callers read, and what they ask to be gone.
///
/// The rules of ``RunStore`` hold here, too.
package protocol ServiceStore: RunStore {
    // MARK: Reading

    /// Jobs of a user, newest first.
    func jobs(_ query: JobQuery) async throws(RunStoreError) -> [Job]
    /// Restored versions of these jobs' photos, oldest first.
    func restores(of jobs: [JobID]) async throws(RunStoreError) -> [RestoreAttempt]
    /// Animations of these jobs, oldest first.
    func animations(of jobs: [JobID]) async throws(RunStoreError) -> [AnimationRecord]
    /// One page of a user's animations; nil when the animation that ``AnimationQuery/after`` names is not the user's.
    func animations(_ query: AnimationQuery) async throws(RunStoreError) -> [AnimationRecord]?
    func animation(_ id: AnimationID) async throws(RunStoreError) -> AnimationRecord?
    /// The versions of runs: whatever changes a run makes its version grow.
    func versions(of ids: [AnimationID]) async throws(RunStoreError) -> [AnimationID: Int]
    /// Rings when runs may have changed; elements carry nothing and may be merged.
    ///
    /// Rings for every change in this process, and for the end of every run in any.
    func changes() async -> AsyncStream<Void>
    /// What a user has made and paid in the UTC day and month of `now`, by the database's clock.
    func usage(of userID: String) async throws(RunStoreError) -> Usage
    /// What operators watch.
    func overview() async throws(RunStoreError) -> Overview

    // MARK: Deleting

    /// Deletes a job of a user with all that belongs to it, in one transaction; false when there is none.
    ///
    /// Runs that are under way or being checked are changed as `cancel` says; every object is noted for ``claimDeletions(_:lease:)``. Runs,
    /// intents and ledger stay. No callback is sent any more.
    func erase(
        _ job: JobID,
        of userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool

    /// The same for one animation of a job.
    func erase(
        _ animation: AnimationID,
        of job: JobID,
        by userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool

    /// Takes objects that must go, for as long as a lease.
    func claimDeletions(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [ObjectDeletion]
    /// Forgets objects that are gone.
    func finishDeletions(_ keys: [ObjectKey]) async throws(RunStoreError)
    /// Notes that an object could not be deleted; it is due again after a wait.
    func postponeDeletion(_ key: ObjectKey, by wait: Duration, because detail: String) async throws(RunStoreError)

    // MARK: Callbacks

    /// Takes callbacks that are due, for as long as a lease; counts the try.
    func claimCallbacks(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [Callback]
    /// Writes what came of a try, unless a later one was begun meanwhile.
    func settle(_ callback: Callback) async throws(RunStoreError)
    func callback(of id: AnimationID) async throws(RunStoreError) -> Callback?
}

/// Which jobs are wanted.
package struct JobQuery: Sendable {
    package var userID: String
    package var sessionID: String?
    package var kind: JobKind?
    /// The place behind which the page begins.
    package var after: PagePlace?
    package var limit: Int

    package init(
        userID: String,
        sessionID: String? = nil,
        kind: JobKind? = nil,
        after: PagePlace? = nil,
        limit: Int
    ) {
        self.userID = userID
        self.sessionID = sessionID
        self.kind = kind
        self.after = after
        self.limit = limit
    }
}

/// A place in a list that is ordered by time and identifier.
package struct PagePlace: Sendable, Equatable {
    package let createdAt: Date
    package let id: UUID

    package init(createdAt: Date, id: UUID) {
        self.createdAt = createdAt
        self.id = id
    }
}

/// Which animations are wanted.
package struct AnimationQuery: Sendable {
    package var userID: String
    package var isNewestFirst: Bool
    /// The animation behind which the page begins.
    package var after: AnimationID?
    package var limit: Int

    package init(userID: String, isNewestFirst: Bool = true, after: AnimationID? = nil, limit: Int) {
        self.userID = userID
        self.isNewestFirst = isNewestFirst
        self.after = after
        self.limit = limit
    }
}

/// An animation as callers see it: its row, whose it is, and where its run is.
package struct AnimationRecord: Sendable, Equatable {
    package let attempt: AnimationAttempt
    package let userID: String
    package let kind: JobKind
    /// Nil for a row that the engine never had.
    package let run: RunGlance?

    package init(attempt: AnimationAttempt, userID: String, kind: JobKind, run: RunGlance?) {
        self.attempt = attempt
        self.userID = userID
        self.kind = kind
        self.run = run
    }
}

/// As much of a run as callers are told.
package struct RunGlance: Sendable, Equatable {
    package var state: RunState
    package var outcome: RunOutcome?
    package var version: Int
    package var part: Int
    package var partCount: Int
    /// When the generation under way was ordered.
    package var sentAt: Date?
    package var cost: MicroUSD
    package var providerDoneAt: Date?
    package var playableAt: Date?

    package init(
        state: RunState,
        outcome: RunOutcome?,
        version: Int,
        part: Int,
        partCount: Int,
        sentAt: Date?,
        cost: MicroUSD,
        providerDoneAt: Date?,
        playableAt: Date?
    ) {
        self.state = state
        self.outcome = outcome
        self.version = version
        self.part = part
        self.partCount = partCount
        self.sentAt = sentAt
        self.cost = cost
        self.providerDoneAt = providerDoneAt
        self.playableAt = playableAt
    }
}

extension Run {
    package var glance: RunGlance {
        RunGlance(
            state: state,
            outcome: outcome,
            version: version,
            part: part,
            partCount: request.partCount,
            sentAt: openIntent?.sentAt,
            cost: cost,
            providerDoneAt: providerDoneAt,
            playableAt: playableAt
        )
    }
}

extension RunGlance {
    /// Share of the whole work that is done, 0…1; an estimate, because providers do not say.
    ///
    /// A generation usually takes two minutes, and the bar slows down as it takes longer, so that it never stands still. A
    /// generation that is begun anew sets it back.
    package func progress(at now: Date) -> Double {
        let ofPart: Double
        switch state {
        case .queued: ofPart = 0
        case .submitting: ofPart = 0.02
        case .generating:
            let elapsed = sentAt.map { max(0, now.timeIntervalSince($0)) } ?? 0
            ofPart = 0.05 + 0.8 * (1 - 1 / (1 + elapsed / 60))
        case .finishing: ofPart = 0.9
        case .checking, .compensating, .done: return outcome == .ready ? 1 : 0
        }
        // Parts are made one after the other; the last tenth is finishing.
        return (0.9 * Double(part) + ofPart) / Double(max(partCount, part + 1))
    }
}

/// What a user has made and paid.
package struct Usage: Sendable, Equatable {
    package struct Tally: Sendable, Equatable {
        package var animations: Int
        package var ready: Int
        package var failed: Int
        /// Seconds of published video.
        package var seconds: Int
        /// Booked and reserved.
        package var cost: MicroUSD

        package init(animations: Int, ready: Int, failed: Int, seconds: Int, cost: MicroUSD) {
            self.animations = animations
            self.ready = ready
            self.failed = failed
            self.seconds = seconds
            self.cost = cost
        }
    }

    package var active: Int
    package var today: Tally
    package var month: Tally
    /// By the database's clock.
    package var now: Date

    package init(active: Int, today: Tally, month: Tally, now: Date) {
        self.active = active
        self.today = today
        self.month = month
        self.now = now
    }
}

/// What operators watch of the whole service.
package struct Overview: Sendable, Equatable {
    /// Runs that still want attention.
    package var runs: [RunState: Int]
    /// Since when the run that waits longest has been due.
    package var oldestDue: Date?
    /// Booked and reserved in this UTC day.
    package var spentToday: MicroUSD
    package var callbacks: [Callback.State: Int]
    /// Objects that are still to be deleted.
    package var deletions: Int
    /// How the clean-up stands; nil before any process looked at the clock for it.
    package var cleanup: CleanupSchedule?
    /// By the database's clock.
    package var now: Date

    package init(
        runs: [RunState: Int],
        oldestDue: Date?,
        spentToday: MicroUSD,
        callbacks: [Callback.State: Int],
        deletions: Int,
        cleanup: CleanupSchedule? = nil,
        now: Date
    ) {
        self.runs = runs
        self.oldestDue = oldestDue
        self.spentToday = spentToday
        self.callbacks = callbacks
        self.deletions = deletions
        self.cleanup = cleanup
        self.now = now
    }
}

/// An object that must go.
package struct ObjectDeletion: Sendable, Equatable {
    package let key: ObjectKey
    /// Tries, this one included.
    package let tries: Int

    package init(key: ObjectKey, tries: Int) {
        self.key = key
        self.tries = tries
    }
}

/// The message that tells a caller how an animation ended: written with the animation, due with its end.
package struct Callback: Sendable, Equatable, Identifiable {
    /// Stored: never rename a raw value.
    package enum State: String, Sendable, CaseIterable {
        /// The animation is not at its end.
        case waiting
        /// It is to be sent, now or after the wait for another try.
        case due
        case delivered
        /// The receiver failed at every try.
        case exhausted
        /// The receiver wants no more, or the animation was deleted.
        case void
    }

    /// The same on each try.
    package let id: UUID
    package let animationID: AnimationID
    package let userID: String
    package let url: String
    package var state: State
    /// Tries, the one under way included.
    package var tries: Int
    /// When it is to be tried; nil unless it is due.
    package var wakeAt: Date?
    /// The HTTP status of the last try.
    package var lastStatus: Int?
    /// Why the last try failed; for operators.
    package var lastError: String?
    /// When the animation ended; nil before.
    package let endedAt: Date?

    package init(
        id: UUID,
        animationID: AnimationID,
        userID: String,
        url: String,
        state: State = .waiting,
        tries: Int = 0,
        wakeAt: Date? = nil,
        lastStatus: Int? = nil,
        lastError: String? = nil,
        endedAt: Date? = nil
    ) {
        self.id = id
        self.animationID = animationID
        self.userID = userID
        self.url = url
        self.state = state
        self.tries = tries
        self.wakeAt = wakeAt
        self.lastStatus = lastStatus
        self.lastError = lastError
        self.endedAt = endedAt
    }
}
