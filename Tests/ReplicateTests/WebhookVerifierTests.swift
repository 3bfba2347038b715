import Foundation
import Replicate
import Testing

/// The vectors of Replicate's and Standard Webhooks' signatures, computed with independent implementations.
struct WebhookVerifierTests {
    /// Vector A, and what a vector changes in it.
    struct Vector: Sendable, CustomTestStringConvertible {
        var name: String
        var secrets = ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"]
        var id = "msg_2animTESTvector0000000001"
        var timestamp = "1767225600"
        var signature = "v1,V1/rkdsEGo2ivQXyKdwD4xlvtihiQHbobW3I5BRKzMo="
        var body =
            #"{"id":"a1b2c3d4e5rmc0ckx9zv8w7y6t","model":"minimax/video-01-live","version":"hidden","status":"succeeded","output":"https://replicate.delivery/xezq/AbCdEf/tmp0123abcd.mp4","error":null}"#
        var secondsLate: Double = 0
        var error: WebhookVerificationError?

        var testDescription: String { name }

        init(_ name: String, error: WebhookVerificationError? = nil, change: (inout Vector) -> Void = { _ in }) {
            self.name = name
            self.error = error
            change(&self)
        }
    }

    static let other = "v1,JRqbJBoOGlwH9tjg8xh3nvZ0RArwnpdMHIUKIAqrOmY="
    static let secretB = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

    static let vectors = [
        Vector("A"),
        Vector("B: another secret") {
            $0.secrets = [secretB]
            $0.signature = "v1,MyZmoGioWkCMHJB30ofSdC1AIJo1OBu4z605Tl2FQAg="
        },
        Vector("B with A's signature", error: .wrongSignature) { $0.secrets = [secretB] },
        Vector("two secrets, the second one signed") { $0.secrets.insert(secretB, at: 0) },
        Vector("C: two signatures, the second matches") { $0.signature = "\(other) \($0.signature)" },
        Vector("D: another version beside it") { $0.signature = "v1a,AAAA \($0.signature)" },
        Vector("E: version v2", error: .wrongSignature) { $0.signature = "v2," + $0.signature.dropFirst(3) },
        Vector("F: another body", error: .wrongSignature) {
            $0.body = $0.body.replacing("succeeded", with: "failed")
        },
        Vector("G: 299 s late") { $0.secondsLate = 299 },
        Vector("G: 300 s late") { $0.secondsLate = 300 },
        Vector("300 s early") { $0.secondsLate = -300 },
        Vector("H: 301 s late", error: .outsideTolerance(seconds: 301)) { $0.secondsLate = 301 },
        Vector("H: 301 s early", error: .outsideTolerance(seconds: -301)) { $0.secondsLate = -301 },
        Vector("I: UTF-8") {
            $0.id = "msg_utf8"
            $0.body = #"{"status":"failed","error":"Überlauf – ✗"}"#
            $0.signature = "v1,cd4GYNhAsdKIoephyn+BqFKBz0kVB/c3rcxz3mH46rQ="
        },
        Vector("J: the public vector") {
            $0.secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
            $0.id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
            $0.timestamp = "1614265330"
            $0.body = #"{"test": 2432232314}"#
            $0.signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        },
        Vector("the secret without its prefix") { $0.secrets = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"] },
        Vector("the secret without padding") {
            $0.secrets = [String(secretB.dropLast())]
            $0.signature = "v1,MyZmoGioWkCMHJB30ofSdC1AIJo1OBu4z605Tl2FQAg="
        },
        Vector("another id", error: .wrongSignature) { $0.id += "x" },
        Vector("another time", error: .wrongSignature) { $0.timestamp = "1767225601" },
        Vector("no id", error: .missingHeader("webhook-id")) { $0.id = "" },
        Vector("no time", error: .missingHeader("webhook-timestamp")) { $0.timestamp = "" },
        Vector("no signature", error: .missingHeader("webhook-signature")) { $0.signature = "" },
        Vector("a time that is no number", error: .malformedTimestamp) { $0.timestamp = "soon" },
        Vector("a time with a sign", error: .malformedTimestamp) { $0.timestamp = "+1767225600" },
        Vector("a time beyond 64 bits", error: .malformedTimestamp) { $0.timestamp = "99999999999999999999" },
        Vector("the largest time", error: .malformedTimestamp) { $0.timestamp = "9223372036854775807" },
        Vector("an empty item", error: .wrongSignature) { $0.signature = "v1," },
        Vector("an item that is not base64", error: .wrongSignature) { $0.signature = "v1,*" },
        Vector("no comma", error: .wrongSignature) { $0.signature = "v1" },
        Vector("a signature cut short", error: .wrongSignature) { $0.signature = "v1,V1/rkdsEGo2ivQXyKdwD4xlvtihi" },
        Vector("an unknown item after it") { $0.signature += " v9,zzz" },
    ]

    @Test(arguments: vectors)
    func `a delivery is accepted or refused as its vector says`(vector: Vector) throws {
        let verifier = try WebhookVerifier(secrets: vector.secrets.map { try WebhookSecret($0) })
        let headers = [
            "webhook-id": vector.id, "webhook-timestamp": vector.timestamp, "webhook-signature": vector.signature,
        ]
        let signed = Double(vector.timestamp) ?? 0
        let now = Date(timeIntervalSince1970: signed.isFinite && abs(signed) < 1e12 ? signed + vector.secondsLate : 0)
        if let error = vector.error {
            #expect(throws: error) { try verifier.verify(body: vector.body.utf8, now: now) { headers[$0] } }
        } else {
            let delivery = try verifier.verify(body: vector.body.utf8, now: now) { headers[$0] }
            #expect(delivery.id == vector.id)
            #expect(delivery.timestamp == Date(timeIntervalSince1970: signed))
        }
    }

    @Test(arguments: ["", "whsec_", "whsec_AAEC", "whsec_*", "whsec_AAECAwQFBgcICQoLDA0O_xAREhMUFRYX"])
    func `a secret that is none, or short, is refused`(text: String) {
        #expect(throws: WebhookVerificationError.unusableSecret) { try WebhookSecret(text) }
    }

    @Test
    func `without a secret nothing is accepted`() {
        #expect(throws: WebhookVerificationError.noSecret) { try WebhookVerifier(secrets: []) }
    }

    @Test
    func `a secret does not show itself`() throws {
        let secret = try WebhookSecret(Self.secretB)
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("ICEi"))
        #expect(secret.revealed() == Self.secretB)
    }

    @Test
    func `a thousand signatures cost no more than a few`() throws {
        let vector = Vector("A")
        let verifier = try WebhookVerifier(secrets: vector.secrets.map { try WebhookSecret($0) })
        let flood = Array(repeating: Self.other, count: 1_000).joined(separator: " ") + " " + vector.signature
        let headers = [
            "webhook-id": vector.id, "webhook-timestamp": vector.timestamp, "webhook-signature": flood,
        ]
        let now = Date(timeIntervalSince1970: 1_767_225_600)
        #expect(throws: WebhookVerificationError.wrongSignature) {
            try verifier.verify(body: vector.body.utf8, now: now) { headers[$0] }
        }
    }
}
