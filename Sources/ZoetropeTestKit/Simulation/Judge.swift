import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// Says what went wrong, from what can be seen from outside: ledgers, objects, rows and answers.
///
/// Names of invariants are those of the failure model (`docs/proof.md`).
final class Judge: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    unowned let world: World
    private(set) var violations: [String] = []
    /// Each run as it was last seen.
    private var seen: [AnimationID: Run] = [:]
    /// When each run's epoch last changed.
    private var epochChangedAt: [AnimationID: Int64] = [:]
    private var readyKeys: [ObjectKey: String] = [:]
    /// Runs whose published files were taken back, and these files.
    private(set) var withdrawn: Set<AnimationID> = []
    private var withdrawnKeys: Set<ObjectKey> = []
    /// Predictions beside the one that was wanted, each with a reason.
    private(set) var explainedDuplicates = 0
    /// Objects that nobody knows of, each with a reason: only a sweep of the store finds them.
    var orphans = 0

    init(_ world: World) {
        self.world = world
    }

    func fail(_ invariant: String, _ what: String) {
        world.note(9_999, "VIOLATION \(invariant): \(what)")
        violations.append("\(invariant): \(what)")
    }

    // MARK: Rows

    func observe(_ run: Run) {
        defer { seen[run.id] = run }
        guard let last = seen[run.id] else { return }
        if run.lease.epoch != last.lease.epoch { epochChangedAt[run.id] = world.time.nanoseconds }
        let name = "run \(run.id.description.prefix(8))"
        if run.version < last.version { fail("I4", "\(name) went back from version \(last.version) to \(run.version)") }
        if run.lease.epoch < last.lease.epoch { fail("I5", "\(name)'s epoch sank to \(run.lease.epoch)") }
        if last.state == .checking, run.state != .checking { checked(last, run) }
        if last.outcome != nil, !withdrawn.contains(run.id) || last.state != .checking,
            run.outcome != last.outcome || run.failure != last.failure || run.video != last.video
        {
            fail("I4", "\(name) was over and changed its end")
        }
        if run.state != last.state, !Self.isAllowed(last.state, run.state) {
            fail("I4", "\(name) went from \(last.state) to \(run.state)")
        }
        if run.state != last.state || run.outcome != last.outcome, run.version == last.version {
            fail("I4", "\(name) changed under version \(run.version)")
        }
        if run.intents.filter(\.state.isOpen).count > 1 { fail("I2", "\(name) has two open intents") }
        if run.outcome == .ready, last.outcome == nil { published(run) }
    }

    func claimed(_ run: Run) {
        if let last = seen[run.id] {
            if run.lease.epoch <= last.lease.epoch { fail("I5", "a claim did not raise the epoch of \(run.id)") }
            if last.lease.owner != nil, let expiry = last.lease.expiresAt, expiry > world.now {
                fail("I5", "\(run.id) was claimed while \(last.lease.owner ?? "") held it")
            }
        }
        observe(run)
    }

    /// Whether a process holds runs.
    func isBusy(_ process: SimulatedProcess) -> Bool { seen.values.contains { $0.lease.owner == process.name } }

    /// A webhook was noted: it says when to look, and nothing else.
    func rung(_ before: Run, _ after: Run) {
        func silent(_ run: Run) -> Run {
            var run = run
            run.wakeAt = nil
            for index in run.intents.indices { run.intents[index].wakeAt = nil }
            return run
        }
        if silent(before) != silent(after) { fail("I7", "a webhook changed run \(after.id): \(after.state)") }
    }

    /// Media work was done for a run under an epoch.
    func worked(for id: AnimationID, epoch: Int64, by process: SimulatedProcess) {
        guard process.state == .running, !process.wasEverFrozen, let run = seen[id], run.lease.epoch > epoch else {
            return
        }
        // A heartbeat comes every ten seconds, and a database that cannot be asked takes no lease away.
        let since = max(epochChangedAt[id] ?? 0, world.databaseTroubleAt)
        if world.time.nanoseconds > since + .seconds(25) {
            fail("I13", "\(process.name) still works on \(id), which it lost long ago")
        }
    }

    /// A write landed under an epoch, while the row had another.
    func landed(epoch: Int64, before: Int64, _ id: AnimationID) {
        if epoch != before { fail("I5", "a write of epoch \(epoch) landed on \(id) at epoch \(before)") }
    }

    private static func isAllowed(_ from: RunState, _ to: RunState) -> Bool {
        switch (from, to) {
        case (.queued, .submitting), (.submitting, .generating), (.submitting, .finishing), (.generating, .finishing),
            (.generating, .submitting), (.finishing, .submitting), (.finishing, .checking), (.checking, .done),
            (.checking, .finishing), (.checking, .compensating), (.compensating, .done):
            true
        case (.queued, .compensating), (.submitting, .compensating), (.generating, .compensating),
            (.finishing, .compensating):
            true
        case (.queued, .done), (.submitting, .done), (.generating, .done):
            true
        default: false
        }
    }

    // MARK: Objects

    private func published(_ run: Run) {
        guard let video = run.video else { return fail("I6", "\(run.id) is ready without a video") }
        var files = [(video.previewKey, video.sha256), (video.posterKey, video.posterSHA256)]
        if let result = video.result { files.append((result.key, result.sha256)) }
        if run.id.isInHD != (video.result != nil) { fail("I6", "\(run.id) has \(video.keys)") }
        for (key, hash) in files {
            if withdrawnKeys.contains(key) { fail("I4", "\(key) was withdrawn and is published again") }
            check(key, hash, of: run)
            readyKeys[key] = hash
        }
        if let order = world.orders.first(where: { $0.answered == run.id }), order.cancelledAt != nil {
            fail("I8", "\(run.id) was cancelled and became ready")
        }
        guard let content = world.objects.objects[video.previewKey]?.content else { return }
        if world.files.bad.contains(content) { fail("I6", "\(run.id) is published and is no good video") }
        let wanted = (0..<run.request.partCount)
            .map { part in
                run.intents.last { $0.part == part && $0.output != nil }?.predictionID ?? "?"
            }
        if world.files.origins[content] != wanted {
            fail("I6", "\(run.id) should be made from \(wanted), is from \(world.files.origins[content] ?? [])")
        }
    }

    private func check(_ key: ObjectKey, _ hash: String, of run: Run) {
        guard let facts = world.objects.objects[key]?.facts else {
            return fail("I6", "\(run.id) is ready without \(key)")
        }
        if facts.sha256 != hash { fail("I6", "\(key) is not what was recorded") }
    }

    /// The check of a run is over, one way or the other.
    private func checked(_ before: Run, _ run: Run) {
        guard let video = before.video else { return }
        guard run.outcome == .ready else {
            withdrawn.insert(run.id)
            withdrawnKeys.formUnion(video.keys)
            for key in video.keys { readyKeys[key] = nil }
            if run.video != nil { fail("I12", "\(run.id) was withdrawn and still has a video") }
            return
        }
        for key in video.keys where key != video.posterKey {
            guard let content = world.objects.objects[key]?.content else { continue }
            if !world.files.decoded.contains(content) { fail("I6", "\(key) is published for good and was not decoded") }
        }
    }

    func objectsChanged(_ key: ObjectKey) {
        guard let hash = readyKeys[key] else { return }
        let there = world.objects.objects[key]?.facts.sha256
        if there != hash {
            fail(there == nil ? "I12" : "I6", "\(key) is published and \(there == nil ? "gone" : "changed")")
        }
    }

    // MARK: Money

    /// A paid call is about to be made.
    func calls(_ order: GenerationOrder, at time: Int64, by process: SimulatedProcess) {
        guard process.state == .running, !process.wasEverFrozen, !world.isOver else { return }
        if let cancelled = world.orders.first(where: { $0.answered == order.animationID })?.cancelledAt,
            time > cancelled + .seconds(5)
        {
            fail("I8", "the provider was called for \(order.animationID) after it had been cancelled")
        }
        for provider in world.providers
        where !provider.traits.isIdempotentByTag && provider.callsUnderWay[order.animationID, default: 0] > 0 {
            // A dead or frozen caller's call is told from a second one by its tag alone.
            if !world.isSomebodyGone { fail("I2", "two paid calls at once for \(order.animationID)") }
        }
    }

    /// A provider accepted an order.
    func created(_ made: ProviderWorld.Prediction, by provider: ProviderWorld) {
        let others = provider.predictions.filter { $0.animation == made.animation && $0.id != made.id }
        if made.isEcho { return explainedDuplicates += 1 }
        if others.contains(where: { $0.tag == made.tag }) { fail("I2", "two paid creates with the tag of \(made.id)") }
        for other in others where other.part == made.part && !other.isEcho {
            if isExplained(other, at: world.time.nanoseconds) || made.madeBy.wasEverFrozen { continue }
            fail(
                "I15",
                "\(made.id) was paid for beside \(other.id), which is \(other.state(at: world.time.nanoseconds))"
            )
        }
    }

    private func isExplained(_ other: ProviderWorld.Prediction, at now: Int64) -> Bool {
        switch other.state(at: now) {
        case .failed, .canceled: return true
        case .running, .succeeded: break
        }
        let grace = world.policy.cancelGrace.nanoseconds
        let isGivenUp = other.cancelAskedAt.map { now >= $0 + grace } ?? false
        // Hidden for longer than all looks, which is what this policy pays for.
        let isHidden =
            world.policy.ambiguousCreate == .resendIfAbsent
            && (other.hiddenUntil > other.createdAt + .seconds(1_200) || other.vanishesAt <= now)
        if isGivenUp || isHidden { explainedDuplicates += 1 }
        return isGivenUp || isHidden
    }
}

extension World {
    /// Whether a call may still be under way whose caller cannot be asked.
    var isSomebodyGone: Bool { fleet.contains { $0.isDead || $0.wasEverFrozen } }
}
