package import Foundation
package import ZoetropeCore

/// One line of the money ledger; lines are only ever added.
///
/// The sum of an intent's lines is what it costs or still holds: a reservation, then exactly one settlement or release.
package struct LedgerEntry: Sendable, Equatable, Identifiable {
    /// Stored: never rename a raw value.
    package enum Kind: String, Sendable, CaseIterable {
        /// Holds the intent's price cap; positive.
        case reserve
        /// Replaces the reservation by the cost: cost − price cap.
        case settle
        /// Gives the reservation back: − price cap.
        case release
        /// The provider never confirmed; 0, and a remark that it may have been billed.
        case possiblyBilled = "possibly_billed"
        /// Cost of a prediction that was found after its reservation had been released; positive or 0.
        case late
    }

    package let id: UUID
    package let intentID: UUID
    package let animationID: AnimationID
    package let kind: Kind
    package let amount: MicroUSD
    /// By the database's clock; the UTC day of the reservation is the day that is charged.
    package let at: Date

    package init(id: UUID, intent: PaidIntent, kind: Kind, amount: MicroUSD, at: Date) {
        self.init(
            id: id,
            intentID: intent.id,
            animationID: intent.animationID,
            kind: kind,
            amount: amount,
            at: at
        )
    }

    /// A line as it was stored.
    package init(id: UUID, intentID: UUID, animationID: AnimationID, kind: Kind, amount: MicroUSD, at: Date) {
        self.id = id
        self.intentID = intentID
        self.animationID = animationID
        self.kind = kind
        self.amount = amount
        self.at = at
    }
}
