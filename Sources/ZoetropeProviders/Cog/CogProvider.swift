package import Foundation
package import Replicate
import StrictJSON
import Synchronization
import ZoetropeCore
package import ZoetropeWorkflow

/// A self-hosted Cog model server as a generator; a prediction's id is the tag of its intent.
///
/// A Cog server cannot be asked for a prediction later: the result comes with the answer of the call that started it. So this
/// adapter holds that call, and answers for it from memory. Input and result lie as files in a folder of its own, under
/// names that database rows can hold instead of megabytes of base64.
///
/// Limits, all of them without cost because the server is the user's own:
/// - One process for one folder and server: others cannot see what this one holds.
/// - When the process ends, its calls break off, which makes the server cancel them. Afterwards ``status(of:)`` calls them failed and
///   worth doing again; results that had arrived are still found.
/// - A refusal that takes the server longer than `acceptance` comes as a failed prediction.
package final class CogProvider: GenerationProvider {
    package let traits: ProviderTraits
    private let client: CogClient
    private let downloader: ReplicateClient
    let folder: CogFolder
    private let acceptance: Duration
    private let now: @Sendable () -> Date
    private let runs = Mutex<[String: CogRun]>([:])

    /// Creates the adapter.
    ///
    /// - Parameters:
    ///   - client: The server.
    ///   - downloader: Fetches results that come as URLs, from its `outputOrigins`; its token is not used.
    ///   - folder: Path of a folder for inputs and results; it is created. What is older than a day is removed.
    ///   - acceptance: A call that is not refused within this counts as accepted.
    ///   - now: The time for stamps.
    package init(
        client: CogClient,
        downloader: ReplicateClient,
        folder: String,
        acceptance: Duration = .seconds(5),
        now: @escaping @Sendable () -> Date
    ) {
        self.client = client
        self.downloader = downloader
        self.folder = CogFolder(path: folder)
        self.acceptance = acceptance
        self.now = now
        traits = ProviderTraits(
            provider: .cog,
            isIdempotentByTag: true,
            wantsInput: true,
            submitTimeout: acceptance + .seconds(5),
            createsPerMinute: nil,
            readsPerMinute: nil
        )
    }

    package func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        try await folder.removeFiles(olderThan: now() - CogFolder.lifetime)
        try await folder.keepInput(image, tag: tag)
        return ProviderInput(url: CogFolder.url(of: tag), fileID: nil)
    }

    package func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        try await folder.removeInput(tag: tag)
    }

    /// Runs the model and returns when the server had time to refuse.
    ///
    /// A tag whose call is held already starts nothing.
    package func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        let tag = order.tag
        let image: String
        do {
            image = try await folder.dataURI(ofInput: tag)
        } catch {
            return .refused(error)
        }
        let started = now()
        let isNew = runs.withLock { runs in
            // Ended ones are forgotten with their files.
            runs = runs.filter { $0.value.createdAt > started - CogFolder.lifetime || $0.value.progress == .running }
            guard runs[tag] == nil else { return false }
            runs[tag] = CogRun(createdAt: started)
            return true
        }
        if isNew {
            let (endings, ending) = AsyncStream<Void>.makeStream()
            // Not a child of this task, because it outlives the submit; the order's own limit ends it.
            Task {
                await hold(order, image)
                ending.finish()
            }
            await withTaskGroup { group in
                group.addTask { for await _ in endings {} }
                group.addTask { [acceptance] in try? await Task.sleep(for: acceptance) }
                await group.next()
                group.cancelAll()
            }
        }
        return runs.withLock { runs in
            guard let run = runs[tag] else { return .unknown(detail: "the run was forgotten") }
            if let outcome = run.refusal { runs[tag] = nil; return outcome }
            return .accepted(run.generation(tag))
        }
    }

    private func hold(_ order: GenerationOrder, _ image: String) async {
        let start = ContinuousClock.now
        let progress: CogRun.Progress
        do {
            let prediction = try await client.predict(
                Prediction.ID(rawValue: order.tag),
                input: order.request.input(imageURL: image),
                timeout: order.cancelAfter
            )
            progress = await ended(prediction, order.tag)
        } catch {
            progress =
                ContinuousClock.now - start >= order.cancelAfter
                ? .ended(.canceled(hasStarted: true)) : .broken(SubmitOutcome(sorting: error))
        }
        let completedAt = now()
        runs.withLock { $0[order.tag]?.end(progress, at: completedAt) }
    }

    /// Brings a result into the folder.
    private func ended(_ prediction: Prediction, _ tag: String) async -> CogRun.Progress {
        guard prediction.status.isTerminal else {
            // Somebody else holds this run, perhaps a process that has just ended: its answer is not for us.
            let detail = "the server is still running \(tag) for another call"
            return .broken(.refused(ProviderError(.throttled, detail, retryAfter: .seconds(5))))
        }
        let output: String
        switch Generation.State(prediction) {
        case .succeeded(let file): output = file
        // Cog tells no times, and a run that it takes starts at once.
        case .canceled: return .ended(.canceled(hasStarted: true))
        case let state: return .ended(state)
        }
        let path = folder.result(tag: tag)
        do {
            let limits = DownloadLimits(maximumBytes: ReplicateProvider.largestResult)
            try await downloader.download(output, to: path, limits: limits)
            return .ended(.succeeded(output: CogFolder.url(of: tag)))
        } catch {
            let detail = "the result cannot be fetched: \(error)"
            return .ended(
                .failed(GenerationFailure(code: .outputInvalid, detail: detail, retries: 1, retryDelay: .seconds(5)))
            )
        }
    }
}

