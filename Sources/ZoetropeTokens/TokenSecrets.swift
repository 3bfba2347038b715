/// Secrets for HS256: the first signs, all verify, so that one can be replaced without a break.
package struct TokenSecrets: Sendable {
    /// As many as the hash is long (RFC 7518, section 3.2).
    package static let minBytes = 32
    /// Each token is tried with all of them.
    package static let maxCount = 16

    let secrets: [[UInt8]]

    /// Takes 1 to 16 secrets of at least 32 bytes each.
    package init(_ secrets: [[UInt8]]) throws(SecretError) {
        guard (1...Self.maxCount).contains(secrets.count), secrets.allSatisfy({ $0.count >= Self.minBytes }) else {
            throw SecretError("token secrets must be 1 to \(Self.maxCount), each of at least \(Self.minBytes) bytes")
        }
        self.secrets = secrets
    }
}

/// Secrets that cannot be used, read or made.
package struct SecretError: Error, Sendable, CustomStringConvertible {
    /// For operators: what is wrong and what would be right, without the secret.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
