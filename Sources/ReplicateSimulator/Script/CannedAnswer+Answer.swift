extension CannedAnswer {
    /// The answer itself.
    var answer: Answer {
        var answer =
            switch body {
            case .edge: Self.edge(status)
            case .html(let text): Answer.text(text, status: status, contentType: "text/html; charset=UTF-8")
            case .text(let text): Answer.text(text, status: status, contentType: "text/plain; charset=utf-8")
            case .json(let value):
                Answer.json(
                    value,
                    status: status,
                    contentType: status >= 400 ? "application/problem+json" : "application/json"
                )
            }
        for header in headers { answer.headers.set(header.name, header.value) }
        return answer
    }

    /// What the service or the edge before it says: recorded bodies where there are some, else a page.
    private static func edge(_ status: Int) -> Answer {
        switch status {
        case 401: Problem.invalidToken
        case 402: Problem.insufficientCredit
        case 404: Problem.notFound
        case 413: Problem.bodyTooLarge
        case 422: Problem.invalidVersion
        case 429: Problem.throttled(Throttle(), now: Moment(nanoseconds: 0))
        case 400, 405..<500: Problem.plain(status, "The request was refused.")
        default: .text(page(status), status: status, contentType: "text/html; charset=UTF-8")
        }
    }

    private static func page(_ status: Int) -> String {
        let title =
            switch status {
            case 403: "Access denied"
            case 500: "Internal server error"
            case 502: "Bad gateway"
            case 503: "Service temporarily unavailable"
            case 504: "Gateway time-out"
            case 520: "Web server is returning an unknown error"
            case 521: "Web server is down"
            case 522: "Connection timed out"
            case 523: "Origin is unreachable"
            case 524: "A timeout occurred"
            case 525: "SSL handshake failed"
            default: "Error"
            }
        return """
            <!DOCTYPE html>
            <html lang="en-US">
            <head><title>api.replicate.com | \(status): \(title)</title></head>
            <body>
            <h1>\(title) <span>Error code \(status)</span></h1>
            <p>Simulated edge. Ray ID: 0123456789abcdef</p>
            </body>
            </html>

            """
    }
}

extension Rewrite {
    /// The JSON with the changes.
    func applied(to value: JSONValue) -> JSONValue {
        var value = value
        if let digits = fractionDigits { value = Self.rewritingTimes(in: value, digits: digits) }
        guard case .object(var object) = value else { return value }
        if outputAsArray, let output = object["output"], case .string = output { object["output"] = [output] }
        if detailAsArray, let detail = object["detail"], case .string = detail { object["detail"] = [detail] }
        for key in remove { object[key] = nil }
        for member in set.members { object[member.key] = member.value }
        return .object(object)
    }

    private static func rewritingTimes(in value: JSONValue, digits: Int) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                object.members.map { member in
                    guard member.key.hasSuffix("_at") || member.key == "deadline", let text = member.value.string,
                        let moment = Moment(text: text)
                    else { return (member.key, rewritingTimes(in: member.value, digits: digits)) }
                    return (member.key, .string(moment.text(digits: digits)))
                }
            )
        case .array(let items): .array(items.map { rewritingTimes(in: $0, digits: digits) })
        default: value
        }
    }
}
