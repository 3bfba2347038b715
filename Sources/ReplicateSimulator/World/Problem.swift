/// The error answers of the service, word for word where they were recorded (fact sheet, 3.1).
enum Problem {
    private static let problemType = "application/problem+json"

    private static func answer(_ status: Int, _ value: JSONValue, newline: Bool = false, headers: [Header] = [])
        -> Answer
    {
        .json(value, status: status, contentType: problemType, headers: headers, endsWithNewline: newline)
    }

    static var notFound: Answer {
        answer(404, ["detail": "The requested resource could not be found.", "status": 404], newline: true)
    }

    static var fileNotFound: Answer { answer(404, ["detail": "File not found"]) }

    /// A wrong token on a create.
    static var invalidToken: Answer {
        answer(
            401,
            ["status": 401, "detail": "Invalid or expired API token.", "title": "Authentication required"]
        )
    }

    /// A wrong token on everything else.
    static var unauthenticated: Answer {
        answer(
            401,
            [
                "title": "Unauthenticated", "detail": "You did not pass a valid authentication token", "status": 401,
            ]
        )
    }

    /// No token on a create.
    static var authorizationRequired: Answer { .json(["detail": "Authorization header required"], status: 401) }

    /// No token on everything else.
    static var noToken: Answer {
        answer(
            401,
            ["title": "Unauthenticated", "detail": "You did not pass an authentication token", "status": 401]
        )
    }

    static var insufficientCredit: Answer {
        answer(
            402,
            [
                "title": "Insufficient credit",
                "detail": .string(
                    "You have insufficient credit to run this model. Go to "
                        + "https://replicate.com/account/billing#billing to purchase credit. Once you purchase credit, "
                        + "please wait a few minutes before trying again."
                ),
                "status": 402,
            ]
        )
    }

    static var invalidVersion: Answer {
        answer(
            422,
            [
                "title": "Invalid version or not permitted",
                "detail": .string(
                    "The specified version does not exist (or perhaps you don't have permission to use it?)"
                ),
                "status": 422,
            ]
        )
    }

    static var fileTooLarge: Answer { answer(413, ["detail": "Files must be less than 100MB in size"]) }

    static var bodyTooLarge: Answer {
        .text("Request Entity Too Large", status: 413, contentType: "text/plain; charset=utf-8")
    }

    static func validation(_ fields: [InvalidField]) -> Answer {
        let lines = fields.map { $0.field.isEmpty ? "- \($0.description)\n" : "- \($0.field): \($0.description)\n" }
        return answer(
            422,
            [
                "detail": .string(lines.joined()),
                "status": 422,
                "title": "Input validation failed",
                "invalid_fields": .array(
                    fields.map {
                        [
                            "type": .string($0.type),
                            "field": .string($0.field),
                            "description": .string($0.description),
                        ]
                    }
                ),
            ]
        )
    }

    /// Errors whose real wording is not known.
    static func plain(_ status: Int, _ detail: String) -> Answer {
        answer(status, ["detail": .string(detail), "status": .int(status)])
    }

    static func throttled(_ throttle: Throttle, now: Moment) -> Answer {
        var body = JSONObject()
        let start = "Request was throttled."
        let wait = throttle.retryAfter ?? 1
        body["detail"] =
            switch throttle.wording {
            case .lowCredit:
                .string(
                    "\(start) Your rate limit for creating predictions is reduced to 6 requests per minute with a burst "
                        + "of 1 requests while you have less than $5.0 in credit. Your rate limit resets in ~\(wait)s."
                )
            case .plain: .string("\(start) Your rate limit resets in ~\(wait)s.")
            case .old: .string("\(start) Expected available in \(wait) second\(wait == 1 ? "" : "s").")
            case .bare: .string(start)
            }
        if throttle.wording == .lowCredit || throttle.retryAfter != nil { body["status"] = 429 }
        if let seconds = throttle.retryAfter { body["retry_after"] = .int(seconds) }
        let headers: [Header] =
            switch throttle.header {
            case .none: []
            case .seconds: [Header("Retry-After", String(wait))]
            case .date: [Header("Retry-After", (now + Double(wait)).httpDate)]
            }
        return answer(429, .object(body), headers: headers)
    }
}
