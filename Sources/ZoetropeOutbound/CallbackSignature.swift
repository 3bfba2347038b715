import Crypto
import Foundation
package import ZoetropeWorkflow

/// The headers that prove to a receiver that a callback is ours.
///
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>: the HMAC-SHA256 of
/// `id.timestamp.body`. The time is whole seconds since 1970.
package struct CallbackSignature: Sendable, Equatable {
    package let id: String
    package let timestamp: String
    /// `v1,` and base64.
    package let value: String

    package init(_ callback: OutgoingCallback) {
        id = callback.id
        timestamp = "\(Int64(callback.at.timeIntervalSince1970.rounded(.down)))"
        let message = Array("\(id).\(timestamp).".utf8) + callback.body
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: callback.secret))
        value = "v1,\(Data(code).base64EncodedString())"
    }

    package var headers: [(name: String, value: String)] {
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", value)]
    }
}
