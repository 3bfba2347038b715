import Foundation
import Logging
import Synchronization
import ZoetropeCore

/// Takes runs that are due, does one step of each, writes the outcome and lets go.
///
/// Any number of workers share a store. A worker keeps nothing between steps: whatever it was doing when it died is done
/// again, or found out, by the next one.
package final class Worker: Sendable {
    let environment: WorkerEnvironment
    let settings: WorkerSettings
    let machine: RunMachine
    let gates: GatePolicy
    private let bell = Bell()
    private let load = Load()
    /// Images that are made ready at a time.
    let places: Places
    let commits: Commits
    let gateKeeper: Gates
    let looks: [VideoModel.Provider: Looks]
    let closings = Closings()

    package init(
        _ environment: WorkerEnvironment,
        settings: WorkerSettings,
        policy: RunPolicy,
        gates: GatePolicy = GatePolicy()
    ) {
        self.environment = environment
        self.settings = settings
        self.gates = gates
        places = Places(settings.heavy)
        commits = Self.commits(environment, settings)
        gateKeeper = Self.gateKeeper(environment, settings, gates)
        looks = Self.looks(environment, settings)
        machine = RunMachine(
            policy: policy,
            traits: environment.providers.values.map(\.traits),
            chance: environment.chance
        )
    }

    /// Works until the task is cancelled, then hands its runs over and returns.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.listen() }
            while !Task.isCancelled {
                let wait = await self.round(&group)
                if let wait { await self.pause(wait) }
                // What becomes due one by one is claimed together.
                try? await self.environment.time.sleep(self.settings.pace)
            }
            try? await self.environment.reached(.draining)
            group.cancelAll()
        }
    }

    /// Rings when the database says that runs became due.
    private func listen() async {
        for await _ in environment.store.doorbell() { bell.ring() }
    }

    private func pause(_ wait: Duration) async {
        await withTaskGroup { group in
            group.addTask { try? await self.environment.time.sleep(wait) }
            group.addTask { await self.bell.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Claims what is due and begins to work on it.
    ///
    /// - Returns: How long to wait for more; nil when there may be more at once.
    private func round(_ group: inout DiscardingTaskGroup) async -> Duration? {
        let room = load.room(settings)
        guard room.light > 0 || room.heavy > 0 || room.checks > 0 else { return settings.idle }
        let claim: Claim
        let asked = environment.time.uptime()
        do {
            claim = try await environment.store.claim(
                ClaimOrder(
                    owner: settings.owner,
                    lease: settings.lease,
                    light: room.light,
                    heavy: room.heavy,
                    checks: room.checks
                )
            )
        } catch {
            environment.logger.warning("the database could not be asked for runs", metadata: .of(error))
            return settings.idle
        }
        guard !claim.runs.isEmpty else {
            return await untilNext(isFull: room.light == 0 || room.heavy == 0 || room.checks == 0)
        }
        let now = DatabaseTime(claim.now, askedAt: asked, environment.time)
        var polls: [VideoModel.Provider: [Run]] = [:]
        for run in claim.runs {
            let step = machine.nextStep(for: run, at: now.date)
            if case .poll(let intent) = step, environment.providers[intent.provider] != nil {
                polls[intent.provider, default: []].append(run)
                continue
            }
            let place: Place = run.state == .finishing ? .heavy : step == .check ? .check : .light
            load.begin(place)
            group.addTask { await self.work(run, from: step, in: place, isClaimed: true, now) }
        }
        // In the order of their names: a dictionary's own order differs from process to process.
        for (provider, runs) in polls.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            load.begin(.light)
            group.addTask {
                let ended = await self.poll(runs, at: provider, now)
                self.leave(.light)
                await self.goOn(ended, now)
            }
        }
        return nil
    }

    /// How long to wait when nothing could be claimed.
    ///
    /// With full hands what is due waits for a hand, whose bell will ring.
    private func untilNext(isFull: Bool) async -> Duration {
        guard let next = try? await environment.store.nextWake(), let wakeAt = next.wakeAt else { return settings.idle }
        if isFull, wakeAt <= next.now { return settings.idle }
        return min(settings.idle, max(.milliseconds(5), .seconds(wakeAt.timeIntervalSince(next.now))))
    }

    // MARK: One run

    /// Does a run's steps, one after the other, until it waits, is at its end, or belongs to somebody else.
    ///
    /// `place` is taken already, and given back. `isClaimed` says that the run was claimed for this step, and not held
    /// since one before.
    private func work(_ run: Run, from step: Step, in place: Place, isClaimed: Bool, _ now: DatabaseTime) async {
        var run = run
        var step = step
        var place = place
        defer { leave(place) }
        // When the mark that precedes the paid call began to be written, in uptime.
        var marking = environment.time.uptime()
        do {
            if isClaimed { try await environment.reached(.claimed) }
            while true {
                let event = try await measured(step) {
                    try await self.perform(step, of: run, markedAt: marking, now)
                }
                guard
                    var decision = event.flatMap({ machine.decide(run, $0, at: now.date) })
                        ?? machine.hold(run, step, at: now.date)
                else { return }
                var next: Place?
                if let wanted = decision.then?.place, wanted != place {
                    // What was just published is checked here if there is room; all else goes to whoever claims it.
                    if place == .heavy, wanted == .check, load.take(.check, settings) {
                        next = .check
                    } else {
                        decision.release(at: now.date)
                    }
                }
                marking = environment.time.uptime()
                var outcome = await write(decision)
                if outcome == .overBudget, let refusal = machine.decide(run, .overBudget, at: now.date) {
                    decision = refusal
                    outcome = await write(decision)
                }
                if case .submitted(_, let answer) = event, case .post(let intent) = step {
                    // Only now: what was paid for is written down first.
                    await learn(answer, of: intent)
                }
                guard outcome == .landed else {
                    if let next { load.end(next) }
                    return await lost(run, after: step)
                }
                if let next {
                    leave(place)
                    place = next
                }
                try await reached(after: step, decision)
                await tell(decision, after: step, of: run, at: now.date)
                guard let then = decision.then else { return }
                run = decision.change.run
                step = then
            }
        } catch {
            // Interrupted, not failed: whoever is next begins this step anew.
            await release(run, now)
            await lost(run, after: step)
        }
    }

    private func leave(_ place: Place) {
        load.end(place)
        bell.ring()
    }

    /// Writes a decision, and finds out whether it landed when the database does not say.
    ///
    /// A decision is worth some patience: it may hold the identifier of something that was paid for.
    func write(_ decision: Decision) async -> CommitOutcome {
        await environment.shielded { [environment, settings, commits] in
            let id = decision.change.run.id
            // An earlier try may have landed without an answer: written again, it would be judged by its own effects.
            var isUnclear = false
            for tries in 1...8 {
                let hasLanded = isUnclear ? await Self.hasLanded(decision, environment) : false
                if hasLanded == true { return .landed }
                if hasLanded == false {
                    // What failed once goes alone: one that the database refuses must not keep others back.
                    let commits = isUnclear ? Self.commits(environment, settings) : commits
                    switch await commits.ask(decision.change) {
                    case .success(let outcome): return outcome
                    case .failure(let failure):
                        environment.logger.warning("a decision was not written", metadata: .of(failure.error, id))
                        let isRefused = [.constraint, .newerSchema, .internal].contains(failure.error.code)
                        if isRefused, failure.wasAlone { return .lost }
                        isUnclear = true
                        // Another's change may be at fault: no reason to wait.
                        if isRefused { continue }
                    }
                }
                try? await environment.time.sleep(min(.milliseconds(100) * (1 << tries), .seconds(5)))
            }
            return .lost
        }
    }

    /// Whether a decision is in the database; nil when that does not say.
    private static func hasLanded(_ decision: Decision, _ environment: WorkerEnvironment) async -> Bool? {
        guard let row = try? await environment.store.run(decision.change.run.id) else { return nil }
        return row.version == decision.change.run.version && row.lease.epoch == decision.change.epoch
    }

    /// Gives a run back as it is.
    private func release(_ run: Run, _ now: DatabaseTime) async {
        var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
        // A check that was begun is due already.
        if run.state != .checking { change.run.wakeAt = now.date }
        _ = await environment.shielded { [environment, settings, change] in
            try? await environment.store.commit([change], lease: settings.lease, dailyBudget: nil)
        }
    }

    // MARK: Many polls

    /// A run that is held, and what to do for it next.
    private typealias Held = (run: Run, step: Step)

    /// Looks at many predictions of one provider at once, and writes what it saw in one go.
    ///
    /// Returns runs whose results can be fetched at once, each with a place for heavy work.
    private func poll(_ runs: [Run], at provider: VideoModel.Provider, _ now: DatabaseTime) async -> [Held] {
        guard let adapter = environment.providers[provider] else { return [] }
        try? await environment.reached(.polling)
        let start = environment.time.uptime()
        let ids = runs.compactMap { $0.openIntent?.predictionID }
        let leases = Dictionary(runs.map { ($0.id, $0.lease.epoch) }) { first, _ in first }
        let calls = adapter.callsForStatus(of: ids.count)
        let answers: [String: StatusOutcome]
        if let wait = await readsHeldBack(adapter.traits, calls: calls) {
            let error = ProviderError(.throttled, "the account's rate of calls is used up", retryAfter: wait)
            answers = Dictionary(ids.map { ($0, .failed(error)) }) { first, _ in first }
        } else {
            answers = (try? await holding(leases, since: start) { await self.look(at: ids, of: provider) }) ?? [:]
        }
        let hasFailed = answers.values.contains { if case .failed = $0 { true } else { false } }
        environment.metrics?.step("poll", hasFailed ? .failed : .done, took: environment.time.uptime() - start)
        try? await environment.reached(.terminalSeen)
        let decisions = runs.compactMap { run -> Decision? in
            guard let intent = run.openIntent, let id = intent.predictionID else { return nil }
            let outcome = answers[id] ?? .failed(ProviderError(.unavailable, "interrupted", retryAfter: .zero))
            guard var decision = machine.decide(run, .polled(intent.id, outcome), at: now.date) else { return nil }
            // What follows is claimed like everything else, by whoever has room; here, if there is some.
            if let then = decision.then, then.place != .heavy || !load.take(.heavy, settings) {
                decision.release(at: now.date)
            }
            return decision
        }
        let outcomes = await environment.shielded { [environment, settings] in
            try? await environment.store.commit(
                decisions.map(\.change),
                lease: settings.lease,
                dailyBudget: settings.dailyBudget
            )
        }
        var held: [Held] = []
        let byID = Dictionary(runs.map { ($0.id, $0) }) { first, _ in first }
        for decision in decisions {
            // One that the database refuses must not keep the others back: then each goes alone.
            let outcome = if let outcomes { outcomes[decision.change.run.id] } else { await write(decision) }
            guard outcome == .landed else {
                if decision.then != nil { load.end(.heavy) }
                continue
            }
            if let run = byID[decision.change.run.id] { await tell(decision, after: nil, of: run, at: now.date) }
            if let then = decision.then { held.append((decision.change.run, then)) }
        }
        return held
    }

    /// Fetches what was found to be ready.
    private func goOn(_ runs: [Held], _ now: DatabaseTime) async {
        guard !runs.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for (run, step) in runs {
                group.addTask { await self.work(run, from: step, in: .heavy, isClaimed: false, now) }
            }
        }
    }
}

