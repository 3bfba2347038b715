import Foundation
import Logging
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeTokens
import ZoetropeWorkflow

/// What is accepted, and what our own tokens say.
@Suite(.timeLimit(.minutes(1)))
struct TokenVerifierTests {
    private static let other = Array("another-secret-of-thirty-two-bytes".utf8)

    private func issuer(_ secrets: [[UInt8]] = [Forge.secret], rules: TokenRules = TokenRules()) async throws
        -> TokenIssuer
    {
        try await TokenIssuer(secrets: TokenSecrets(secrets), rules: rules, now: { Forge.now })
    }

    @Test(arguments: [
        Caller(userID: "ada", tier: .free), Caller(userID: "ada", sessionID: "s-1", tier: .paid),
        Caller(userID: "Ünï \"\\ 😀", sessionID: String(repeating: "😀", count: 255), tier: .free),
    ])
    func `a token that we issue names its caller`(_ caller: Caller) async throws {
        let rules = TokenRules(audience: "films", issuer: "https://issuer.example")
        let token = try await issuer(rules: rules).token(for: caller, lifetime: .seconds(60))
        #expect(try await Forge.verifier(rules: rules).caller(of: token) == caller)
    }

    @Test func `a token that we issue says what the contract promises`() async throws {
        let rules = TokenRules(issuer: "https://issuer.example")
        let caller = Caller(userID: "ada", sessionID: "s-1", tier: .paid)
        let token = try await issuer(rules: rules).token(for: caller, lifetime: .seconds(60))
        let parts = token.split(separator: ".")
        #expect(try JSONValue(parsing: Forge.bytes(parts[0])) == ["alg": "HS256", "typ": "JWT"])
        #expect(
            try JSONValue(parsing: Forge.bytes(parts[1])) == [
                "sub": "ada", "sid": "s-1", "tier": "paid", "aud": "zoetrope", "iss": "https://issuer.example",
                "iat": 1_800_000_000, "exp": 1_800_000_060,
            ]
        )
    }

    @Test func `a token is good until its last second, and not a second longer`() async throws {
        let caller = Caller(userID: "ada", tier: .free)
        let token = try await issuer().token(for: caller, lifetime: .seconds(60))
        #expect(try await Forge.verifier(now: Forge.now + 59.999).caller(of: token) == caller)
        for late in [60.0, 61, 1e9] {
            let verifier = try await Forge.verifier(now: Forge.now + late)
            let error = await #expect(throws: AccessError.self) { try await verifier.caller(of: token) }
            #expect(error?.code == .expired)
        }
    }

    @Test(arguments: ["", "a\u{0}b", String(repeating: "a", count: 256)])
    func `no token is issued for a user whom none may name`(_ user: String) async throws {
        let issuer = try await issuer()
        for caller in [
            Caller(userID: user, tier: .free), Caller(userID: "ada", sessionID: user, tier: .free),
        ] {
            let error = #expect(throws: AccessError.self) { try issuer.token(for: caller, lifetime: .seconds(60)) }
            #expect(error?.code == .claims)
        }
    }

    @Test(arguments: [
        Forge.token(header: #"{"alg":"HS256"}"#), Forge.token(header: #"{"alg":"HS256","typ":"jwt"}"#),
        Forge.token(header: #"{"alg":"HS256","typ":"at+JWT","b64":true}"#),
        Forge.token(header: #"{"alg":"HS256","kid":"../../dev/null"}"#),
        Forge.token(
            header: #"{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/","jwk":{},"x5c":["x"]}"#
        ),
        Forge.token(claim: "nbf", "1800000060"), Forge.token(claim: "iat", "1800000060"),
        Forge.token(claim: "aud", #"["x","zoetrope"]"#), Forge.token(claim: "exp", "253402300799"),
        Forge.token(claim: "tier", #""free""#), Forge.token(claim: "iss", #""anyone""#),
        Forge.token(claim: "x", #"{"sub":"eve","a":[":",{"b":"\":{"}]}"#),
    ])
    func `a token that is merely unusual is accepted`(_ token: String) async throws {
        #expect(try await Forge.verifier().caller(of: token) == Caller(userID: "ada", tier: .free))
    }

    @Test func `a secret is replaced without a break`() async throws {
        let caller = Caller(userID: "ada", tier: .free)
        let before = try await issuer().token(for: caller, lifetime: .seconds(60))
        let after = try await issuer([Self.other, Forge.secret]).token(for: caller, lifetime: .seconds(60))
        let both = try await Forge.verifier(secrets: [Self.other, Forge.secret])
        #expect(try await both.caller(of: before) == caller)
        #expect(try await both.caller(of: after) == caller)
        let onlyNew = try await Forge.verifier(secrets: [Self.other])
        #expect(try await onlyNew.caller(of: after) == caller)
        let error = await #expect(throws: AccessError.self) { try await onlyNew.caller(of: before) }
        #expect(error?.code == .signature)
    }

    @Test func `secrets that are too short, too many or none are refused`() {
        let good = [UInt8](repeating: 7, count: 32)
        #expect(throws: Never.self) { try TokenSecrets([good]) }
        #expect(throws: SecretError.self) { try TokenSecrets([]) }
        #expect(throws: SecretError.self) { try TokenSecrets([good, good.dropLast()]) }
        #expect(throws: SecretError.self) { try TokenSecrets(Array(repeating: good, count: 17)) }
    }

    // Another implementation's tokens: see PyJWTSamples.

    @Test func `a token of PyJWT is accepted by its secret`() async throws {
        let caller = try await Forge.verifier().caller(of: PyJWTSamples.hs256)
        #expect(caller == Caller(userID: "ada", sessionID: "s-1", tier: .paid))
    }

    @Test(arguments: ["RS256", "ES256", "EdDSA"])
    func `a token of PyJWT is accepted by its key set, and not with a bit of its signature changed`(
        _ algorithm: String
    ) async throws {
        let verifier = TokenVerifier(
            fetch: { FetchedKeySet(body: Array(PyJWTSamples.keySet.utf8)) },
            rules: TokenRules(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { Forge.now }
        )
        let token = try #require(PyJWTSamples.signed[algorithm])
        #expect(try await verifier.caller(of: token) == Caller(userID: "ada", sessionID: "s-1", tier: .paid))
        let parts = token.split(separator: ".")
        let signature = Forge.bytes(parts[2])
        for place in signature.indices {
            var changed = signature
            changed[place] ^= 1
            let token = "\(parts[0]).\(parts[1]).\(Forge.base64URL(changed))"
            let error = await #expect(throws: AccessError.self) { try await verifier.caller(of: token) }
            #expect(error?.code == .signature)
        }
    }
}
