/// A prediction as the simulator keeps it.
struct Prediction: Sendable {
    let id: String
    /// Counted from 1, over all accounts.
    let number: Int
    let account: Int
    let model: VideoModel
    /// `owner/name`, if it was created through one.
    let deployment: String?
    /// As sent, keys sorted; emptied when the data is removed.
    var input: JSONObject
    /// For the ledger.
    let ledgerInput: JSONValue
    let webhook: String?
    let eventsFilter: Set<WebhookEvent>
    let tag: String?
    /// The scheme, host and port that the client called.
    let base: String
    let streamName: String
    let plan: Plan
    var timeline: Timeline
    let recipe: VideoRecipe
    let outputURL: String
    let outputPath: String
    let price: Double
    let seed: Int
    /// When it was asked to cancel.
    var cancelAskedAt: Moment?
    var sentEvents: Set<WebhookEvent> = []
    var logsSentAt: Moment?
    var deliveries: [Ledger.Delivery] = []
    var downloads = Ledger.Downloads()

    /// When input, output, logs and files go.
    var removalTime: Moment? { timeline.end.map { $0.at + Self.retentionSeconds } }

    static let retentionSeconds = 3600.0

    func isRemoved(at now: Moment) -> Bool { removalTime.map { $0 <= now } ?? false }

    /// The end that a webhook calls `completed`: an unknown word is none.
    func hasOutput(at now: Moment) -> Bool {
        let state = timeline.state(at: now)
        guard state.isFinished, !isRemoved(at: now) else { return false }
        return switch timeline.result {
        case .succeeded, .status: state.status != .failed && state.status != .canceled && state.status != .aborted
        default: false
        }
    }
}
