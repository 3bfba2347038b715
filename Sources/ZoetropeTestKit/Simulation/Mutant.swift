/// A bug that is planted to see that the judge finds it.
package enum Mutant: String, CaseIterable, Sendable {
    /// The store does not compare epochs.
    case ignoresEpoch
    /// An unclear answer of the provider is answered by asking again.
    case repeatsPost
    /// The mark before the paid call is lost when the process dies.
    case losesSentMark
    /// Objects are not deleted although the undo says so.
    case forgetsUndo
    /// The cost is booked twice.
    case settlesTwice
    /// A cancellation is answered and not written.
    case dropsCancel
    /// A new object takes the place of the old one.
    case overwrites
    /// Says that an object was stored that was not.
    case pretendsPut
    /// Idempotency keys are not kept.
    case noDedupe
    /// The budget is not looked at.
    case ignoresBudget
    /// The provider's answer to the paid call is taken for a refusal.
    case dropsBinding
    /// The provider is not told to cancel, and the engine believes it was.
    case pretendsCancel
    /// A run that waits for its provider is not woken again.
    case forgetsWake
    /// Uploaded inputs are not removed.
    case leavesInput
}
