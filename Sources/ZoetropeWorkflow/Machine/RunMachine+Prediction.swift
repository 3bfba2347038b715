import Foundation
import StrictJSON
import ZoetropeCore

/// From the one call that costs money to the end of its prediction.
extension RunMachine {
    func submitted(_ id: PaidIntent.ID, _ outcome: SubmitOutcome, _ draft: inout Draft) {
        let now = draft.now
        let isIdempotent = draft.traits(of: id, traits)?.isIdempotentByTag == true
        switch outcome {
        case .accepted(let generation):
            bind(id, to: generation, &draft)
        case .refused(let error) where isIdempotent:
            askAgain(id, &draft)
            refused(error, &draft)
        case .unknown where isIdempotent:
            askAgain(id, &draft)
            refused(ProviderError(.unavailable, "the answer was lost"), &draft)
        case .refused(let error):
            draft.close(id, as: .refused)
            refused(error, &draft)
        case .unknown:
            draft.change(id) { $0.state = .unknown }
            draft.wake(at: draft.intent(id)?.wakeAt ?? now)
        }
    }

    /// The same tag asks for the same prediction, so asking again is safe.
    ///
    /// A refusal, too, keeps the tag: an earlier call whose answer was lost may have been accepted.
    private func askAgain(_ id: PaidIntent.ID, _ draft: inout Draft) {
        draft.change(id) { intent in
            intent.state = .intended
            intent.sentAt = nil
            intent.wakeAt = nil
        }
    }

    /// Nothing was made of the order: later, or never.
    private func refused(_ error: ProviderError, _ draft: inout Draft) {
        let now = draft.now
        switch error.kind {
        case .rejected: return draft.fail(.providerRejected, error.description)
        case .sourceUnreadable: return draft.fail(.sourceUnreadable, error.description)
        case .throttled, .unavailable, .credentials, .credit, .missing, .expired, .invalidOutput, .storage: break
        }
        guard now < draft.run.createdAt + policy.submitPatience else {
            return draft.fail(.providerUnavailable, error.description)
        }
        draft.run.tries += 1
        let wait = RunPolicy.wait(policy.backoff, tries: draft.run.tries, chance: chance.unit())
        draft.wake(after: max(error.retryAfter ?? .zero, wait))
    }

    /// The prediction of an intent is known.
    private func bind(_ id: PaidIntent.ID, to generation: Generation, _ draft: inout Draft) {
        draft.change(id) { intent in
            intent.state = .bound
            intent.predictionID = generation.id
            intent.wakeAt = nil
        }
        draft.show(
            draft.intent(id)?.provider == .replicate ? ["replicate_prediction_id": .string(generation.id)] : [:]
        )
        draft.run.tries = 0
        draft.run.polls = 0
        if draft.run.outcome == nil { draft.run.state = .generating }
        looked(id, .found(generation), asked: false, &draft)
    }

    // MARK: Searching

    /// What a search for the prediction of an intent brought.
    func found(_ id: PaidIntent.ID, _ generations: [Generation], _ draft: inout Draft) {
        guard let intent = draft.intent(id) else { return }
        guard let best = generations.max(by: { Self.progress($0) < Self.progress($1) }) else {
            return foundNothing(intent, &draft)
        }
        for other in generations where other.id != best.id {
            draft.add(.cancelPrediction(intentID: id, provider: intent.provider, id: other.id), state: .due)
            draft.alert(.critical, "duplicate_prediction", "prediction \(other.id) was made beside \(best.id)")
        }
        if intent.state == .absent {
            adoptLate(intent, best, &draft)
        } else {
            bind(id, to: best, &draft)
        }
    }

    /// A prediction of an intent that was written off: taken if the run still waits for one, else cancelled and booked.
    private func adoptLate(_ intent: PaidIntent, _ generation: Generation, _ draft: inout Draft) {
        let now = draft.now
        draft.alert(
            .critical,
            "late_bind",
            "prediction \(generation.id) was found after its intent had been written off"
        )
        let open = draft.run.openIntent
        let isWanted = draft.run.outcome == nil && intent.part == draft.run.part
        if isWanted, open == nil || open?.state == .intended {
            if let open { draft.close(open.id, as: .refused) }
            // Money that is spent already is booked whatever the budget says.
            draft.book(intent.id, .late, intent.priceCap)
            return bind(intent.id, to: generation, &draft)
        }
        draft.book(intent.id, .late, intent.priceCap)
        draft.change(intent.id) { late in
            late.state = .late
            late.predictionID = generation.id
            late.cost = (late.cost ?? .zero) + late.priceCap
            late.wakeAt = now
        }
        looked(intent.id, .found(generation), asked: false, &draft)
    }

