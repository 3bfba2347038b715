/// Where a prediction stands.
///
/// The list is open: a word that this library does not know is kept as it came and counts as not terminal, since a
/// client that gives up on an unknown word loses a paid result. Source: Replicate's *Prediction lifecycle* page.
public struct PredictionStatus: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The word as Replicate writes it, for example `processing`.
    public let rawValue: String

    /// Takes a word as it is.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Queued, or a worker is booting; not charged.
    public static let starting = PredictionStatus(rawValue: "starting")
    /// The model runs.
    public static let processing = PredictionStatus(rawValue: "processing")
    /// Done, with an output; charged.
    public static let succeeded = PredictionStatus(rawValue: "succeeded")
    /// Done, with an error text; models priced per output are believed not to charge.
    public static let failed = PredictionStatus(rawValue: "failed")
    /// Stopped by a cancel call or, while running, by its deadline; charged for what ran.
    public static let canceled = PredictionStatus(rawValue: "canceled")
    /// Reached its deadline before it started; not charged.
    ///
    /// Exists since October 2025.
    public static let aborted = PredictionStatus(rawValue: "aborted")

    /// Whether the prediction will not change any more: succeeded, failed, canceled or aborted.
    public var isTerminal: Bool {
        self == .succeeded || self == .failed || self == .canceled || self == .aborted
    }

    /// The same for people.
    public var description: String { rawValue }
}
