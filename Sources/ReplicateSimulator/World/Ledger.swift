/// What every prediction was asked for, cost and delivered; the proof in every test about money.
package struct Ledger: Sendable, Hashable, Codable {
    package var creates: [Create] = []
    /// How many creates were accepted.
    package var accepted = 0
    /// How many of them cost something.
    package var charged = 0
    /// US dollars.
    package var chargeTotal = 0.0
    /// Refused requests by status, over all calls of the API.
    package var refused: [String: Int] = [:]
    /// Whole create requests that arrived, refused and lost ones too; `""` is those without a tag.
    package var createsReceivedByTag: [String: Int] = [:]
    package var cogRuns: [CogRun] = []

    package init() {}

    /// An accepted create.
    package struct Create: Sendable, Hashable, Codable {
        /// Counted from 1.
        package var number: Int
        package var id: String
        package var time: Moment
        package var model: String
        package var version: String
        package var deployment: String?
        package var tag: String?
        /// Strings above 200 characters are cut.
        package var input: JSONValue
        package var webhook: String?
        /// What it costs when it succeeds, in US dollars.
        package var price: Double
        /// What it has cost by now.
        package var charge: Double
        package var status: String
        package var startedAt: Moment?
        package var completedAt: Moment?
        /// When a cancel was asked for.
        package var cancelledAt: Moment?
        package var deliveries: [Delivery]
        package var output: Downloads

        private enum CodingKeys: String, CodingKey {
            case number, id, time, model, version, deployment, tag, input, webhook, price, charge, status
            case startedAt = "started_at"
            case completedAt = "completed_at"
            case cancelledAt = "cancelled_at"
            case deliveries, output
        }
    }

    /// One try to deliver a webhook.
    package struct Delivery: Sendable, Hashable, Codable {
        package var event: String
        package var webhookID: String
        package var time: Moment
        /// Counted from 1.
        package var attempt: Int
        /// What the receiver answered.
        package var status: Int?
        /// Why there was no answer; `dropped` for a fault.
        package var error: String?

        private enum CodingKeys: String, CodingKey {
            case event
            case webhookID = "webhook_id"
            case time, attempt, status, error
        }
    }

    /// What was fetched from the output host.
    package struct Downloads: Sendable, Hashable, Codable {
        package var url: String?
        /// How many requests got the whole file or the whole of the range that they asked for up to its end.
        package var complete = 0
        package var requests = 0
        package var bytesSent = 0
        /// The `Range` headers, at most 100.
        package var ranges: [String] = []
        /// A request carried `Authorization`.
        package var sawAuthorization = false

        private enum CodingKeys: String, CodingKey {
            case url
            case complete = "downloads"
            case requests
            case bytesSent = "bytes_sent"
            case ranges
            case sawAuthorization = "saw_authorization"
        }
    }

    /// A run of the Cog server.
    package struct CogRun: Sendable, Hashable, Codable {
        package var number: Int
        package var id: String
        package var time: Moment
        package var input: JSONValue
        package var status: String
        package var completedAt: Moment?
        /// How many requests named it while it was in flight.
        package var requests: Int
        package var deliveries: [Delivery]

        private enum CodingKeys: String, CodingKey {
            case number, id, time, input, status
            case completedAt = "completed_at"
            case requests, deliveries
        }
    }

    private enum CodingKeys: String, CodingKey {
        case creates, accepted, charged
        case chargeTotal = "charge_total"
        case refused
        case createsReceivedByTag = "creates_received_by_tag"
        case cogRuns = "cog_runs"
    }
}
