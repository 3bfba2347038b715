package import Foundation
package import ZoetropeCore

/// The next thing to do for a run: I/O, done by the worker, whose outcome comes back as a ``RunEvent``.
package enum Step: Sendable, Equatable {
    /// Write a new paid intent; no I/O.
    case begin
    /// Put the image where the provider reads it.
    case prepareInput(PaidIntent)
    /// Ask the shared gates for leave to send; no call to the provider.
    case admit(PaidIntent)
    /// The call that costs money.
    ///
    /// Never the first step of a claim: it only ever follows, in the same hands, the commit that marked the intent as sent.
    case post(PaidIntent)
    case find(PaidIntent)
    case poll(PaidIntent)
    case cancel(PaidIntent)
    case keepPart(PaidIntent)
    case finish
    /// Decode every frame of what was published.
    case check
    case undo(UndoRecord)
    /// Nothing before that time; never when nil.
    case wait(until: Date?)
}

/// What came of a step, or what somebody asked for.
package enum RunEvent: Sendable, Equatable {
    case begun
    /// The day's money does not suffice for the intent that ``begun`` would have written.
    case overBudget
    case inputPrepared(PaidIntent.ID, ProviderInput)
    case inputFailed(PaidIntent.ID, StepFailure)
    case admitted(PaidIntent.ID)
    /// The gates are closed; ask again after that time.
    case heldBack(PaidIntent.ID, for: Duration, reason: String)
    /// The mark took so long to write that the call was not made.
    case notSent(PaidIntent.ID)
    case submitted(PaidIntent.ID, SubmitOutcome)
    case found(PaidIntent.ID, [Generation])
    case lookFailed(PaidIntent.ID, ProviderError)
    case polled(PaidIntent.ID, StatusOutcome)
    case cancelAnswered(PaidIntent.ID, StatusOutcome)
    case partKept(KeptPart)
    case finished(PublishedVideo)
    case finishFailed(StepFailure)
    /// What was published is good.
    case checked
    case checkFailed(StepFailure)
    /// With the cost of a prediction that was cancelled by the undo.
    case undone(UndoRecord.ID, cost: MicroUSD?)
    /// The prediction that was to be cancelled is not known to its provider: not yet, or not any more.
    case undoMissing(UndoRecord.ID)
    /// Undone as far as it goes now; again after that time.
    case undoFailed(UndoRecord.ID, detail: String)
    case cancelRequested
    /// The animation is being deleted by its owner.
    case deleted
}

/// Why a step did not bring what it should.
package enum StepFailure: Error, Sendable, Equatable {
    case provider(ProviderError)
    case media(MediaFailure)
    case storage(StorageError)
    /// The scratch folder or another part of this machine.
    case machine(String)
}

/// What is to be written, and what to do when it has landed.
package struct Decision: Sendable, Equatable {
    package var change: RunChange
    /// Nil when the lease is released with the change.
    package var then: Step?
    /// For operators; sent when the change has landed.
    package var alerts: [Alert] = []
}

/// Something that an operator should know.
package struct Alert: Sendable, Equatable {
    package enum Severity: String, Sendable, CaseIterable {
        case warning
        case critical
    }

    package let severity: Severity
    /// A word to filter by, such as `late_bind`.
    package let code: String
    package let text: String
    package let animationID: AnimationID?

    package init(_ severity: Severity, _ code: String, _ text: String, _ animationID: AnimationID?) {
        self.severity = severity
        self.code = code
        self.text = text
        self.animationID = animationID
    }
}
