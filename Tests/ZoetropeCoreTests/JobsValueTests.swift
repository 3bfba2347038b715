import Foundation
import Testing
import ZoetropeCore

struct JobsValueTests {
    @Test(arguments: [
        ("", AnimationAttempt.Status.pending), ("pending", .pending), ("failed", .failed),
        ("animations/a/b.mp4", .ready), ("Failed", .ready),
    ])
    func `the preview key tells the status`(key: String, status: AnimationAttempt.Status) throws {
        let attempt = AnimationAttempt(
            id: AnimationID(UUID()),
            jobID: JobID(UUID()),
            previewS3Key: key,
            createdAt: Date(timeIntervalSince1970: 0)
        )
        #expect(attempt.status == status)
        #expect(attempt.status.rawValue == "\(status)")
    }

    @Test func `photos are kept and scenes go when their animation fails`() {
        #expect(FailurePolicy.standard(for: .photo) == .keep)
        #expect(FailurePolicy.standard(for: .scene) == .rollback)
        #expect(JobKind.allCases.map(\.rawValue) == ["photo", "scene"])
        #expect(FailurePolicy.allCases.map(\.rawValue) == ["keep", "rollback"])
    }

    @Test func `failure codes are those of the contract`() {
        #expect(
            FailureCode.allCases.map(\.rawValue) == [
                "content_rejected", "source_unreadable", "provider_unavailable", "provider_rejected",
                "provider_outcome_unknown", "generation_timeout", "output_expired", "output_invalid",
                "storage_unavailable", "budget_exceeded", "canceled", "internal",
            ]
        )
    }

    @Test(arguments: FailureCode.allCases)
    func `every failure says what a person can do`(code: FailureCode) {
        let message = code.message
        let remedies = ["tart", "Change", "Save it again"]
        #expect(remedies.contains(where: message.contains))
        #expect(message.hasSuffix("."))
        #expect(message.count <= 140)
        #expect(!message.contains("\n"))
        #expect(FailureCode.allCases.filter { $0.message == message } == [code])
    }

    @Test func `an unknown outcome is told as the reliability sheet words it`() {
        #expect(
            FailureCode.providerOutcomeUnknown.message
                == "The generator did not confirm this job. You were not charged and nothing was kept. You can start it again."
        )
    }

    @Test(arguments: [
        (0, "0.00"), (500_000, "0.50"), (1, "0.000001"), (68_000, "0.068"), (1_000_000, "1.00"), (-500_000, "-0.50"),
        (-1, "-0.000001"), (12_345_678, "12.345678"), (1_010_000, "1.01"), (100, "0.0001"),
        (Int64.max, "9223372036854.775807"), (Int64.min, "-9223372036854.775808"),
    ])
    func `money is written in dollars`(micro: Int64, text: String) {
        #expect(MicroUSD(micro).description == text)
    }

    @Test func `money adds up to the millionth`() {
        let cent = MicroUSD(10_000)
        let sum = (0..<1_000).reduce(MicroUSD.zero) { sum, _ in sum + cent }
        #expect(sum == MicroUSD(10_000_000))
        #expect(sum.usd == 10)
        #expect(sum - cent < sum)
        #expect(MicroUSD(150_000).usd == 0.15)
    }
}
