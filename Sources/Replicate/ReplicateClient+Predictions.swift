public import Foundation
import NIOHTTP1

/// What runs: the three ways to create a prediction.
public struct PredictionTarget: Sendable, Hashable {
    enum Way: Sendable, Hashable {
        case model(owner: String, name: String)
        case version(String)
        case deployment(owner: String, name: String)
        case malformed(String)
    }

    let way: Way

    /// An official model by `owner/name`, for example `minimax/video-01-live`.
    ///
    /// A community model is refused with 404: use ``version(_:)``.
    public static func model(_ name: String) -> PredictionTarget {
        PredictionTarget(way: parts(name).map { .model(owner: $0, name: $1) } ?? .malformed(name))
    }

    /// A model's version: 64 hexadecimal digits, or `owner/name:` and these digits.
    public static func version(_ version: String) -> PredictionTarget {
        PredictionTarget(way: .version(version))
    }

    /// A deployment of your account by `owner/name`.
    public static func deployment(_ name: String) -> PredictionTarget {
        PredictionTarget(way: parts(name).map { .deployment(owner: $0, name: $1) } ?? .malformed(name))
    }

    private static func parts(_ name: String) -> (String, String)? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        return (String(parts[0]), String(parts[1]))
    }
}

/// When Replicate calls a webhook.
public enum WebhookEvent: String, Sendable, Hashable, CaseIterable {
    /// The prediction exists; tells its id to a program that lost the answer of its create.
    case start
    /// An output came; at most every 500 ms.
    case output
    /// Something was logged; at most every 500 ms.
    case logs
    /// It is terminal. The only event that is sent again, for about a minute, when your server does not answer 2xx.
    case completed
}

extension ReplicateClient {
    /// Starts a prediction.
    ///
    /// **Sent once, whatever happens.**
    ///
    /// Cancelling the task does not abort a create that is under way, because that would only lose the prediction's id; it ends
    /// within ``Configuration/createTimeout``.
    ///
    /// - Parameters:
    /// - target: What runs.
    /// - input: The model's inputs. Files are `https:` URLs, `urls["get"]` of an uploaded file, or data URIs up to 256 kB.
    /// - webhook: An `https:` address; redirects are not followed. Put an id of your own into its query, so that a delivery names your
    /// attempt even if the create's answer was lost.
    /// - webhookEvents: Which events are sent; empty means Replicate's default, `output` and `completed`.
    /// - cancelAfter: Replicate stops the prediction this long after its creation: the bound on what an orphan costs. Whole
    /// seconds, 5 s or more; `nil` leaves only the platform's limit of 30 minutes.
    /// - wait: Holds the call until the prediction is done, 1 to 60 whole seconds (`Prefer: wait`). Not for video models, which need
    /// minutes. The prediction comes back as it then is, perhaps not terminal.
    /// - Returns: The prediction, usually still `starting`.
    /// - Throws: ``ReplicateError``. Kind ``ReplicateError/Kind/ambiguous`` means that it may exist and be charged;
    /// every other kind means that it does not exist.
    public func createPrediction(
        _ target: PredictionTarget,
        input: [String: JSONValue],
        webhook: String? = nil,
        webhookEvents: Set<WebhookEvent> = [],
        cancelAfter: Duration? = nil,
        wait: Duration? = nil
    ) async throws -> Prediction {
        var call = try creation(of: target, input: input, webhook: webhook, events: webhookEvents)
        if let cancelAfter {
            let seconds = cancelAfter.components.seconds
            guard seconds >= 5 else {
                throw ReplicateError(.permanent, call.operation, "cancelAfter must be 5 s or more, got \(cancelAfter)")
            }
            call.headers.add(name: "cancel-after", value: "\(seconds)s")
        }
        if let wait {
            let seconds = wait.components.seconds
            guard (1...60).contains(seconds) else {
                throw ReplicateError(.permanent, call.operation, "wait must be 1–60 s, got \(wait)")
            }
            call.headers.add(name: "prefer", value: "wait=\(seconds)")
            call.timeout += .seconds(seconds)
        }
        try Task.checkCancellation()
        // Not a child of this task: cancelling it would close the connection and lose the id of what was paid for.
        return try await Task { [call] in
            try await api.value(of: call) { try Prediction($0) }
        }
        .value
    }

