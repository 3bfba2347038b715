import HTTPTypes
import Hummingbird
import StrictJSON
import Synchronization
import ZoetropeWorkflow

/// Tells a client's own retry of a call whose answer was lost from a new call.
///
/// OpenAI's clients send no idempotency key, but count their tries in `x-stainless-retry-count`. So a call is remembered by
/// what it says, a first try anew each time; a later try of the same gets the answer that is remembered. Who wants the same
/// video twice sends two first tries.
final class RepeatedCalls: Sendable {
    /// Longer than a client waits for an answer (600 s) before it tries again.
    private static let lifetime = Duration.seconds(900)

    private let underWay = Mutex<[[String]: Int]>([:])

    /// Runs `body` with what makes the call repeatable.
    ///
    /// Throws the 409 ``Problem`` for a retry while an earlier try is under way in this process.
    func using<Result>(
        _ fingerprint: Fingerprint,
        of caller: Caller,
        isRetry: Bool,
        answer: @escaping @Sendable (AnimationRecord) -> JSONValue,
        _ body: (Repeatable<AnimationRecord>) async throws -> Result
    ) async throws -> Result {
        // No key of a caller's own has a space in it.
        let key = "try \(fingerprint.text)"
        let name = [caller.userID, key]
        let isFree = underWay.withLock { calls in
            if isRetry, calls[name] != nil { return false }
            calls[name, default: 0] += 1
            return true
        }
        guard isFree else {
            var problem = Problem(
                .conflict,
                "idempotency_key_in_use",
                "An earlier try of this call is under way. Send it again for its answer"
            )
            problem.headers[.retryAfter] = "1"
            throw problem
        }
        defer {
            underWay.withLock { calls in
                let left = (calls[name] ?? 1) - 1
                calls[name] = left > 0 ? left : nil
            }
        }
        var repeatable = Repeatable(key: key, fingerprint: fingerprint.text, answer: answer)
        repeatable.lifetime = Self.lifetime
        repeatable.replaces = !isRetry
        return try await body(repeatable)
    }
}

extension Request {
    /// Whether an OpenAI client sends this call again by itself.
    var isRetry: Bool { headers[.stainlessRetryCount].flatMap { Int($0) }.map { $0 > 0 } ?? false }
}
