import Crypto
import Foundation
import Testing
import ZoetropeCore
import ZoetropeTokens
import ZoetropeWorkflow

/// Tokens against an issuer's key set: which keys are used, and for what.
@Suite(.timeLimit(.minutes(1)))
struct KeySetTests {
    private static let ada = Caller(userID: "ada", tier: .free)
    private static let key = IssuerKey(id: "a")

    private func code(_ keySet: String, _ token: String) async -> AccessError.Code? {
        await #expect(throws: AccessError.self) {
            try await ScriptedIssuer(keySet).verifier().caller(of: token)
        }?
        .code
    }

    @Test func `a token is accepted by the key that its kid names`() async throws {
        let other = IssuerKey(id: "b")
        let keySet = IssuerKey.keySet(other, Self.key)
        #expect(try await ScriptedIssuer(keySet).verifier().caller(of: Self.key.token()) == Self.ada)
        #expect(await code(keySet, try Self.key.token(kid: "b")) == .signature)
    }

    @Test(arguments: [
        "../../dev/null", "a' OR '1'='1", "a'; DROP TABLE keys;--", "A", "", "http://127.0.0.1:1/key",
    ])
    func `a kid that the issuer does not know is only unknown`(_ kid: String) async throws {
        #expect(await code(IssuerKey.keySet(Self.key), try Self.key.token(kid: kid)) == .unknownKey)
    }

    @Test(arguments: [
        #","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/""#, #","x5c":["MIIB"]"#, ",\"jwk\":\(key.jwk)",
    ])
    func `keys that a token brings or points to are not used`(_ members: String) async throws {
        let issuer = ScriptedIssuer(IssuerKey.keySet(IssuerKey(id: "b")))
        for kid in ["a", "b"] {
            let error = await #expect(throws: AccessError.self) {
                try await issuer.verifier().caller(of: Self.key.token(members, kid: kid))
            }
            #expect(error?.code == (kid == "a" ? .unknownKey : .signature))
        }
        // What such a token says does no harm to it either.
        let own = ScriptedIssuer(IssuerKey.keySet(Self.key))
        #expect(try await own.verifier().caller(of: Self.key.token(members)) == Self.ada)
    }

    @Test(arguments: [#","crit":["exp"]"#, #","b64":false"#, #","typ":"JOSE""#])
    func `headers that change a token's meaning are refused here too`(_ members: String) async throws {
        #expect(await code(IssuerKey.keySet(Self.key), try Self.key.token(members)) == .malformed)
    }

    /// The classic: a public key, which everybody knows, taken for a secret.
    @Test func `HS256 with a public key as its secret is refused`() async throws {
        let pem = P256.Signing.PrivateKey().publicKey.pemRepresentation
        for secret in [
            Array(pem.utf8), Forge.bytes(PyJWTSamples.modulus), Array(PyJWTSamples.modulus.utf8),
            Array(PyJWTSamples.keySet.utf8),
        ] {
            for kid in ["rsa", "ec", "ed"] {
                let token = Forge.token(header: #"{"alg":"HS256","kid":"\#(kid)"}"#, secret: secret)
                #expect(await code(PyJWTSamples.keySet, token) == .algorithm)
                let renamed = Forge.token(header: #"{"alg":"RS256","kid":"\#(kid)"}"#, secret: secret)
                #expect(await code(PyJWTSamples.keySet, renamed) == (kid == "rsa" ? .signature : .unknownKey))
            }
        }
    }

    @Test(arguments: [
        "none", "None", "nOnE", "HS256", "RS384", "RS512", "PS256", "ES384", "ES256K", "Ed25519", "ML-DSA-65",
    ])
    func `an algorithm that is not on the list is refused`(_ algorithm: String) async throws {
        let token = Forge.token(header: #"{"alg":"\#(algorithm)","kid":"a"}"#)
        let issuer = ScriptedIssuer(IssuerKey.keySet(Self.key))
        let error = await #expect(throws: AccessError.self) { try await issuer.verifier().caller(of: token) }
        #expect(error?.code == .algorithm)
        // Nobody is asked for such a token.
        #expect(issuer.requests == 0)
    }

    @Test func `a token without kid is accepted by the only key of its algorithm`() async throws {
        let nameless = IssuerKey(id: nil)
        let token = try nameless.token()
        #expect(try await ScriptedIssuer(IssuerKey.keySet(nameless)).verifier().caller(of: token) == Self.ada)
        let elliptic = PyJWTSamples.keySet.replacing(#""kty": "OKP""#, with: #""kty": "unknown""#)
        #expect(await code(elliptic, token) == .unknownKey)
        #expect(await code(IssuerKey.keySet(nameless, Self.key), token) == .unknownKey)
        #expect(await code(IssuerKey.keySet(), token) == .unknownKey)
        // A key without a name is not the one that a token names.
        #expect(await code(IssuerKey.keySet(nameless), try nameless.token(kid: "a")) == .unknownKey)
    }

    @Test(arguments: [
        (#""use":"sig""#, #""use":"enc""#), (#""use":"sig""#, #""use":7"#), (#""use":"sig""#, #""key_ops":["sign"]"#),
        (#""kty":"OKP""#, #""kty":"RSA""#), (#""kty":"OKP""#, #""kty":"EC""#), (#""kty":"OKP""#, #""kty":"oct""#),
        (#""Ed25519""#, #""Ed448""#), (#""Ed25519""#, #""X25519""#), (#""Ed25519""#, #""P-256""#),
        (#""use":"sig""#, #""alg":"RS256""#), (#""use":"sig""#, #""alg":"none""#), (#""use":"sig""#, #""alg":null"#),
        (#""kid":"a""#, #""kid":7"#), (#""x":""#, #""x":"AA"#), (#""x":""#, #""y":""#),
    ])
    func `a key that is not for signatures of its kind is left out`(_ usual: String, _ odd: String) async throws {
        let keySet = IssuerKey.keySet(Self.key).replacing(usual, with: odd)
        #expect(keySet != IssuerKey.keySet(Self.key))
        #expect(await code(keySet, try Self.key.token()) == .unknownKey)
    }

    @Test(arguments: [#""key_ops":["verify"]"#, #""alg":"EdDSA""#, #""x5t":"x","x5c":["x"],"ext":true"#])
    func `what else a key says does no harm`(_ member: String) async throws {
        let keySet = IssuerKey.keySet(Self.key).replacing(#""use":"sig""#, with: member)
        #expect(try await ScriptedIssuer(keySet).verifier().caller(of: Self.key.token()) == Self.ada)
    }

    @Test(arguments: [
        PyJWTSamples.shortModulus, "", "AQ", "AAAA", "!", PyJWTSamples.modulus + "=",
        String(PyJWTSamples.modulus.dropLast(1)),
    ])
    func `an RSA key that is too short or no number is left out`(_ modulus: String) async throws {
        let keySet = PyJWTSamples.keySet.replacing(PyJWTSamples.modulus, with: modulus)
        let token = try #require(PyJWTSamples.signed["RS256"])
        #expect(await code(keySet, token) == .unknownKey)
        // The other keys are used.
        let other = try #require(PyJWTSamples.signed["ES256"])
        #expect(try await ScriptedIssuer(keySet).verifier().caller(of: other).userID == "ada")
    }

    @Test func `a point that is not on the curve is left out`() async throws {
        let keySet = PyJWTSamples.keySet.replacing(#""y": "3F"#, with: #""y": "3G"#)
        #expect(keySet != PyJWTSamples.keySet)
        #expect(await code(keySet, try #require(PyJWTSamples.signed["ES256"])) == .unknownKey)
    }

    @Test(arguments: [
        "", "{}", "[]", "<html>", #"{"keys":{}}"#, #"{"keys":[],"keys":[]}"#, #"{"keys":null}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `an answer that is no key set is as good as none`(_ answer: String) async throws {
        #expect(await code(answer, try Self.key.token()) == .unavailable)
    }

    @Test func `of a key set only the first hundred keys are looked at`() async throws {
        let others = Array(repeating: IssuerKey(id: "b").jwk, count: 100)
        let token = try Self.key.token()
        #expect(await code(#"{"keys":[\#((others + [Self.key.jwk]).joined(separator: ","))]}"#, token) == .unknownKey)
        let last = #"{"keys":[\#((others.dropLast() + [Self.key.jwk]).joined(separator: ","))]}"#
        #expect(try await ScriptedIssuer(last).verifier().caller(of: token) == Self.ada)
    }
}
