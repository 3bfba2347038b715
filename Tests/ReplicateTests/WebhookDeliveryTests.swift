import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Deliveries over real HTTP, checked with the secret that the client read.
@Suite(.timeLimit(.minutes(2)))
struct WebhookDeliveryTests {
    /// A request as it arrived.
    private struct Received {
        var headers: [String: String] = [:]
        let body: [UInt8]

        init(_ text: String) throws {
            let end = try #require(text.range(of: "\r\n\r\n"))
            body = Array(text[end.upperBound...].utf8)
            for line in text[..<end.lowerBound].split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
    }

    /// Runs a prediction to its end and hands over what the receiver got and a verifier.
    private static func deliveries(
        _ fault: Fault?,
        _ body: @Sendable (SimulatedReplicate, [Received], WebhookVerifier) async throws -> Void
    ) async throws {
        let answer = RawServer.Script(
            answer: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            after: 100
        )
        let rules = fault.map { [Rule.fault(.webhook, $0, event: .completed)] } ?? []
        try await RawServer.run(Array(repeating: answer, count: 4)) { server, address in
            try await SimulatedReplicate.run(rules: rules) { replicate in
                let prediction = try await replicate.client.createPrediction(
                    .model("minimax/video-01-live"),
                    input: SimulatedReplicate.input,
                    webhook: "\(address)/hook?attempt=abc",
                    webhookEvents: [.completed]
                )
                await replicate.simulator.advance(by: .seconds(154))
                let verifier = try WebhookVerifier(secrets: [await replicate.client.webhookSecret()])
                let received = try server.requests.map(Received.init)
                for delivery in received {
                    let told = try Replicate.Prediction(webhookBody: delivery.body)
                    #expect(told.id == prediction.id)
                    #expect(told.status == .succeeded)
                }
                #expect(server.requests.allSatisfy { $0.hasPrefix("POST /hook?attempt=abc HTTP/1.1\r\n") })
                try await body(replicate, received, verifier)
            }
        }
    }

    @Test(arguments: [nil, .twoSignatures, .extraSignature, .duplicate] as [Fault?])
    func `a genuine delivery is accepted`(fault: Fault?) async throws {
        try await Self.deliveries(fault) { replicate, received, verifier in
            #expect(received.count == (fault == .duplicate ? 2 : 1))
            var ids: Set<String> = []
            for delivery in received {
                let accepted = try verifier.verify(body: delivery.body, now: replicate.simulator.now) {
                    delivery.headers[$0]
                }
                ids.insert(accepted.id)
            }
            #expect(ids.count == 1)
        }
    }

    @Test
    func `a delivery with a wrong signature, or changed on its way, is refused`() async throws {
        try await Self.deliveries(.wrongSignature) { replicate, received, verifier in
            let delivery = try #require(received.first)
            #expect(throws: WebhookVerificationError.wrongSignature) {
                try verifier.verify(body: delivery.body, now: replicate.simulator.now) { delivery.headers[$0] }
            }
        }
        try await Self.deliveries(nil) { replicate, received, verifier in
            let delivery = try #require(received.first)
            #expect(throws: WebhookVerificationError.wrongSignature) {
                try verifier.verify(body: delivery.body + [0x20], now: replicate.simulator.now) { delivery.headers[$0] }
            }
        }
    }

    private static let answer = RawServer.Script(
        answer: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        after: 100
    )

    @Test(arguments: [Fault.early, .reorder, .drop])
    func `early, late and lost deliveries do not change how it ends`(fault: Fault) async throws {
        try await RawServer.run(Array(repeating: Self.answer, count: 4)) { server, address in
            let rule = Rule.fault(.webhook, fault, event: fault == .drop ? .completed : nil)
            try await SimulatedReplicate.run(rules: [rule]) { replicate in
                let prediction = try await replicate.client.createPrediction(
                    .model("minimax/video-01-live"),
                    input: SimulatedReplicate.input,
                    webhook: address,
                    webhookEvents: [.start, .completed]
                )
                // An early delivery has been answered before the create was.
                if fault == .early { #expect(server.requests.count == 1) }
                let done = try await replicate.client.waitUntilTerminal(prediction.id)
                #expect(done.status == .succeeded)
                await replicate.simulator.advance(by: .seconds(5))
                let told = try server.requests.map { try Replicate.Prediction(webhookBody: Received($0).body) }
                #expect(told.allSatisfy { $0.id == prediction.id })
                #expect(told.last?.status.isTerminal == (fault == .early))
            }
        }
    }

    @Test
    func `an old delivery is refused`() async throws {
        try await Self.deliveries(.oldTimestamp(seconds: 600)) { replicate, received, verifier in
            let delivery = try #require(received.first)
            #expect(throws: WebhookVerificationError.outsideTolerance(seconds: 602)) {
                try verifier.verify(body: delivery.body, now: replicate.simulator.now) { delivery.headers[$0] }
            }
        }
    }
}
