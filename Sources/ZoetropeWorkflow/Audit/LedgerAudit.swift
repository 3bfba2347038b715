package import Foundation
package import ZoetropeCore

/// Compares the money ledger with what the provider says it made.
package struct LedgerAudit: Sendable {
    /// Something that does not match.
    package enum Finding: Sendable, Equatable, CustomStringConvertible {
        /// A prediction carries one of our tags, but no intent is bound to it.
        case unbound(prediction: String, tag: String)
        /// More than one prediction carries the tag of one intent.
        case duplicate(tag: String, predictions: [String])
        /// The ledger's sum for an intent is not what its prediction costs.
        case amount(tag: String, booked: MicroUSD, expected: MicroUSD)
        /// The provider is at its end, the intent is not, and nobody has noticed for an hour.
        case unsettled(tag: String, prediction: String)
        /// The ledger's own lines of an intent do not agree with its state.
        case inconsistent(tag: String, state: IntentState, booked: MicroUSD, expected: MicroUSD)

        package var description: String {
            switch self {
            case .unbound(let prediction, let tag):
                "prediction \(prediction) carries tag \(tag), but no intent is bound to it"
            case .duplicate(let tag, let predictions):
                "tag \(tag) has \(predictions.count) predictions: \(predictions.joined(separator: ", "))"
            case .amount(let tag, let booked, let expected):
                "tag \(tag): the ledger has $\(booked), the provider's state says $\(expected)"
            case .unsettled(let tag, let prediction):
                "tag \(tag): prediction \(prediction) ended over an hour ago and is not settled"
            case .inconsistent(let tag, let state, let booked, let expected):
                "tag \(tag): an intent that is \(state.rawValue) must have $\(expected) in the ledger, it has $\(booked)"
            }
        }
    }

    package let findings: [Finding]
    package let summary: String

    /// Compares.
    ///
    /// - Parameters:
    ///   - intents: All that were written in the window, and somewhat before.
    ///   - ledger: All lines of those intents.
    ///   - generations: What each provider listed.
    ///   - since: The beginning of the window.
    package init(
        intents: [PaidIntent],
        ledger: [LedgerEntry],
        generations: [VideoModel.Provider: [Generation]],
        since: Date
    ) {
        var findings: [Finding] = []
        var booked: [UUID: MicroUSD] = [:]
        for entry in ledger { booked[entry.intentID, default: .zero] += entry.amount }

        var total = MicroUSD.zero
        for intent in intents {
            let sum = booked[intent.id] ?? .zero
            total += sum
            let expected = Self.expected(intent)
            if sum != expected {
                findings.append(.inconsistent(tag: intent.tag, state: intent.state, booked: sum, expected: expected))
            }
        }
        var seen = 0
        for (provider, listed) in generations.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let mine = Dictionary(grouping: intents.filter { $0.provider == provider }, by: \.tag)
                .compactMapValues(\.first)
            let bound = Dictionary(
                intents.compactMap { intent in intent.predictionID.map { ($0, intent) } }
            ) { first, _ in first }
            // An image's URL is its intent's own, and all that a list shows which leaves webhooks out.
            let images = Dictionary(
                mine.values.compactMap { intent in intent.input.map { ($0.url, intent.tag) } }
            ) { first, _ in first }
            var byTag: [String: [Generation]] = [:]
            for generation in listed {
                let shown = generation.tag ?? generation.inputs.lazy.compactMap { images[$0] }.first
                guard let tag = shown ?? bound[generation.id]?.tag, mine[tag] != nil else { continue }
                byTag[tag, default: []].append(generation)
            }
            for (tag, generations) in byTag.sorted(by: { $0.key < $1.key }) {
                guard let intent = mine[tag] else { continue }
                seen += generations.count
                if generations.count > 1 {
                    findings.append(.duplicate(tag: tag, predictions: generations.map(\.id).sorted()))
                }
                for generation in generations where bound[generation.id] == nil {
                    // One that is still being looked for is no finding yet.
                    if intent.state != .sent && intent.state != .unknown {
                        findings.append(.unbound(prediction: generation.id, tag: tag))
                    }
                }
                guard generations.allSatisfy(\.state.isTerminal) else { continue }
                let cost = generations.reduce(MicroUSD.zero) { $0 + RunMachine.cost(of: $1, intent) }
                if intent.state == .settled, booked[intent.id] ?? .zero != cost {
                    findings.append(.amount(tag: tag, booked: booked[intent.id] ?? .zero, expected: cost))
                }
                if intent.state == .bound, let done = generations[0].completedAt,
                    done < (listed.compactMap(\.createdAt).max() ?? since) - 3_600
                {
                    findings.append(.unsettled(tag: tag, prediction: generations[0].id))
                }
            }
        }
        self.findings = findings
        summary =
            "\(intents.count) intents, $\(total) booked or reserved, \(seen) predictions of ours at the provider, "
            + "\(findings.count) that do not match"
    }

    /// What the ledger must hold for an intent, by its state.
    private static func expected(_ intent: PaidIntent) -> MicroUSD {
        switch intent.state {
        case .intended, .sent, .unknown, .bound: intent.priceCap
        case .refused, .absent: intent.cost ?? .zero
        case .settled, .late: intent.cost ?? .zero
        }
    }
}
