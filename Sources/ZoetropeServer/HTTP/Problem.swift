import HTTPTypes
import Hummingbird
import StrictJSON

/// A request that was not fulfilled, as RFC 9457 has it.
struct Problem: Error, Sendable {
    struct Field: Sendable, Hashable {
        let field: String
        let message: String
    }

    let status: HTTPResponse.Status
    /// Says in one word what is wrong; callers rely on it.
    let code: String
    /// A sentence for a person; no paths, hosts, SQL or secrets.
    let detail: String
    /// What is wrong with the values that were sent.
    var fields: [Field] = []
    var headers = HTTPFields()
    /// The connection is closed behind the answer, whatever the client still sends.
    var endsConnection = false

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    /// Values that break rules; the detail is what is said of all of them.
    init(invalid fields: [Field]) {
        self.init(.unprocessableContent, "validation_failed", fields.map(\.message).joined(separator: "; "))
        self.fields = fields
    }

    /// Nothing was done; the same request may succeed after a while.
    static func unavailable(_ detail: String, retryAfterSeconds: Int) -> Problem {
        var problem = Problem(.serviceUnavailable, "unavailable", detail)
        problem.headers[.retryAfter] = String(retryAfterSeconds)
        return problem
    }

    /// Something ran out; `detail` says what and when it comes back.
    static func limited(_ code: String, _ detail: String, retryAfterSeconds: Int) -> Problem {
        var problem = Problem(.tooManyRequests, code, detail)
        problem.headers[.retryAfter] = String(max(1, retryAfterSeconds))
        return problem
    }

    static func methodNotAllowed(allowed: [HTTPRequest.Method]) -> Problem {
        let names = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        var problem = Problem(.methodNotAllowed, "method_not_allowed", "Use \(names) here")
        problem.headers[.allow] = names
        return problem
    }

    func response(requestID: String) -> Response {
        var members: [String: JSONValue] = [
            "type": "about:blank",
            "title": .string(status.reasonPhrase),
            "status": .integer(Int64(status.code)),
            "detail": .string(detail),
            "code": .string(code),
            "request_id": .string(requestID),
        ]
        if !fields.isEmpty {
            members["errors"] = .array(
                fields.map { ["field": .string($0.field), "message": .string($0.message)] }
            )
        }
        let response = Response(
            status: status,
            headers: headers,
            json: .object(members),
            type: "application/problem+json"
        )
        return endsConnection ? response.endingConnection() : response
    }
}

extension Response {
    /// An answer that has been written and behind which nothing is to come.
    private struct ConnectionOver: Error {}

    /// The same answer as the last of its connection.
    func endingConnection() -> Response {
        var response = self
        response.headers[.connection] = "close"
        response.body = ResponseBody(contentLength: body.contentLength) { [body] writer in
            try await body.write(writer)
            // The one way to make the server close: otherwise it reads the request to its end first.
            throw ConnectionOver()
        }
        return response
    }
}

extension Response {
    init(
        status: HTTPResponse.Status,
        headers: HTTPFields = [:],
        json: JSONValue,
        type: String = "application/json"
    ) {
        var headers = headers
        headers[.contentType] = type
        // Only a number that is not finite has no JSON, and there is none: what was parsed or computed is finite.
        let bytes = (try? json.encoded()) ?? []
        self.init(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