    private func creation(
        of target: PredictionTarget,
        input: [String: JSONValue],
        webhook: String?,
        events: Set<WebhookEvent>
    ) throws -> Call {
        let operation = "create prediction"
        var body: [String: JSONValue] = ["input": .object(input)]
        let url: String
        switch target.way {
        case .model(let owner, let name):
            url = api.url(["models", try api.checked(owner), try api.checked(name), "predictions"])
        case .deployment(let owner, let name):
            url = api.url(["deployments", try api.checked(owner), try api.checked(name), "predictions"])
        case .version(let version):
            url = api.url(["predictions"])
            body["version"] = .string(version)
        case .malformed(let name):
            throw ReplicateError(
                .permanent,
                operation,
                "a model or deployment is named \"owner/name\", got \"\(name)\""
            )
        }
        return try Call.starting(
            operation,
            method: .POST,
            url: url,
            body: body,
            webhook: webhook,
            events: events,
            timeout: configuration.createTimeout
        )
    }

    /// Reads a prediction as it now is.
    ///
    /// - Throws: ``ReplicateError``. A 404 within a minute of the create is known to happen for a prediction that exists.
    public func prediction(_ id: Prediction.ID) async throws -> Prediction {
        try await prediction(id, timeout: configuration.readTimeout, attempts: nil)
    }

    func prediction(_ id: Prediction.ID, timeout: Duration, attempts: Int?) async throws -> Prediction {
        let call = Call(
            operation: "get prediction",
            url: api.url(["predictions", try api.checked(id.rawValue)]),
            timeout: timeout,
            maximumAttempts: attempts
        )
        return try await api.value(of: call) { try Prediction($0) }
    }

    /// Stops a prediction.
    ///
    /// Cancelling what is finished changes nothing. The answer may lag behind, so a prediction that is not terminal yet is
    /// stopped a little later: get it until it is.
    ///
    /// - Returns: The prediction as it now is.
    /// - Throws: ``ReplicateError``.
    @discardableResult
    public func cancelPrediction(_ id: Prediction.ID) async throws -> Prediction {
        let call = Call(
            operation: "cancel prediction",
            method: .POST,
            url: api.url(["predictions", try api.checked(id.rawValue), "cancel"]),
            timeout: configuration.readTimeout
        )
        do {
            return try await api.value(of: call) { try Prediction($0) }
        } catch let error as ReplicateError where ![401, 403, 429].contains(error.status) {
            // What Replicate answers for a finished prediction is not documented; the prediction itself tells.
            do {
                return try await prediction(id)
            } catch is ReplicateError {
                throw error
            }
        }
    }

    /// The account's predictions, newest first, page by page.
    ///
    /// A list may lag some seconds behind, and its items have no logs. Pages are got when the loop asks for them.
    ///
    /// - Parameters:
    ///   - createdAfter: Only predictions created at this time or later.
    ///   - createdBefore: Only predictions created before this time.
    /// - Returns: A sequence of pages of up to 100 predictions; it throws ``ReplicateError``.
    public func predictions(createdAfter: Date? = nil, createdBefore: Date? = nil) -> Pages<Prediction> {
        var query: [(String, String)] = []
        if let createdAfter { query.append(("created_after", Timestamp.text(createdAfter))) }
        if let createdBefore { query.append(("created_before", Timestamp.text(createdBefore))) }
        return Pages(client: self, operation: "list predictions", path: ["predictions"], query: query) {
            try Prediction($0)
        }
    }
}
