import Foundation
import StrictJSON
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

/// A store that notes when an end was committed, and is the real one in all else.
final class FinishLine: RunStore {
    private struct State {
        /// When each animation's video was published, in the order of it.
        var ends: [(AnimationID, Double)] = []
        var bound: Set<AnimationID> = []
        var polls = 0
        var waiters: [(isOver: @Sendable (Int, Int) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let store: any RunStore
    private let jobs: Int
    private let state = Mutex(State())

    init(_ store: any RunStore, waitingFor jobs: Int) {
        self.store = store
        self.jobs = jobs
    }

    /// Looks at predictions whose outcome was committed.
    var polls: Int { state.withLock { $0.polls } }

    func whenAllAreDone() async { await when { [jobs] _, ended in ended >= jobs } }

    func whenAllWait() async { await when { [jobs] bound, _ in bound >= jobs } }

    private func when(_ isOver: @escaping @Sendable (_ bound: Int, _ ended: Int) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if isOver(state.bound.count, state.ends.count) { return true }
                state.waiters.append((isOver, continuation))
                return false
            }
            if isNow { continuation.resume() }
        }
    }

    func writeTimes(to path: String) throws {
        let lines = state.withLock { $0.ends.map { "\($0) \($1)\n" } }
        try Data(lines.joined().utf8).write(to: URL(filePath: path))
    }

    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        let outcomes = try await store.commit(changes, lease: lease, dailyBudget: dailyBudget)
        let time = timeOfDay()
        let over = state.withLock { state in
            for change in changes where outcomes[change.run.id] == .landed {
                if change.run.outcome == .ready { state.ends.append((change.run.id, time)) }
                if change.run.state == .generating {
                    state.bound.insert(change.run.id)
                    if change.run.polls > 1 { state.polls += 1 }
                }
            }
            let (bound, ended) = (state.bound.count, state.ends.count)
            let over = state.waiters.filter { $0.isOver(bound, ended) }
            state.waiters.removeAll { $0.isOver(bound, ended) }
            return over
        }
        for waiter in over { waiter.continuation.resume() }
        return outcomes
    }

    // MARK: As it is

    func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome { try await store.accept(intake) }

    func job(_ id: JobID) async throws(RunStoreError) -> Job? { try await store.job(id) }

    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try await store.jobs(of: userID, limit: limit)
    }

    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? { try await store.restore(id) }

    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? { try await store.attempt(id) }

    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] { try await store.attempts(of: job) }

    func run(_ id: AnimationID) async throws(RunStoreError) -> Run? { try await store.run(id) }

    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try await store.runs(in: state, limit: limit)
    }

    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] { try await store.undos(of: id) }

    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try await store.ledger(of: id, since: since)
    }

    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] { try await store.intents(since: since) }

    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim { try await store.claim(order) }

    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID> {
        try await store.renew(leases, lease: lease)
    }

    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?
    {
        try await store.amend(id, change)
    }

    func wake(tag: String) async throws(RunStoreError) -> Bool { try await store.wake(tag: tag) }

    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try await store.receive(webhook)
    }

    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) { try await store.nextWake() }

    func doorbell() -> AsyncStream<Void> { store.doorbell() }

    func amendGates<Result: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Result
    ) async throws(RunStoreError) -> Result {
        try await store.amendGates(keys, change)
    }

    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        try await store.condemn(job, sparing: animation)
    }

    func remove(_ job: JobID) async throws(RunStoreError) { try await store.remove(job) }

    func close() async { await store.close() }
}
