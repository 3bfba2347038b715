/// A webhook that is to be sent.
struct PendingDelivery: Sendable {
    /// Constant over all tries.
    let messageID: String
    let event: WebhookEvent
    let url: String
    let body: JSONValue
    /// Retried when it fails.
    let isTerminal: Bool
    /// When the event happened.
    let firstAt: Moment
    var fault: Fault?
    /// Counted from 1.
    var attempt = 1
    /// Where the result is noted.
    var sender: Sender

    /// Whose webhook it is.
    enum Sender: Sendable, Hashable {
        case prediction(Int)
        case cogRun(Int)
    }

    /// Seconds after the event at which a terminal delivery is tried.
    static let retrySeconds: [Double] = [0, 1, 3, 7, 15, 31, 60]

    /// When the next try is due after a failure; nil when there is none.
    var nextTry: Moment? {
        guard isTerminal, attempt < Self.retrySeconds.count else { return nil }
        return firstAt + Self.retrySeconds[attempt]
    }
}
