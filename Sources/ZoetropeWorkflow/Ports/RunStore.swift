package import Foundation
package import StrictJSON
package import ZoetropeCore

/// The database, as the engine sees it.
///
/// Three rules hold for every implementation. **Fencing**: a write of a step lands only while the row's `lease_epoch` is
/// the one it was claimed with. **Time**: leases and wake-ups are compared with the database's clock, which each claim
/// returns. **Atomicity**: each call is one transaction, flushed to disk when it returns; what throws has changed
/// nothing, except ``RunStoreError/Code/commitUnknown``, after which the caller reads again.
///
/// No call is undone because the calling task was cancelled.
package protocol RunStore: Sendable {
    // MARK: Intake

    /// Writes a job, a restored image or an animation with its run, and the idempotency key they came with, all or nothing.
    func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome

    // MARK: Reading

    func job(_ id: JobID) async throws(RunStoreError) -> Job?
    /// The jobs of a user, newest first.
    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job]
    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt?
    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt?
    /// The animations of a job, oldest first.
    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt]
    /// A run with all its intents and pending undos.
    func run(_ id: AnimationID) async throws(RunStoreError) -> Run?
    /// The newest runs, of one state or all.
    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run]
    /// Every undo of a run, done ones too, oldest first.
    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord]
    /// Lines of the ledger, oldest first; of one run or all since a time.
    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry]
    /// Intents that were written since a time, oldest first, for the audit.
    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent]

    // MARK: The engine

    /// Takes runs that are due and free, or whose lease has run out, those that wait longest first.
    ///
    /// One statement: raises `lease_epoch`, sets owner and expiry by the database's clock, and returns the runs with
    /// intents and pending undos. Heavy runs are those in ``RunState/finishing``; checks are those in
    /// ``RunState/checking`` whose check is due, and such a run is light when something else of it is.
    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim

    /// Writes decisions, each fenced by its epoch and independent of the others, in one transaction.
    ///
    /// A batch of changes of run rows is one statement, and names each run once: another is refused as
    /// ``RunStoreError/Code/internal``, because outcomes are told by run. A change with a reservation lands only while the day's booked and
    /// reserved money stays within the budget. Every run in the batch has an answer. `lease` renews the leases that are
    /// not released. On PostgreSQL the commit wakes idle workers when a run became due. A run that was rung for while the
    /// step was under way (see ``wake(tag:)``) is due now, whatever the change says. The first change with which a run has
    /// an outcome makes its callback due, unless one before did that was not recalled since.
    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]

    /// Prolongs leases; returns the runs that are still the caller's.
    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID>

    /// Reads a run, lets a pure function decide, and writes what it decided while nobody else can write it.
    ///
    /// Raises `lease_epoch` when something is written, so that whoever works on the run has lost it. For cancellations and
    /// operators. Returns the run as it is afterwards; nil when there is none.
    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?

    /// Makes a run due now, by the tag of one of its intents; false when no run has it.
    ///
    /// An intent that is sent, unknown, absent or late becomes due, too: its `wakeAt` is now if it was later or nil.
    /// Works while a step is under way, too: the ring is remembered until the step's commit. Wakes runs that are done.
    func wake(tag: String) async throws(RunStoreError) -> Bool

    /// Notes a webhook that was verified, and makes its run due now, in one transaction.
    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome

    /// When the next free run wants attention, by the database's clock, and that clock; nil when none ever does.
    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date)

    /// Something that rings when runs became due; elements carry nothing and may be merged.
    func doorbell() -> AsyncStream<Void>

    // MARK: What all workers share

    /// Reads gates, lets a pure function change them, and writes them, while nobody else can; in the order of their keys.
    func amendGates<Result: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Result
    ) async throws(RunStoreError) -> Result

    // MARK: Rolling a scene back

    /// Marks a scene as going, so that nothing new is accepted for it, unless another animation of it is alive or ready.
    ///
    /// Returns the keys of all its objects; nil when the scene stays; an empty list when it is gone already.
    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]?

    /// Deletes the rows of a condemned scene: job, restores and attempts; runs, intents and ledger stay.
    func remove(_ job: JobID) async throws(RunStoreError)

    func close() async
}

/// What comes in together.
package struct Intake: Sendable {
    package var job: Job?
    package var restore: RestoreAttempt?
    package var animation: AnimationIntake?
    package var idempotency: IdempotencyKey?
    /// What the user and the service may have under way and spend, counted in the same transaction.
    package var limits: IntakeLimits?

    package init(
        job: Job? = nil,
        restore: RestoreAttempt? = nil,
        animation: AnimationIntake? = nil,
        idempotency: IdempotencyKey? = nil,
        limits: IntakeLimits? = nil
    ) {
        self.job = job
        self.restore = restore
        self.animation = animation
        self.idempotency = idempotency
        self.limits = limits
    }
}

