import Crypto
import HTTPTypes
import Hummingbird
import StrictJSON
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

extension Request {
    /// The header `Idempotency-Key`; nil without one.
    ///
    /// Throws the 400 ``Problem`` for what cannot be one.
    func idempotencyKey() throws(Problem) -> String? {
        guard let key = headers[.idempotencyKey] else { return nil }
        guard key.isVisibleASCII(1...255) else {
            throw Problem(
                .badRequest,
                "invalid_idempotency_key",
                "Idempotency-Key must be 1 to 255 visible ASCII characters"
            )
        }
        return key
    }
}

/// A hash of a call, by which its repetition is told from another call.
struct Fingerprint: Sendable, Equatable {
    let text: String

    /// Of a canonical body and of the place that it was sent to, since the same body for another job is another call.
    init(of body: JSONValue, sentTo place: String) throws(JSONError) {
        let call = Array("POST \(place)\n".utf8) + (try body.encoded())
        text = SHA256.hash(data: call).hexadecimal
    }
}

/// The idempotency keys of calls that are under way in this process.
///
/// The database settles what two processes do with one key; this only tells a twin at once that it is one.
final class KeysInUse: Sendable {
    private let keys = Mutex<Set<[String]>>([])

    /// Throws the 409 ``Problem`` while another call with the same key is under way.
    func using<Result>(
        _ key: String?,
        of caller: Caller,
        _ body: (String?) async throws -> Result
    ) async throws -> Result {
        guard let key else { return try await body(nil) }
        let name = [caller.userID, key]
        guard keys.withLock({ $0.insert(name).inserted }) else {
            var problem = Problem(
                .conflict,
                "idempotency_key_in_use",
                "A call with this Idempotency-Key is under way. Send it again for its answer"
            )
            problem.headers[.retryAfter] = "1"
            throw problem
        }
        defer { keys.withLock { _ = $0.remove(name) } }
        return try await body(key)
    }
}
