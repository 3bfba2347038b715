package import Foundation
import Replicate
package import ZoetropeWorkflow

extension ReplicateProvider {
    /// How far the provider's clock may be from ours.
    private static let clockDifference: TimeInterval = 300
    /// Predictions that the list shows neither with an input nor with a webhook and that are looked at one by one.
    private static let mostHidden = 50

    package func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        try await ProviderError.sorting {
            var hits: [Generation] = []
            var hidden: [Prediction] = []
            var unreadable = 0
            let pages = client.predictions(
                createdAfter: search.sentAt - Self.clockDifference,
                createdBefore: search.overAt + Self.clockDifference
            )
            for try await page in pages {
                unreadable += page.unreadable
                // Old records come without a model.
                for prediction in page.elements where prediction.model == nil || prediction.model == search.model {
                    if AttemptTag.isCarried(by: prediction, tag: search.tag, inputURL: search.inputURL) {
                        hits.append(Generation(prediction, tag: search.tag))
                    } else if AttemptTag.isHidden(by: prediction) {
                        hidden.append(prediction)
                    }
                }
            }
            hits += try await revealed(hidden, search)
            // What has no id cannot be looked at: it might be the one.
            guard !hits.isEmpty || unreadable == 0 else {
                throw ProviderError(.unavailable, "\(unreadable) predictions of the list cannot be read")
            }
            return hits
        }
    }

    /// Looks one by one at what the list does not show, nearest to the submit first.
    ///
    /// Where the provider shows no more of a single prediction than in the list, the first ones tell of all.
    private func revealed(_ hidden: [Prediction], _ search: TagSearch) async throws -> [Generation] {
        func distance(_ prediction: Prediction) -> TimeInterval {
            prediction.createdAt.map { abs($0.timeIntervalSince(search.sentAt)) } ?? 0
        }
        let nearest = hidden.sorted { distance($0) < distance($1) }.prefix(Self.mostHidden)
        var hits: [Generation] = []
        var showsMore = false
        for id in nearest.map(\.id) {
            do {
                let prediction = try await client.prediction(id)
                showsMore = showsMore || !AttemptTag.isHidden(by: prediction)
                if AttemptTag.isCarried(by: prediction, tag: search.tag, inputURL: search.inputURL) {
                    hits.append(Generation(prediction, tag: search.tag))
                }
            } catch let error as ReplicateError where error.status == 404 {
                continue
            }
        }
        guard !hits.isEmpty || !showsMore || nearest.count == hidden.count else {
            throw ProviderError(.unavailable, "only \(nearest.count) of \(hidden.count) predictions could be looked at")
        }
        return hits
    }

    package func generations(since: Date) async throws(ProviderError) -> [Generation] {
        try await ProviderError.sorting {
            var generations: [Generation] = []
            for try await page in client.predictions(createdAfter: since) {
                guard page.unreadable == 0 else {
                    throw ProviderError(.unavailable, "\(page.unreadable) predictions of the list cannot be read")
                }
                generations += page.elements.map { prediction in
                    var generation = Generation(prediction)
                    generation.inputs = AttemptTag.inputs(of: prediction)
                    return generation
                }
            }
            return generations
        }
    }
}
