import Foundation
import NIOHTTP1

/// A client of a self-hosted Cog model server, Replicate's open format for models in containers.
///
/// A Cog server runs one prediction under an id that the **caller** chooses. While it runs, sending the same id again starts nothing new;
/// once it has ended the id is forgotten and a repeat would run again. It cannot be asked for a prediction later: the result comes with
/// the held answer of ``predict(_:input:timeout:maximumAnswerBytes:)`` or by webhook. Files come back as data URIs, see ``DataURI``.
/// Source: `docs/http.md` of replicate/cog, version 0.17 and later; answers of older servers are understood.
public struct CogClient: Sendable {
    private let api: APIConnection

    /// Creates a client.
    ///
    /// `baseURL` is the server's address, `http://127.0.0.1:5000` for a container on this machine. Cog itself asks for no token; `bearerToken`
    /// is for a proxy before it.
    ///
    /// - Throws: ``ReplicateError`` of kind ``ReplicateError/Kind/permanent`` when the address is none.
    public init(
        baseURL: String,
        bearerToken: String? = nil,
        retry: RetryPolicy = RetryPolicy(),
        connectTimeout: Duration = .seconds(10),
        clock: any Clock<Duration> = ContinuousClock()
    ) throws {
        guard let (base, path) = APIConnection.parts(of: baseURL) else {
            let message = APIConnection.misuse(of: baseURL, example: "http://127.0.0.1:5000")
            throw ReplicateError(.permanent, "configure Cog client", message)
        }
        api = APIConnection(
            base: base,
            basePath: path,
            dialect: .cog,
            token: bearerToken.map(APIToken.init),
            userAgent: ReplicateClient.Configuration().userAgent,
            retry: retry,
            clock: clock,
            jitter: { .random(in: 0...1) },
            transport: Transport(connectTimeout: connectTimeout, idleTimeout: .seconds(30))
        )
    }

    /// Asks the server how it is.
    ///
    /// - Throws: ``ReplicateError``.
    public func health() async throws -> CogHealth {
        let call = Call(operation: "get health", url: api.url(["health-check"]), timeout: .seconds(15))
        return try await api.value(of: call) { try CogHealth($0) }
    }

    /// Runs a prediction and holds the connection until it has ended.
    ///
    /// Sent once. Cancelling the task closes the connection, which makes the server cancel the prediction.
    ///
    /// - Parameters:
    ///   - id: A new id, letters, digits, `-` and `_`; a UUID is a good one.
    ///   - input: The model's inputs; files are URLs or data URIs. A key that the model does not know is dropped without a word.
    ///   - timeout: The limit of the whole call.
    ///   - maximumAnswerBytes: The limit of the answer; a data URI is a third larger than its file.
    /// - Returns: The prediction, terminal; the model's own failure is a status, not an error. If the id was already running: a snapshot.
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/throttled`` when all of the server's slots are taken,
    ///   ``ReplicateError/Kind/transient`` while it is starting, ``ReplicateError/Kind/ambiguous`` when the answer was lost.
    public func predict(
        _ id: Prediction.ID,
        input: [String: JSONValue],
        timeout: Duration = .seconds(30 * 60),
        maximumAnswerBytes: Int = 300 << 20
    ) async throws -> Prediction {
        var call = try putting(id, input: input, webhook: nil, events: [], timeout: timeout)
        call.largestAnswer = maximumAnswerBytes
        return try await api.value(of: call) { try Prediction($0, defaultID: id.rawValue) }
    }

    /// Starts a prediction and returns at once; the result comes by webhook only.
    ///
    /// The webhook is not signed. Cog tries the terminal one up to 12 times.
    ///
    /// - Parameters:
    ///   - id: A new id, letters, digits, `-` and `_`; a UUID is a good one.
    ///   - input: The model's inputs.
    ///   - webhook: Where the result goes.
    ///   - webhookEvents: Which events are sent; empty means all.
    /// - Returns: The prediction, `starting`; if the id was already running: a snapshot.
    /// - Throws: ``ReplicateError``, see ``predict(_:input:timeout:maximumAnswerBytes:)``.
    public func startPrediction(
        _ id: Prediction.ID,
        input: [String: JSONValue],
        webhook: String,
        webhookEvents: Set<WebhookEvent> = []
    ) async throws -> Prediction {
        var call = try putting(id, input: input, webhook: webhook, events: webhookEvents, timeout: .seconds(60))
        // Exactly this word: any other makes the server hold the call.
        call.headers.add(name: "prefer", value: "respond-async")
        try Task.checkCancellation()
        return try await Task { [call] in
            try await api.value(of: call) { try Prediction($0, defaultID: id.rawValue) }
        }
        .value
    }

    /// Stops a prediction.
    ///
    /// - Returns: Whether one by this id was running.
    /// - Throws: ``ReplicateError``.
    @discardableResult
    public func cancelPrediction(_ id: Prediction.ID) async throws -> Bool {
        let url = api.url(["predictions", try checked(id), "cancel"])
        let call = Call(operation: "cancel prediction", method: .POST, url: url, timeout: .seconds(15))
        do {
            _ = try await api.perform(call)
            return true
        } catch let error as ReplicateError where error.status == 404 {
            return false
        }
    }
}

// MARK: - Calls

extension CogClient {
    private func putting(
        _ id: Prediction.ID,
        input: [String: JSONValue],
        webhook: String?,
        events: Set<WebhookEvent>,
        timeout: Duration
    ) throws -> Call {
        try Call.starting(
            "run prediction",
            method: .PUT,
            url: api.url(["predictions", checked(id)]),
            body: ["id": .string(id.rawValue), "input": .object(input)],
            webhook: webhook,
            events: events,
            timeout: timeout
        )
    }

    private func checked(_ id: Prediction.ID) throws -> String {
        guard id.rawValue.wholeMatch(of: /[A-Za-z0-9_-]{1,128}/) != nil else {
            let message = "an id has 1–128 letters, digits, \"-\" or \"_\", got \"\(id.rawValue.prefix(140))\""
            throw ReplicateError(.permanent, "run prediction", message)
        }
        return id.rawValue
    }
}
