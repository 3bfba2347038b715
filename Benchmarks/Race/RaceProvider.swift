import Foundation
import Replicate
import ZoetropeCore
import ZoetropeProviders
import ZoetropeWorkflow

/// The adapter for Replicate without the upload of a photo, which the peers do not do either, and without its rate limits.
///
/// The tag of an intent travels in the image's address, as it does with an uploaded one.
final class RaceProvider: GenerationProvider {
    let traits: ProviderTraits
    private let replicate: ReplicateProvider
    private let singly: Bool

    init(_ client: ReplicateClient, singly: Bool) {
        replicate = ReplicateProvider(client: client)
        self.singly = singly
        var traits = replicate.traits
        traits.wantsInput = false
        traits.createsPerMinute = nil
        traits.readsPerMinute = nil
        self.traits = traits
    }

    func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        let input = ProviderInput(url: "https://photos.example/photo.jpg?attempt=\(order.tag)", fileID: nil)
        return await replicate.submit(
            GenerationOrder(
                animationID: order.animationID,
                tag: order.tag,
                request: order.request,
                source: order.source,
                input: input,
                part: order.part,
                cancelAfter: order.cancelAfter
            )
        )
    }

    func status(of ids: [String]) async -> [String: StatusOutcome] {
        guard singly else { return await replicate.status(of: ids) }
        // Up to eight are asked for one by one.
        return await withTaskGroup(of: [String: StatusOutcome].self) { group in
            for start in stride(from: 0, to: ids.count, by: 8) {
                let few = Array(ids[start..<min(start + 8, ids.count)])
                group.addTask { await self.replicate.status(of: few) }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
    }

    func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        try await replicate.prepareInput(image, tag: tag)
    }

    func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        try await replicate.removeInput(tag: tag, fileID: fileID)
    }

    func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] { try await replicate.find(search) }

    func callsForStatus(of count: Int) -> Int { replicate.callsForStatus(of: count) }

    func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        try await replicate.fetch(output, of: order, to: path)
    }

    func cancel(_ id: String) async throws(ProviderError) -> Generation { try await replicate.cancel(id) }

    func generations(since: Date) async throws(ProviderError) -> [Generation] {
        try await replicate.generations(since: since)
    }
}
