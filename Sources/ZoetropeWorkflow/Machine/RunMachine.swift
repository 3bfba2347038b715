package import Foundation
package import ZoetropeCore

/// Decides: what to do next for a run, and what an outcome means for it.
///
/// Values in, values out: no clock, no I/O, no randomness of its own. Every path that leads to money is in here and in
/// the files beside it.
package struct RunMachine: Sendable {
    package let policy: RunPolicy
    let traits: [VideoModel.Provider: ProviderTraits]
    let chance: Chance

    package init(policy: RunPolicy, traits: [ProviderTraits], chance: Chance) {
        self.policy = policy
        self.traits = Dictionary(traits.map { ($0.provider, $0) }) { first, _ in first }
        self.chance = chance
    }

    // MARK: What is next

    /// The first thing to do for a run that was just claimed, or that goes on.
    package func nextStep(for run: Run, at now: Date) -> Step {
        if run.outcome == nil || run.state == .checking, let step = unwantedStep(for: run, at: now) { return step }
        switch run.state {
        case .queued: return .begin
        case .submitting:
            guard let intent = run.openIntent else { return .begin }
            return stepBeforeGenerating(intent, of: run, at: now)
        case .generating:
            guard let intent = run.openIntent else { return .begin }
            let deadline = (intent.sentAt ?? intent.createdAt) + policy.generationTimeout
            return intent.cancelRequestedAt != nil || now >= deadline ? .cancel(intent) : .poll(intent)
        case .finishing:
            guard run.part + 1 < run.request.partCount, let intent = run.intents.last(where: { $0.part == run.part })
            else { return .finish }
            return .keepPart(intent)
        case .checking:
            guard let checkAt = run.checkAt, checkAt > now else { return .check }
            return .wait(until: Draft.nextUnwanted(of: run))
        case .compensating, .done:
            return tidyStep(for: run, at: now)
        }
    }

    /// What costs money beside a run that is alive, duplicates and predictions that were given up or may yet turn up, and
    /// what was withdrawn.
    private func unwantedStep(for run: Run, at now: Date) -> Step? {
        if let intent = Draft.unwanted(in: run).first(where: { ($0.wakeAt ?? .distantFuture) <= now }) {
            return intent.state == .late ? .cancel(intent) : .find(intent)
        }
        return Draft.unwantedUndos(in: run).first { $0.wakeAt <= now }.map(Step.undo)
    }

    private func stepBeforeGenerating(_ intent: PaidIntent, of run: Run, at now: Date) -> Step {
        switch intent.state {
        case .intended where intent.input == nil && traits[intent.provider]?.wantsInput == true:
            return .prepareInput(intent)
        case .intended:
            return .admit(intent)
        case .sent where traits[intent.provider]?.isIdempotentByTag == true:
            return .admit(intent)
        default:
            // Sent by somebody who is gone, or unclear: the call may still be under way until it is over for sure.
            return .find(intent)
        }
    }

    /// What is left to undo, cancel or watch, one thing at a time.
    private func tidyStep(for run: Run, at now: Date) -> Step {
        if let intent = run.intents.first(where: { ($0.wakeAt ?? .distantFuture) <= now }) {
            switch intent.state {
            case .bound, .late: return .cancel(intent)
            case .sent, .unknown, .absent: return .find(intent)
            case .intended, .settled, .refused: break
            }
        }
        if let undo = run.undos.first(where: { $0.state == .due && $0.wakeAt <= now }) { return .undo(undo) }
        return .wait(until: Draft.nextTidying(of: run))
    }

    /// When the submit of an intent that is marked as sent is over, whoever made it.
    func overAt(_ intent: PaidIntent) -> Date {
        let timeout = traits[intent.provider]?.submitTimeout ?? .seconds(60)
        return (intent.sentAt ?? intent.createdAt) + timeout + policy.submitMargin
    }

    /// Where to look for the prediction of an intent.
    ///
    /// Up to now, not only up to the end of the call: a process that was frozen may have made it late.
    package func search(for intent: PaidIntent, at now: Date) -> TagSearch {
        TagSearch(
            tag: intent.tag,
            inputURL: intent.input?.url,
            model: intent.model,
            sentAt: intent.sentAt ?? intent.createdAt,
            overAt: max(overAt(intent), now)
        )
    }

    /// The order that an intent stands for.
    package func order(_ intent: PaidIntent, of run: Run) -> GenerationOrder {
        GenerationOrder(
            animationID: run.id,
            tag: intent.tag,
            request: run.request,
            source: source(of: intent, in: run),
            input: intent.input,
            part: intent.part,
            cancelAfter: policy.generationTimeout + policy.providerPatience
        )
    }

    /// The image from which an intent's part starts.
    package func source(of intent: PaidIntent, in run: Run) -> SourceImage {
        intent.part == 0 || intent.part > run.parts.count ? run.source : run.parts[intent.part - 1].lastFrame
    }

    // MARK: What an outcome means

    /// What an event means for a run that the caller holds, or nil when it changes nothing.
    package func decide(_ run: Run, _ event: RunEvent, at now: Date) -> Decision? {
        var draft = Draft(run, policy: policy, chance: chance, now: now)
        switch event {
        case .begun: begin(&draft)
        case .overBudget:
            draft.fail(.budgetExceeded, "the day's budget does not suffice")
        case .inputPrepared(let id, let input):
            draft.change(id) { $0.input = input }
            draft.note(input: input, of: id)
            draft.run.tries = 0
        case .inputFailed(_, let failure):
            stepFailed(failure, &draft, patience: run.createdAt + policy.submitPatience)
        case .admitted(let id):
            draft.change(id) { intent in
                intent.state = .sent
                intent.sentAt = now
                intent.wakeAt = overAt(intent)
            }
        case .heldBack(_, let wait, let reason):
            if now >= run.createdAt + policy.submitPatience {
                draft.fail(.providerUnavailable, reason)
            } else {
                draft.wake(after: wait)
            }
        case .notSent(let id):
            draft.change(id) { intent in
                intent.state = .intended
                intent.sentAt = nil
                intent.wakeAt = nil
            }
        case .submitted(let id, let outcome): submitted(id, outcome, &draft)
        case .found(let id, let generations): found(id, generations, &draft)
        case .lookFailed(let id, let error): lookFailed(id, error, &draft)
        case .polled(let id, let outcome), .cancelAnswered(let id, let outcome):
            var asked = false
            if case .cancelAnswered = event { asked = true }
            looked(id, outcome, asked: asked, &draft)
        case .partKept(let part):
            draft.run.parts.append(part)
            draft.run.part += 1
            draft.run.regenerations = 0
            draft.run.tries = 0
            draft.run.state = .submitting
        case .finished(let video): draft.publish(video)
        case .finishFailed(let failure):
            stepFailed(failure, &draft, patience: outputPatience(of: run))
        case .checked:
            draft.run.state = .done
            draft.run.checkAt = nil
            draft.run.tries = 0
        case .checkFailed(let failure): checkFailed(failure, &draft)
        case .undone(let id, let cost): draft.undone(id, cost: cost)
        case .undoMissing(let id): draft.undoMissing(id)
        case .undoFailed(let id, let detail): draft.undoFailed(id, detail)
        case .deleted where run.state == .checking:
            draft.run.state = .done
            draft.run.checkAt = nil
            draft.release()
        case .cancelRequested, .deleted:
            guard run.outcome == nil else { return nil }
            draft.fail(.canceled, "")
            if run.lease.owner != nil, let expiresAt = run.lease.expiresAt { draft.postponeFileUndos(until: expiresAt) }
            draft.release()
        }
        return draft.decision { nextStep(for: $0, at: now) }
            .map { decision in
                guard case .admitted(let id) = event,
                    let intent = decision.change.run.intents.first(where: { $0.id == id })
                else { return decision }
                var decision = decision
                decision.then = .post(intent)
                decision.change.releasesLease = false
                return decision
            }
    }

    /// Lets go of a run that has nothing to do now; nil when `step` is anything but a wait.
    func hold(_ run: Run, _ step: Step, at now: Date) -> Decision? {
        guard case .wait(let until) = step else { return nil }
        var draft = Draft(run, policy: policy, chance: chance, now: now)
        draft.run.wakeAt = until
        draft.release()
        return draft.decision { _ in step }
    }

    /// Writes a paid intent, with the tag that will find it again.
    private func begin(_ draft: inout Draft) {
        let run = draft.run
        let intents = run.intents.filter { $0.part == run.part }.count
        guard let traits = traits[run.request.model.provider] else {
            return draft.fail(.providerUnavailable, "no provider is configured for \"\(run.request.model.alias)\"")
        }
        guard draft.now < run.createdAt + policy.submitPatience || run.part > 0, intents < policy.intentsPerPart else {
            return draft.fail(.providerUnavailable, "no provider took the order in time, after \(intents) attempts")
        }
        let intent = PaidIntent(
            id: chance.uuid(),
            animationID: run.id,
            part: run.part,
            number: run.intents.count + 1,
            tag: chance.tag(),
            provider: run.request.model.provider,
            model: run.request.model.name,
            priceCap: run.request.priceOfPart,
            createdAt: draft.now
        )
        draft.add(intent)
        draft.show([:])
        if traits.wantsInput {
            draft.add(.deleteInput(provider: intent.provider, tag: intent.tag, fileID: nil), state: .due)
        }
        draft.run.state = .submitting
    }

    /// Until when a finished prediction may be unreachable.
    private func outputPatience(of run: Run) -> Date {
        (run.providerDoneAt ?? run.createdAt) + policy.outputPatience
    }

    /// What was published is damaged, and is withdrawn and made anew; or this machine could not check it, and tries again.
    private func checkFailed(_ failure: StepFailure, _ draft: inout Draft) {
        guard case .media(let error) = failure, error.code == .outputInvalid else {
            draft.run.tries += 1
            let wait = RunPolicy.wait(policy.undoBackoff, tries: draft.run.tries, chance: chance.unit())
            draft.run.checkAt = draft.now + wait
            if draft.run.tries == policy.checksBeforeAlarm {
                draft.alert(.warning, "check_stuck", "a published video cannot be checked: \(failure)")
            }
            return draft.release()
        }
        draft.withdraw()
        draft.alert(.warning, "video_withdrawn", "a published video was withdrawn: \(error.detail)")
        let again = MediaFailure(error.code, error.detail, isRetryable: true)
        stepFailed(.media(again), &draft, patience: outputPatience(of: draft.run))
        if draft.run.outcome == nil { draft.armFileUndos() }
    }

    /// A step that may be done again: waits, or fails the run when that is hopeless or has lasted too long.
    private func stepFailed(_ failure: StepFailure, _ draft: inout Draft, patience: Date) {
        let tries = draft.run.tries + 1
        let isLate = draft.now >= patience
        var wait: Duration?
        switch failure {
        case .provider(let error):
            switch error.kind {
            case .throttled, .unavailable, .credit, .credentials:
                guard !isLate else {
                    let code: FailureCode = draft.run.state == .finishing ? .outputExpired : .providerUnavailable
                    return draft.fail(code, error.description)
                }
                wait = error.retryAfter
            case .storage:
                guard !isLate else { return draft.fail(.storageUnavailable, error.description) }
            case .expired, .missing:
                return draft.fail(.outputExpired, error.description)
            case .invalidOutput:
                guard tries < policy.mediaTries else { return draft.fail(.outputInvalid, error.description) }
            case .sourceUnreadable:
                return draft.fail(.sourceUnreadable, error.description)
            case .rejected:
                return draft.fail(.providerRejected, error.description)
            }
        case .media(let error):
            let isEnough = error.code == .storageUnavailable ? isLate : tries >= policy.mediaTries
            guard error.isRetryable, !isEnough else { return draft.fail(error.code, error.detail) }
        case .storage(let error):
            guard error.code != .missing || draft.run.state == .finishing else {
                return draft.fail(.sourceUnreadable, error.description)
            }
            guard !isLate else { return draft.fail(.storageUnavailable, error.description) }
        case .machine(let detail):
            guard !isLate else { return draft.fail(.internal, detail) }
        }
        draft.run.tries = tries
        draft.wake(after: max(wait ?? .zero, RunPolicy.wait(policy.backoff, tries: tries, chance: chance.unit())))
    }
}
