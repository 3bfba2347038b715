import Crypto
import Foundation
import ZoetropeTokens

/// Makes tokens that no honest issuer would make, at a fixed moment.
enum Forge {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)
    static let secret = Array("zoetrope-test-secret-0123456789-abcdef".utf8)
    static let header = #"{"alg":"HS256","typ":"JWT"}"#
    static let payload = #"{"sub":"ada","aud":"zoetrope","exp":1800000001}"#

    static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func bytes(_ base64URL: some StringProtocol) -> [UInt8] {
        var text = String(base64URL).replacing("-", with: "+").replacing("_", with: "/")
        while text.count % 4 != 0 { text += "=" }
        return Array(Data(base64Encoded: text) ?? Data())
    }

    /// A token with these texts in it, signed for HS256 whatever its header says.
    static func token(header: String = header, payload: String = payload, secret: [UInt8] = secret) -> String {
        let signed = "\(base64URL(header.utf8)).\(base64URL(payload.utf8))"
        let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
        return "\(signed).\(base64URL(code))"
    }

    /// A token of the usual payload with one claim added, or put in the place of one that is there.
    static func token(claim name: String, _ json: String?) -> String {
        var claims = ["sub": #""ada""#, "aud": #""zoetrope""#, "exp": "1800000001"]
        claims[name] = json
        return token(payload: "{\(claims.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ","))}")
    }

    /// What accepts tokens of ``secret``.
    static func verifier(
        secrets: [[UInt8]] = [secret],
        rules: TokenRules = TokenRules(),
        now: Date = now
    ) async throws -> TokenVerifier {
        try await TokenVerifier(secrets: TokenSecrets(secrets), rules: rules, now: { now })
    }
}

/// An Ed25519 key of an issuer.
struct IssuerKey: Sendable {
    let id: String?
    private let key = Curve25519.Signing.PrivateKey()

    /// The public half as a member of a key set.
    var jwk: String {
        let name = id.map { #""kid":"\#($0)","# } ?? ""
        return
            #"{\#(name)"kty":"OKP","crv":"Ed25519","use":"sig","x":"\#(Forge.base64URL(key.publicKey.rawRepresentation))"}"#
    }

    /// A token that this key signed; its header is the usual one with these members added.
    func token(_ headerMembers: String = "", kid: String? = nil, payload: String = Forge.payload) throws -> String {
        let name = (kid ?? id).map { #","kid":"\#($0)""# } ?? ""
        let header = #"{"alg":"EdDSA"\#(name)\#(headerMembers)}"#
        let signed = "\(Forge.base64URL(header.utf8)).\(Forge.base64URL(payload.utf8))"
        return try "\(signed).\(Forge.base64URL(key.signature(for: Data(signed.utf8))))"
    }

    static func keySet(_ keys: IssuerKey...) -> String {
        #"{"keys":[\#(keys.map(\.jwk).joined(separator: ","))]}"#
    }
}
