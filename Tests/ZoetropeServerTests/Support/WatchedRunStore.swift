import Foundation
import Synchronization
import ZoetropeCore
import ZoetropeTestKit
import ZoetropeWorkflow

/// A store in memory that counts the calls and fails when it is told to.
final class WatchedRunStore: RunStore {
    private struct State {
        var calls: [String] = []
        var failure: RunStoreError?
        var lostAnswers = 0
    }

    private let base: MemoryRunStore
    private let state = Mutex(State())

    init(now: @escaping @Sendable () -> Date) {
        base = MemoryRunStore(now: now)
    }

    var calls: [String] { state.withLock { $0.calls } }

    /// What every call throws from now on; nil to work again.
    func fail(with failure: RunStoreError?) {
        state.withLock { $0.failure = failure }
    }

    /// Lets the next intakes land, or not, and loses their answers.
    func loseAnswers(_ count: Int) {
        state.withLock { $0.lostAnswers = count }
    }

    private func note(_ call: String = #function) throws(RunStoreError) {
        let failure = state.withLock { state in
            state.calls.append(call)
            return state.failure
        }
        if let failure { throw failure }
    }

    func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome {
        try note()
        let outcome = try await base.accept(intake)
        let isLost = state.withLock { state in
            state.lostAnswers -= 1
            return state.lostAnswers >= 0
        }
        if isLost { throw RunStoreError(.commitUnknown, "the answer was lost") }
        return outcome
    }
    func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        try note()
        return try await base.job(id)
    }
    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try note()
        return try await base.jobs(of: userID, limit: limit)
    }
    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        try note()
        return try await base.restore(id)
    }
    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        try note()
        return try await base.attempt(id)
    }
    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        try note()
        return try await base.attempts(of: job)
    }
    func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        try note()
        return try await base.run(id)
    }
    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try note()
        return try await base.runs(in: state, limit: limit)
    }
    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        try note()
        return try await base.undos(of: id)
    }
    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try note()
        return try await base.ledger(of: id, since: since)
    }
    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        try note()
        return try await base.intents(since: since)
    }
    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        try note()
        return try await base.claim(order)
    }
    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        try note()
        return try await base.commit(changes, lease: lease, dailyBudget: dailyBudget)
    }
    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID> {
        try note()
        return try await base.renew(leases, lease: lease)
    }
    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?
    {
        try note()
        return try await base.amend(id, change)
    }
    func wake(tag: String) async throws(RunStoreError) -> Bool {
        try note()
        return try await base.wake(tag: tag)
    }
    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try note()
        return try await base.receive(webhook)
    }
    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        try note()
        return try await base.nextWake()
    }
    func doorbell() -> AsyncStream<Void> { base.doorbell() }
    func amendGates<Output: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Output
    ) async throws(RunStoreError) -> Output {
        try note()
        return try await base.amendGates(keys, change)
    }
    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        try note()
        return try await base.condemn(job, sparing: animation)
    }
    func remove(_ job: JobID) async throws(RunStoreError) {
        try note()
        try await base.remove(job)
    }
    func close() async { await base.close() }
}
