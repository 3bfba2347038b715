import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// What `zoetrope runs verify` sees in the provider's list.
struct LedgerAuditTests {
    /// A list without webhooks shows nothing of ours but the image that each prediction was made from.
    @Test func `a second prediction of an intent is found by its image alone`() {
        let intent = Self.settled()
        let audit = Self.audit(intent, [Self.generation("first"), Self.generation("second")])
        #expect(audit.findings.contains(.duplicate(tag: intent.tag, predictions: ["first", "second"])))
        #expect(audit.findings.contains(.unbound(prediction: "second", tag: intent.tag)))
    }

    @Test func `another's prediction is nothing to us`() {
        let stranger = Self.generation("second", image: "https://files.example/other.jpg")
        #expect(Self.audit(Self.settled(), [Self.generation("first"), stranger]).findings.isEmpty)
    }

    private static let image = "https://files.example/image.jpg"
    private static let price = MicroUSD(500_000)

    /// An intent whose prediction is called `first`.
    private static func settled() -> PaidIntent {
        var intent = PaidIntent(
            id: UUID(),
            animationID: AnimationID(UUID()),
            part: 0,
            number: 1,
            tag: "tag",
            provider: .replicate,
            model: "minimax/video-01-live",
            priceCap: price,
            createdAt: Date(timeIntervalSince1970: 0)
        )
        intent.state = .settled
        intent.input = ProviderInput(url: image, fileID: nil)
        intent.predictionID = "first"
        intent.cost = price
        return intent
    }

    private static func generation(_ id: String, image: String = image) -> Generation {
        var generation = Generation(
            id: id,
            tag: nil,
            model: nil,
            state: .succeeded(output: "https://output.example/clip.mp4"),
            createdAt: nil,
            completedAt: nil
        )
        generation.inputs = ["a prompt", image]
        return generation
    }

    private static func audit(_ intent: PaidIntent, _ generations: [Generation]) -> LedgerAudit {
        let entry = LedgerEntry(id: UUID(), intent: intent, kind: .reserve, amount: price, at: intent.createdAt)
        return LedgerAudit(
            intents: [intent],
            ledger: [entry],
            generations: [.replicate: generations],
            since: intent.createdAt
        )
    }
}
