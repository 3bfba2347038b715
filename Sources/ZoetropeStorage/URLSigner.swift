import Crypto
package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// Signs the addresses of local objects, and knows its signatures again.
///
/// `/api/v1/media/<key>?expires=<Unix seconds>&signature=<key id>.<HMAC-SHA256>`. Signed is the text as it is sent, so
/// that nothing is decoded before it is known to be ours, and no other spelling of a path is valid.
package struct URLSigner: Sendable {
    private struct Key: Sendable {
        /// Eight hexadecimal digits that follow from the secret.
        let id: String
        let secret: SymmetricKey

        init(_ bytes: [UInt8]) {
            secret = SymmetricKey(data: bytes)
            let hash = HMAC<SHA256>
                .authenticationCode(
                    for: Data("zoetrope media key id v1".utf8),
                    using: secret
                )
            id = hash.prefix(4).hexadecimal
        }
    }

    private let keys: [Key]

    private static let pathPrefix = "/api/v1/media/"
    /// The seconds that fit into ten digits, up to the year 2286.
    private static let seconds: ClosedRange<Int64> = 1...9_999_999_999

    /// Makes a signer of secrets, at least one, each of 32 bytes or more.
    ///
    /// The first signs; all verify, so that a secret can be replaced while addresses that it signed are in use.
    package init(keys: [[UInt8]]) {
        precondition(!keys.isEmpty, "keys must hold a secret")
        precondition(
            keys.allSatisfy { $0.count >= 32 },
            "keys must have 32 bytes, got \(keys.map(\.count))"
        )
        self.keys = keys.map(Key.init)
    }

    /// The address of an object up to a time, of which only whole seconds count.
    package func path(for key: ObjectKey, expires: Date) -> String {
        let name = Self.encoded(key)
        let seconds = Int64(expires.timeIntervalSince1970.rounded(.down))
        let expires = String(min(max(seconds, Self.seconds.lowerBound), Self.seconds.upperBound))
        let code = HMAC<SHA256>
            .authenticationCode(
                for: Self.signed(name, expires),
                using: keys[0].secret
            )
        return "\(Self.pathPrefix)\(name)?expires=\(expires)&signature=\(keys[0].id).\(Self.text(code))"
    }

    /// Judges an address by its parts, which must be as they were sent: the key percent-encoded.
    ///
    /// The address is valid before the second of its expiry. Comparing takes as long for any wrong signature.
    package func verify(key: String, expires: String, signature: String, now: Date)
        -> SignedURLVerdict
    {
        guard let seconds = Self.seconds(expires), let object = Self.decoded(key),
            let (id, code) = Self.parts(of: signature),
            let signer = keys.first(where: { $0.id == id }),
            HMAC<SHA256>
                .isValidAuthenticationCode(
                    code,
                    authenticating: Self.signed(key, expires),
                    using: signer.secret
                )
        else { return .forged }
        return now.timeIntervalSince1970 < Double(seconds) ? .valid(object) : .expired
    }

    /// What is signed; no part can hold a line break.
    private static func signed(_ name: String, _ expires: String) -> Data {
        Data("zoetrope media url v1\n\(expires)\n\(name)".utf8)
    }

    private static func seconds(_ text: String) -> Int64? {
        guard (1...10).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "0"),
            text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
        else { return nil }
        return Int64(text)
    }

    /// The key with everything encoded but slashes and what RFC 3986 leaves unreserved.
    private static func encoded(_ key: ObjectKey) -> String {
        key.description.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    )

    /// The key of a path; nil for any text that ``encoded(_:)`` does not make.
    private static func decoded(_ name: String) -> ObjectKey? {
        guard name.utf8.count <= 3 * ObjectKey.maxBytes, let text = name.removingPercentEncoding,
            let key = ObjectKey(text), encoded(key).utf8.elementsEqual(name.utf8)
        else { return nil }
        return key
    }

    /// A code in base64url without padding.
    private static func text(_ code: some Sequence<UInt8>) -> String {
        let bytes = Data(code).base64EncodedData()
            .compactMap { byte in
                switch byte {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                case UInt8(ascii: "="): nil
                default: byte
                }
            }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The key id and the code of a signature; nil when it has another form.
    private static func parts(of signature: String) -> (id: String, code: Data)? {
        // 8 digits, a dot, and 43 characters for 32 bytes.
        guard signature.utf8.count == 52, signature.utf8.dropFirst(8).first == UInt8(ascii: ".") else {
            return nil
        }
        let tail = String(decoding: signature.utf8.dropFirst(9), as: UTF8.self)
        let base64 = String(
            tail.map { character in
                switch character {
                case "-": "+"
                case "_": "/"
                default: character
                }
            }
        )
        // The last character has bits that are no part of the code, and only one spelling is ours.
        guard let code = Data(base64Encoded: "\(base64)="), code.count == 32, text(code) == tail else {
            return nil
        }
        return (String(decoding: signature.utf8.prefix(8), as: UTF8.self), code)
    }
}

extension URLSigner {
    /// Itself as the port that the server knows.
    package var objectURLs: ObjectURLs {
        ObjectURLs(
            url: { path(for: $0, expires: $1) },
            verify: { verify(key: $0, expires: $1, signature: $2, now: $3) }
        )
    }
}
