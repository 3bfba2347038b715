import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// What must hold when the storm is over and nothing moves any more.
extension Judge {
    func verdict(_ store: any RunStore) async throws {
        let runs = try await store.runs(in: nil, limit: 10_000).sorted { $0.id < $1.id }
        for order in world.orders { try await judge(order, store) }
        for run in runs { try await judge(run, store) }
        try await judgeMoney(runs, store)
        try await judgeJobs(runs, store)
        if !world.files.left.isEmpty { fail("I20", "scratch folders are left: \(world.files.left)") }
    }

    private func judge(_ order: Order, _ store: any RunStore) async throws {
        var there: [AnimationID] = []
        for id in order.ids where try await store.run(id) != nil { there.append(id) }
        if there.count > 1 { fail("I3", "one order, \(there.count) runs: \(order.key)") }
        guard let id = order.answered else { return }
        guard let run = try await store.run(id) else { return fail("I1", "\(id) was accepted and is not there") }
        if order.cancelledAt != nil, run.failure?.code != .canceled { fail("I8", "\(id) was cancelled and is not") }
        let end = "\(run.outcome?.rawValue ?? "") \(run.failure?.code.rawValue ?? "")"
        if let final = order.final, final != end { fail("I4", "\(id) was \"\(final)\" and is \"\(end)\"") }
    }

    private func judge(_ run: Run, _ store: any RunStore) async throws {
        let name = "run \(run.id.description.prefix(8))"
        if run.state != .done || run.outcome == nil { fail("I14", "\(name) is still \(run.state)") }
        if let wakeAt = run.wakeAt { fail("I14", "\(name) still wants to wake at \(wakeAt)") }
        if run.lease.owner != nil { fail("I20", "\(name) is still leased to \(run.lease.owner ?? "")") }
        if let open = run.openIntent { fail("I15", "\(name)'s intent \(open.number) is still \(open.state)") }
        if run.intents.contains(where: { $0.state == .late }) {
            fail("I15", "\(name) has an intent that is still late")
        }
        for undo in try await store.undos(of: run.id) where undo.state.isPending {
            fail("I20", "\(name) still has to undo \(undo.action)")
        }
        let attempt = try await store.attempt(run.id)
        let status: AnimationAttempt.Status = run.outcome == .ready ? .ready : .failed
        if let attempt, attempt.status != status {
            fail("I4", "\(name) is \(status), callers read \(attempt.previewS3Key)")
        }
        if attempt == nil, run.outcome == .ready { fail("I12", "\(name) is ready and callers cannot see it") }
    }

    // MARK: Money

    private func judgeMoney(_ runs: [Run], _ store: any RunStore) async throws {
        let ledger = try await store.ledger(of: nil, since: .distantPast)
        let now = world.time.nanoseconds
        var reservedByDay: [Int: Int64] = [:]
        for run in runs {
            for intent in run.intents {
                let lines = ledger.filter { $0.intentID == intent.id }
                let sum = lines.reduce(MicroUSD.zero) { $0 + $1.amount }
                if lines.filter({ $0.kind == .settle }).count > 1 {
                    fail("I10", "intent \(intent.tag) is settled twice")
                }
                if lines.filter({ $0.kind == .release }).count > 1 {
                    fail("I10", "intent \(intent.tag) is released twice")
                }
                let late = lines.filter { $0.kind == .late }.reduce(MicroUSD.zero) { $0 + $1.amount }
                if let reserved = lines.first(where: { $0.kind == .reserve }) {
                    let day = Int((reserved.at.timeIntervalSince1970 / 86_400).rounded(.down))
                    reservedByDay[day, default: 0] += (sum - late).microDollars
                }
                let provider = world.providers.first { $0.traits.provider == intent.provider }
                let made = provider?.predictions.filter { $0.tag == intent.tag } ?? []
                try await judgeCost(sum, of: intent, made, at: now, store)
            }
        }
        if let budget = world.dailyBudget {
            for (day, amount) in reservedByDay.sorted(by: { $0.key < $1.key }) where amount > budget.microDollars {
                fail("I10", "day \(day) cost \(MicroUSD(amount)), the budget is \(budget)")
            }
        }
        for provider in world.providers {
            for made in provider.predictions {
                if !made.state(at: now).isTerminal { fail("I15", "\(made.id) is still running") }
                if !runs.contains(where: { run in run.intents.contains { $0.tag == made.tag } }) {
                    fail("I15", "\(made.id) was made for nobody")
                }
            }
            // A process that was frozen in the middle of an upload finishes it after everybody has forgotten it.
            if !provider.inputs.isEmpty, !world.wasAnybodyFrozen {
                fail("I16", "inputs are left: \(provider.inputs.map(\.id))")
            }
        }
    }

