import Foundation
import JWTKit
import StrictJSON

/// A key that checks signatures.
///
/// The token's header chooses among keys but never makes one, and the library never sees it: it gets bytes, a signature and the key.
struct TokenKey: Sendable {
    let id: String?
    let algorithm: TokenAlgorithm
    let checker: any JWTAlgorithm

    /// Whether the token has this key's algorithm and is signed by it.
    func hasSigned(_ token: CompactToken) -> Bool {
        // An impossible signature (too short, too long) is an error there and only a wrong one here.
        algorithm == token.algorithm && (try? checker.verify(token.signature, signs: token.signedBytes)) ?? false
    }

    private init(id: String?, _ algorithm: TokenAlgorithm, _ keys: JWTKeyCollection) async throws {
        self.id = id
        self.algorithm = algorithm
        checker = try await keys.getKey()
    }

    /// A key for HS256.
    init(secret: [UInt8]) async throws {
        try await self.init(
            id: nil,
            .hs256,
            JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        )
    }

    /// The key of a member of a key set (RFC 7517), or `nil` for one that cannot check RS256, ES256 or EdDSA signatures.
    init?(jwk: [String: JSONValue]) async {
        let id = jwk["kid"]
        guard id == nil || id?.string != nil, Self.isForSignatures(jwk),
            let (algorithm, keys) = try? await Self.publicKey(jwk),
            jwk["alg"] == nil || jwk["alg"]?.string == algorithm.rawValue,
            let key = try? await TokenKey(id: id?.string, algorithm, keys)
        else { return nil }
        self = key
    }

    private static func isForSignatures(_ jwk: [String: JSONValue]) -> Bool {
        if let use = jwk["use"], use != "sig" { return false }
        if let operations = jwk["key_ops"], operations.array?.contains("verify") != true { return false }
        return true
    }

    private static func publicKey(_ jwk: [String: JSONValue]) async throws -> (TokenAlgorithm, JWTKeyCollection)? {
        func number(_ name: String, byteCount: Int? = nil) -> String? {
            guard let text = jwk[name]?.string, let bytes = Base64URL.decode(text.utf8), !bytes.isEmpty,
                byteCount == nil || bytes.count == byteCount
            else { return nil }
            return text
        }
        switch (jwk["kty"]?.string, jwk["crv"]?.string) {
        case ("RSA", _):
            guard let modulus = number("n"), let exponent = number("e") else { return nil }
            // Refuses less than 2048 bits.
            let key = try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
            return await (.rs256, JWTKeyCollection().add(rsa: key, digestAlgorithm: .sha256))
        case ("EC", "P-256"):
            guard let x = number("x", byteCount: 32), let y = number("y", byteCount: 32) else { return nil }
            return try await (.es256, JWTKeyCollection().add(ecdsa: ES256PublicKey(parameters: (x, y))))
        case ("OKP", "Ed25519"):
            guard let x = number("x", byteCount: 32) else { return nil }
            return try await (.edDSA, JWTKeyCollection().add(eddsa: EdDSA.PublicKey(x: x, curve: .ed25519)))
        default: return nil
        }
    }
}
