import Crypto
public import Foundation

/// A secret that webhooks are signed with, `whsec_` and base64.
///
/// It never shows itself: its description says `[redacted]`.
public struct WebhookSecret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The text as given.
    private let text: String
    private let key: [UInt8]

    /// Reads a secret; the prefix `whsec_` and the padding may be missing.
    ///
    /// - Throws: ``WebhookVerificationError/unusableSecret`` when the rest is not base64 of at least 16 bytes.
    public init(_ text: String) throws(WebhookVerificationError) {
        let encoded = text.hasPrefix("whsec_") ? text.dropFirst("whsec_".count) : text[...]
        let stripped = encoded.prefix { $0 != "=" }
        let padded = stripped + String(repeating: "=", count: (4 - stripped.count % 4) % 4)
        guard let key = Data(base64Encoded: String(padded)), key.count >= 16 else { throw .unusableSecret }
        self.text = text
        self.key = [UInt8](key)
    }

    /// The secret itself.
    ///
    /// Keep it out of logs.
    public func revealed() -> String { text }

    /// The same for people.
    public var description: String { "[redacted]" }
    /// The same for debuggers.
    public var debugDescription: String { "[redacted]" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    fileprivate func code(for message: some DataProtocol) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key))
    }
}

/// Why a delivery was not accepted.
///
/// Answer it with 401.
public enum WebhookVerificationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A secret is not base64 of at least 16 bytes.
    case unusableSecret
    /// No secret was given to check with.
    case noSecret
    /// A header is missing or empty.
    case missingHeader(String)
    /// The time stamp is not a decimal number of seconds since 1970.
    case malformedTimestamp
    /// The time stamp is too far from now: this many seconds old, negative when it is ahead. Replayed, or a clock is wrong.
    case outsideTolerance(seconds: Int64)
    /// No `v1` signature was made of this message with any of the secrets.
    case wrongSignature

    /// The same for people.
    public var description: String {
        switch self {
        case .unusableSecret: "a webhook secret must be \"whsec_\" and base64 of 16 bytes or more"
        case .noSecret: "there is no webhook secret to check with"
        case .missingHeader(let name): "the header \(name) is missing"
        case .malformedTimestamp: "webhook-timestamp is not a number of seconds"
        case .outsideTolerance(let seconds): "webhook-timestamp is \(seconds) s old"
        case .wrongSignature: "no signature matches"
        }
    }
}

/// Checks that deliveries come from Replicate, by the rules of Standard Webhooks.
///
/// ```swift
/// let verifier = try WebhookVerifier(secrets: [replicate.webhookSecret()])
/// let delivery = try verifier.verify(body: rawBody, now: Date()) { request.headers[$0] }
/// ```
///
/// Sources: Replicate's *Verify webhooks* page and the Standard Webhooks specification.
public struct WebhookVerifier: Sendable {
    private let secrets: [WebhookSecret]
    private let toleranceSeconds: Int64

    /// More signatures than this in one header are not looked at.
    private static let mostSignatures = 32

    /// A delivery whose signature holds.
    public struct Delivery: Sendable, Hashable {
        /// `webhook-id`: the same for every try of one delivery; use it to drop duplicates.
        public let id: String
        /// When this try was signed.
        public let timestamp: Date

        /// Creates one, for a double of the verifier.
        public init(id: String, timestamp: Date) {
            (self.id, self.timestamp) = (id, timestamp)
        }
    }

    /// Creates a verifier.
    ///
    /// Any of the secrets may have signed, so that a change of the secret loses nothing: give the old and the new one.
    /// `tolerance` bounds how far a time stamp may be from now on either side, ends included; Standard Webhooks says 300 s.
    ///
    /// - Throws: ``WebhookVerificationError/noSecret`` without secrets.
    public init(secrets: [WebhookSecret], tolerance: Duration = .seconds(300)) throws(WebhookVerificationError) {
        guard !secrets.isEmpty else { throw .noSecret }
        self.secrets = secrets
        self.toleranceSeconds = tolerance.components.seconds
    }

    /// Checks a delivery by its headers and its body.
    ///
    /// `body` is the raw body, before any parsing, exactly as received; `header` returns the value of a header by its lower-case name:
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature` are asked for.
    public func verify(
        body: some Sequence<UInt8>,
        now: Date,
        header: (String) -> String?
    ) throws(WebhookVerificationError) -> Delivery {
        func value(_ name: String) throws(WebhookVerificationError) -> String {
            guard let value = header(name), !value.isEmpty else { throw .missingHeader(name) }
            return value
        }
        let id = try value("webhook-id")
        let stamp = try value("webhook-timestamp")
        let signatures = try value("webhook-signature")
        guard stamp.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let seconds = Int64(stamp),
            seconds < 1 << 40
        else { throw .malformedTimestamp }

        // First of all, and once for each secret: what a stranger sends must be cheap to refuse.
        let age = Int64(now.timeIntervalSince1970.rounded(.down)) - seconds
        guard abs(age) <= toleranceSeconds else { throw .outsideTolerance(seconds: age) }
        var message = Data("\(id).\(stamp).".utf8)
        message.append(contentsOf: body)
        let codes = secrets.map { $0.code(for: message) }
        let isSigned = signatures.split(separator: " ").prefix(Self.mostSignatures)
            .contains { item in
                let parts = item.split(separator: ",", maxSplits: 1)
                guard parts.count == 2, parts[0] == "v1", let signature = Data(base64Encoded: String(parts[1])) else {
                    return false
                }
                // This == takes the same time wherever the two differ.
                return codes.contains { $0 == signature }
            }
        guard isSigned else { throw .wrongSignature }
        return Delivery(id: id, timestamp: Date(timeIntervalSince1970: Double(seconds)))
    }
}