    private func judgeCost(
        _ sum: MicroUSD,
        of intent: PaidIntent,
        _ made: [ProviderWorld.Prediction],
        at now: Int64,
        _ store: any RunStore
    ) async throws {
        let charged = made.reduce(MicroUSD.zero) { $0 + $1.charge(at: now) }
        if sum == charged { return }
        // What vanished is booked at its full price.
        if made.contains(where: { $0.vanishesAt < .max }) {
            let most = MicroUSD(intent.priceCap.microDollars * Int64(made.count))
            let visible = made.filter { $0.vanishesAt == .max }.reduce(MicroUSD.zero) { $0 + $1.charge(at: now) }
            if sum >= visible, sum <= most { return }
        }
        if made.contains(where: { $0.vanishesAt < .max }), intent.predictionID == nil { return }
        // Nobody can know of what the provider hid for longer than anybody looked.
        let isUnfound = intent.state == .absent && made.allSatisfy { isBeyondTheWatch($0, intent) }
        if isUnfound, sum == .zero { return }
        fail("I10", "intent \(intent.tag) (\(intent.state)) is booked at \(sum), the provider charged \(charged)")
    }

    /// Whether no search could show a prediction: hidden, or not even made, until the watch was over.
    private func isBeyondTheWatch(_ made: ProviderWorld.Prediction, _ intent: PaidIntent) -> Bool {
        // What is promised, whatever the policy says.
        let watch = RunPolicy().watch
        let watched = (watch.length - watch.every) / .seconds(1)
        return world.date(at: made.hiddenUntil) >= (intent.sentAt ?? intent.createdAt).addingTimeInterval(watched)
    }

    // MARK: Jobs and objects

    private func judgeJobs(_ runs: [Run], _ store: any RunStore) async throws {
        var wanted: Set<ObjectKey> = []
        for job in world.jobs {
            guard let id = job.id else { continue }
            let mine = runs.filter { $0.jobID == id }
            let isReady = mine.contains { $0.outcome == .ready }
            let row = try await store.job(id)
            let onFailure = FailurePolicy.standard(for: job.kind)
            if row == nil, isReady { fail("I12", "job \(id) is gone and has a video") }
            if row == nil, onFailure == .keep { fail("I16", "photo \(id) is gone") }
            if row != nil, onFailure == .rollback, !isReady, !mine.isEmpty {
                fail("I16", "scene \(id) should be rolled back")
            }
            if let row { wanted.insert(row.source.key) }
            if let restore = job.restoreID, row != nil, let row = try await store.restore(restore) {
                wanted.insert(row.image.key)
            }
        }
        for run in runs where run.outcome == .ready {
            if let video = run.video { wanted.formUnion(video.keys) }
        }
        for key in world.objects.keys where !wanted.contains(key) { try await judgeLeft(key, store) }
        for key in wanted.sorted(by: { $0.description < $1.description }) where world.objects.objects[key] == nil {
            fail("I6", "\(key) is missing")
        }
    }

    /// An object that nothing points to which the clients know of.
    private func judgeLeft(_ key: ObjectKey, _ store: any RunStore) async throws {
        guard let stored = world.objects.objects[key] else { return }
        let path = key.description.split(separator: "/")
        // The row may be there although the client was never told of it.
        if path[0] == "uploads", let id = JobID(String(path[1])), try await store.job(id) != nil { return }
        if path[0] == "restores", let id = RestoreID(String(path[2].prefix { $0 != "." })),
            try await store.restore(id) != nil
        {
            return
        }
        let isNobodys =
            switch path[0] {
            case "uploads": !world.jobs.contains { $0.id?.description == String(path[1]) }
            case "restores": !world.jobs.contains { $0.restoreID?.description == String(path[2].prefix { $0 != "." }) }
            default: false
            }
        // Put by somebody who was frozen or given up, or without a row that would ever lead to it.
        guard stored.putBy.wasEverFrozen || stored.isLate || isNobodys else {
            return fail("I16", "\(key) is left, put by \(stored.putBy.name)")
        }
        orphans += 1
    }
}

extension World {
    var wasAnybodyFrozen: Bool { fleet.contains(where: \.wasEverFrozen) }
}
