package import Foundation
import Synchronization
import ZoetropeCore

/// A provider whose calls are counted, and whose refusal of our credentials is told to the operators.
package struct MeteredProvider: GenerationProvider {
    private let provider: any GenerationProvider
    private let metrics: ServiceMetrics
    private let access: Access

    /// Wraps a provider.
    ///
    /// - Parameters:
    ///   - provider: Who does the work.
    ///   - metrics: Where calls are counted.
    ///   - alert: Told when credentials are refused.
    ///   - resolve: Told when they are accepted again.
    package init(
        _ provider: any GenerationProvider,
        metrics: ServiceMetrics,
        alert: @escaping @Sendable (Alert) async -> Void,
        resolve: @escaping @Sendable (_ code: String, _ text: String) async -> Void
    ) {
        self.provider = provider
        self.metrics = metrics
        access = Access(provider: provider.traits.provider, alert: alert, resolve: resolve)
    }

    package var traits: ProviderTraits { provider.traits }

    package func prepareInput(_ image: String, tag: String) async throws(ProviderError)
        -> ProviderInput
    {
        try await counted(.prepare) { () async throws(ProviderError) in
            try await provider.prepareInput(image, tag: tag)
        }
    }

    package func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        try await counted(.remove) { () async throws(ProviderError) in
            try await provider.removeInput(tag: tag, fileID: fileID)
        }
    }

    package func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        let outcome = await provider.submit(order)
        switch outcome {
        case .accepted: await note(.submit, "accepted", nil)
        case .refused(let error): await note(.submit, error.kind.rawValue, error)
        case .unknown: metrics.providerCall(traits.provider, .submit, "unknown")
        }
        return outcome
    }

    package func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        try await counted(.find) { () async throws(ProviderError) in try await provider.find(search) }
    }

    package func status(of ids: [String]) async -> [String: StatusOutcome] {
        let answers = await provider.status(of: ids)
        let errors = answers.values.compactMap {
            if case .failed(let error) = $0 { error } else { nil }
        }
        // One call, one outcome: what any of its answers complains of.
        let error = errors.first { $0.kind == .credentials } ?? errors.first
        if let error {
            await note(.status, error.kind.rawValue, error)
        } else if !answers.isEmpty {
            await note(.status, "ok", nil)
        }
        return answers
    }

    package func callsForStatus(of count: Int) -> Int { provider.callsForStatus(of: count) }

    package func fetch(_ output: String, of order: GenerationOrder, to path: String)
        async throws(ProviderError)
    {
        // Results need no credentials everywhere: what comes of a fetch says nothing about them.
        do throws(ProviderError) {
            try await provider.fetch(output, of: order, to: path)
            metrics.providerCall(traits.provider, .fetch, "ok")
        } catch {
            metrics.providerCall(traits.provider, .fetch, error.kind.rawValue)
            throw error
        }
    }

    package func cancel(_ id: String) async throws(ProviderError) -> Generation {
        try await counted(.cancel) { () async throws(ProviderError) in try await provider.cancel(id) }
    }

    package func generations(since: Date) async throws(ProviderError) -> [Generation] {
        try await counted(.list) { () async throws(ProviderError) in
            try await provider.generations(since: since)
        }
    }

    private func counted<Value: Sendable>(
        _ call: ServiceMetrics.ProviderCall,
        _ body: () async throws(ProviderError) -> Value
    ) async throws(ProviderError) -> Value {
        do throws(ProviderError) {
            let value = try await body()
            await note(call, "ok", nil)
            return value
        } catch {
            await note(call, error.kind.rawValue, error)
            throw error
        }
    }

    private func note(_ call: ServiceMetrics.ProviderCall, _ outcome: String, _ error: ProviderError?)
        async
    {
        metrics.providerCall(traits.provider, call, outcome)
        await access.learn(from: error)
    }

    /// Whether the provider takes our credentials, as far as this process has heard.
    private final class Access: Sendable {
        private let provider: VideoModel.Provider
        private let alert: @Sendable (Alert) async -> Void
        private let resolve: @Sendable (_ code: String, _ text: String) async -> Void
        private let isRefused = Mutex(false)

        init(
            provider: VideoModel.Provider,
            alert: @escaping @Sendable (Alert) async -> Void,
            resolve: @escaping @Sendable (_ code: String, _ text: String) async -> Void
        ) {
            self.provider = provider
            self.alert = alert
            self.resolve = resolve
        }

        func learn(from error: ProviderError?) async {
            let code = "provider_auth_refused"
            switch error?.kind {
            case .credentials:
                isRefused.withLock { $0 = true }
                let text = "\(provider.rawValue) does not accept our token; runs wait until it does"
                await alert(Alert(.critical, code, text, nil))
            case nil, .missing, .rejected, .credit:
                // Whoever answers so has let us in.
                let wasRefused = isRefused.withLock { refused in
                    defer { refused = false }
                    return refused
                }
                if wasRefused { await resolve(code, "\(provider.rawValue) accepts our token again") }
            case .throttled, .unavailable, .expired, .invalidOutput, .sourceUnreadable, .storage: break
            }
        }
    }
}