    private func foundNothing(_ intent: PaidIntent, _ draft: inout Draft) {
        let now = draft.now
        if intent.state == .absent {
            // Past its watch nothing can be matched any more: inputs are removed an hour after the end.
            let next = now + policy.watch.every
            let end = (intent.sentAt ?? intent.createdAt) + policy.watch.length
            return draft.change(intent.id) { $0.wakeAt = next < end ? next : nil }
        }
        // Rung for early: this look does not count, the call may still be under way or the list behind.
        let due = policy.lookWaits.prefix(intent.looks).reduce(overAt(intent)) { $0 + $1 }
        guard now >= due else {
            draft.change(intent.id) { $0.wakeAt = due }
            return draft.wake(at: due)
        }
        guard intent.looks < policy.lookWaits.count else { return writeOff(intent, &draft) }
        let wait = policy.lookWaits[intent.looks]
        draft.change(intent.id) { changed in
            changed.looks += 1
            changed.wakeAt = now + wait
        }
        draft.wake(after: wait)
    }

    private func writeOff(_ intent: PaidIntent, _ draft: inout Draft) {
        let now = draft.now
        draft.change(intent.id) { $0.wakeAt = now + policy.watch.every }
        draft.close(intent.id, as: .absent)
        draft.book(intent.id, .possiblyBilled, .zero)
        draft.alert(
            .critical,
            "possibly_billed",
            "the provider never confirmed intent \(intent.number)"
        )
        guard draft.run.outcome == nil else { return }
        // Each of them may have been paid for.
        let lost = draft.run.intents.count { $0.part == intent.part && $0.state == .absent }
        if policy.ambiguousCreate == .neverResend || lost > policy.resends {
            draft.fail(.providerOutcomeUnknown, "no prediction with tag \(intent.tag) was found")
        }
    }

    func lookFailed(_ id: PaidIntent.ID, _ error: ProviderError, _ draft: inout Draft) {
        let now = draft.now
        guard let intent = draft.intent(id) else { return }
        draft.run.tries += 1
        let wait = max(
            error.retryAfter ?? .zero,
            RunPolicy.wait(policy.backoff, tries: draft.run.tries, chance: chance.unit())
        )
        let end = (intent.sentAt ?? intent.createdAt) + policy.submitPatience
        guard now < end else {
            if intent.state == .absent { return draft.change(id) { $0.wakeAt = nil } }
            return writeOff(intent, &draft)
        }
        draft.change(id) { $0.wakeAt = now + wait }
        // A run that is alive does not wait for what it has written off.
        if intent.state != .absent || draft.run.outcome != nil { draft.wake(after: wait) }
    }

    // MARK: Watching

    /// One look at a prediction, or the answer to a cancel.
    func looked(_ id: PaidIntent.ID, _ outcome: StatusOutcome, asked: Bool, _ draft: inout Draft) {
        let now = draft.now
        guard let intent = draft.intent(id) else { return }
        if asked, intent.cancelRequestedAt == nil, case .found = outcome {
            // A call that failed has cancelled nothing: the prediction may still succeed.
            draft.change(id) { $0.cancelRequestedAt = now }
        }
        switch outcome {
        case .found(let generation) where generation.state.isTerminal && !Self.isStorable(generation):
            draft.settle(id, cost: Self.cost(of: generation, intent))
            if intent.state == .bound { draft.failIfOpen(.outputInvalid, "the result's address is no address") }
        case .found(let generation) where generation.state.isTerminal:
            draft.settle(id, cost: Self.cost(of: generation, intent))
            if intent.state == .bound, draft.run.outcome == nil { ended(intent, generation, &draft) }
        case .found:
            draft.run.tries = 0
            stillRunning(id, asked: asked, &draft)
        case .missing where now < overAt(intent) + policy.knownWithin:
            stillRunning(id, asked: asked, &draft)
        case .missing:
            // Gone without a trace: nobody can say what it cost, so the books assume the worst.
            draft.settle(id, cost: intent.priceCap)
            draft.alert(
                .critical,
                "prediction_vanished",
                "prediction \(intent.predictionID ?? "?") is not known any more"
            )
            if intent.state == .bound { draft.failIfOpen(.providerUnavailable, "the prediction vanished") }
        case .failed(let error):
            draft.run.tries += 1
            let wait = RunPolicy.wait(policy.backoff, tries: draft.run.tries, chance: chance.unit())
            stillRunning(id, asked: asked, &draft, wait: max(error.retryAfter ?? .zero, wait))
        }
    }

