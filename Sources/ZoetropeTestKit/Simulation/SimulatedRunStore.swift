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
        _ body: (World.Verdict) async throws(RunStoreError) -> Result
    ) async throws(RunStoreError) -> Result {
        let verdict = await world.enter(site, process)
        guard verdict != .failsBefore else { throw RunStoreError(.unavailable, "simulated") }
        let result = try await body(verdict)
        await world.leave(site, process)
        guard verdict == .passes, !world.isOver else {
            throw RunStoreError(site == .read || site == .nextWake ? .unavailable : .commitUnknown, "simulated")
        }
        return result
    }

    private func read<Result: Sendable>(
        _ body: () async throws(RunStoreError) -> Result
    ) async throws(RunStoreError) -> Result {
        try await call(.read) { (_) async throws(RunStoreError) in try await body() }
    }

    /// Tells the judge how a run is now.
    private func show(_ id: AnimationID) async {
        if let run = try? await inner.run(id) { world.judge.observe(run) }
    }

    // MARK: Intake and reading

    func accept(_ intake: Intake) async throws(RunStoreError) -> IntakeOutcome {
        var intake = intake
        if world.mutant == .noDedupe { intake.idempotency = nil }
        if world.mutant == .sharesKeys, let key = intake.idempotency {
            intake.idempotency = IdempotencyKey(
                userID: "everybody",
                key: key.key,
                fingerprint: key.fingerprint,
                answer: key.answer,
                expiresAt: key.expiresAt
            )
        }
        do throws(RunStoreError) {
            return try await call(.accept) { (verdict) async throws(RunStoreError) in
                if verdict == .losesAnswer { world.cover(.acceptUnclear) }
                let outcome = try await inner.accept(intake)
                if let id = intake.animation?.run.id { await show(id) }
                return outcome
            }
        } catch {
            if error.code == .unavailable { world.cover(.acceptDown) }
            throw error
        }
    }

    func job(_ id: JobID) async throws(RunStoreError) -> Job? {
        try await read { () async throws(RunStoreError) in try await inner.job(id) }
    }

    func jobs(of userID: String, limit: Int) async throws(RunStoreError) -> [Job] {
        try await read { () async throws(RunStoreError) in try await inner.jobs(of: userID, limit: limit) }
    }

    func restore(_ id: RestoreID) async throws(RunStoreError) -> RestoreAttempt? {
        try await read { () async throws(RunStoreError) in try await inner.restore(id) }
    }

    func attempt(_ id: AnimationID) async throws(RunStoreError) -> AnimationAttempt? {
        try await read { () async throws(RunStoreError) in try await inner.attempt(id) }
    }

    func attempts(of job: JobID) async throws(RunStoreError) -> [AnimationAttempt] {
        try await read { () async throws(RunStoreError) in try await inner.attempts(of: job) }
    }

    func run(_ id: AnimationID) async throws(RunStoreError) -> Run? {
        try await read { () async throws(RunStoreError) in try await inner.run(id) }
    }

    func runs(in state: RunState?, limit: Int) async throws(RunStoreError) -> [Run] {
        try await read { () async throws(RunStoreError) in try await inner.runs(in: state, limit: limit) }
    }

    func undos(of id: AnimationID) async throws(RunStoreError) -> [UndoRecord] {
        try await read { () async throws(RunStoreError) in try await inner.undos(of: id) }
    }

    func ledger(of id: AnimationID?, since: Date) async throws(RunStoreError) -> [LedgerEntry] {
        try await read { () async throws(RunStoreError) in try await inner.ledger(of: id, since: since) }
    }

    func intents(since: Date) async throws(RunStoreError) -> [PaidIntent] {
        try await read { () async throws(RunStoreError) in try await inner.intents(since: since) }
    }

    // MARK: The engine

    func claim(_ order: ClaimOrder) async throws(RunStoreError) -> Claim {
        try await call(.claim) { (_) async throws(RunStoreError) in
            if world.mutant == .claimIgnoresLease { await freeOne() }
            var claim = try await inner.claim(order)
            if world.mutant == .claimKeepsEpoch {
                // As if it had found the row under the epoch that it already has.
                let runs = claim.runs
                    .map { run in
                        var run = run
                        run.lease.epoch -= run.lease.epoch > 1 ? 1 : 0
                        return run
                    }
                claim = Claim(runs: runs, now: claim.now)
            }
            for run in claim.runs {
                if run.state == .submitting, run.openIntent?.state == .sent { world.cover(.submitTaken) }
                world.judge.claimed(run)
            }
            return claim
        }
    }

    func commit(_ changes: [RunChange], lease: Duration, dailyBudget: MicroUSD?) async throws(RunStoreError)
        -> [AnimationID: CommitOutcome]
    {
        try await call(.commit) { (verdict) async throws(RunStoreError) in
            var before: [AnimationID: Run] = [:]
            for change in changes { before[change.run.id] = try? await inner.run(change.run.id) }
            let written = changes.map { spoilt($0, before[$0.run.id]) }
            let outcomes = try await inner.commit(
                written,
                lease: lease,
                dailyBudget: world.mutant == .ignoresBudget ? nil : dailyBudget
            )
            for change in changes {
                let id = change.run.id
                let epoch = before[id]?.lease.epoch ?? 0
                world.note(
                    1_300 + Int(change.epoch) * 8 + change.run.version,
                    "  \(id.description.prefix(4)) epoch \(change.epoch) \(change.run.state) v\(change.run.version) "
                        + "\(change.run.intents.map(\.state.rawValue)): \(outcomes[id] ?? .lost)"
                )
                cover(change, before[id], verdict)
                if outcomes[id] == .landed {
                    world.judge.landed(epoch: change.epoch, before: epoch, id)
                } else if change.epoch < epoch {
                    world.lateWritesRefused += 1
                    world.cover(.zombieWrites)
                }
                await show(id)
            }
            return outcomes
        }
    }

    func renew(_ leases: [AnimationID: Int64], lease: Duration) async throws(RunStoreError) -> Set<AnimationID> {
        try await call(.renew) { (_) async throws(RunStoreError) in
            let kept = try await inner.renew(leases, lease: lease)
            return world.mutant == .renewsForAll ? Set(leases.keys) : kept
        }
    }

    func amend(_ id: AnimationID, _ change: @escaping @Sendable (Run, Date) -> RunChange?) async throws(RunStoreError)
        -> Run?
    {
        try await call(.amend) { (verdict) async throws(RunStoreError) in
            let before = try await inner.run(id)
            if let before { coverCancel(before, verdict) }
            if world.mutant == .dropsCancel, let before { return change(before, world.now)?.run ?? before }
            let run = try await inner.amend(id, change)
            await show(id)
            return run
        }
    }

    func wake(tag: String) async throws(RunStoreError) -> Bool {
        try await call(.wake) { (_) async throws(RunStoreError) in try await inner.wake(tag: tag) }
    }

    func receive(_ webhook: ReceivedWebhook) async throws(RunStoreError) -> WebhookOutcome {
        try await call(.receive) { (_) async throws(RunStoreError) in
            let rung = world.providers.flatMap(\.predictions).first { $0.tag == webhook.tag }?.animation
            var before: Run?
            if let rung { before = try await inner.run(rung) }
            let outcome = try await inner.receive(webhook)
            if let rung {
                if world.mutant == .trustsWebhook, outcome == .applied { await believe(webhook, rung) }
                if let before, let after = try await inner.run(rung) { world.judge.rung(before, after) }
            }
            return outcome
        }
    }

    func nextWake() async throws(RunStoreError) -> (wakeAt: Date?, now: Date) {
        try await call(.nextWake) { (_) async throws(RunStoreError) in try await inner.nextWake() }
    }

    func doorbell() -> AsyncStream<Void> {
        let rings = inner.doorbell()
        let (stream, heard) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let task = Task(executorPreference: world.executor) {
            for await _ in rings where world.isHeard() { heard.yield() }
            heard.finish()
        }
        heard.onTermination = { _ in task.cancel() }
        return stream
    }

    func amendGates<Result: Sendable>(
        _ keys: [String],
        _ change: @escaping @Sendable (inout [String: ProviderGate], Date) -> Result
    ) async throws(RunStoreError) -> Result {
        try await call(.gates) { (_) async throws(RunStoreError) in
            let world = world
            return try await inner.amendGates(keys) { gates, now in
                let result = change(&gates, now)
                if gates.values.contains(where: { ($0.closedUntil ?? now) > now || $0.tokens < 1 }) {
                    world.cover(.submitHeld)
                }
                return result
            }
        }
    }

    func condemn(_ job: JobID, sparing animation: AnimationID) async throws(RunStoreError) -> [ObjectKey]? {
        if world.mutant == .keepsScene { return nil }
        return try await call(.condemn) { (_) async throws(RunStoreError) in
            guard let keys = try await inner.condemn(job, sparing: animation) else {
                guard world.mutant == .condemnsTheLiving else { return nil }
                let attempts = try await inner.attempts(of: job)
                return attempts.flatMap { [.video(job, $0.id), .poster(job, $0.id)] }
            }
            return keys
        }
    }

    func remove(_ job: JobID) async throws(RunStoreError) {
        try await call(.remove) { (_) async throws(RunStoreError) in try await inner.remove(job) }
    }

    func close() async {}

    // MARK: What was hit

    private func cover(_ change: RunChange, _ before: Run?, _ verdict: World.Verdict) {
        if let before {
            let late = before.intents.filter { $0.state == .absent }.map(\.id)
            if change.intents.contains(where: { late.contains($0.id) && $0.predictionID != nil }) {
                world.cover(.lateFound)
            }
        }
        if change.recall != nil { world.cover(.withdrawn) }
        guard verdict == .losesAnswer else { return }
        if change.intents.contains(where: { $0.state == .sent }) { world.cover(.markUnclear) }
        if change.intents.contains(where: { $0.state == .bound }) { world.cover(.bindUnclear) }
        if change.run.outcome == .ready, before?.outcome == nil { world.cover(.publishUnclear) }
    }

    private func coverCancel(_ run: Run, _ verdict: World.Verdict) {
        if run.outcome != nil { return world.cover(run.failure?.code == .canceled ? .cancelTwice : .cancelTooLate) }
        if verdict == .losesAnswer { world.cover(.cancelUnclear) }
        switch run.state {
        case .queued: world.cover(.cancelBefore)
        case .submitting:
            let state = run.openIntent?.state
            world.cover(state == .sent || state == .unknown ? .cancelDuring : .cancelBefore)
        case .generating: world.cover(.cancelRunning)
        case .finishing: world.cover(.cancelFinishing)
        case .checking, .compensating, .done: break
        }
    }

    // MARK: Planted bugs

    private func spoilt(_ change: RunChange, _ before: Run?) -> RunChange {
        var spoilt = change
        switch world.mutant {
        case .ignoresEpoch:
            return change.under(epoch: before?.lease.epoch ?? change.epoch)
        case .releasesWithoutState:
            guard let before, change.releasesLease, world.dice.chance(0.1) else { return change }
            spoilt.run = before
            spoilt.run.wakeAt = world.now
        case .forgetsWake where change.run.state == .generating && world.dice.chance(0.1):
            spoilt.run.wakeAt = nil
        case .settlesTwice:
            spoilt.ledger += change.ledger.filter { $0.kind == .settle }.compactMap { again($0, of: change) }
        case .keepsReservation:
            spoilt.ledger.removeAll { $0.kind == .release }
        case .skipsCheck where change.run.state == .checking:
            spoilt.run.state = .done
            spoilt.run.checkAt = nil
        case .keepsWithdrawn where change.recall != nil:
            spoilt.undos.removeAll { if case .deleteObject = $0.action { $0.state == .due } else { false } }
        case .reusesKeys where change.recall != nil:
            spoilt.run.edition = 1
        case .forgetsUndoRecord:
            spoilt.undos.removeAll { if case .deleteObject = $0.action { $0.state == .armed } else { false } }
        default: break
        }
        return spoilt
    }

    private func again(_ entry: LedgerEntry, of change: RunChange) -> LedgerEntry? {
        change.run.intents.first { $0.id == entry.intentID }
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

    /// Makes a run claimable that somebody holds.
    private func freeOne() async {
        guard world.dice.chance(0.05), let runs = try? await inner.runs(in: nil, limit: 100),
            let held = runs.first(where: { $0.lease.owner != nil && $0.wakeAt != nil })
        else { return }
        _ = try? await inner.amend(held.id) { run, now in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            change.run.wakeAt = now
            return change
        }
    }

    /// Takes a webhook's word for it that the generation was cancelled.
    private func believe(_ webhook: ReceivedWebhook, _ id: AnimationID) async {
        let machine = RunMachine(
            policy: world.policy,
            traits: world.providers.map(\.traits),
            chance: Chance { [world] in world.dice.next() }
        )
        _ = try? await inner.amend(id) { run, now in
            guard let intent = run.openIntent, let prediction = intent.predictionID else { return nil }
            let said = Generation(
                id: prediction,
                tag: webhook.tag,
                model: nil,
                state: .canceled(hasStarted: false),
                createdAt: nil,
                completedAt: nil
            )
            return machine.decide(run, .polled(intent.id, .found(said)), at: now)?.change
        }
    }
}

extension RunChange {
    /// The same change, under another epoch.
    fileprivate func under(epoch: Int64) -> RunChange {
        var change = RunChange(run: run, epoch: epoch, releasesLease: releasesLease)
        change.intents = intents
        change.undos = undos
        change.ledger = ledger
        change.attempt = attempt
        return change
    }
}

extension World {
    /// Whether the next ring of a doorbell is heard.
    func isHeard() -> Bool {
        bells += 1
        var dice = faultDice(.bell, bells)
        guard !isCalm, dice.chance(weather.loseBell), strikes(.bell, bells, .isLost) else { return true }
        cover(.bellLost)
        return false
    }
}

extension UUID {
    /// A UUID that is made of a number.
    init(uuidOf number: UInt64) {
        self = withUnsafeBytes(of: (number, number &* 0x9E37_79B9)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