// MARK: - What became of it

extension CogProvider {
    package func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        held().filter { $0.id == search.tag }
    }

    package func generations(since: Date) async throws(ProviderError) -> [Generation] {
        held().filter { $0.createdAt.map { $0 >= since } ?? true }
    }

    /// Asks nobody.
    package func callsForStatus(of count: Int) -> Int { 0 }

    package func status(of ids: [String]) async -> [String: StatusOutcome] {
        let held = Dictionary(uniqueKeysWithValues: held().map { ($0.id, $0) })
        return Dictionary(uniqueKeysWithValues: Set(ids).map { ($0, .found(held[$0] ?? left($0))) })
    }

    package func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        guard let tag = CogFolder.tag(of: output) else {
            throw ProviderError(.invalidOutput, "\"\(output.prefix(200))\" is no result of a Cog server")
        }
        try await folder.copyResult(tag: tag, to: path)
    }

    package func cancel(_ id: String) async throws(ProviderError) -> Generation {
        let isRunning = try await ProviderError.sorting {
            try await client.cancelPrediction(Prediction.ID(rawValue: id))
        }
        guard let generation = held().first(where: { $0.id == id }) else {
            guard isRunning else { throw ProviderError(.missing, "no run \(id)") }
            return generation(id, .canceled(hasStarted: true))
        }
        return generation
    }

    private func held() -> [Generation] {
        runs.withLock { runs in
            runs.map { $1.generation($0) }.sorted { ($0.createdAt ?? .distantPast) > ($1.createdAt ?? .distantPast) }
        }
    }

    /// What an earlier process left of a run.
    private func left(_ id: String) -> Generation {
        if folder.hasResult(tag: id) { return generation(id, .succeeded(output: CogFolder.url(of: id))) }
        let detail = "the process that held the run has ended"
        return generation(
            id,
            .failed(GenerationFailure(code: .providerUnavailable, detail: detail, retries: 2, retryDelay: .seconds(5)))
        )
    }

    private func generation(_ id: String, _ state: Generation.State) -> Generation {
        Generation(id: id, tag: id, model: nil, state: state, createdAt: nil, completedAt: nil)
    }
}