extension Step {
    /// Where it is done; nil for what takes no time to speak of and is done wherever the run is held.
    fileprivate var place: Place? {
        switch self {
        case .finish, .keepPart: .heavy
        case .check: .check
        default: nil
        }
    }
}

extension Decision {
    /// Leaves what follows to whoever claims the run next.
    fileprivate mutating func release(at now: Date) {
        change.releasesLease = true
        // A check has a time of its own.
        if then != .check { change.run.wakeAt = now }
        then = nil
    }
}

/// Kinds of work that are counted apart, so that none keeps another waiting.
private enum Place: Int, CaseIterable {
    /// Calls and waits.
    case light
    /// Processors and disk for long, until callers have their video.
    case heavy
    /// The same, when they have it.
    case check
}

/// What a worker has in hand.
private final class Load: Sendable {
    private let counts = Mutex([Int](repeating: 0, count: Place.allCases.count))

    func begin(_ place: Place) { counts.withLock { $0[place.rawValue] += 1 } }

    func end(_ place: Place) { counts.withLock { $0[place.rawValue] -= 1 } }

    /// Begins something if there is room for it.
    func take(_ place: Place, _ settings: WorkerSettings) -> Bool {
        counts.withLock { counts in
            guard counts[place.rawValue] < Self.most(place, settings) else { return false }
            counts[place.rawValue] += 1
            return true
        }
    }

