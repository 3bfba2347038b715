import Crypto
import Foundation
import Testing
import ZoetropeCore
import ZoetropeTokens
import ZoetropeWorkflow

/// A token with one fault, and what the verifier says to it.
struct TokenFault: Sendable, CustomTestStringConvertible {
    let name: String
    let token: String
    let code: AccessError.Code

    init(_ name: String, _ code: AccessError.Code, _ token: String) {
        self.name = name
        self.token = token
        self.code = code
    }

    init(header: String, _ name: String, _ code: AccessError.Code) {
        self.init(name, code, Forge.token(header: header))
    }

    init(claim: String, _ json: String?, _ code: AccessError.Code) {
        self.init("\(claim) = \(json?.prefix(60) ?? "nothing")", code, Forge.token(claim: claim, json))
    }

    var testDescription: String { "\(name): \(code.rawValue)" }

    /// Texts that are no token.
    static let shapes = [
        TokenFault("nothing", .missing, ""),
        TokenFault("a word", .malformed, "hello"),
        TokenFault("only dots", .malformed, ".."),
        TokenFault("two dots missing", .malformed, Forge.token().replacing(".", with: "")),
        TokenFault("one dot missing", .malformed, parts.prefix(2).joined(separator: ".")),
        TokenFault("a fourth part", .malformed, Forge.token() + ".e30"),
        TokenFault("an empty header", .malformed, ".\(parts[1]).\(parts[2])"),
        TokenFault("an empty payload", .malformed, "\(parts[0])..\(parts[2])"),
        TokenFault("an empty signature", .malformed, "\(parts[0]).\(parts[1])."),
        TokenFault("padding", .malformed, Forge.token() + "="),
        TokenFault("space before", .malformed, " " + Forge.token()),
        TokenFault("a line after", .malformed, Forge.token() + "\n"),
        TokenFault("base64 with + and /", .malformed, "\(parts[0]).\(parts[1]).+/\(parts[2].dropFirst(2))"),
        TokenFault("a look-alike letter", .malformed, "\(parts[0]).\(parts[1]).А\(parts[2].dropFirst())"),
        TokenFault("a length that no bytes have", .malformed, Forge.token() + "AA"),
        TokenFault("1 MB", .malformed, String(repeating: "A", count: 1 << 20)),
        TokenFault("1 MB of dots", .malformed, String(repeating: ".", count: 1 << 20)),
        TokenFault(
            "signed, and 9 kB",
            .malformed,
            Forge.token(claim: "x", "\"\(String(repeating: "x", count: 7_000))\"")
        ),
    ]

