import HTTPTypes
import Hummingbird
import StrictJSON

/// Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.
///
/// Its clients retry 408, 409, 429 and 5xx by themselves unless `x-should-retry` says otherwise.
extension Problem {
    /// What every path of the OpenAI-compatible surface begins with.
    static func isOpenAI(_ path: String) -> Bool { path == "/v1" || path.hasPrefix("/v1/") }

    /// A value that breaks a rule; `param` is the name that OpenAI's clients know it by.
    static func badVideo(_ param: String, _ detail: String, code: String = "invalid_value") -> Problem {
        var problem = Problem(.badRequest, code, detail)
        problem.fields = [Field(field: param, message: detail)]
        return problem
    }

    /// A value that must be sent and was not.
    static func missingFromVideo(_ param: String, _ detail: String) -> Problem {
        badVideo(param, detail, code: "missing_required_parameter")
    }

    static let videoNotFound = Problem(.notFound, "video_not_found", "Video not found")

    func openAIResponse(requestID: String) -> Response {
        let words = openAIWords
        var headers = headers
        if let seconds = headers[.retryAfter].flatMap({ Int($0) }) {
            headers[.retryAfterMilliseconds] = "\(seconds)000"
        }
        if !words.isWorthRetrying { headers[.shouldRetry] = "false" }
        let response = Response(
            status: words.status,
            headers: headers,
            json: [
                "error": [
                    "message": .string(detail),
                    "type": .string(words.type),
                    "param": .orNull(fields.first.map { Self.params[$0.field] ?? $0.field }),
                    "code": .string(words.code),
                ]
            ]
        )
        return endsConnection ? response.endingConnection() : response
    }

    /// The names of this surface for fields that have another one.
    private static let params = [
        "duration": "seconds", "resolution": "size", "image": "input_reference", "image_url": "input_reference",
    ]

    private struct Words {
        let status: HTTPResponse.Status
        let type: String
        let code: String
        /// Only asked of what clients retry by themselves.
        var isWorthRetrying = true
    }

    private var openAIWords: Words {
        switch status.code {
        case 401: return Words(status: status, type: "authentication_error", code: "invalid_api_key")
        case 403: return Words(status: status, type: "permission_error", code: code)
        case 409:
            // A twin that is under way will have an answer.
            let isTwin = code == "idempotency_key_in_use"
            return Words(status: status, type: "invalid_request_error", code: code, isWorthRetrying: isTwin)
        case 422 where code == "idempotency_mismatch":
            return Words(status: status, type: "invalid_request_error", code: code, isWorthRetrying: false)
        case 429:
            switch code {
            case "rate_limited", "active_limit":
                return Words(status: status, type: "rate_limit_error", code: "rate_limit_exceeded")
            default:
                // Used up until tomorrow.
                return Words(
                    status: status,
                    type: "insufficient_quota",
                    code: "insufficient_quota",
                    isWorthRetrying: false
                )
            }
        case 501: return Words(status: status, type: "invalid_request_error", code: code, isWorthRetrying: false)
        case 500...: return Words(status: status, type: "server_error", code: code)
        case 422, 415:
            // What is wrong with a value is a 400 there; 415 stays for the body as a whole.
            let isOfBody = code == "unsupported_media_type"
            let isModel = fields.first?.field == "model"
            return Words(
                status: isOfBody ? status : .badRequest,
                type: "invalid_request_error",
                code: isModel ? "model_not_found" : code == "validation_failed" ? "invalid_value" : code
            )
        default: return Words(status: status, type: "invalid_request_error", code: code)
        }
    }
}
