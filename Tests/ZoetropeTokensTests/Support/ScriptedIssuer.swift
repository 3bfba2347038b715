import Foundation
import Logging
import Synchronization
import ZoetropeTokens

/// An issuer that answers as it is told, counts, and has the clock of the verifier that asks it.
final class ScriptedIssuer: Sendable {
    private struct State {
        var now = Forge.now
        var requests = 0
        var answer: String?
        var maxAge: Duration?
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Answers with this text, or with an error where it is `nil`.
    init(_ answer: String?, maxAge: Duration? = nil) {
        answers(answer, maxAge: maxAge)
    }

    var requests: Int { state.withLock { $0.requests } }

    func answers(_ answer: String?, maxAge: Duration? = nil) {
        state.withLock {
            $0.answer = answer
            $0.maxAge = maxAge
        }
    }

    func advance(_ seconds: TimeInterval) { state.withLock { $0.now += seconds } }

    /// From now on, requests get their answer when they are let go.
    func hold() { state.withLock { $0.isHeld = true } }

    func letGo() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for request in held { request.resume() }
    }

    /// A verifier on this clock that asks this issuer, or another.
    func verifier(fetch: FetchKeySet? = nil) -> TokenVerifier {
        TokenVerifier(
            fetch: fetch ?? { try await self.fetch() },
            rules: TokenRules(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { self.state.withLock { $0.now } }
        )
    }

    private func fetch() async throws -> FetchedKeySet {
        state.withLock { $0.requests += 1 }
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.isHeld { state.held.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        let (answer, maxAge) = state.withLock { ($0.answer, $0.maxAge) }
        guard let answer else { throw KeySetFailure("down") }
        return FetchedKeySet(body: Array(answer.utf8), maxAge: maxAge)
    }
}
