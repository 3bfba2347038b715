import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What the claims of an access token must be.
///
/// - `sub`: the user, a text of 1 to 255 code points without control characters.
/// - `exp`: required; at this second the token is expired, without leeway.
/// - `nbf`, `iat`: optional; at most 60 s in the future, for clocks that differ.
/// - `aud`: this audience, or a list with it. `iss`: this issuer, where one is configured.
/// - `sid`: optional, the session, by the rule of `sub`. `tier`: `free` (default) or `paid`.
///
/// Times are whole seconds since 1970, up to the year 9999. Other claims are ignored.
package struct TokenRules: Sendable, Equatable {
    package static let usualAudience = "zoetrope"

    /// 9999-12-31T23:59:59Z.
    static let latestTime: Int64 = 253_402_300_799
    static let leewaySeconds: Int64 = 60

    package let audience: String
    /// `nil`: any.
    package let issuer: String?

    package init(audience: String = usualAudience, issuer: String? = nil) {
        self.audience = audience
        self.issuer = issuer
    }

    /// Whether a text may name a user or a session: 1 to 255 code points, no control characters, no U+FFFD.
    ///
    /// U+FFFD stands for text that was broken: two users could become one.
    package static func isName(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        return !scalars.isEmpty && scalars.count <= 255
            && scalars.allSatisfy { $0.properties.generalCategory != .control && $0 != "\u{FFFD}" }
    }

    /// The caller whom a payload names.
    ///
    /// - Precondition: the signature has been checked.
    func caller(of payload: [UInt8], now: Date) throws(AccessError) -> Caller {
        guard let claims = TokenObject.members(of: payload) else {
            throw AccessError(.malformed, "the payload is not a JSON object")
        }
        try checkTimes(claims, now: now)
        try checkAudience(claims["aud"])
        if let issuer {
            guard let text = claims["iss"]?.string, text.utf8.elementsEqual(issuer.utf8) else {
                throw AccessError(.issuer, "iss is not \"\(issuer)\"")
            }
        }
        guard let user = claims["sub"]?.string, Self.isName(user) else { throw Self.wrongName("sub") }
        var session: String?
        if let claim = claims["sid"] {
            guard let text = claim.string, Self.isName(text) else { throw Self.wrongName("sid") }
            session = text
        }
        var tier = Tier.free
        if let claim = claims["tier"] {
            guard let known = claim.string.flatMap(Tier.init) else {
                throw AccessError(.claims, "tier is neither free nor paid")
            }
            tier = known
        }
        return Caller(userID: user, sessionID: session, tier: tier)
    }

    static func wrongName(_ claim: String) -> AccessError {
        AccessError(.claims, "\(claim) is not a text of 1 to 255 code points without control characters")
    }

    private func checkTimes(_ claims: [String: JSONValue], now: Date) throws(AccessError) {
        let now = now.timeIntervalSince1970
        guard let expiry = try Self.time("exp", claims) else { throw AccessError(.claims, "exp is missing") }
        guard now < Double(expiry) else { throw AccessError(.expired, "exp has passed") }
        for name in ["nbf", "iat"] {
            guard let start = try Self.time(name, claims) else { continue }
            guard Double(start - Self.leewaySeconds) <= now else {
                throw AccessError(.notYetValid, "\(name) is in the future")
            }
        }
    }

    private static func time(_ name: String, _ claims: [String: JSONValue]) throws(AccessError) -> Int64? {
        guard let claim = claims[name] else { return nil }
        guard case .integer(let time) = claim, (0...latestTime).contains(time) else {
            throw AccessError(.claims, "\(name) is not a whole number of seconds from 1970 to 9999")
        }
        return time
    }

    private func checkAudience(_ claim: JSONValue?) throws(AccessError) {
        let audiences: [String?]
        switch claim {
        case nil: audiences = []
        case .string(let text): audiences = [text]
        case .array(let elements): audiences = elements.map(\.string)
        default: audiences = [nil]
        }
        guard audiences.allSatisfy({ $0 != nil }) else {
            throw AccessError(.claims, "aud is not a text or a list of texts")
        }
        guard audiences.contains(where: { $0.map { $0.utf8.elementsEqual(audience.utf8) } ?? false }) else {
            throw AccessError(.audience, "aud does not name \"\(audience)\"")
        }
    }
}
