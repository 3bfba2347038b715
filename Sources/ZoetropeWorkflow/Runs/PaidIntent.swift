package import Foundation
package import ZoetropeCore

/// The intention to buy one generation, written and flushed before anything is sent.
///
/// A provider without an idempotency key is asked at most once per intent. The tag, in the webhook's URL and in the
/// input's, is what finds the prediction again after a lost answer.
package struct PaidIntent: Sendable, Equatable, Identifiable {
    package let id: UUID
    package let animationID: AnimationID
    /// The run's part that this pays for, from 0.
    package let part: Int
    /// Counts the run's intents, from 1.
    package let number: Int
    /// 128 random bits in lower-case base32, 26 characters: identifies, never authorises.
    package let tag: String
    package let provider: VideoModel.Provider
    /// The provider's name of the model.
    package let model: String
    /// What it may cost at most; reserved until it is settled or released.
    package let priceCap: MicroUSD
    package let createdAt: Date
    package var state: IntentState
    /// Where the provider reads the image; nil until it is there.
    package var input: ProviderInput?
    /// When the point of no return was passed, by the database's clock.
    package var sentAt: Date?
    /// Unique in the database.
    package var predictionID: String?
    /// Searches that found nothing.
    package var looks: Int
    /// When it wants attention next while it is searched for, watched or cancelled; nil otherwise.
    package var wakeAt: Date?
    /// When the provider was first asked to cancel.
    package var cancelRequestedAt: Date?
    /// Where the result can be fetched.
    package var output: String?
    /// What it cost; nil until it is settled.
    package var cost: MicroUSD?

    package init(
        id: UUID,
        animationID: AnimationID,
        part: Int,
        number: Int,
        tag: String,
        provider: VideoModel.Provider,
        model: String,
        priceCap: MicroUSD,
        createdAt: Date
    ) {
        self.id = id
        self.animationID = animationID
        self.part = part
        self.number = number
        self.tag = tag
        self.provider = provider
        self.model = model
        self.priceCap = priceCap
        self.createdAt = createdAt
        state = .intended
        looks = 0
    }
}

/// How far an intent is.
///
/// Stored: never rename a raw value.
package enum IntentState: String, Sendable, CaseIterable {
    /// Nothing was sent.
    case intended
    /// Perhaps sent: committed before the call, so a crash cannot hide it.
    case sent
    /// Sent, and the answer does not say whether it was accepted.
    case unknown
    /// The prediction is known and not yet at its end.
    case bound
    /// The prediction is at its end and its cost is booked.
    case settled
    /// The provider surely made nothing of it; the reservation is released.
    case refused
    /// Nothing was found after the last look; it stays on watch for an hour.
    case absent
    /// Found or still running after it was given up: it is being cancelled, and its cost will be booked.
    case late

    /// At most one intent of an animation is in one of these states, by a unique index.
    package var isOpen: Bool {
        switch self {
        case .intended, .sent, .unknown, .bound: true
        case .settled, .refused, .absent, .late: false
        }
    }
}

/// Where a provider reads an input image.
package struct ProviderInput: Sendable, Equatable {
    /// Unique to the intent.
    package let url: String
    /// The provider's name of the uploaded file; nil when it was not uploaded.
    package let fileID: String?

    package init(url: String, fileID: String?) {
        self.url = url
        self.fileID = fileID
    }
}
