import Foundation
import Replicate
import ReplicateSimulator
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// A simulator on a manual clock, and the adapter on a client of it whose waits move that clock.
struct SimulatedProvider: Sendable {
    let simulator: ReplicateSimulator
    let client: ReplicateClient
    let provider: ReplicateProvider
    let folder: TemporaryFolder

    static let webhookBase = "http://127.0.0.1:9/"

    static func run(
        rules: [Rule] = [],
        switches: Switches = Switches(),
        webhookBase: String? = webhookBase,
        configure: @Sendable (inout ReplicateClient.Configuration) -> Void = { _ in },
        _ body: @Sendable (SimulatedProvider) async throws -> Void
    ) async throws {
        var configuration = ReplicateSimulator.Configuration()
        configuration.clock = .manual
        configuration.switches = switches
        configuration.rules = rules
        var settings = ReplicateClient.Configuration()
        configure(&settings)
        try await ReplicateSimulator.withRunning(configuration) { [settings] simulator in
            var settings = settings
            settings.clock = SteppingClock { await simulator.advance(by: $0) }
            settings.jitter = { 0.5 }
            settings.outputOrigins = [simulator.outputURL]
            let client = try ReplicateClient(
                token: simulator.token,
                baseURL: simulator.baseURL,
                configuration: settings
            )
            try await body(
                SimulatedProvider(
                    simulator: simulator,
                    client: client,
                    provider: ReplicateProvider(client: client, webhookBase: webhookBase),
                    folder: try TemporaryFolder()
                )
            )
        }
    }

    static func order(
        tag: String,
        alias: String = "replicate_video_01_live",
        input: ProviderInput? = nil,
        cancelAfter: Duration = .seconds(600)
    ) throws -> GenerationOrder {
        guard let model = ZoetropeCore.ModelCatalogue.builtIn.named(alias), let key = ObjectKey("uploads/a.jpg") else {
            throw CocoaError(.featureUnsupported)
        }
        return GenerationOrder(
            animationID: AnimationID(UUID()),
            tag: tag,
            request: try AnimationRequest(model: model, prompt: "The sea is calm."),
            source: SourceImage(
                key: key,
                contentType: "image/jpeg",
                size: FrameSize(width: 640, height: 360),
                byteCount: 1,
                sha256: String(repeating: "0", count: 64)
            ),
            input: input ?? ProviderInput(url: "https://files.example/\(tag).jpg", fileID: nil),
            part: 0,
            cancelAfter: cancelAfter
        )
    }

    /// Submits an order that must be accepted.
    @discardableResult
    func submit(tag: String, alias: String = "replicate_video_01_live", input: ProviderInput? = nil) async throws
        -> Generation
    {
        let outcome = await provider.submit(try Self.order(tag: tag, alias: alias, input: input))
        guard case .accepted(let generation) = outcome else {
            throw ProviderError(.rejected, "\(outcome)")
        }
        return generation
    }

    /// A search for a submit that happened now.
    func search(_ tag: String, inputURL: String? = nil, model: String = "minimax/video-01-live") -> TagSearch {
        TagSearch(
            tag: tag,
            inputURL: inputURL,
            model: model,
            sentAt: simulator.now,
            overAt: simulator.now + 65
        )
    }

    func file(_ name: String, bytes: Int = 1_000) throws -> String {
        let path = folder.path(name)
        try Data(repeating: 0xff, count: bytes).write(to: URL(filePath: path))
        return path
    }

    /// Requests of a method and the end of a path, as the simulator recorded them.
    func requests(_ method: String, _ suffix: String = "") -> [RecordedRequest] {
        simulator.requests.filter { request in
            request.method == method && request.target.prefix { $0 != "?" }.hasSuffix(suffix)
        }
    }
}

/// Waits until something is true; the test's own limit ends it.
func until(_ condition: @Sendable () async -> Bool) async throws {
    while await !condition() { try await Task.sleep(for: .milliseconds(1)) }
}