    static let headers = [
        TokenFault(header: #"{"alg":"none"}"#, "alg none", .algorithm),
        TokenFault(header: #"{"alg":"None"}"#, "alg None", .algorithm),
        TokenFault(header: #"{"alg":"nOnE"}"#, "alg nOnE", .algorithm),
        TokenFault("alg none without signature", .malformed, unsigned(#"{"alg":"none"}"#)),
        TokenFault(header: #"{"alg":"hs256"}"#, "alg in small letters", .algorithm),
        TokenFault(header: #"{"alg":"HS512"}"#, "alg HS512", .algorithm),
        TokenFault(header: #"{"alg":"RS256"}"#, "alg RS256 where there are secrets", .algorithm),
        TokenFault(header: #"{"alg":["HS256"]}"#, "alg as a list", .algorithm),
        TokenFault(header: #"{"alg":""}"#, "alg empty", .algorithm),
        TokenFault(header: #"{"typ":"JWT"}"#, "no alg", .algorithm),
        TokenFault(header: #"{"alg":"none","alg":"HS256"}"#, "alg twice", .malformed),
        TokenFault(header: #"{"alg":"HS256","a\u006cg":"HS256"}"#, "alg twice, once with an escape", .malformed),
        TokenFault(header: #"{"alg":"HS256","typ":"JWE"}"#, "typ JWE", .malformed),
        TokenFault(header: #"{"alg":"HS256","typ":1}"#, "typ as a number", .malformed),
        TokenFault(header: #"{"alg":"HS256","crit":["exp"]}"#, "crit", .malformed),
        TokenFault(header: #"{"alg":"HS256","crit":[]}"#, "crit without names", .malformed),
        TokenFault(header: #"{"alg":"HS256","b64":false}"#, "b64 false", .malformed),
        TokenFault(header: #"{"alg":"HS256","kid":7}"#, "kid as a number", .malformed),
        TokenFault(
            header: #"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 300))"}"#,
            "a long kid",
            .malformed
        ),
        TokenFault(header: "[]", "a list as header", .malformed),
        TokenFault(header: "{", "half a header", .malformed),
        TokenFault(header: "\u{FEFF}" + Forge.header, "a byte order mark", .malformed),
        TokenFault(
            header:
                #"{"alg":"HS256","x":\#(String(repeating: "[", count: 2_000))\#(String(repeating: "]", count: 2_000))}"#,
            "a header 2,000 levels deep",
            .malformed
        ),
    ]

    static let payloads = [
        TokenFault("no JSON", .malformed, Forge.token(payload: "sub=ada")),
        TokenFault("a list as payload", .malformed, Forge.token(payload: "[\(Forge.payload)]")),
        TokenFault("two payloads", .malformed, Forge.token(payload: Forge.payload + Forge.payload)),
        TokenFault("sub twice", .malformed, Forge.token(payload: #"{"sub":"eve",\#(Forge.payload.dropFirst())"#)),
        TokenFault(
            "sub twice, once with an escape",
            .malformed,
            Forge.token(payload: #"{"s\u0075b":"eve",\#(Forge.payload.dropFirst())"#)
        ),
        TokenFault("deep JSON", .malformed, Forge.token(claim: "x", String(repeating: "[", count: 3_000))),
        TokenFault("broken UTF-8", .malformed, brokenText),
    ]

    static let claims = [
        TokenFault(claim: "exp", "1799999999", .expired),
        TokenFault(claim: "exp", "1800000000", .expired),
        TokenFault(claim: "exp", "0", .expired),
        TokenFault(claim: "exp", nil, .claims),
        TokenFault(claim: "exp", "null", .claims),
        TokenFault(claim: "exp", #""1800000001""#, .claims),
        TokenFault(claim: "exp", "true", .claims),
        TokenFault(claim: "exp", "1800000001.5", .claims),
        TokenFault(claim: "exp", "-1", .claims),
        TokenFault(claim: "exp", "1e400", .claims),
        TokenFault(claim: "exp", "253402300800", .claims),
        TokenFault(claim: "exp", "9223372036854775807", .claims),
        TokenFault(claim: "exp", "9223372036854775808", .claims),
        TokenFault(claim: "nbf", "1800000061", .notYetValid),
        TokenFault(claim: "iat", "1800000061", .notYetValid),
        TokenFault(claim: "nbf", #""soon""#, .claims),
        TokenFault(claim: "iat", "-9223372036854775808", .claims),
        TokenFault(claim: "aud", #""other""#, .audience),
        TokenFault(claim: "aud", #"["other","Zoetrope"]"#, .audience),
        TokenFault(claim: "aud", "[]", .audience),
        TokenFault(claim: "aud", nil, .audience),
        TokenFault(claim: "aud", #"["zoetrope",7]"#, .claims),
        TokenFault(claim: "aud", #"{"zoetrope":1}"#, .claims),
        TokenFault(claim: "sub", nil, .claims),
        TokenFault(claim: "sub", #""""#, .claims),
        TokenFault(claim: "sub", "7", .claims),
        TokenFault(claim: "sub", "null", .claims),
        TokenFault(claim: "sub", #""a\u0000b""#, .claims),
        TokenFault(claim: "sub", #""a\nb""#, .claims),
        TokenFault(claim: "sub", #""a\u0085b""#, .claims),
        TokenFault(claim: "sub", #""a\ud800b""#, .claims),
        TokenFault(claim: "sub", "\"\(String(repeating: "a", count: 256))\"", .claims),
        TokenFault(claim: "sub", "\"\(String(repeating: "a\u{301}", count: 128))\"", .claims),
        // 10 kB do not fit into a token at all.
        TokenFault(claim: "sub", "\"\(String(repeating: "a", count: 10_000))\"", .malformed),
        TokenFault(claim: "sub", "\"\(String(repeating: "a", count: 5_000))\"", .claims),
        TokenFault(claim: "sid", #""""#, .claims),
        TokenFault(claim: "sid", "null", .claims),
        TokenFault(claim: "sid", "[1]", .claims),
        TokenFault(claim: "tier", #""admin""#, .claims),
        TokenFault(claim: "tier", #""Paid""#, .claims),
        TokenFault(claim: "tier", "null", .claims),
        TokenFault(claim: "tier", "true", .claims),
    ]

    static let signatures = [
        TokenFault("another secret", .signature, Forge.token(secret: Array("another-secret-of-thirty-two-bytes".utf8))),
        TokenFault(
            "no secret",
            .signature,
            Forge.token(header: #"{"alg":"HS256","kid":"../../dev/null"}"#, secret: [])
        ),
        TokenFault("cut by a byte", .signature, "\(parts[0]).\(parts[1]).\(Forge.base64URL(signature.dropLast()))"),
        TokenFault("cut to one byte", .signature, "\(parts[0]).\(parts[1]).\(Forge.base64URL(signature.prefix(1)))"),
        TokenFault("a byte more", .signature, "\(parts[0]).\(parts[1]).\(Forge.base64URL(signature + [0]))"),
        TokenFault("another payload", .signature, "\(parts[0]).\(Forge.base64URL(paid.utf8)).\(parts[2])"),
    ]

    private static let parts = Forge.token().split(separator: ".").map(String.init)
    private static let signature = Forge.bytes(parts[2])
    private static let paid = #"{"tier":"paid",\#(Forge.payload.dropFirst())"#

    private static func unsigned(_ header: String) -> String {
        "\(Forge.base64URL(header.utf8)).\(Forge.base64URL(Forge.payload.utf8))."
    }

    private static var brokenText: String {
        let payload = Array(#"{"sub":"ad"#.utf8) + [0xFF] + Array(#"a","aud":"zoetrope","exp":1800000001}"#.utf8)
        let signed = "\(Forge.base64URL(Forge.header.utf8)).\(Forge.base64URL(payload))"
        let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: Forge.secret))
        return "\(signed).\(Forge.base64URL(code))"
    }
}

/// OWASP ASVS 5.0, 9.1 and 9.2: what is no token of ours is refused, each fault by its own code.
@Suite(.timeLimit(.minutes(1)))
struct TokenFaultTests {
    @Test func `the token without a fault is accepted`() async throws {
        #expect(try await Forge.verifier().caller(of: Forge.token()) == Caller(userID: "ada", tier: .free))
    }

    @Test(
        arguments: TokenFault.shapes + TokenFault.headers + TokenFault.payloads + TokenFault.claims
            + TokenFault.signatures
    )
    func `a token with one fault is refused`(_ fault: TokenFault) async throws {
        let verifier = try await Forge.verifier()
        let error = await #expect(throws: AccessError.self) { try await verifier.caller(of: fault.token) }
        #expect(error?.code == fault.code)
    }

    @Test func `a token with any bit of its signature changed is refused`() async throws {
        let parts = Forge.token().split(separator: ".")
        let signature = Forge.bytes(parts[2])
        let verifier = try await Forge.verifier()
        for place in signature.indices {
            for bit in 0..<8 {
                var changed = signature
                changed[place] ^= 1 << bit
                let token = "\(parts[0]).\(parts[1]).\(Forge.base64URL(changed))"
                let error = await #expect(throws: AccessError.self) { try await verifier.caller(of: token) }
                #expect(error?.code == .signature)
            }
        }
    }

    @Test func `a token with any character changed is refused`() async throws {
        let token = Array(Forge.token().utf8)
        let verifier = try await Forge.verifier()
        for place in token.indices {
            // The last character has two bits that stand for nothing.
            let characters = place == token.indices.last ? Array(33...126) : Array("AQgw_.".utf8)
            for character in characters where token[place] != character {
                var changed = token
                changed[place] = character
                await #expect(throws: AccessError.self) {
                    try await verifier.caller(of: String(decoding: changed, as: UTF8.self))
                }
            }
        }
    }

    @Test(arguments: [nil, #""https://other.example""#, #""https://issuer.example/""#, "7"])
    func `another issuer's token is refused where one is configured`(_ issuer: String?) async throws {
        let verifier = try await Forge.verifier(rules: TokenRules(issuer: "https://issuer.example"))
        let error = await #expect(throws: AccessError.self) {
            try await verifier.caller(of: Forge.token(claim: "iss", issuer))
        }
        #expect(error?.code == .issuer)
        #expect(
            try await verifier.caller(of: Forge.token(claim: "iss", #""https://issuer.example""#)).userID == "ada"
        )
    }

    @Test func `errors tell nothing of the token`() async throws {
        let verifier = try await Forge.verifier()
        for fault in TokenFault.shapes + TokenFault.headers + TokenFault.payloads + TokenFault.claims {
            do {
                _ = try await verifier.caller(of: fault.token)
            } catch {
                #expect(error.detail.utf8.count < 120)
                #expect(!error.description.contains("ada") && !error.description.contains("eve"))
            }
        }
    }
}
