import StrictJSON
import ZoetropeWorkflow

/// A signature algorithm that tokens may have.
enum TokenAlgorithm: String, Sendable, CaseIterable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    /// Those of public keys.
    ///
    /// HS256 is not among them: a public key is no secret (RFC 8725, section 2.1).
    static let asymmetric: Set<TokenAlgorithm> = [.rs256, .es256, .edDSA]
}

/// A signed token in its three parts (RFC 7515, section 3.1), whose signature nobody has checked yet.
///
/// Everything that a token says about where its key is (`jku`, `x5u`, `jwk`, `x5c`) is ignored.
struct CompactToken: Sendable {
    /// No token of an issuer that we know comes near.
    static let maxBytes = 8 * 1_024
    private static let maxKeyIDBytes = 256

    let algorithm: TokenAlgorithm
    let keyID: String?
    /// What the signature covers: the first two parts as they arrived.
    let signedBytes: [UInt8]
    let payload: [UInt8]
    let signature: [UInt8]

    /// Reads a token with one of these algorithms.
    /// - Throws: ``AccessError`` with `missing`, `malformed` or `algorithm`.
    init(_ token: String, accepting algorithms: Set<TokenAlgorithm>) throws(AccessError) {
        guard !token.isEmpty else { throw AccessError(.missing, "no token") }
        guard token.utf8.count <= Self.maxBytes else {
            throw AccessError(.malformed, "the token is longer than \(Self.maxBytes) bytes")
        }
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
            throw AccessError(.malformed, "the token is not three parts with dots between them")
        }
        guard let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw AccessError(.malformed, "a part of the token is not base64url") }
        guard let members = TokenObject.members(of: header) else {
            throw AccessError(.malformed, "the token's header is not a JSON object")
        }
        guard let algorithm = members["alg"]?.string.flatMap(TokenAlgorithm.init), algorithms.contains(algorithm) else {
            let names = algorithms.map(\.rawValue).sorted().joined(separator: ", ")
            throw AccessError(.algorithm, "the token's algorithm is not one of \(names)")
        }
        self.algorithm = algorithm
        keyID = try Self.keyID(members["kid"])
        try Self.checkExtensions(members)
        signedBytes = Array(bytes[..<parts[1].endIndex])
        self.payload = payload
        self.signature = signature
    }

    private static func keyID(_ member: JSONValue?) throws(AccessError) -> String? {
        guard let member else { return nil }
        guard let id = member.string, id.utf8.count <= maxKeyIDBytes else {
            throw AccessError(.malformed, "kid is not a text of at most \(maxKeyIDBytes) bytes")
        }
        return id
    }

    /// Refuses headers that would change what the parts mean.
    private static func checkExtensions(_ members: [String: JSONValue]) throws(AccessError) {
        if let type = members["typ"], !["jwt", "at+jwt"].contains(type.string?.lowercased()) {
            throw AccessError(.malformed, "typ is neither JWT nor at+jwt")
        }
        guard members["crit"] == nil else { throw AccessError(.malformed, "crit asks for extensions; there are none") }
        // RFC 7797: with false, the payload would not be base64url.
        guard members["b64"].map({ $0 == true }) ?? true else { throw AccessError(.malformed, "b64 is not true") }
    }
}
