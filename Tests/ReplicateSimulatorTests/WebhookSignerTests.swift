import ReplicateSimulator
import Testing

/// The test vectors of the fact sheet, 4.3.
struct WebhookSignerTests {
    private static let body =
        #"{"id":"a1b2c3d4e5rmc0ckx9zv8w7y6t","model":"minimax/video-01-live","version":"hidden","#
        + #""status":"succeeded","output":"https://replicate.delivery/xezq/AbCdEf/tmp0123abcd.mp4","error":null}"#
    private static let key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

    static let vectors: [(secret: String, id: String, timestamp: String, body: String, signature: String)] = [
        (
            key, "msg_2animTESTvector0000000001", "1767225600", body,
            "v1,V1/rkdsEGo2ivQXyKdwD4xlvtihiQHbobW3I5BRKzMo="
        ),
        (
            "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=", "msg_2animTESTvector0000000001", "1767225600", body,
            "v1,MyZmoGioWkCMHJB30ofSdC1AIJo1OBu4z605Tl2FQAg="
        ),
        (
            key, "msg_utf8", "1767225600", #"{"status":"failed","error":"Überlauf – ✗"}"#,
            "v1,cd4GYNhAsdKIoephyn+BqFKBz0kVB/c3rcxz3mH46rQ="
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
            #"{"test": 2432232314}"#, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        ),
    ]

    @Test(arguments: vectors)
    func `a signature is that of the vector`(
        secret: String,
        id: String,
        timestamp: String,
        body: String,
        signature: String
    ) throws {
        let signer = try #require(WebhookSigner(secret: secret))
        #expect(signer.signature(id: id, timestamp: timestamp, body: Array(body.utf8)) == signature)
    }

    @Test func `missing padding of a secret is tolerated`() throws {
        let vector = Self.vectors[1]
        let signer = try #require(WebhookSigner(secret: String(vector.secret.dropLast())))
        let signature = signer.signature(id: vector.id, timestamp: vector.timestamp, body: Array(vector.body.utf8))
        #expect(signature == vector.signature)
    }

    @Test(arguments: ["", "whsec_", "whsec_!!!", "secret_AAEC", "AAEC"])
    func `what is no secret is refused`(text: String) {
        #expect(WebhookSigner(secret: text) == nil)
    }
}