/// What another animation must stay within; nil is without a limit.
package struct IntakeLimits: Sendable, Equatable {
    /// Animations of a user that are not at their end.
    package var active: Int?
    /// Animations of a user in a UTC day.
    package var daily: Int?
    /// What a user's animations may cost in a UTC day, booked, reserved and still to come.
    package var dailyCost: MicroUSD?
    /// What all users' animations may.
    package var serviceDailyCost: MicroUSD?

    package init(
        active: Int? = nil,
        daily: Int? = nil,
        dailyCost: MicroUSD? = nil,
        serviceDailyCost: MicroUSD? = nil
    ) {
        self.active = active
        self.daily = daily
        self.dailyCost = dailyCost
        self.serviceDailyCost = serviceDailyCost
    }

    package static let none = IntakeLimits()
}

/// A limit that another animation would pass.
package enum LimitHit: Sendable, Equatable {
    case active(limit: Int)
    case daily(limit: Int, until: Date)
    case dailyCost(limit: MicroUSD, until: Date)
    case serviceDailyCost(until: Date)
}

/// An accepted animation: the row that callers know, and its run.
package struct AnimationIntake: Sendable {
    package let attempt: AnimationAttempt
    package let run: Run
    /// Whose limits it counts for; nil for nobody's.
    package let userID: String?
    /// Whom to tell how it ended.
    package let callback: Callback?

    package init(attempt: AnimationAttempt, run: Run, userID: String? = nil, callback: Callback? = nil) {
        self.attempt = attempt
        self.run = run
        self.userID = userID
        self.callback = callback
    }
}

/// Makes a call repeatable for its caller.
package struct IdempotencyKey: Sendable, Equatable {
    package let userID: String
    package let key: String
    /// Hash of the call's body.
    package let fingerprint: String
    /// What is answered, now and to repetitions.
    package let answer: JSONValue
    package let expiresAt: Date
    /// Whether the call is known to be a new one: what the key stood for before is forgotten.
    package let replaces: Bool

    package init(
        userID: String,
        key: String,
        fingerprint: String,
        answer: JSONValue,
        expiresAt: Date,
        replaces: Bool = false
    ) {
        self.userID = userID
        self.key = key
        self.fingerprint = fingerprint
        self.answer = answer
        self.expiresAt = expiresAt
        self.replaces = replaces
    }
}

package enum IntakeOutcome: Sendable, Equatable {
    case accepted
    /// The key was there with the same body; nothing was written.
    case replayed(answer: JSONValue)
    /// The key was there with another body; nothing was written.
    case mismatched
    /// The job that the intake belongs to is not there or is going.
    case jobMissing
    /// A limit would be passed; nothing was written.
    case limited(LimitHit)
}

package struct ClaimOrder: Sendable {
    package let owner: String
    package let lease: Duration
    /// At most so many runs that are not finishing.
    package let light: Int
    /// At most so many runs that are.
    package let heavy: Int
    /// At most so many runs whose published files are to be checked.
    package let checks: Int

    package init(owner: String, lease: Duration, light: Int, heavy: Int, checks: Int = 0) {
        self.owner = owner
        self.lease = lease
        self.light = light
        self.heavy = heavy
        self.checks = checks
    }
}

package struct Claim: Sendable {
    package let runs: [Run]
    /// The database's clock.
    package let now: Date

    package init(runs: [Run], now: Date) {
        self.runs = runs
        self.now = now
    }
}

package enum CommitOutcome: Sendable, Equatable {
    case landed
    /// Somebody else owns the run now.
    case lost
    /// The day's budget would be passed; nothing of the change was written.
    case overBudget
}

/// A webhook whose signature was verified.
package struct ReceivedWebhook: Sendable, Equatable {
    /// The sender's id, the same for repetitions.
    package let id: String
    package let provider: VideoModel.Provider
    package let tag: String
    package let receivedAt: Date

    package init(id: String, provider: VideoModel.Provider, tag: String, receivedAt: Date) {
        self.id = id
        self.provider = provider
        self.tag = tag
        self.receivedAt = receivedAt
    }
}

package enum WebhookOutcome: Sendable, Equatable {
    case applied
    /// It was there already; nothing was changed.
    case duplicate
    /// No intent has this tag; nothing was written.
    case unknownTag
}

/// A database that did not do what it should.
package struct RunStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// Not reached, or shutting down; nothing was written; later.
        case unavailable
        /// No space left; nothing was written; later.
        case full
        /// The connection broke while the commit was under way: it was written, or it was not.
        case commitUnknown
        /// Against a rule of the schema: a bug, or a second open intent.
        case constraint
        /// The database was made by a newer program.
        case newerSchema
        case `internal`
    }

    package let code: Code
    /// For operators; no SQL, hosts or secrets.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail.asDetail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}
