import Foundation
import Replicate
import ReplicateSimulator
import ZoetropeTestKit

/// A simulator, and a client of it whose waits move the simulator's clock instead of taking time.
struct SimulatedReplicate: Sendable {
    let simulator: ReplicateSimulator
    let client: ReplicateClient
    let clock: SteppingClock

    /// Runs `body` with a fresh simulator on a manual clock.
    static func run(
        rules: [Rule] = [],
        switches: Switches = Switches(),
        configure: @Sendable (inout ReplicateClient.Configuration) -> Void = { _ in },
        _ body: @Sendable (SimulatedReplicate) async throws -> Void
    ) async throws {
        var configuration = ReplicateSimulator.Configuration()
        configuration.clock = .manual
        configuration.switches = switches
        var settings = ReplicateClient.Configuration()
        configure(&settings)
        try await ReplicateSimulator.withRunning(configuration) { [settings] simulator in
            for rule in rules { simulator.add(rule) }
            let clock = SteppingClock { await simulator.advance(by: $0) }
            var settings = settings
            settings.clock = clock
            settings.jitter = { 0.5 }
            settings.outputOrigins = [simulator.outputURL]
            let client = try ReplicateClient(
                token: simulator.token,
                baseURL: simulator.baseURL,
                configuration: settings
            )
            try await body(SimulatedReplicate(simulator: simulator, client: client, clock: clock))
        }
    }

    static let input: [String: Replicate.JSONValue] = [
        "prompt": "The person walks forward.", "first_frame_image": "https://example.com/photo.jpg",
    ]

    /// Creates a prediction of the usual model with a tag.
    func create(tag: String = "tag-1", cancelAfter: Duration? = nil) async throws -> Replicate.Prediction {
        try await client.createPrediction(
            .model("minimax/video-01-live"),
            input: Self.input,
            webhook: "http://127.0.0.1:9/hook?attempt=\(tag)",
            webhookEvents: [.start],
            cancelAfter: cancelAfter
        )
    }

    /// Waits until something is true, however long that takes; the test's own limit ends it.
    static func until(_ condition: @Sendable () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Requests of a method and the end of a path, as the simulator recorded them.
    func requests(_ method: String, _ suffix: String) -> [RecordedRequest] {
        simulator.requests.filter { request in
            let path = request.target.prefix { $0 != "?" }
            return request.method == method && path.hasSuffix(suffix)
        }
    }
}
