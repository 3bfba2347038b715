import Foundation
package import Replicate
import StrictJSON
import Synchronization
import ZoetropeCore
package import ZoetropeWorkflow

/// Replicate as a generator.
///
/// The tag of an intent travels in the webhook's query and, as the file's metadata, with the uploaded image, whose URL
/// is the intent's own. What may be repeated is repeated by the client, see ``ReplicateClient``; an upload is not,
/// because the step that needs it is.
package final class ReplicateProvider: GenerationProvider {
    package let traits: ProviderTraits
    let client: ReplicateClient
    private let webhookBase: String?
    /// Calls of the last sweep, for each call that it had taken if all predictions had been in its first pages.
    let sweepCost = Mutex(1.0)
    /// Where in the list predictions lie that are being waited for: when they were created, by the provider's clock.
    let creations = Mutex<[String: Date]>([:])

    /// The largest result in bytes.
    static let largestResult: Int64 = 200 << 20
    /// Pages of the file list that are searched for a tag, 100 files each; files live for a day.
    static let mostFilePages = 100

    /// Creates the adapter.
    ///
    /// - Parameters:
    ///   - client: A client whose `createTimeout` is below `submitTimeout`.
    ///   - webhookBase: Where Replicate reaches us, such as `https://zoetrope.example`; nil means no webhooks.
    ///   - submitTimeout: When a create is over at the latest: the client's 60 s and some to spare.
    ///   - createsPerMinute: The account's limit.
    ///   - readsPerMinute: The account's limit.
    package init(
        client: ReplicateClient,
        webhookBase: String? = nil,
        submitTimeout: Duration = .seconds(65),
        createsPerMinute: Int = 600,
        readsPerMinute: Int = 3_000
    ) {
        self.client = client
        self.webhookBase = webhookBase.map { base in String(base.reversed().drop { $0 == "/" }.reversed()) }
        traits = ProviderTraits(
            provider: .replicate,
            isIdempotentByTag: false,
            wantsInput: true,
            submitTimeout: submitTimeout,
            createsPerMinute: createsPerMinute,
            readsPerMinute: readsPerMinute
        )
    }

    package func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        try await ProviderError.sorting {
            do {
                let file = try await client.uploadFile(
                    at: image,
                    contentType: "image/jpeg",
                    name: Self.fileName(tag),
                    metadata: [AttemptTag.item: .string(tag)]
                )
                return ProviderInput(url: file.url, fileID: file.id.rawValue)
            } catch let error as ReplicateError where error.kind == .permanent {
                throw ProviderError(.storage, error.description)
            } catch let error as ReplicateError where error.status == 413 {
                throw ProviderError(.sourceUnreadable, error.description)
            }
        }
    }

    package func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        try await ProviderError.sorting {
            for id in try await files(tag: tag, fileID: fileID) { try await client.deleteFile(id) }
        }
    }

    private static func fileName(_ tag: String) -> String { "\(tag).jpg" }

    private func files(tag: String, fileID: String?) async throws -> [UploadedFile.ID] {
        if let fileID { return [UploadedFile.ID(rawValue: fileID)] }
        var found: [UploadedFile.ID] = []
        var pages = 0
        for try await page in client.files() {
            found += page.elements.filter { $0.metadata[AttemptTag.item]?.string == tag }.map(\.id)
            pages += 1
            guard pages < Self.mostFilePages || page.next == nil else {
                throw ProviderError(.unavailable, "more files than can be searched for \(tag)")
            }
        }
        return found
    }

    package func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        guard let input = order.input else {
            return .refused(ProviderError(.rejected, "the order has no input"))
        }
        do {
            let prediction = try await client.createPrediction(
                .model(order.request.model.name),
                input: order.request.input(imageURL: input.url),
                webhook: webhookBase.map { AttemptTag.webhook(base: $0, tag: order.tag) },
                webhookEvents: [.start, .completed],
                cancelAfter: order.cancelAfter
            )
            let generation = Generation(prediction, tag: order.tag)
            remember([generation])
            return .accepted(generation)
        } catch {
            return SubmitOutcome(sorting: error)
        }
    }

    package func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        try await ProviderError.sorting {
            do {
                try await client.download(output, to: path, limits: DownloadLimits(maximumBytes: Self.largestResult))
            } catch let error as ReplicateError {
                throw ProviderError(download: error, path: path)
            }
        }
    }

    package func cancel(_ id: String) async throws(ProviderError) -> Generation {
        try await ProviderError.sorting {
            Generation(try await client.cancelPrediction(Prediction.ID(rawValue: id)))
        }
    }
}

extension ProviderError {
    /// Sorts the error of a download to a path.
    init(download error: ReplicateError, path: String) {
        let kind: Kind =
            switch error.kind {
            case .throttled: .throttled
            case .permanent: error.message.hasPrefix("\"\(path)\" cannot be written") ? .storage : .invalidOutput
            case .refused where error.status == 404 || error.status == 410: .expired
            // A paid result is worth another try, whatever stands in the way.
            case .refused, .transient, .ambiguous: .unavailable
            }
        self.init(kind, error.description, retryAfter: error.retryAfter)
    }
}
