import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeProviders
import ZoetropeTestKit

/// Genuine deliveries and others; the signed texts are the vectors of the fact sheet.
@Suite(.timeLimit(.minutes(1)))
struct WebhookTests {
    static let now = Date(timeIntervalSince1970: 1_767_225_600)
    static let secretA = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    static let secretB = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
    static let signatureA = "v1,V1/rkdsEGo2ivQXyKdwD4xlvtihiQHbobW3I5BRKzMo="
    static let signatureB = "v1,MyZmoGioWkCMHJB30ofSdC1AIJo1OBu4z605Tl2FQAg="
    static let id = "msg_2animTESTvector0000000001"
    static let text =
        #"{"id":"a1b2c3d4e5rmc0ckx9zv8w7y6t","model":"minimax/video-01-live","version":"hidden","#
        + #""status":"succeeded","output":"https://replicate.delivery/xezq/AbCdEf/tmp0123abcd.mp4","error":null}"#
    static let genuine = ReplicateWebhooks.Verdict.genuine(
        webhookID: id,
        predictionID: "a1b2c3d4e5rmc0ckx9zv8w7y6t"
    )

    private static func verify(
        _ webhooks: ReplicateWebhooks,
        signature: String? = signatureA,
        text: String = text,
        after seconds: TimeInterval = 0
    ) async -> ReplicateWebhooks.Verdict {
        var headers = ["webhook-id": id, "webhook-timestamp": "1767225600"]
        headers["webhook-signature"] = signature
        return await webhooks.verify(headers: headers, body: Array(text.utf8), now: now + seconds)
    }

    private static func isRejected(_ verdict: ReplicateWebhooks.Verdict) -> Bool {
        if case .rejected = verdict { true } else { false }
    }

    /// The account's secret is A; reads of it are counted.
    private static func run(
        rules: [Rule] = [],
        _ body: @Sendable (ReplicateWebhooks, @Sendable () -> Int) async throws -> Void
    ) async throws {
        try await SimulatedProvider.run(rules: rules, configure: { $0.retry = .never }) { world in
            try await body(ReplicateWebhooks(client: world.client)) { world.requests("GET", "/secret").count }
        }
    }

    @Test(arguments: [
        signatureA, "v1,JRqbJBoOGlwH9tjg8xh3nvZ0RArwnpdMHIUKIAqrOmY= \(signatureA)", "v1a,AAAA \(signatureA)",
    ])
    func `a genuine delivery is accepted, by configured secrets or the account's`(signature: String) async throws {
        let own = ReplicateWebhooks(secrets: [try WebhookSecret(Self.secretB), try WebhookSecret(Self.secretA)])
        #expect(await Self.verify(own, signature: signature) == Self.genuine)
        try await Self.run { webhooks, reads in
            for _ in 0..<3 { #expect(await Self.verify(webhooks, signature: signature) == Self.genuine) }
            #expect(reads() == 1)
        }
    }

    @Test
    func `a forged, changed, unsigned or stale delivery is rejected`() async throws {
        try await Self.run { webhooks, reads in
            #expect(Self.isRejected(await Self.verify(webhooks, signature: Self.signatureB)))
            #expect(Self.isRejected(await Self.verify(webhooks, signature: nil)))
            #expect(Self.isRejected(await Self.verify(webhooks, signature: "")))
            let version2 = Self.signatureA.replacing("v1,", with: "v2,")
            #expect(Self.isRejected(await Self.verify(webhooks, signature: version2)))
            let changed = Self.text.replacing("succeeded", with: "failed")
            #expect(Self.isRejected(await Self.verify(webhooks, text: changed)))
            #expect(Self.isRejected(await Self.verify(webhooks, after: 301)))
            #expect(Self.isRejected(await Self.verify(webhooks, after: -301)))
            #expect(await Self.verify(webhooks, after: 300) == Self.genuine)
            #expect(reads() == 1)
        }
    }

    @Test
    func `strangers cannot make us read the secret more than once a minute`() async throws {
        try await Self.run { webhooks, reads in
            for second in 0..<60 {
                #expect(Self.isRejected(await Self.verify(webhooks, signature: "v1,AAAA", after: Double(second))))
            }
            #expect(reads() == 1)
            _ = await Self.verify(webhooks, signature: "v1,AAAA", after: 60)
            #expect(reads() == 2)
        }
    }

    @Test
    func `a changed secret is read when a signature fails`() async throws {
        let old = Rewrite(set: .init([("key", .string(Self.secretB))]))
        try await Self.run(rules: [.fault(.webhookSecret, .rewrite(old))]) { webhooks, reads in
            #expect(await Self.verify(webhooks, signature: Self.signatureB) == Self.genuine)
            #expect(Self.isRejected(await Self.verify(webhooks, after: 59)))
            #expect(await Self.verify(webhooks, after: 60) == Self.genuine)
            #expect(Self.isRejected(await Self.verify(webhooks, signature: Self.signatureB, after: 61)))
            #expect(reads() == 2)
        }
    }

    @Test
    func `configured secrets are the only ones`() async throws {
        let webhooks = ReplicateWebhooks(secrets: [try WebhookSecret(Self.secretB)])
        #expect(Self.isRejected(await Self.verify(webhooks)))
        #expect(Self.isRejected(await Self.verify(ReplicateWebhooks(secrets: []))))
    }

    @Test
    func `deliveries at once share one read`() async throws {
        try await Self.run(rules: [.fault(.webhookSecret, .delay(0))]) { webhooks, reads in
            let verdicts = await withTaskGroup { group in
                for _ in 0..<20 { group.addTask { await Self.verify(webhooks) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts == Array(repeating: Self.genuine, count: 20))
            #expect(reads() == 1)
        }
    }

    @Test
    func `a secret that cannot be read rejects, until it can`() async throws {
        try await Self.run(rules: [.fault(.webhookSecret, .answer(.init(503)))]) { webhooks, reads in
            #expect(Self.isRejected(await Self.verify(webhooks)))
            #expect(Self.isRejected(await Self.verify(webhooks, after: 1)))
            #expect(await Self.verify(webhooks, after: 60) == Self.genuine)
        }
    }

    @Test
    func `a signed body that names no prediction is genuine all the same`() async throws {
        let webhooks = ReplicateWebhooks(secrets: [try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
        let headers = [
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ]
        let verdict = await webhooks.verify(
            headers: headers,
            body: Array(#"{"test": 2432232314}"#.utf8),
            now: Date(timeIntervalSince1970: 1_614_265_330)
        )
        #expect(verdict == .genuine(webhookID: "msg_p5jXN8AQM9LWM0D4loKWxJek", predictionID: nil))
    }
}
