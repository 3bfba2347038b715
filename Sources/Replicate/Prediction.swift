public import Foundation

/// One run of a model, as Replicate described it at one moment.
///
/// Reading is lenient: only `id` must be there. A key that is missing, null or of another type than
/// documented is `nil`; a key that has no property here is in ``members``.
/// Source: `schemas_prediction_response` of Replicate's OpenAPI document.
public struct Prediction: Sendable, Hashable, Identifiable {
    /// The name of a prediction: 26 lower-case characters today, opaque to a client.
    public struct ID: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible
    {
        /// The name as Replicate writes it.
        public let rawValue: String

        /// Takes a word as it is.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Takes a literal.
        public init(stringLiteral value: String) { rawValue = value }
        /// The same for people.
        public var description: String { rawValue }
    }

    /// The prediction's name.
    public let id: ID
    /// Where it stands; an empty word when the answer did not say.
    public let status: PredictionStatus
    /// Everything that the answer held, by Replicate's names; a billing metric or a key of next year is found here.
    public let members: [String: JSONValue]

    /// Reads a prediction from a JSON object.
    ///
    /// - Throws: ``UnreadableAnswer`` when it is not an object with an `id`.
    public init(_ json: JSONValue) throws {
        try self.init(json, defaultID: nil)
    }

    /// Reads a prediction from the raw body of a webhook whose signature has been verified.
    ///
    /// Take it for a doorbell: the signature does not cover the URL, deliveries repeat and come out of order. Get the
    /// prediction by its id and act on that.
    public init(webhookBody: some Sequence<UInt8>) throws {
        try self.init(JSONValue(answer: webhookBody))
    }

    init(_ json: JSONValue, defaultID: String?) throws {
        guard let members = json.object else { throw UnreadableAnswer("a prediction that is not a JSON object") }
        guard let id = members["id"]?.string ?? defaultID, !id.isEmpty else {
            throw UnreadableAnswer("a prediction without an id")
        }
        self.id = ID(rawValue: id)
        self.status = PredictionStatus(rawValue: members["status"]?.string ?? "")
        self.members = members
    }
}

extension Prediction {
    /// The model as `owner/name`.
    public var model: String? { members["model"]?.string }
    /// 64 hexadecimal digits, or `hidden` for an official model.
    public var version: String? { members["version"]?.string }
    /// The deployment as `owner/name`, when one was used.
    public var deployment: String? { members["deployment"]?.string }
    /// `api` or `web`; absent from create answers and webhooks.
    public var source: String? { members["source"]?.string }
    /// The inputs as Replicate echoes them: sorted, without defaults; emptied an hour after the end.
    public var input: [String: JSONValue] { members["input"]?.object ?? [:] }
    /// What the model returned; `null` until then, and again after the data was removed.
    public var output: JSONValue { members["output"] ?? .null }
    /// All that the model printed so far; absent from list items.
    public var logs: String? { members["logs"]?.string }
    /// When Replicate accepted it.
    public var createdAt: Date? { date("created_at") }
    /// When the model began to run; absent before.
    public var startedAt: Date? { date("started_at") }
    /// When it became terminal, the upload of the output included.
    public var completedAt: Date? { date("completed_at") }
    /// When Replicate will stop it, if `Cancel-After` was sent.
    public var deadline: Date? { date("deadline") }
    /// Whether Replicate has removed input, output and logs, as it does one hour after the end of an API prediction.
    public var dataRemoved: Bool { members["data_removed"]?.bool ?? false }
    /// Measures by name: `predict_time` and `total_time` in seconds, and what an official model is billed by.
    public var metrics: [String: JSONValue] { members["metrics"]?.object ?? [:] }
    /// Addresses by name: `get`, `cancel`, `web`, sometimes `stream`.
    public var urls: [String: String] { members["urls"]?.object?.compactMapValues(\.string) ?? [:] }
    /// The webhook address, when the answer echoes it; Replicate does not promise that.
    public var webhook: String? { members["webhook"]?.string }

    /// The error text of a failed prediction; `nil` when there is none.
    ///
    /// Old records hold an empty text on success, which counts as none. An error that is not a text comes as JSON.
    public var error: String? {
        switch members["error"] {
        case nil, .null: nil
        case .string(let text): text.isEmpty ? nil : text
        case .some(let other): (try? other.encoded()).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The files that the model returned, as `https:` or `data:` URLs, in the model's order.
    ///
    /// Video models return one text; a text in a one-element array, as other models return it, reads the same.
    public var outputFiles: [String] {
        switch output {
        case .string(let url): [url]
        case .array(let urls): urls.compactMap(\.string)
        default: []
        }
    }

    /// The first of ``outputFiles``, for models that return one.
    ///
    /// - Throws: ``failure``, or one that says ``PredictionFailure/Reason/missingOutput`` when there is no file for another reason.
    public func outputFile() throws(PredictionFailure) -> String {
        guard let file = outputFiles.first, !file.isEmpty else { throw failure ?? .missingOutput }
        return file
    }

    /// Why there is no result, for a terminal prediction that has none; `nil` otherwise.
    ///
    /// A prediction that succeeded without an output counts as failed: older model servers report success although the
    /// upload of the output failed. One whose data were removed after its time does not.
    public var failure: PredictionFailure? {
        switch status {
        case .failed: PredictionFailure(error: error ?? "")
        case .canceled: .canceled
        case .aborted: .aborted
        case .succeeded where !hasOutput && !dataRemoved: .missingOutput
        default: nil
        }
    }

    private var hasOutput: Bool {
        switch output {
        case .null: false
        case .string(let text): !text.isEmpty
        case .array(let elements): elements.contains { $0 != .null }
        default: true
        }
    }

    private func date(_ name: String) -> Date? {
        members[name]?.string.flatMap(Timestamp.parse)
    }
}

/// An answer that is whole but does not hold what Replicate's protocol says.
public struct UnreadableAnswer: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was found, without the answer's content.
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