    /// Not at its end: looked at again later, and given up when it does not even die.
    private func stillRunning(_ id: PaidIntent.ID, asked: Bool, _ draft: inout Draft, wait: Duration? = nil) {
        let now = draft.now
        guard let intent = draft.intent(id) else { return }
        if !asked, intent.cancelRequestedAt == nil, draft.run.outcome != nil || intent.state == .late {
            // Nobody wants it any more.
            return draft.change(id) { $0.wakeAt = now }
        }
        if draft.run.outcome == nil, intent.state == .late {
            let next = now + (wait ?? policy.pollWait(draft.run.polls, chance: chance.unit()))
            return draft.change(id) { $0.wakeAt = next }
        }
        let dueAt = asked || draft.run.polls == 0 ? nil : draft.run.wakeAt
        draft.run.polls += 1
        var next =
            wait.map { now + $0 }
            ?? policy.nextPoll(draft.run.polls, dueAt: dueAt, at: now, chance: chance.unit())
        if let cancelled = intent.cancelRequestedAt {
            if now >= cancelled + policy.cancelGrace, intent.state == .bound {
                draft.giveUp(id, nextLook: next)
                draft.alert(.critical, "cancel_ignored", "prediction \(intent.predictionID ?? "?") does not stop")
                if draft.run.outcome == nil { timedOut("the prediction did not stop when it was cancelled", &draft) }
                return
            }
        } else if draft.run.outcome == nil {
            let sentAt = intent.sentAt ?? intent.createdAt
            if now >= sentAt + policy.submitPatience {
                // It is overdue, and the provider cannot even be asked to cancel it.
                return draft.fail(.providerUnavailable, "the prediction could not be looked at for too long")
            }
            let deadline = sentAt + policy.generationTimeout
            if now < deadline { next = min(next, deadline) }
        }
        if draft.run.outcome != nil || intent.state == .late { draft.change(id) { $0.wakeAt = next } }
        draft.wake(at: next)
    }

    /// The prediction of the run's present part is at its end.
    private func ended(_ intent: PaidIntent, _ generation: Generation, _ draft: inout Draft) {
        let now = draft.now
        switch generation.state {
        case .running: break
        case .succeeded(let output):
            draft.change(intent.id) { $0.output = output }
            draft.run.providerDoneAt = min(generation.completedAt ?? now, now)
            draft.run.tries = 0
            draft.run.state = .finishing
            draft.armFileUndos()
        case .failed(let failure):
            guard failure.retries > draft.run.regenerations else { return draft.fail(failure.code, failure.detail) }
            generateAgain(after: failure.retryDelay, &draft)
        case .canceled:
            timedOut("the prediction was cancelled", &draft)
        }
    }

    private func timedOut(_ detail: String, _ draft: inout Draft) {
        guard draft.run.regenerations < policy.regenerationsAfterTimeout else {
            return draft.fail(.generationTimeout, detail)
        }
        generateAgain(after: .zero, &draft)
    }

    private func generateAgain(after wait: Duration, _ draft: inout Draft) {
        draft.run.regenerations += 1
        draft.run.tries = 0
        draft.run.state = .submitting
        if wait > .zero { draft.wake(after: wait) }
    }

    /// Whether a result's address can be kept: addresses are short and hold no control characters.
    private static func isStorable(_ generation: Generation) -> Bool {
        guard case .succeeded(let output) = generation.state else { return true }
        return output.utf8.count <= 8_192 && !output.unicodeScalars.contains { $0.value < 0x20 }
    }

    // MARK: Money

    /// What a prediction at its end costs: successes, and what was cancelled after it had started.
    ///
    /// Replicate charges official models per output and cancelled runs for what ran (predictions/lifecycle); the price is
    /// then assumed in full.
    static func cost(of generation: Generation, _ intent: PaidIntent) -> MicroUSD {
        switch generation.state {
        case .succeeded, .canceled(hasStarted: true): intent.priceCap
        case .failed, .canceled, .running: .zero
        }
    }

    /// Which of several predictions of one intent is kept: the one that is furthest on.
    private static func progress(_ generation: Generation) -> Int {
        switch generation.state {
        case .succeeded: 4
        case .running(hasStarted: true): 3
        case .running: 2
        case .failed: 1
        case .canceled: 0
        }
    }
}
