package import Foundation
package import Replicate

/// Tells genuine deliveries of Replicate's webhooks from others.
///
/// Without secrets of its own it reads the account's from Replicate when the first delivery comes, keeps it, and reads it
/// again when a signature does not match: at most once a minute, so that strangers cannot make us call.
package actor ReplicateWebhooks {
    package enum Verdict: Sendable, Equatable {
        /// Signed by Replicate; a doorbell, no more: only the prediction itself tells how it stands.
        ///
        /// `webhookID` is the same for every try of one delivery. `predictionID` is nil when the body does not name one.
        case genuine(webhookID: String, predictionID: String?)
        /// Why it is not accepted, for operators; to be answered with 401.
        case rejected(String)
    }

    /// Nil when the secrets are configured.
    private let client: ReplicateClient?
    private var secrets: [WebhookSecret]
    private var lastRead: Date?
    private var reading: Task<WebhookSecret, any Error>?

    /// Seconds between two reads of the secret.
    private static let pause: TimeInterval = 60

    /// Checks with these secrets and no others; several, so that a change of the secret loses nothing.
    package init(secrets: [WebhookSecret]) {
        client = nil
        self.secrets = secrets
    }

    /// Checks with the secret of the client's account.
    package init(client: ReplicateClient) {
        self.client = client
        secrets = []
    }

    /// Checks one delivery.
    ///
    /// `headers` are by their lower-case names, `body` is exactly the bytes that arrived, and the delivery's stamp is compared
    /// with `now`.
    package func verify(headers: [String: String], body: [UInt8], now: Date) async -> Verdict {
        var result = check(headers, body, now)
        if [.failure(.wrongSignature), .failure(.noSecret)].contains(result), let task = readSecret(now: now) {
            if let secret = try? await task.value {
                secrets = [secret]
                result = check(headers, body, now)
            }
            if reading == task { reading = nil }
        }
        switch result {
        case .success(let delivery):
            let prediction = try? Prediction(webhookBody: body)
            return .genuine(webhookID: delivery.id, predictionID: prediction?.id.rawValue)
        case .failure(let error):
            return .rejected(error.description)
        }
    }

    /// The read under way, else a new one; nil when it is not time yet.
    private func readSecret(now: Date) -> Task<WebhookSecret, any Error>? {
        guard let client else { return nil }
        if let reading { return reading }
        if let lastRead, abs(now.timeIntervalSince(lastRead)) < Self.pause { return nil }
        lastRead = now
        // Owned by this actor; the client's own limits end it.
        let task = Task { try await client.webhookSecret() }
        reading = task
        return task
    }

    private func check(
        _ headers: [String: String],
        _ body: [UInt8],
        _ now: Date
    ) -> Result<WebhookVerifier.Delivery, WebhookVerificationError> {
        Result { () throws(WebhookVerificationError) in
            try WebhookVerifier(secrets: secrets).verify(body: body, now: now) { headers[$0] }
        }
    }
}
