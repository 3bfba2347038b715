import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// A store as one process sees it: behind a network that fails, and watched by the judge.
struct SimulatedRunStore: RunStore {
    let inner: any RunStore
    let world: World
    let process: SimulatedProcess

    private func call<Result: Sendable>(
        _ site: CallSite,
        _ body: () async throws(RunStoreError) -> Result
    ) async throws(RunStoreError) -> Result {
        let verdict = await world.enter(site, process)
        guard verdict != .failsBefore else { throw RunStoreError(.unavailable, "simulated") }
        let result = try await body()
        await world.leave(site, process)
        guard verdict == .passes, !world.isOver else {
            throw RunStoreError(site == .read || site == .nextWake ? .unavailable : .commitUnknown, "simulated")
        }
        return result
    }

    /// Tells the judge how a run is now.
    private func show(_ id: AnimationID) async {
        if let run = try? await inner.run(id) { world.judge.observe(run) }
    }

    // MARK: Intake and reading

    func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome {
        var intake = intake
        if world.mutant == .noDedupe { intake.idempotency = nil }
        return try await call(.accept) { () async throws(RunStoreError) in
            let outcome = try await inner.accept(intake)
            if let id = intake.animation?.run.id { await show(id) }
            return outcome
        }
    }

    func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        try await call(.read) { () async throws(RunStoreError) in try await inner.job(id) }
    }

    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.jobs(of: userID, limit: limit) }
    }

    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        try await call(.read) { () async throws(RunStoreError) in try await inner.restore(id) }
    }

    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        try await call(.read) { () async throws(RunStoreError) in try await inner.attempt(id) }
    }

    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.attempts(of: job) }
    }

    func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        try await call(.read) { () async throws(RunStoreError) in try await inner.run(id) }
    }

    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.runs(in: state, limit: limit) }
    }

    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.undos(of: id) }
    }

    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.ledger(of: id, since: since) }
    }

    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        try await call(.read) { () async throws(RunStoreError) in try await inner.intents(since: since) }
    }

    // MARK: The engine

    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        try await call(.claim) { () async throws(RunStoreError) in
            let claim = try await inner.claim(order)
            for run in claim.runs { world.judge.claimed(run) }
            return claim
        }
    }

    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        try await call(.commit) { () async throws(RunStoreError) in
            var before: [AnimationID: Int64] = [:]
            for change in changes { before[change.run.id] = (try? await inner.run(change.run.id))?.lease.epoch }
            let written = changes.map { spoilt($0, epoch: before[$0.run.id]) }
            let outcomes = try await inner.commit(
                written,
                lease: lease,
                dailyBudget: world.mutant == .ignoresBudget ? nil : dailyBudget
            )
            for change in changes {
                let id = change.run.id
                let epoch = before[id] ?? 0
                world.note(
                    1_300 + Int(change.epoch) * 8 + change.run.version,
                    "  \(id.description.prefix(4)) epoch \(change.epoch) \(change.run.state) v\(change.run.version) "
                        + "\(change.run.intents.map(\.state.rawValue)): \(outcomes[id] ?? .lost)"
                )
                if outcomes[id] == .landed {
                    world.judge.landed(epoch: change.epoch, before: epoch, id)
                } else if change.epoch < epoch {
                    world.lateWritesRefused += 1
                }
                await show(id)
            }
            return outcomes
        }
    }

    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID> {
        try await call(.renew) { () async throws(RunStoreError) in try await inner.renew(leases, lease: lease) }
    }

    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?
    {
        try await call(.amend) { () async throws(RunStoreError) in
            if world.mutant == .dropsCancel, let run = try await inner.run(id) {
                return change(run, world.now)?.run ?? run
            }
            let run = try await inner.amend(id, change)
            await show(id)
            return run
        }
    }

    func wake(tag: String) async throws(RunStoreError) -> Bool {
        try await call(.wake) { () async throws(RunStoreError) in try await inner.wake(tag: tag) }
    }

    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try await call(.receive) { () async throws(RunStoreError) in try await inner.receive(webhook) }
    }

    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        try await call(.nextWake) { () async throws(RunStoreError) in try await inner.nextWake() }
    }

    func doorbell() -> AsyncStream<Void> { inner.doorbell() }

    func amendGates<Result: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Result
    ) async throws(RunStoreError) -> Result {
        try await call(.gates) { () async throws(RunStoreError) in try await inner.amendGates(keys, change) }
    }

    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        try await call(.condemn) { () async throws(RunStoreError) in try await inner.condemn(job, sparing: animation) }
    }

    func remove(_ job: JobID) async throws(RunStoreError) {
        try await call(.remove) { () async throws(RunStoreError) in try await inner.remove(job) }
    }

    func close() async {}

    // MARK: Planted bugs

    private func spoilt(_ change: RunChange, epoch: Int64?) -> RunChange {
        switch world.mutant {
        case .ignoresEpoch:
            var spoilt = RunChange(
                run: change.run,
                epoch: epoch ?? change.epoch,
                releasesLease: change.releasesLease
            )
            spoilt.intents = change.intents
            spoilt.undos = change.undos
            spoilt.ledger = change.ledger
            spoilt.attempt = change.attempt
            return spoilt
        case .forgetsWake where change.run.state == .generating && world.dice.chance(0.1):
            var spoilt = change
            spoilt.run.wakeAt = nil
            return spoilt
        case .settlesTwice:
            var spoilt = change
            let again = change.ledger.compactMap { entry in
                change.run.intents.first { $0.id == entry.intentID && entry.kind == .settle }
                    .map {
                        LedgerEntry(
                            id: UUID(uuidOf: world.dice.next()),
                            intent: $0,
                            kind: .late,
                            amount: entry.amount,
                            at: entry.at
                        )
                    }
            }
            spoilt.ledger += again
            return spoilt
        default:
            return change
        }
    }
}

extension UUID {
    /// A UUID that is made of a number.
    init(uuidOf number: UInt64) {
        self = withUnsafeBytes(of: (number, number &* 0x9E37_79B9)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
