package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// The built-in renderer as a provider: costs nothing, needs no account, and keeps nothing.
///
/// A generation is only a name for what will be drawn when it is fetched, so it has succeeded as soon as it is asked for,
/// the same tag always names the same one, and there is nothing to cancel or to remove.
package struct LocalProvider: GenerationProvider {
    private let renderer: LocalRenderer
    private let objects: any ObjectStore
    private let onProgress: @Sendable (AnimationID, AnimationProgress) -> Void

    /// - Parameters:
    ///   - tools: The programs of the renderer.
    ///   - objects: Where the source images lie.
    ///   - onProgress: Called often while a clip is drawn, from any thread, with rising fractions.
    package init(
        tools: MediaTools,
        objects: any ObjectStore,
        onProgress: @escaping @Sendable (AnimationID, AnimationProgress) -> Void = { _, _ in }
    ) {
        renderer = LocalRenderer(tools: tools)
        self.objects = objects
        self.onProgress = onProgress
    }

    package var traits: ProviderTraits {
        ProviderTraits(
            provider: .local,
            isIdempotentByTag: true,
            wantsInput: false,
            submitTimeout: .seconds(1),
            createsPerMinute: nil,
            readsPerMinute: nil
        )
    }

    package func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        ProviderInput(url: Self.outputPrefix + tag, fileID: nil)
    }

    package func removeInput(tag: String, fileID: String?) async throws(ProviderError) {}

    package func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        .accepted(Self.generation(tag: order.tag, model: order.request.model.alias))
    }

    package func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        [Self.generation(tag: search.tag, model: search.model)]
    }

    package func status(of ids: [String]) async -> [String: StatusOutcome] {
        Dictionary(
            ids.map { id in (id, Self.generation(id: id).map(StatusOutcome.found) ?? .missing) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    package func callsForStatus(of count: Int) -> Int { 0 }

    package func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        guard output == Self.outputPrefix + order.tag else {
            throw ProviderError(.invalidOutput, "\"\(output)\" is not what was drawn for \"\(order.tag)\"")
        }
        let source = path + ".source"
        defer { try? FileManager.default.removeItem(atPath: source) }
        do throws(StorageError) {
            let facts = try await objects.get(order.source.key, to: source)
            guard facts.sha256 == order.source.sha256 else {
                throw StorageError(.corrupt, "\(order.source.key) is not what was stored")
            }
        } catch {
            throw ProviderError(error)
        }
        let animation = order.animationID
        do throws(MediaFailure) {
            try await renderer.render(
                order.request,
                from: source,
                orientation: order.source.orientation,
                to: path,
                onProgress: { [onProgress] in onProgress(animation, $0) }
            )
        } catch {
            throw ProviderError(error)
        }
    }

    package func cancel(_ id: String) async throws(ProviderError) -> Generation {
        guard let generation = Self.generation(id: id) else {
            throw ProviderError(.missing, "the local renderer has no generation \"\(id)\"")
        }
        return generation
    }

    package func generations(since: Date) async throws(ProviderError) -> [Generation] { [] }

    private static let idPrefix = "local-"
    private static let outputPrefix = "local:"

    private static func generation(tag: String, model: String?) -> Generation {
        Generation(
            id: idPrefix + tag,
            tag: tag,
            model: model,
            state: .succeeded(output: outputPrefix + tag),
            createdAt: nil,
            completedAt: nil
        )
    }

    /// Nil for an id that is not ours.
    private static func generation(id: String) -> Generation? {
        guard id.hasPrefix(idPrefix) else { return nil }
        return generation(tag: String(id.dropFirst(idPrefix.count)), model: nil)
    }
}

extension ProviderError {
    fileprivate init(_ error: StorageError) {
        let kind: Kind =
            switch error.code {
            case .unavailable, .full, .denied: .storage
            // The image is gone or is another one, which no try mends.
            case .missing, .corrupt: .sourceUnreadable
            }
        self.init(kind, error.description)
    }

    fileprivate init(_ failure: MediaFailure) {
        let kind: Kind =
            switch failure.code {
            case .sourceUnreadable: .sourceUnreadable
            case .storageUnavailable: .storage
            default: .unavailable
            }
        self.init(kind, failure.description)
    }
}
