import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// A Video object as engines send it: nothing in it is certain, not even its types.
struct EngineVideo: Sendable, Equatable {
    /// Nil when there is none that can be asked for.
    let id: String?
    let status: String?
    let model: String?
    /// `error.code`: a text, or with vLLM-Omni a number.
    let errorCode: String?
    let errorMessage: String?
    /// SGLang's own field: where the result lies in its object store.
    let url: String?
    let createdAt: Date?
    let completedAt: Date?

    /// Reads one; nil when it is no object.
    init?(_ json: JSONValue?) {
        guard let json, json.object != nil else { return nil }
        id = json["id"]?.string.flatMap { Self.isUsable($0) ? $0 : nil }
        status = json["status"]?.string
        model = json["model"]?.string.map { String($0.prefix(200)) }
        errorCode = json["error"]?["code"]?.string ?? json["error"]?["code"]?.integer.map { String($0) }
        errorMessage = json["error"]?["message"]?.string ?? json["error"]?.string
        url = json["url"]?.string
        createdAt = Self.date(json["created_at"])
        completedAt = Self.date(json["completed_at"])
    }

    /// Whether an id can be one segment of a path: gateways take escaped slashes apart, and dots alone are a way up.
    ///
    /// The longest known ones are LiteLLM's, which hold the provider's id and the deployment.
    static func isUsable(_ id: String) -> Bool {
        (1...1_024).contains(id.utf8.count) && !id.allSatisfy { $0 == "." }
            && id.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7f && $0 != "/" && $0 != "\\"
            }
    }

    /// A time in Unix seconds, up to the year 9999.
    private static func date(_ value: JSONValue?) -> Date? {
        guard let seconds = value?.number, (0...253_402_300_799).contains(seconds) else { return nil }
        return Date(timeIntervalSince1970: seconds)
    }

    /// The video as the engine's user sees it; `status` is that of the answer it came with, and `output` what a result is fetched by.
    func generation(id: String, tag: String?, output: String, status: Int) -> Generation {
        Generation(
            id: id,
            tag: tag,
            model: model,
            state: state(output: output, httpStatus: status),
            createdAt: createdAt,
            completedAt: completedAt
        )
    }

    private func state(output: String, httpStatus: Int) -> Generation.State {
        switch status {
        case "completed": .succeeded(output: output)
        case "failed": failure(httpStatus: httpStatus)
        case "queued", nil: .running(hasStarted: false)
        default: .running(hasStarted: true)
        }
    }

    private func failure(httpStatus: Int) -> Generation.State {
        let code = errorCode ?? (httpStatus >= 400 ? String(httpStatus) : "")
        let words = [code, errorMessage ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
        let detail = words.isEmpty ? "the engine does not say why" : words
        let failure: GenerationFailure
        switch code {
        // Ended by somebody, which the interface has no status for.
        case "cancelled", "canceled":
            return .canceled(hasStarted: true)
        case "moderation_blocked", "content_policy_violation":
            failure = GenerationFailure(
                code: .contentRejected,
                detail: detail,
                retries: 0,
                retryDelay: .zero
            )
        case "400", "413", "415", "422", "invalid_request_error":
            failure = GenerationFailure(
                code: .providerRejected,
                detail: detail,
                retries: 0,
                retryDelay: .zero
            )
        // Out of memory, a worker that died: another try may go well.
        default:
            let wait = Duration.seconds(15)
            failure = GenerationFailure(
                code: .providerUnavailable,
                detail: detail,
                retries: 1,
                retryDelay: wait
            )
        }
        return .failed(failure)
    }
}
