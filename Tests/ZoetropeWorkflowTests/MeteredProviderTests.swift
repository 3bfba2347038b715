import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeWorkflow

struct MeteredProviderTests {
    /// What the operators were told, in order.
    private final class Board: Sendable {
        private let state = Mutex<[String]>([])

        var lines: [String] { state.withLock(\.self) }

        func add(_ line: String) { state.withLock { $0.append(line) } }
    }

    private static let search = TagSearch(
        tag: "t",
        inputURL: nil,
        model: "m",
        sentAt: Date(timeIntervalSince1970: 0),
        overAt: Date(timeIntervalSince1970: 60)
    )

    private let board = Board()
    private let metrics = ServiceMetrics(version: "1", startedAt: Date(timeIntervalSince1970: 0))

    private func order() throws -> GenerationOrder {
        let run = try Table().newRun()
        return GenerationOrder(
            animationID: run.id,
            tag: "t",
            request: run.request,
            source: run.source,
            input: nil,
            part: 0,
            cancelAfter: .seconds(60)
        )
    }

    private func provider(_ kind: ProviderError.Kind?) -> MeteredProvider {
        wrap(Moody { kind })
    }

    private func wrap(_ provider: Moody) -> MeteredProvider {
        MeteredProvider(
            provider,
            metrics: metrics,
            alert: { [board] in board.add("alert \($0.code)") },
            resolve: { [board] code, _ in board.add("resolve \(code)") }
        )
    }

    @Test func `a refused token is told at each refusal, and once that it is accepted again`() async throws {
        let mood = Mutex<ProviderError.Kind?>(nil)
        let provider = wrap(Moody { mood.withLock(\.self) })
        let moods: [ProviderError.Kind?] = [nil, .credentials, .unavailable, .credentials, .throttled, nil, nil]
        for next in moods {
            mood.withLock { $0 = next }
            _ = try? await provider.cancel("p")
        }
        let code = "provider_auth_refused"
        #expect(board.lines == ["alert \(code)", "alert \(code)", "resolve \(code)"])
    }

    @Test(arguments: [ProviderError.Kind.missing, .rejected, .credit])
    func `whoever says no for another reason has let us in`(kind: ProviderError.Kind) async throws {
        let mood = Mutex(ProviderError.Kind.credentials)
        let provider = wrap(Moody { mood.withLock(\.self) })
        _ = try? await provider.find(Self.search)
        mood.withLock { $0 = kind }
        _ = try? await provider.find(Self.search)
        #expect(board.lines == ["alert provider_auth_refused", "resolve provider_auth_refused"])
    }

    @Test func `a fetch, which needs no token everywhere, says nothing about it`() async throws {
        try? await provider(.credentials).fetch("o", of: order(), to: "/nowhere")
        #expect(board.lines.isEmpty)
    }

    @Test func `every call is counted with what came of it`() async throws {
        for kind in [nil, ProviderError.Kind.throttled] {
            let provider = provider(kind)
            _ = try? await provider.prepareInput("i", tag: "t")
            try? await provider.removeInput(tag: "t", fileID: nil)
            _ = try await provider.submit(order())
            _ = try? await provider.find(Self.search)
            _ = await provider.status(of: ["a", "b"])
            _ = await provider.status(of: [])
            try? await provider.fetch("o", of: order(), to: "/nowhere")
            _ = try? await provider.cancel("p")
            _ = try? await provider.generations(since: Date(timeIntervalSince1970: 0))
        }
        let lines = metrics.text().split(separator: "\n").filter { $0.hasPrefix("zoetrope_provider_calls_total{") }
        let counted = lines.map { $0.drop { $0 != "{" } }.sorted()
        let calls = ["cancel", "fetch", "find", "list", "prepare", "remove", "status", "submit"]
        let expected = calls.flatMap { call in
            [call == "submit" ? "unknown" : "ok", "throttled"]
                .map { #"{provider="local",call="\#(call)",outcome="\#($0)"} 1"# }
        }
        #expect(counted.map(String.init) == expected.sorted())
    }
}

/// A provider whose every call fails in the way of the moment, or does not.
private struct Moody: GenerationProvider {
    let mood: @Sendable () -> ProviderError.Kind?

    var traits: ProviderTraits {
        ProviderTraits(
            provider: .local,
            isIdempotentByTag: false,
            wantsInput: false,
            submitTimeout: .seconds(1),
            createsPerMinute: nil,
            readsPerMinute: nil
        )
    }

    private func fail() throws(ProviderError) {
        if let kind = mood() { throw ProviderError(kind, "a mood") }
    }

    private let generation = Generation(
        id: "p",
        tag: nil,
        model: nil,
        state: .running(hasStarted: true),
        createdAt: nil,
        completedAt: nil
    )

    init(_ mood: @escaping @Sendable () -> ProviderError.Kind?) { self.mood = mood }

    func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        try fail()
        return ProviderInput(url: "https://inputs.example/\(tag)", fileID: nil)
    }

    func removeInput(tag: String, fileID: String?) async throws(ProviderError) { try fail() }

    func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        mood().map { .refused(ProviderError($0, "a mood")) } ?? .unknown(detail: "no answer")
    }

    func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        try fail()
        return []
    }

    func status(of ids: [String]) async -> [String: StatusOutcome] {
        let outcome = mood().map { StatusOutcome.failed(ProviderError($0, "a mood")) } ?? .found(generation)
        return Dictionary(uniqueKeysWithValues: ids.map { ($0, outcome) })
    }

    func callsForStatus(of count: Int) -> Int { count }

    func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) { try fail() }

    func cancel(_ id: String) async throws(ProviderError) -> Generation {
        try fail()
        return generation
    }

    func generations(since: Date) async throws(ProviderError) -> [Generation] {
        try fail()
        return []
    }
}
