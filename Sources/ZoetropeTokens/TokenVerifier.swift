package import Foundation
package import Logging
package import ZoetropeWorkflow

/// Finds out who calls from an access token, a signed JWT.
///
/// By secrets it accepts HS256 only, by an issuer's key set RS256, ES256 and EdDSA (Ed25519) only (ASVS 9.1.2).
/// See ``TokenRules`` for the claims.
package struct TokenVerifier: Sendable {
    private enum Keys {
        case secrets([TokenKey])
        case keySet(KeySetCache)
    }

    private let keys: Keys
    private let rules: TokenRules
    private let now: @Sendable () -> Date

    /// Verifies tokens that were signed with one of these secrets.
    package init(
        secrets: TokenSecrets,
        rules: TokenRules,
        now: @escaping @Sendable () -> Date = { Date() }
    ) async throws {
        var keys: [TokenKey] = []
        for secret in secrets.secrets { keys.append(try await TokenKey(secret: secret)) }
        self.keys = .secrets(keys)
        self.rules = rules
        self.now = now
    }

    /// Verifies tokens of an issuer whose key set `fetch` brings, usually `HTTPKeySetSource(url:).fetch`.
    ///
    /// Nothing is fetched before the first token.
    package init(
        fetch: @escaping FetchKeySet,
        rules: TokenRules,
        logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        keys = .keySet(KeySetCache(fetch: fetch, logger: logger, now: now))
        self.rules = rules
        self.now = now
    }

    /// The caller whom a token names: the text after `Bearer `, nothing around it.
    package func caller(of token: String) async throws(AccessError) -> Caller {
        let compact: CompactToken
        let candidates: [TokenKey]
        switch keys {
        case .secrets(let keys):
            compact = try CompactToken(token, accepting: [.hs256])
            candidates = keys
        case .keySet(let cache):
            compact = try CompactToken(token, accepting: TokenAlgorithm.asymmetric)
            candidates = try await cache.keys(for: compact)
        }
        guard candidates.contains(where: { $0.hasSigned(compact) }) else {
            throw AccessError(.signature, "the signature is wrong")
        }
        return try rules.caller(of: compact.payload, now: now())
    }
}
