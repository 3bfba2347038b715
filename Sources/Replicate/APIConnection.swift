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
    /// Tries in all; `nil` takes the policy's.
    var maximumAttempts: Int?
    /// No more bytes of an answer are read.
    var largestAnswer = usualLargestAnswer

    /// A list of 100 predictions with small data URIs in their inputs takes 26 MB.
    static let usualLargestAnswer = 64 << 20
}

extension Call {
    /// The call that starts a prediction, to be sent once; the filter goes along only with a webhook.
    ///
    /// - Throws: ``ReplicateError`` when the body cannot be written.
    static func starting(
        _ operation: String,
        method: HTTPMethod,
        url: String,
        body: [String: JSONValue],
        webhook: String?,
        events: Set<WebhookEvent>,
        timeout: Duration
    ) throws -> Call {
        var body = body
        if let webhook {
            body["webhook"] = .string(webhook)
            if !events.isEmpty {
                body["webhook_events_filter"] = .array(events.map(\.rawValue).sorted().map { .string($0) })
            }
        }
        guard let json = try? JSONValue.object(body).encoded() else {
            throw ReplicateError(.permanent, operation, "the input holds a number that JSON cannot hold")
        }
        return Call(
            operation: operation,
            method: method,
            url: url,
            headers: ["content-type": "application/json"],
            body: .bytes(ByteBuffer(bytes: json)),
            timeout: timeout,
            isRepeatable: false
        )
    }
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

    /// What is wrong with an address that has no parts; one with a user name is not repeated, because a password may follow it.
    static func misuse(of address: String, example: String) -> String {
        address.contains("@")
            ? "the base URL must look like \"\(example)\", without a user name"
            : "the base URL must look like \"\(example)\", got \"\(address)\""
    }

    /// The URL of a path; every segment is escaped, so that a hostile id stays one segment.
    package func url(_ segments: [String], query: [(String, String)] = []) -> String {
        let path = segments.map { "/" + Self.escape($0) }.joined()
        let query = query.map { "\($0)=\(Self.escape($1))" }.joined(separator: "&")
        return "\(base)\(basePath)\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// An id or a name that may be a segment.
    ///
    /// - Throws: ``ReplicateError`` for an empty one and for dots alone, which even escaped are a way up.
    package func checked(_ segment: String) throws(ReplicateError) -> String {
        guard !segment.allSatisfy({ $0 == "." }) else {
            throw ReplicateError(.permanent, "address", "an id or a name must not be \"\(segment)\"")
        }
        return segment
    }

    /// Escapes all but letters, digits and `-._~`.
    private static func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.append(byte)
            default: escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    /// Sends a call, again if that does no harm, and returns its successful answer.
    func perform(_ call: Call) async throws -> Answer {
        try await perform(call) { $0 }
    }

    /// Sends a call, again if that does no harm, and reads its successful answer.
    ///
    /// One that cannot be read leaves in doubt what was created; of a read it is one more failed try.
    private func perform<Value>(_ call: Call, as make: (Answer) throws -> Value) async throws -> Value {
        var attempt = 1
        while true {
            do {
                return try make(await performOnce(call))
            } catch let error as ReplicateError {
                guard call.isRepeatable, attempt < call.maximumAttempts ?? .max,
                    let wait = retry.wait(afterAttempt: attempt, error, jitter: jitter())
                else { throw error }
                try await clock.sleep(for: wait)
                attempt += 1
            }
        }
    }

    /// Sends a call and reads its JSON answer, see ``perform(_:)``.
    func value<Value>(of call: Call, as make: (JSONValue) throws -> Value) async throws -> Value {
        try await perform(call) { answer in
            do {
                return try make(JSONValue(answer: answer.body))
            } catch let error as UnreadableAnswer {
                throw ReplicateError(
                    call.isRepeatable ? .transient : .ambiguous,
                    call.operation,
                    "status \(answer.status) with \(error)",
                    status: answer.status
                )
            }
        }
    }

    private func performOnce(_ call: Call) async throws -> Answer {
        var request = OutgoingRequest(method: call.method, url: call.url, headers: call.headers, timeout: call.timeout)
        request.body = call.body
        request.isRepeatable = call.isRepeatable
        request.largestAnswer = call.largestAnswer
        if let token { request.headers.replaceOrAdd(name: "authorization", value: "Bearer \(token.value)") }
        request.headers.replaceOrAdd(name: "user-agent", value: userAgent)
        request.headers.replaceOrAdd(name: "accept", value: "application/json")
        let answer: Answer
        do {
            answer = try await transport.exchange(request)
        } catch {
            // Whoever cancels knows; a create runs in a task that nobody cancels.
            if Task.isCancelled { throw CancellationError() }
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
