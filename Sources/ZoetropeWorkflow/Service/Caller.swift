package import ZoetropeCore

/// Who calls.
package struct Caller: Sendable, Equatable {
    package let userID: String
    package let sessionID: String?
    package let tier: Tier

    package init(userID: String, sessionID: String? = nil, tier: Tier) {
        self.userID = userID
        self.sessionID = sessionID
        self.tier = tier
    }
}

/// An access token that was not accepted.
package struct AccessError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// None was sent, or it is no token at all.
        case missing
        case malformed
        /// `none`, or an algorithm that is not on the list.
        case algorithm
        /// Signed by a key that is not known.
        case unknownKey = "unknown_key"
        case signature
        case expired
        case notYetValid = "not_yet_valid"
        case audience
        case issuer
        /// A claim is missing or is not what it must be.
        case claims
        /// The keys cannot be fetched: nothing is known of the token.
        case unavailable
    }

    package let code: Code
    /// For operators; neither the token nor a part of it.
    package let detail: String

    package init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail.asDetail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}
