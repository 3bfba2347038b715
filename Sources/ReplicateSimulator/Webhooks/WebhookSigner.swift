import Crypto

/// Signs webhooks as the Standard Webhooks specification wants it.
package struct WebhookSigner: Sendable {
    private let key: SymmetricKey

    /// Takes a secret like `whsec_<base64>`; nil when it is none.
    package init?(secret: String) {
        guard secret.hasPrefix("whsec_"), let key = [UInt8](base64: secret.dropFirst(6)), !key.isEmpty else {
            return nil
        }
        self.key = SymmetricKey(data: key)
    }

    /// One item of `webhook-signature`: `v1,<base64>`.
    package func signature(id: String, timestamp: String, body: [UInt8]) -> String {
        let content = Array("\(id).\(timestamp).".utf8) + body
        return "v1," + Array(HMAC<SHA256>.authenticationCode(for: content, using: key)).base64
    }

    /// The three headers of a delivery, with what a fault makes of them.
    func headers(id: String, at moment: Moment, body: [UInt8], fault: Fault?) -> [Header] {
        var seconds = moment.unixSeconds
        if case .oldTimestamp(let age) = fault { seconds -= age }
        let timestamp = String(seconds)
        let right = signature(id: id, timestamp: timestamp, body: body)
        let wrong = signature(id: id, timestamp: timestamp, body: body + [0])
        let signatures =
            switch fault {
            case .wrongSignature: wrong
            case .twoSignatures: "\(wrong) \(right)"
            case .extraSignature: "v1a,AAAA \(right)"
            default: right
            }
        return [
            Header("webhook-id", id), Header("webhook-timestamp", timestamp), Header("webhook-signature", signatures),
        ]
    }
}
