import Foundation
import StrictJSON
import ZoetropeCore

/// A decision under construction: the run as it will be, and what must be written for it.
struct Draft {
    private(set) var change: RunChange
    let now: Date
    let policy: RunPolicy
    private let chance: Chance
    private var alerts: [Alert] = []
    private var changedIntents: Set<UUID> = []
    private var changedUndos: Set<UUID> = []

    var run: Run {
        get { change.run }
        set { change.run = newValue }
    }

    init(_ run: Run, policy: RunPolicy, chance: Chance, now: Date) {
        change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: false)
        self.policy = policy
        self.chance = chance
        self.now = now
    }

    // MARK: Time

    /// Lets go of the run until a time.
    mutating func wake(at date: Date) {
        run.wakeAt = date
        change.releasesLease = true
    }

    mutating func wake(after wait: Duration) {
        wake(at: now + wait)
    }

    mutating func release() {
        change.releasesLease = true
    }

    // MARK: Intents and money

    func intent(_ id: UUID) -> PaidIntent? {
        run.intents.first { $0.id == id }
    }

    func traits(of id: UUID, _ traits: [VideoModel.Provider: ProviderTraits]) -> ProviderTraits? {
        intent(id).flatMap { traits[$0.provider] }
    }

    mutating func change(_ id: UUID, _ body: (inout PaidIntent) -> Void) {
        guard let index = run.intents.firstIndex(where: { $0.id == id }) else { return }
        body(&run.intents[index])
        changedIntents.insert(id)
    }

    /// A new intent, with its price reserved.
    mutating func add(_ intent: PaidIntent) {
        run.intents.append(intent)
        changedIntents.insert(intent.id)
        if intent.priceCap != .zero { book(intent.id, .reserve, intent.priceCap) }
    }

    mutating func book(_ id: UUID, _ kind: LedgerEntry.Kind, _ amount: MicroUSD) {
        guard let intent = intent(id) else { return }
        change.ledger.append(LedgerEntry(id: chance.uuid(), intent: intent, kind: kind, amount: amount, at: now))
    }

    /// Nothing will be paid for this intent, as far as anybody knows: gives the reservation back.
    mutating func close(_ id: UUID, as state: IntentState) {
        change(id) { intent in
            intent.state = state
            if state == .refused { intent.wakeAt = nil }
        }
        guard let cap = intent(id)?.priceCap, cap != .zero else { return }
        book(id, .release, .zero - cap)
    }

    /// The prediction is at its end: books what it cost.
    mutating func settle(_ id: UUID, cost: MicroUSD) {
        guard let intent = intent(id) else { return }
        // What was given up is booked at its full price already; duplicates may have added to the intent's cost.
        let adjustment = cost - intent.priceCap
        if intent.state == .late {
            if adjustment != .zero { book(id, .late, adjustment) }
        } else if intent.priceCap != .zero {
            book(id, .settle, adjustment)
        }
        let booked = intent.state == .late ? intent.priceCap : .zero
        // The state that said who waits for it is read by the caller from its own copy.
        change(id) { intent in
            intent.state = .settled
            intent.cost = (intent.cost ?? .zero) + cost - booked
            intent.wakeAt = nil
        }
        noteCost()
    }

    /// The prediction does not stop: booked at its full price and cancelled on and on, while the run goes on without it.
    mutating func giveUp(_ id: UUID, nextLook: Date) {
        guard let cap = intent(id)?.priceCap else { return }
        settle(id, cost: cap)
        change(id) { intent in
            intent.state = .late
            intent.wakeAt = nextLook
        }
    }

    // MARK: Undos

    mutating func add(_ action: UndoAction, state: UndoState) {
        let undo = UndoRecord(id: chance.uuid(), animationID: run.id, action: action, createdAt: now, state: state)
        run.undos.append(undo)
        changedUndos.insert(undo.id)
    }

    mutating func change(undo id: UUID, _ body: (inout UndoRecord) -> Void) {
        guard let index = run.undos.firstIndex(where: { $0.id == id }) else { return }
        body(&run.undos[index])
        changedUndos.insert(id)
    }

    /// The uploaded input has an identifier now.
    mutating func note(input: ProviderInput, of id: UUID) {
        guard let intent = intent(id) else { return }
        for undo in run.undos {
            guard case .deleteInput(let provider, intent.tag, _) = undo.action else { continue }
            change(undo: undo.id) {
                $0.action = .deleteInput(provider: provider, tag: intent.tag, fileID: input.fileID)
            }
        }
    }

    /// Writes down which objects the next step may leave behind.
    mutating func armFileUndos() {
        var objects: [(ObjectKey, UndoState)] = []
        if run.part + 1 < run.request.partCount {
            // Needed until the end, whatever that is.
            objects = KeptPart.keys(of: run).map { ($0, .due) }
        } else {
            objects = PublishedVideo.keys(of: run).map { ($0, .armed) }
        }
        for (key, state) in objects where !run.undos.contains(where: { $0.action == .deleteObject(key) }) {
            add(.deleteObject(key), state: state)
        }
    }

    /// Somebody may be writing what these undos delete, and learns only with the lease that nobody wants it any more.
    mutating func postponeFileUndos(until date: Date) {
        for undo in run.undos where undo.state == .due && undo.wakeAt < date {
            switch undo.action {
            case .deleteInput, .deleteObject: change(undo: undo.id) { $0.wakeAt = date }
            case .cancelPrediction, .deleteScene: break
            }
        }
    }

    mutating func undone(_ id: UUID, cost: MicroUSD?) {
        guard let undo = run.undos.first(where: { $0.id == id }) else { return }
        change(undo: id) { $0.state = .done }
        guard case .cancelPrediction(let intentID, _, _) = undo.action, let cost, cost != .zero else { return }
        book(intentID, .late, cost)
        change(intentID) { $0.cost = ($0.cost ?? .zero) + cost }
        noteCost()
    }

    mutating func undoMissing(_ id: UUID) {
        guard let undo = run.undos.first(where: { $0.id == id }),
            case .cancelPrediction(let intentID, _, let prediction) = undo.action
        else { return }
        guard now >= undo.createdAt + policy.knownWithin else {
            return undoFailed(id, "prediction \(prediction) is not known yet")
        }
        // Gone without a trace: nobody can say what it cost, so the books assume the worst.
        undone(id, cost: intent(intentID)?.priceCap)
        alert(.critical, "prediction_vanished", "prediction \(prediction) is not known any more")
    }

    mutating func undoFailed(_ id: UUID, _ detail: String) {
        guard let undo = run.undos.first(where: { $0.id == id }) else { return }
        let wait = RunPolicy.wait(policy.undoBackoff, tries: undo.tries + 1, chance: chance.unit())
        change(undo: id) { [now] undo in
            undo.tries += 1
            undo.lastError = detail.asDetail
            undo.wakeAt = now + wait
        }
        let alarm = undo.createdAt + policy.undoAlarm
        if now >= alarm, now < alarm + policy.undoBackoff.upperBound {
            alert(
                .critical,
                "undo_stuck",
                "an undo has failed for \(policy.undoAlarm / .seconds(86_400)) days: \(detail)"
            )
        }
    }

    // MARK: The end

    mutating func publish(_ video: PublishedVideo) {
        run.outcome = .ready
        run.state = .checking
        run.checkAt = now
        run.tries = 0
        run.video = video
        run.playableAt = now
        for undo in run.undos where undo.state == .armed { change(undo: undo.id) { $0.state = .void } }
        show([
            "seconds": .integer(Int64(video.seconds)),
            "fps": .integer(Int64(video.framesPerSecond)),
            "width": .integer(Int64(video.size.width)),
            "height": .integer(Int64(video.size.height)),
        ])
        noteCost()
    }

    /// Takes back what was published, because it is damaged: the run finishes anew, under keys that were never published.
    mutating func withdraw() {
        guard let video = run.video else { return }
        run.outcome = nil
        run.state = .finishing
        run.checkAt = nil
        run.video = nil
        run.playableAt = nil
        for key in video.keys { add(.deleteObject(key), state: .due) }
        // Every edition before this one was a try at finishing that came to nothing.
        run.tries = run.edition - 1
        run.edition += 1
        change.recall = chance.uuid()
        show([:])
    }

    /// The one final answer of a run that fails, and the beginning of its compensation.
    mutating func fail(_ code: FailureCode, _ detail: String) {
        guard run.outcome == nil else { return }
        run.outcome = .failed
        run.failure = RunFailure(code, detail)
        run.state = .compensating
        run.tries = 0
        for intent in run.intents {
            switch intent.state {
            case .intended: close(intent.id, as: .refused)
            case .bound: change(intent.id) { [now] in $0.wakeAt = now }
            case .sent, .unknown, .settled, .refused, .absent, .late: break
            }
        }
        for undo in run.undos where undo.state == .armed {
            change(undo: undo.id) { [now] undo in
                undo.state = .due
                undo.wakeAt = now
            }
        }
        if run.onFailure == .rollback { add(.deleteScene(run.jobID), state: .due) }
        show(["error": ["code": .string(code.rawValue), "message": .string(code.message)]])
        noteCost()
        if code == .internal || code == .storageUnavailable || code == .budgetExceeded {
            alert(.critical, code.rawValue, "animation failed: \(detail)")
        }
    }

    mutating func failIfOpen(_ code: FailureCode, _ detail: String) {
        if run.outcome == nil { fail(code, detail) }
    }

    /// Shows callers where the animation is, and adds members to its `params`.
    mutating func show(_ params: [String: JSONValue]) {
        let key =
            switch run.outcome {
            case .ready: run.video?.previewKey.description ?? AnimationAttempt.pendingKey
            case .failed: AnimationAttempt.failedKey
            case nil: AnimationAttempt.pendingKey
            }
        change.attempt = AttemptChange(
            previewS3Key: key,
            resultS3Key: run.video?.result?.key.description,
            thumbS3Key: run.video?.posterKey.description,
            params: (change.attempt?.params ?? [:]).merging(params) { $1 }
        )
    }

    /// Callers see what an animation cost once it is over.
    private mutating func noteCost() {
        if run.outcome != nil { show(["cost_usd": .number(run.cost.usd)]) }
    }

    mutating func alert(_ severity: Alert.Severity, _ code: String, _ text: String) {
        alerts.append(Alert(severity, code, text, run.id))
    }

    // MARK: The decision

    /// When a run that is over wants attention next; nil when nothing is left.
    static func nextTidying(of run: Run) -> Date? {
        let intents = run.intents.compactMap(\.wakeAt)
        let undos = run.undos.filter { $0.state == .due }.map(\.wakeAt)
        return (intents + undos).min()
    }

    /// The same for a run that may still need what is undone at its end.
    static func nextUnwanted(of run: Run) -> Date? {
        (unwanted(in: run).compactMap(\.wakeAt) + unwantedUndos(in: run).map(\.wakeAt)).min()
    }

    /// Predictions that nobody waits for, and that cost money.
    static func unwanted(in run: Run) -> [PaidIntent] {
        run.intents.filter { $0.state == .late || $0.state == .absent }
    }

    /// Undos that do not wait for the end: of predictions that nobody waits for, and of what was withdrawn.
    static func unwantedUndos(in run: Run) -> [UndoRecord] {
        run.undos.filter { undo in
            guard undo.state == .due else { return false }
            return switch undo.action {
            case .cancelPrediction: true
            // What is published is never due, and what is temporary is needed until the end.
            case .deleteObject(let key): key.animation != nil
            case .deleteInput, .deleteScene: false
            }
        }
    }

    /// Closes the draft; `nextStep` tells what to do with the run as it will be.
    mutating func decision(_ nextStep: (Run) -> Step) -> Decision? {
        run.version += 1
        if run.state == .checking {
            run.wakeAt = Self.nextUnwanted(of: run)
        } else if run.outcome != nil {
            let isSettled = run.intents.allSatisfy { !$0.state.isOpen && $0.state != .late }
            if run.state == .compensating, isSettled, !run.undos.contains(where: { $0.state.isPending }) {
                run.state = .done
            }
            run.wakeAt = Self.nextTidying(of: run)
        } else if change.releasesLease, let wakeAt = run.wakeAt {
            run.wakeAt = min(wakeAt, Self.nextUnwanted(of: run) ?? wakeAt)
        }
        change.intents = run.intents.filter { changedIntents.contains($0.id) }
        change.undos = run.undos.filter { changedUndos.contains($0.id) }
        run.undos.removeAll { !$0.state.isPending }
        var then: Step?
        if !change.releasesLease || run.outcome != nil {
            let next = nextStep(run)
            if case .wait(let until) = next {
                run.wakeAt = until
                change.releasesLease = true
            } else if !change.releasesLease {
                then = next
            }
        }
        return Decision(change: change, then: then, alerts: alerts)
    }
}

extension KeptPart {
    /// Where the present part of a run is kept: its clip and its last frame.
    static func keys(of run: Run) -> [ObjectKey] { [clipKey(of: run), frameKey(of: run)] }

    static func clipKey(of run: Run) -> ObjectKey {
        .temporary(run.id, epoch: 0, file: "part-\(run.part).mp4")
    }

    static func frameKey(of run: Run) -> ObjectKey {
        .temporary(run.id, epoch: 0, file: "part-\(run.part).png")
    }
}

extension PublishedVideo {
    /// Where a run publishes: video, poster, and the HD result if there is one.
    static func keys(of run: Run) -> [ObjectKey] {
        [
            .video(run.jobID, run.id, edition: run.edition), .poster(run.jobID, run.id, edition: run.edition),
            .hdVideo(run.jobID, run.id, edition: run.edition),
        ]
    }
}
