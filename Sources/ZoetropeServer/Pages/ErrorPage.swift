import HTTPTypes
import Hummingbird

/// What a person sees instead of a problem's JSON.
struct ErrorPage: Sendable {
    let shell: PageShell

    /// Nil for a request that no browser made to show its answer.
    func response(_ problem: Problem, to request: Request, requestID: String) -> Response? {
        guard ["/api/", "/v1/"].allSatisfy({ !request.uri.path.hasPrefix($0) }),
            request.headers[.accept]?.contains("text/html") == true
        else { return nil }
        var response = shell.response(Self.page(problem, requestID: requestID))
        for field in problem.headers where response.headers[field.name] == nil {
            response.headers.append(field)
        }
        return problem.endsConnection ? response.endingConnection() : response
    }

    static func page(_ problem: Problem, requestID: String) -> Page {
        let note: HTML? =
            problem.status.kind == .serverError
            ? "<p class=\"hint\">When you tell the operator, name this: <code>\(requestID)</code></p>"
            : nil
        return Page(
            title: title(problem.status),
            body: """
                <section class="sheet">
                <h1>\(title(problem.status))</h1>
                <p>\(problem.detail)\(problem.detail.hasSuffix(".") ? "" : ".")</p>
                \(note)
                <p class="actions"><a class="button go" href="/">To the start</a></p>
                </section>
                """,
            status: problem.status
        )
    }

    private static func title(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .notFound: "Nothing here"
        case .gone: "No longer here"
        case .forbidden: "Not allowed"
        case .tooManyRequests: "A little too fast"
        case .serviceUnavailable: "Not right now"
        case .internalServerError: "Something went wrong"
        default: "That did not work"
        }
    }
}
