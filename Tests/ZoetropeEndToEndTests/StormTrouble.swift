import Foundation
import ReplicateSimulator
import ZoetropeTestKit

/// What goes wrong at the provider, and who lies about it.
enum StormTrouble {
    /// Rules for the simulator.
    ///
    /// Of each kind of call 5 % are answered by a cut connection although they took effect. Some predictions are late in
    /// the list, some fail; webhooks are lost, doubled, reordered or signed wrongly.
    static func rules(_ size: StormSize) -> [Rule] {
        var random = SplitMix64(seed: size.seed &+ 2)
        var rules: [Rule] = []
        for (exchange, count) in [
            (Exchange.create, 1.2), (.get, 6), (.list, 4), (.cancel, 1), (.fileUpload, 1.5), (.fileDelete, 1.5),
            (.fileList, 1), (.output, 3),
        ] {
            for place in chosen(0.05, of: Int(Double(size.runs) * count), &random) {
                let point = Fault.ClosePoint.allCases.randomElement(using: &random) ?? .noAnswer
                rules.append(.fault(exchange, .close(.after, at: point, reset: .random(using: &random)), skip: place))
            }
        }
        // Slow answers, so that workers die between a create and its answer.
        for place in chosen(0.4, of: size.runs, &random) {
            rules.append(.fault(.create, .delay(.random(in: 0.1..<0.6, using: &random), .after), skip: place))
        }
        for (fault, share) in [
            (Fault.drop, 0.15), (.duplicate, 0.15), (.reorder, 0.1), (.wrongSignature, 0.1), (.early, 0.05),
        ] {
            // There is a start and an end of each.
            for place in chosen(share, of: size.runs * 2, &random) {
                rules.append(.fault(.webhook, fault, skip: place))
            }
        }
        return rules + plans(size, &random)
    }

    private static func plans(_ size: StormSize, _ random: inout SplitMix64) -> [Rule] {
        let clip = Plan.VideoOverrides(width: 256, height: 144)
        let flagged = Plan.Result.failed("The input or output was flagged as sensitive. (E005)")
        let failing = Plan(queueSeconds: 0.1, runSeconds: 0.3, result: flagged, video: clip)
        let hidden = Plan(queueSeconds: 0.1, runSeconds: 0.3, video: clip, notFoundFor: 0.5, listedAfter: 3)
        return chosen(0.04, of: size.runs, &random).map { Rule.plan(failing, skip: $0) }
            + chosen(0.1, of: size.runs, &random).map { Rule.plan(hidden, skip: $0) }
            + [.plan(Plan(queueSeconds: 0.1, runSeconds: 0.3, video: clip), times: nil)]
    }

    /// The places of a share of so many, at random.
    private static func chosen(_ share: Double, of count: Int, _ random: inout SplitMix64) -> [Int] {
        (0..<count).filter { _ in Double.random(in: 0..<1, using: &random) < share }
    }
}

/// Somebody who posts webhooks that the provider did not send.
struct StormForger: Sendable {
    /// What was tried, and what the service answered.
    struct Account: Sendable {
        /// Without the secret: answers by status.
        var forged: [Int: Int] = [:]
        /// Signed rightly, as with a stolen secret, but untrue.
        var lies: [Int: Int] = [:]
    }

    static let forgedPrefix = "msg_forged_"
    static let outputURL = "http://127.0.0.1:9/forged.mp4"

    let simulator: ReplicateSimulator
    let size: StormSize
    let ports: [Int]

    /// Posts until the task is cancelled.
    func run() async -> Account {
        var random = SplitMix64(seed: size.seed &+ 3)
        var account = Account()
        var number = 0
        while (try? await Task.sleep(for: .seconds(.random(in: 0.1..<0.5, using: &random)))) != nil {
            let open = simulator.ledger.creates.filter { ["starting", "processing"].contains($0.status) }
            guard let create = open.randomElement(using: &random), let webhook = create.webhook,
                let path = webhook.firstRange(of: "/api/").map({ String(webhook[$0.lowerBound...]) })
            else { continue }
            number += 1
            let isLie = number % 3 == 0
            let answer = await post(path, create, number, isLie: isLie, &random)
            guard let answer else { continue }
            if isLie {
                account.lies[answer.status, default: 0] += 1
            } else {
                account.forged[answer.status, default: 0] += 1
            }
        }
        return account
    }

    private func post(
        _ path: String,
        _ create: Ledger.Create,
        _ number: Int,
        isLie: Bool,
        _ random: inout SplitMix64
    ) async -> StormHTTP.Answer? {
        let ends = [
            #""status": "succeeded", "output": "\#(Self.outputURL)""#, #""status": "failed", "error": "forged""#,
            #""status": "canceled""#,
        ]
        let end = ends.randomElement(using: &random) ?? ""
        let body = Array(#"{"id": "\#(create.id)", "model": "\#(create.model)", "input": {}, \#(end)}"#.utf8)
        let id = isLie ? "msg_lie_\(number)" : "\(Self.forgedPrefix)\(number)"
        let timestamp = String(Int(Date().timeIntervalSince1970))
        let secret = isLie ? simulator.webhookSecret : "whsec_Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2Vk"
        let signature = WebhookSigner(secret: secret)?.signature(id: id, timestamp: timestamp, body: body) ?? ""
        var headers = ["Content-Type: application/json", "webhook-id: \(id)", "webhook-timestamp: \(timestamp)"]
        // Every other forger does not even try.
        if isLie || number % 2 == 0 { headers.append("webhook-signature: \(signature)") }
        let port = ports.randomElement(using: &random) ?? 0
        return await StormHTTP.call("POST", port: port, path, headers: headers, body: body)
    }
}
