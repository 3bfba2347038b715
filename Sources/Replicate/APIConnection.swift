import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// One call of an HTTP API.
struct Call: Sendable {
    /// What it does, for error texts.
    let operation: String
    var method: HTTPMethod = .GET
    /// A whole URL of the API's origin.
    var url: String
    var headers: HTTPHeaders = [:]
    var body: OutgoingRequest.Body?
    /// The limit of each try.
    var timeout: Duration
    /// Whether sending it twice does no harm; if not, it is sent once, whatever happens.
    var isRepeatable = true
}

/// An API at one address, called with one token.
package struct APIConnection: Sendable {
    let base: Origin
    /// The path before every call's own, `/v1` or nothing.
    let basePath: String
    let dialect: Outcome.Dialect
    let token: APIToken?
    let userAgent: String
    let retry: RetryPolicy
    let clock: any Clock<Duration>
    let jitter: @Sendable () -> Double
    let transport: Transport

    /// Takes an address apart; `nil` when it is not an origin with a path.
    static func parts(of address: String) -> (base: Origin, path: String)? {
        guard let url = URLComponents(string: address), let origin = Origin(url), url.query == nil, url.fragment == nil
        else { return nil }
        var path = url.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        return (origin, path)
    }

    /// The URL of a path; every segment is escaped, so that a hostile id stays one segment.
    package func url(_ segments: [String], query: [(String, String)] = []) -> String {
        let path = segments.map { "/" + Self.escape($0) }.joined()
        let query = query.map { "\($0)=\(Self.escape($1))" }.joined(separator: "&")
        return "\(base)\(basePath)\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// Escapes all but letters, digits, `-`, `_` and `~`, and dots unless there is nothing but dots, which would be a way up.
    private static func escape(_ text: String) -> String {
        var allowed = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
        if !text.allSatisfy({ $0 == "." }) { allowed.insert(".") }
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }

    /// Sends a call, again if that does no harm, and returns its successful answer.
    func perform(_ call: Call) async throws -> Answer {
        var attempt = 1
        while true {
            do {
                return try await performOnce(call)
            } catch let error as ReplicateError {
                guard call.isRepeatable, let wait = retry.wait(afterAttempt: attempt, error, jitter: jitter()) else {
                    throw error
                }
                try await clock.sleep(for: wait)
                attempt += 1
            }
        }
    }

    /// Sends a call and reads its successful answer; one that cannot be read leaves in doubt what was created.
    func perform<Value>(_ call: Call, as make: (JSONValue) throws -> Value) async throws -> Value {
        let answer = try await perform(call)
        do {
            return try make(answer.json())
        } catch {
            let message = "status \(answer.status) with \(error)"
            throw ReplicateError(
                call.isRepeatable ? .permanent : .ambiguous,
                call.operation,
                message,
                status: answer.status
            )
        }
    }

    private func performOnce(_ call: Call) async throws -> Answer {
        var request = OutgoingRequest(method: call.method, url: call.url, headers: call.headers, timeout: call.timeout)
        request.body = call.body
        request.isRepeatable = call.isRepeatable
        if let token { request.headers.replaceOrAdd(name: "authorization", value: "Bearer \(token.value)") }
        request.headers.replaceOrAdd(name: "user-agent", value: userAgent)
        request.headers.replaceOrAdd(name: "accept", value: "application/json")
        let answer: Answer
        do {
            answer = try await transport.exchange(request)
        } catch {
            // A create that was cut short stays in doubt; of anything else there is nothing to say.
            if error.isCancellation, call.isRepeatable || !error.mayHaveArrived { throw CancellationError() }
            throw Outcome.noAnswer(to: call, error)
        }
        guard !answer.isSuccess else { return answer }
        throw Outcome.refusal(
            of: call.operation,
            isRepeatable: call.isRepeatable,
            status: answer.status,
            retryAfter: answer.headers.first(name: "retry-after"),
            body: answer.body,
            dialect: dialect,
            secret: token?.value ?? "",
            now: Date()
        )
    }
}
