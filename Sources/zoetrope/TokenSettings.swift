import Foundation
import Logging
import ZoetropeTokens

/// Where the keys of access tokens come from, and what the tokens must say.
struct TokenSettings: Sendable {
    enum Keys: Sendable {
        case secrets(TokenSecrets)
        /// Made and kept in the data folder.
        case secretFile
        /// Tokens come from an issuer.
        case keySet(url: String)
    }

    let keys: Keys
    let rules: TokenRules
}

extension Settings {
    /// The file of the secrets for tokens, where none are set.
    var tokenSecretFile: String { "\(dataFolder)/secrets/jwt" }

    /// What finds out who calls; makes the secret in the data folder where that is due.
    func tokenVerifier(logger: Logger) async throws -> TokenVerifier {
        if case .keySet(let url) = tokens.keys {
            return TokenVerifier(fetch: HTTPKeySetSource(url: url).fetch, rules: tokens.rules, logger: logger)
        }
        return try await TokenVerifier(secrets: tokenSecrets(), rules: tokens.rules)
    }

    /// What makes tokens that ``tokenVerifier(logger:)`` accepts.
    /// - Throws: ``CommandFailure`` where they come from somebody else.
    func tokenIssuer() async throws -> TokenIssuer {
        try await TokenIssuer(secrets: tokenSecrets(), rules: tokens.rules)
    }

    private func tokenSecrets() throws -> TokenSecrets {
        do {
            switch tokens.keys {
            case .secrets(let secrets): return secrets
            case .secretFile: return try TokenSecrets(SecretFile.loadOrMake(path: tokenSecretFile))
            case .keySet:
                throw CommandFailure.usage(
                    "\(Setting.jwksURL.environment) is set: tokens come from that issuer and cannot be made here"
                )
            }
        } catch let error as SecretError {
            throw CommandFailure.usage("\(error)")
        }
    }
}
