package import Foundation
import StrictJSON
import Synchronization
package import ZoetropeCore
package import ZoetropeWorkflow

/// A run store in memory: what the databases do, as plainly as it can be said.
///
/// Every call is atomic and takes no time; failures are added by whoever wraps it.
package final class MemoryRunStore: RunStore {
    private struct State {
        var jobs: [JobID: Job] = [:]
        var condemned: Set<JobID> = []
        var restores: [RestoreID: RestoreAttempt] = [:]
        var attempts: [AnimationID: AnimationAttempt] = [:]
        var runs: [AnimationID: Run] = [:]
        var rung: Set<AnimationID> = []
        var undos: [AnimationID: [UndoRecord]] = [:]
        var ledger: [LedgerEntry] = []
        var keys: [String: IdempotencyKey] = [:]
        var inbox: Set<String> = []
        var gates: [String: ProviderGate] = [:]
        var bells: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextBell = 0
        /// The state before the last commit, where somebody wants to forget one.
        var previous: [State] = []
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Date
    private let forgets = Mutex(false)

    package init(now: @escaping @Sendable () -> Date) {
        self.now = now
    }

    private static func failure(_ code: RunStoreError.Code, _ detail: String) -> RunStoreError {
        RunStoreError(code, detail)
    }

    // MARK: Intake

    package func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome {
        let now = now()
        let result = state.withLock { state -> Result<IntakeOutcome, RunStoreError> in
            if let key = intake.idempotency {
                let name = "\(key.userID)\u{0}\(key.key)"
                if let known = state.keys[name], known.expiresAt > now {
                    return .success(
                        known.fingerprint == key.fingerprint ? .replayed(answer: known.answer) : .mismatched
                    )
                }
                state.keys[name] = nil
            }
            let jobID = intake.restore?.jobID ?? intake.animation?.attempt.jobID
            if let jobID, intake.job?.id != jobID, state.jobs[jobID] == nil || state.condemned.contains(jobID) {
                return .success(.jobMissing)
            }
            if let job = intake.job {
                guard state.jobs[job.id] == nil else { return .failure(Self.failure(.constraint, "jobs_pkey")) }
            }
            if let animation = intake.animation {
                guard state.runs[animation.run.id] == nil else {
                    return .failure(Self.failure(.constraint, "animation_attempts_pkey"))
                }
                if let restore = animation.attempt.restoreID, state.restores[restore] == nil {
                    return .failure(Self.failure(.constraint, "animation_attempts_restore_id_fkey"))
                }
            }
            if let job = intake.job { state.jobs[job.id] = job }
            if let restore = intake.restore { state.restores[restore.id] = restore }
            if let animation = intake.animation {
                state.attempts[animation.attempt.id] = animation.attempt
                state.runs[animation.run.id] = animation.run
                Self.ring(state)
            }
            if let key = intake.idempotency { state.keys["\(key.userID)\u{0}\(key.key)"] = key }
            return .success(.accepted)
        }
        return try result.get()
    }

    private static func ring(_ state: State) {
        for (_, bell) in state.bells.sorted(by: { $0.key < $1.key }) { bell.yield() }
    }

    // MARK: Reading

    package func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        state.withLock { $0.condemned.contains(id) ? nil : $0.jobs[id] }
    }

    package func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        state.withLock { state in
            let jobs = state.jobs.values.filter { $0.userID == userID && !state.condemned.contains($0.id) }
            return Array(jobs.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }.prefix(limit))
        }
    }

    package func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        state.withLock { $0.restores[id] }
    }

    package func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        state.withLock { $0.attempts[id] }
    }

    package func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        state.withLock { state in
            state.attempts.values.filter { $0.jobID == job }.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
        }
    }

    package func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        state.withLock { $0.runs[id] }
    }

    package func runs(in runState: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        state.withLock { state in
            let runs = state.runs.values.filter { runState == nil || $0.state == runState }
            return Array(runs.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }.prefix(limit))
        }
    }

    package func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        state.withLock { $0.undos[id] ?? [] }
    }

    package func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        state.withLock { state in
            state.ledger.filter { (id == nil || $0.animationID == id) && $0.at >= since }
        }
    }

    package func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        state.withLock { state in
            state.runs.values.flatMap(\.intents).filter { $0.createdAt >= since }
                .sorted { ($0.createdAt, $0.tag) < ($1.createdAt, $1.tag) }
        }
    }

    // MARK: The engine

    package func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        let now = now()
        return state.withLock { state in
            let free = state.runs.values
                .filter { $0.lease.owner == nil || ($0.lease.expiresAt ?? now) <= now }
            let due = free.filter { $0.wakeAt ?? .distantFuture <= now }
                .sorted { ($0.wakeAt ?? now, $0.id) < ($1.wakeAt ?? now, $1.id) }
            let light = Self.first(order.light, of: due.filter { $0.state != .finishing })
            let heavy = Self.first(order.heavy, of: due.filter { $0.state == .finishing })
            let checks = free.filter { $0.checkAt ?? .distantFuture <= now }
                .sorted { ($0.checkAt ?? now, $0.id) < ($1.checkAt ?? now, $1.id) }
                .prefix(order.checks)
            let others = Set((light + heavy).map(\.id))
            let claimed = (light + heavy + checks.filter { !others.contains($0.id) })
                .sorted { $0.place(at: now) < $1.place(at: now) }
                .map { run in
                    var run = run
                    run.lease = Lease(epoch: run.lease.epoch + 1, owner: order.owner, expiresAt: now + order.lease)
                    state.runs[run.id] = run
                    state.rung.remove(run.id)
                    return run
                }
            return Claim(runs: claimed, now: now)
        }
    }

    /// The first of runs that are due, in their order; those whose lease has run out are not kept waiting by the others.
    private static func first(_ limit: Int, of due: [Run]) -> [Run] {
        let lapsed = due.filter { $0.lease.owner != nil }.prefix(limit)
        let free = due.filter { $0.lease.owner == nil }.prefix(limit - lapsed.count)
        let chosen = Set((lapsed + free).map(\.id))
        return due.filter { chosen.contains($0.id) }
    }

    package func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        guard Set(changes.map(\.run.id)).count == changes.count else {
            throw RunStoreError(.internal, "a batch names a run twice")
        }
        let now = now()
        let result = state.withLock { state -> Result<[AnimationID: CommitOutcome], RunStoreError> in
            var draft = state
            var outcomes: [AnimationID: CommitOutcome] = [:]
            for change in changes {
                do throws(RunStoreError) {
                    outcomes[change.run.id] = try Self.write(change, lease, dailyBudget, now, &draft)
                } catch {
                    return .failure(error)
                }
            }
            if forgets.withLock({ $0 }) {
                state.previous = []
                draft.previous = [state]
            }
            state = draft
            let isDue = outcomes.contains { id, outcome in
                outcome == .landed && (state.runs[id]?.dueAt ?? .distantFuture) <= now
            }
            if isDue { Self.ring(state) }
            return .success(outcomes)
        }
        return try result.get()
    }

    /// Keeps what ``forgetLastCommit()`` needs from now on.
    package func prepareToForget() { forgets.withLock { $0 = true } }

    /// Goes back to before the last commit, as a database does whose commits are not flushed.
    package func forgetLastCommit() {
        state.withLock { state in
            guard var last = state.previous.first else { return }
            last.bells = state.bells
            state = last
        }
    }

    private static func write(
        _ change: RunChange,
        _ lease: Duration,
        _ dailyBudget: MicroUSD?,
        _ now: Date,
        _ state: inout State
    ) throws(RunStoreError) -> CommitOutcome {
        guard let row = state.runs[change.run.id], row.lease.epoch == change.epoch else { return .lost }
        let reserved = change.ledger.filter { $0.kind == .reserve }.reduce(MicroUSD.zero) { $0 + $1.amount }
        if let dailyBudget, reserved > .zero {
            guard spent(on: now, state) + reserved <= dailyBudget else { return .overBudget }
        }
        let open = change.run.intents.filter { $0.state.isOpen }
        guard open.count <= 1 else { throw failure(.constraint, "one open paid intent per animation") }
        for intent in change.intents {
            guard let id = intent.predictionID else { continue }
            let others = state.runs.values.flatMap(\.intents).filter { $0.predictionID == id && $0.id != intent.id }
            guard others.isEmpty else { throw failure(.constraint, "prediction_id") }
        }
        for entry in change.ledger where state.ledger.contains(where: { $0.id == entry.id }) {
            _ = entry
            throw failure(.constraint, "ledger_pkey")
        }
        var run = row
        store(change.run, in: &run)
        for intent in change.intents {
            if let index = run.intents.firstIndex(where: { $0.id == intent.id }) {
                run.intents[index] = intent
            } else {
                run.intents.append(intent)
            }
        }
        var undos = state.undos[run.id] ?? []
        for undo in change.undos {
            if let index = undos.firstIndex(where: { $0.id == undo.id }) {
                undos[index] = undo
            } else {
                undos.append(undo)
            }
        }
        state.undos[run.id] = undos
        run.undos = undos.filter { $0.state.isPending }
        if change.releasesLease {
            run.lease = Lease(epoch: row.lease.epoch)
        } else {
            run.lease = Lease(epoch: row.lease.epoch, owner: row.lease.owner, expiresAt: now + lease)
        }
        if state.rung.contains(run.id) { run.wakeAt = min(run.wakeAt ?? now, now) }
        if change.releasesLease { state.rung.remove(run.id) }
        state.runs[run.id] = run
        state.ledger += change.ledger
        if let shown = change.attempt, var attempt = state.attempts[run.id] {
            attempt.previewS3Key = shown.previewS3Key
            attempt.resultS3Key = shown.resultS3Key
            attempt.thumbS3Key = shown.thumbS3Key
            attempt.params = AnimationParams.merging(shown.params, into: attempt.params ?? .null)
            state.attempts[run.id] = attempt
        }
        return .landed
    }

    /// The columns of the run's own row.
    private static func store(_ run: Run, in row: inout Run) {
        row.state = run.state
        row.outcome = run.outcome
        row.failure = run.failure
        row.part = run.part
        row.regenerations = run.regenerations
        row.tries = run.tries
        row.polls = run.polls
        row.wakeAt = run.wakeAt
        row.checkAt = run.checkAt
        row.edition = run.edition
        row.version = run.version
        row.providerDoneAt = run.providerDoneAt
        row.playableAt = run.playableAt
        row.video = run.video
        row.parts = run.parts
    }

    /// Booked and reserved money of the UTC day of a moment.
    private static func spent(on date: Date, _ state: State) -> MicroUSD {
        func day(_ date: Date) -> Int { Int((date.timeIntervalSince1970 / 86_400).rounded(.down)) }
        var days: [UUID: Int] = [:]
        for entry in state.ledger where days[entry.intentID] == nil { days[entry.intentID] = day(entry.at) }
        return state.ledger.filter { days[$0.intentID] == day(date) }.reduce(.zero) { $0 + $1.amount }
    }

    package func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID>
    {
        let now = now()
        return state.withLock { state in
            var kept: Set<AnimationID> = []
            for (id, epoch) in leases where state.runs[id]?.lease.epoch == epoch && state.runs[id]?.lease.owner != nil {
                state.runs[id]?.lease.expiresAt = now + lease
                kept.insert(id)
            }
            return kept
        }
    }

    package func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?)
        async throws(RunStoreError)
        -> Run?
    {
        let now = now()
        let result = state.withLock { state -> Result<Run?, RunStoreError> in
            guard let row = state.runs[id] else { return .success(nil) }
            guard let change = change(row, now) else { return .success(row) }
            var draft = state
            do throws(RunStoreError) {
                _ = try Self.write(change, .zero, nil, now, &draft)
            } catch {
                return .failure(error)
            }
            draft.runs[id]?.lease = Lease(epoch: row.lease.epoch + 1)
            draft.rung.remove(id)
            state = draft
            Self.ring(state)
            return .success(state.runs[id])
        }
        return try result.get()
    }

    package func wake(tag: String) async throws(RunStoreError) -> Bool {
        let now = now()
        return state.withLock { Self.wake(tag, now, &$0) }
    }

    private static func wake(_ tag: String, _ now: Date, _ state: inout State) -> Bool {
        guard var run = state.runs.values.first(where: { $0.intents.contains { $0.tag == tag } }) else { return false }
        for (index, intent) in run.intents.enumerated() where intent.tag == tag {
            switch intent.state {
            case .sent, .unknown, .absent, .late: run.intents[index].wakeAt = min(intent.wakeAt ?? now, now)
            case .intended, .bound, .settled, .refused: break
            }
        }
        run.wakeAt = min(run.wakeAt ?? now, now)
        if run.lease.owner != nil { state.rung.insert(run.id) }
        state.runs[run.id] = run
        ring(state)
        return true
    }

    package func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        let now = now()
        return state.withLock { state in
            let name = "\(webhook.provider.rawValue)\u{0}\(webhook.id)"
            guard !state.inbox.contains(name) else { return .duplicate }
            guard Self.wake(webhook.tag, now, &state) else { return .unknownTag }
            state.inbox.insert(name)
            return .applied
        }
    }

    package func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        let now = now()
        let wakeAt = state.withLock { state in
            state.runs.values.compactMap(\.dueAt).min()
        }
        return (wakeAt, now)
    }

    package func doorbell() -> AsyncStream<Void> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let number = state.withLock { state in
                state.nextBell += 1
                state.bells[state.nextBell] = continuation
                return state.nextBell
            }
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { state in state.bells[number] = nil }
            }
        }
    }

    // MARK: What all workers share

    package func amendGates<Output: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Output
    ) async throws(RunStoreError) -> Output {
        let now = now()
        return state.withLock { state in
            var gates = state.gates.filter { keys.contains($0.key) }
            let result = change(&gates, now)
            for key in keys { state.gates[key] = gates[key] }
            return result
        }
    }

    // MARK: Rolling a scene back

    package func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        state.withLock { state in
            guard let row = state.jobs[job] else { return [] }
            let attempts = state.attempts.values.filter { $0.jobID == job }
            guard attempts.allSatisfy({ $0.id == animation || $0.status == .failed }) else { return nil }
            state.condemned.insert(job)
            var keys = [row.source.key]
            keys += state.restores.values.filter { $0.jobID == job }.map(\.image.key)
            for attempt in attempts {
                keys += [.video(job, attempt.id), .poster(job, attempt.id), .hdVideo(job, attempt.id)]
                keys += (state.runs[attempt.id]?.video?.keys ?? []).filter { !keys.contains($0) }
            }
            return keys.sorted { $0.description < $1.description }
        }
    }

    package func remove(_ job: JobID) async throws(RunStoreError) {
        state.withLock { state in
            guard state.condemned.contains(job) else { return }
            state.attempts = state.attempts.filter { $0.value.jobID != job }
            state.restores = state.restores.filter { $0.value.jobID != job }
            state.jobs[job] = nil
            state.condemned.remove(job)
        }
    }

    package func close() async {
        let bells = state.withLock { Array($0.bells.values) }
        for bell in bells { bell.finish() }
    }
}

extension Run {
    /// When it can be claimed; nil when it sleeps for ever.
    fileprivate var dueAt: Date? {
        guard let first = [wakeAt, checkAt].compactMap(\.self).min() else { return nil }
        return lease.owner == nil ? first : max(first, lease.expiresAt ?? first)
    }

    /// Where it stands in a claim.
    fileprivate func place(at now: Date) -> (kind: Int, dueAt: Date, id: AnimationID) {
        if state == .finishing { return (1, wakeAt ?? now, id) }
        if let checkAt, wakeAt ?? .distantFuture > now { return (2, checkAt, id) }
        return (0, wakeAt ?? now, id)
    }
}
