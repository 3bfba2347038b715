import Foundation
import NIOHTTP1
import StrictJSON
import ZoetropeWorkflow

/// A whole answer of an engine.
struct EngineAnswer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]
    /// The body as JSON; nil when it is something else.
    let json: JSONValue?

    init(status: Int, headers: HTTPHeaders, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
        json = try? JSONValue(parsing: body)
    }

    var isSuccess: Bool { (200..<300).contains(status) }

    /// Whether an engine or a gateway said this of a video, and not something in between.
    private var isFromTheAPI: Bool {
        json?["error"] != nil || json?["detail"] != nil || json?["message"] != nil
    }

    /// What went wrong, in the answer's own words: OpenAI's `error`, FastAPI's `detail`, or the beginning of the text.
    ///
    /// `secret` is hidden in it, because gateways repeat a key that they refuse.
    func message(hiding secret: String?) -> String {
        let words =
            json?["error"]?["message"]?.string ?? json?["error"]?.string ?? json?["detail"]?.string
            ?? json?["message"]?.string ?? String(decoding: body.prefix(500), as: UTF8.self)
        var text = "status \(status)"
        if (300..<400).contains(status) { text += ", a redirect; check the engine's address" }
        var shown = String(words.prefix(500))
        if let secret, !secret.isEmpty { shown = shown.replacing(secret, with: "[redacted]") }
        return shown.isEmpty ? text : "\(text): \(shown)"
    }

    /// How long to wait before the next call, at most an hour.
    var retryAfter: Duration? {
        func number(_ name: String) -> Double? {
            headers.first(name: name).flatMap(Double.init)
                .flatMap {
                    $0.isFinite && $0 >= 0 ? min($0, 3_600_000) : nil
                }
        }
        let wait =
            number("retry-after-ms").map { Duration.seconds($0 / 1_000) }
            ?? number("retry-after").map { .seconds($0) }
        return wait.map { min($0, .seconds(3_600)) }
    }

    /// Whether the account behind a gateway has nothing left.
    private var isOutOfCredit: Bool {
        let codes = ["insufficient_quota", "budget_exceeded"]
        return status == 402
            || [json?["error"]?["code"]?.string, json?["error"]?["type"]?.string]
                .contains { code in code.map(codes.contains) == true }
    }

    /// What an answer that is no success means for a call that may be repeated.
    func error(hiding secret: String?) -> ProviderError {
        let kind: ProviderError.Kind =
            switch status {
            case 401, 403: .credentials
            case 402, 400, 429: isOutOfCredit ? .credit : status == 429 ? .throttled : .unavailable
            // A balancer without engines says 404, too.
            case 404, 410: isFromTheAPI ? .missing : .unavailable
            default: .unavailable
            }
        return ProviderError(kind, message(hiding: secret), retryAfter: retryAfter)
    }

    /// What an answer that is no success means for a create; nil when it may have been accepted all the same.
    ///
    /// Surely refused is what a server says of a request before it works on it, with a body. A 408, 409, any 5xx and a
    /// redirect may each hide a create that was accepted.
    func refusal(hiding secret: String?) -> ProviderError? {
        guard !body.isEmpty else { return nil }
        let kind: ProviderError.Kind
        switch status {
        case 401, 403: kind = .credentials
        case 400, 402, 429: kind = isOutOfCredit ? .credit : status == 429 ? .throttled : .rejected
        case 404, 405, 413, 415, 422: kind = .rejected
        default: return nil
        }
        return ProviderError(kind, message(hiding: secret), retryAfter: retryAfter)
    }
}
