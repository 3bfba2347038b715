package import Foundation
import JWTKit
import StrictJSON
import ZoetropeCore
package import ZoetropeWorkflow

/// Makes access tokens (HS256) that a ``TokenVerifier`` with the same secrets and rules accepts.
package struct TokenIssuer: Sendable {
    /// From a second to ten years.
    package static let lifetimes: ClosedRange<Duration> = .seconds(1)...Duration.seconds(3_650 * 86_400)

    private let key: TokenKey
    private let rules: TokenRules
    private let now: @Sendable () -> Date

    /// Signs with the first of the secrets.
    package init(
        secrets: TokenSecrets,
        rules: TokenRules,
        now: @escaping @Sendable () -> Date = { Date() }
    ) async throws {
        key = try await TokenKey(secret: secrets.secrets[0])
        self.rules = rules
        self.now = now
    }

    /// A token for a caller.
    ///
    /// - Throws: ``AccessError`` with `claims` for a user or session that no token may name.
    package func token(for caller: Caller, lifetime: Duration) throws -> String {
        precondition(Self.lifetimes.contains(lifetime), "a token's lifetime must be 1 s to 3650 days, got \(lifetime)")
        guard TokenRules.isName(caller.userID) else { throw TokenRules.wrongName("sub") }
        let issuedAt = Int64(now().timeIntervalSince1970)
        var claims: [String: JSONValue] = [
            "sub": .string(caller.userID),
            "tier": .string(caller.tier.rawValue),
            "aud": .string(rules.audience),
            "iat": .integer(issuedAt),
            "exp": .integer(issuedAt + lifetime.components.seconds),
        ]
        if let session = caller.sessionID {
            guard TokenRules.isName(session) else { throw TokenRules.wrongName("sid") }
            claims["sid"] = .string(session)
        }
        if let issuer = rules.issuer { claims["iss"] = .string(issuer) }
        let header: JSONValue = ["alg": .string(TokenAlgorithm.hs256.rawValue), "typ": "JWT"]
        let parts = try [header, .object(claims)].map { Base64URL.encode(try $0.encoded()) }
        let signed = parts.joined(separator: ".")
        return "\(signed).\(Base64URL.encode(try key.checker.sign(Array(signed.utf8))))"
    }
}