    func room(_ settings: WorkerSettings) -> (light: Int, heavy: Int, checks: Int) {
        counts.withLock { counts in
            func free(_ place: Place) -> Int { max(0, Self.most(place, settings) - counts[place.rawValue]) }
            // A batch may hold many polls, which are one piece of work together.
            let hands = free(.light)
            return (hands > 0 ? max(hands, settings.batch) : 0, free(.heavy), free(.check))
        }
    }

    private static func most(_ place: Place, _ settings: WorkerSettings) -> Int {
        switch place {
        case .light: settings.light
        case .heavy: settings.heavy
        case .check: settings.checks
        }
    }
}

/// The database's clock as it was at a claim, carried on by our own.
struct DatabaseTime: Sendable {
    /// When the runs in hand were claimed.
    let claimedAt: Date
    private let start: Duration
    private let time: EngineTime

    /// Counts from when the database was asked: then this clock is never behind the database's, and what is due by it,
    /// such as the end of a call, is not due too early.
    init(_ base: Date, askedAt: Duration, _ time: EngineTime) {
        claimedAt = base
        self.time = time
        start = askedAt
    }

    /// In whole milliseconds, as it is stored.
    var date: Date {
        claimedAt.addingTimeInterval((time.uptime() - start) / .seconds(1)).inWholeMilliseconds
    }
}
