import Foundation
import Synchronization
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeWorkflow

/// SQLite in memory, which counts the calls and fails when it is told to.
final class WatchedRunStore: ServiceStore {
    private struct State {
        var calls: [String] = []
        var failure: RunStoreError?
        var lostAnswers = 0
    }

    /// Opened by the first call.
    private let opening: Task<SQLRunStore, any Error>
    private let state = Mutex(State())

    init(now: @escaping @Sendable () -> Date) {
        opening = Task { try await SQLRunStore.inMemory(now: now) }
    }

    private func base() async throws(RunStoreError) -> SQLRunStore {
        do {
            return try await opening.value
        } catch {
            throw RunStoreError(.internal, "\(error)")
        }
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
        let outcome = try await base().accept(intake)
        let isLost = state.withLock { state in
            state.lostAnswers -= 1
            return state.lostAnswers >= 0
        }
        if isLost { throw RunStoreError(.commitUnknown, "the answer was lost") }
        return outcome
    }
    func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        try note()
        return try await base().job(id)
    }
    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try note()
        return try await base().jobs(of: userID, limit: limit)
    }
    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        try note()
        return try await base().restore(id)
    }
    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        try note()
        return try await base().attempt(id)
    }
    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        try note()
        return try await base().attempts(of: job)
    }
    func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        try note()
        return try await base().run(id)
    }
    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try note()
        return try await base().runs(in: state, limit: limit)
    }
    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        try note()
        return try await base().undos(of: id)
    }
    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try note()
        return try await base().ledger(of: id, since: since)
    }
    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        try note()
        return try await base().intents(since: since)
    }
    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        try note()
        return try await base().claim(order)
    }
    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        try note()
        return try await base().commit(changes, lease: lease, dailyBudget: dailyBudget)
    }
    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID> {
        try note()
        return try await base().renew(leases, lease: lease)
    }
    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?
    {
        try note()
        return try await base().amend(id, change)
    }
    func wake(tag: String) async throws(RunStoreError) -> Bool {
        try note()
        return try await base().wake(tag: tag)
    }
    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try note()
        return try await base().receive(webhook)
    }
    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        try note()
        return try await base().nextWake()
    }
    func doorbell() -> AsyncStream<Void> { AsyncStream { $0.finish() } }
    func amendGates<Output: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Output
    ) async throws(RunStoreError) -> Output {
        try note()
        return try await base().amendGates(keys, change)
    }
    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        try note()
        return try await base().condemn(job, sparing: animation)
    }
    func remove(_ job: JobID) async throws(RunStoreError) {
        try note()
        try await base().remove(job)
    }
    func close() async { await (try? base())?.close() }

    func jobs(_ query: JobQuery) async throws(RunStoreError) -> [Job] {
        try note()
        return try await base().jobs(query)
    }
    func restores(of jobs: [JobID]) async throws(RunStoreError) -> [RestoreAttempt] {
        try note()
        return try await base().restores(of: jobs)
    }
    func animations(of jobs: [JobID]) async throws(RunStoreError) -> [AnimationRecord] {
        try note()
        return try await base().animations(of: jobs)
    }
    func animations(_ query: AnimationQuery) async throws(RunStoreError) -> [AnimationRecord]? {
        try note()
        return try await base().animations(query)
    }
    func animation(_ id: AnimationID) async throws(RunStoreError) -> AnimationRecord? {
        try note()
        return try await base().animation(id)
    }
    func versions(of ids: [AnimationID]) async throws(RunStoreError) -> [AnimationID: Int] {
        try note()
        return try await base().versions(of: ids)
    }
    func changes() async -> AsyncStream<Void> {
        await (try? base())?.changes() ?? AsyncStream { $0.finish() }
    }
    func usage(of userID: String) async throws(RunStoreError) -> Usage {
        try note()
        return try await base().usage(of: userID)
    }
    func overview() async throws(RunStoreError) -> Overview {
        try note()
        return try await base().overview()
    }
    func erase(
        _ job: JobID,
        of userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool {
        try note()
        return try await base().erase(job, of: userID, cancel: cancel)
    }
    func erase(
        _ animation: AnimationID,
        of job: JobID,
        by userID: String,
        cancel: @escaping @Sendable (Run, Date) -> RunChange?
    ) async throws(RunStoreError) -> Bool {
        try note()
        return try await base().erase(animation, of: job, by: userID, cancel: cancel)
    }
    func claimDeletions(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [ObjectDeletion] {
        try note()
        return try await base().claimDeletions(limit, lease: lease)
    }
    func finishDeletions(_ keys: [ObjectKey]) async throws(RunStoreError) {
        try note()
        try await base().finishDeletions(keys)
    }
    func postponeDeletion(
        _ key: ObjectKey,
        by wait: Duration,
        because detail: String
    ) async throws(RunStoreError) {
        try note()
        try await base().postponeDeletion(key, by: wait, because: detail)
    }
    func claimCallbacks(_ limit: Int, lease: Duration) async throws(RunStoreError) -> [Callback] {
        try note()
        return try await base().claimCallbacks(limit, lease: lease)
    }
    func settle(_ callback: Callback) async throws(RunStoreError) {
        try note()
        try await base().settle(callback)
    }
    func callback(of id: AnimationID) async throws(RunStoreError) -> Callback? {
        try note()
        return try await base().callback(of: id)
    }
}
