import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// A self-hosted model server, whose calls are held.
@Suite(.timeLimit(.minutes(2)))
struct CogProviderTests {
    private struct World: Sendable {
        let simulator: ReplicateSimulator
        let folder: TemporaryFolder
        let provider: CogProvider

        func order(_ tag: String, cancelAfter: Duration = .seconds(600)) throws -> GenerationOrder {
            let order = try SimulatedProvider.order(tag: tag)
            let model = ZoetropeCore.VideoModel(alias: "own", provider: .cog, durations: [5])
            return GenerationOrder(
                animationID: order.animationID,
                tag: tag,
                request: try AnimationRequest(model: model),
                source: order.source,
                input: ProviderInput(url: "cog:\(tag)", fileID: nil),
                part: 0,
                cancelAfter: cancelAfter
            )
        }

        func prepare(_ tag: String) async throws {
            let path = folder.path("photo.jpg")
            try Data(repeating: 0xff, count: 1_000).write(to: URL(filePath: path))
            let input = try await provider.prepareInput(path, tag: tag)
            #expect(input == ProviderInput(url: "cog:\(tag)", fileID: nil))
        }

        func submit(_ tag: String, cancelAfter: Duration = .seconds(600)) async throws -> SubmitOutcome {
            try await prepare(tag)
            return await provider.submit(try order(tag, cancelAfter: cancelAfter))
        }

        /// Submits and waits until the server has it, which need not be so when a submit counts as accepted.
        @discardableResult
        func start(_ tag: String) async throws -> Generation {
            let outcome = try await submit(tag)
            guard case .accepted(let generation) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
            try await until { simulator.ledger.cogRuns.contains { $0.id == tag } }
            return generation
        }

        func state(_ tag: String) async throws -> Generation.State {
            guard case .found(let generation) = await provider.status(of: [tag])[tag] else {
                throw ProviderError(.missing, tag)
            }
            #expect(generation.id == tag)
            #expect(generation.tag == tag)
            return generation.state
        }

        /// What another process with the same folder would have.
        func restarted() throws -> CogProvider {
            try Self.provider(of: simulator, folder, acceptance: .seconds(30))
        }

        static func provider(of simulator: ReplicateSimulator, _ folder: TemporaryFolder, acceptance: Duration) throws
            -> CogProvider
        {
            var settings = ReplicateClient.Configuration()
            settings.outputOrigins = []
            return CogProvider(
                client: try CogClient(baseURL: simulator.cogURL ?? ""),
                downloader: try ReplicateClient(token: "none", baseURL: simulator.baseURL, configuration: settings),
                folder: folder.path("cog"),
                acceptance: acceptance,
                now: { simulator.now }
            )
        }
    }

    private static func run(
        rules: [Rule] = [],
        acceptance: Duration = .milliseconds(200),
        switches: (inout CogSwitches) -> Void = { _ in },
        _ body: @Sendable (World) async throws -> Void
    ) async throws {
        var configuration = ReplicateSimulator.Configuration()
        configuration.clock = .manual
        configuration.cogPort = 0
        configuration.rules = rules
        switches(&configuration.switches.cog)
        try await ReplicateSimulator.withRunning(configuration) { simulator in
            let folder = try TemporaryFolder()
            let provider = try World.provider(of: simulator, folder, acceptance: acceptance)
            try await body(World(simulator: simulator, folder: folder, provider: provider))
        }
    }

    private static func refusal(_ outcome: SubmitOutcome) throws -> ProviderError.Kind {
        guard case .refused(let error) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
        return error.kind
    }

    @Test
    func `a run goes from the image to a file`() async throws {
        try await Self.run { world in
            #expect(world.provider.traits.isIdempotentByTag)
            let generation = try await world.start("tag1")
            #expect(generation.id == "tag1")
            #expect(generation.state == .running(hasStarted: true))
            #expect(world.simulator.ledger.cogRuns.map(\.id) == ["tag1"])
            #expect(
                world.simulator.ledger.cogRuns.first?.input["image"]?.string?.hasPrefix("data:image/jpeg;base64,/")
                    == true
            )
            let search = TagSearch(tag: "tag1", inputURL: nil, model: "", sentAt: .now, overAt: .now)
            #expect(try await world.provider.find(search) == [generation])
            await world.simulator.advance(by: .seconds(60))
            try await until { (try? await world.state("tag1")) == .succeeded(output: "cog:tag1") }
            for name in ["a.mp4", "b.mp4", "b.mp4"] {
                let path = world.folder.path(name)
                try await world.provider.fetch("cog:tag1", of: try world.order("tag1"), to: path)
                let bytes = try Data(contentsOf: URL(filePath: path))
                #expect(bytes.dropFirst(4).prefix(4) == Data("ftyp".utf8))
            }
            try await world.provider.removeInput(tag: "tag1", fileID: nil)
            try await world.provider.removeInput(tag: "tag1", fileID: nil)
            // The result is still there for a finishing step that is done again, even by a new process.
            let restarted = try world.restarted()
            guard case .found(let found) = await restarted.status(of: ["tag1"])["tag1"] else {
                throw ProviderError(.missing, "")
            }
            #expect(found.state == .succeeded(output: "cog:tag1"))
        }
    }

    @Test
    func `a tag that runs already starts nothing new`() async throws {
        try await Self.run { world in
            for _ in 0..<2 { try await world.start("tag1") }
            #expect(world.simulator.ledger.cogRuns.count == 1)
            #expect(world.simulator.ledger.cogRuns.first?.requests == 1)
            // Another process is told so; nothing is made twice.
            let outcome = try await world.restarted().submit(try world.order("tag1"))
            #expect(try Self.refusal(outcome) == .throttled)
            #expect(world.simulator.ledger.cogRuns.count == 1)
        }
    }

    @Test
    func `a server that is full, or not ready, refuses`() async throws {
        try await Self.run(acceptance: .seconds(30)) { world in
            let first = Task { try await world.submit("tag1") }
            try await until { !world.simulator.ledger.cogRuns.isEmpty }
            #expect(try Self.refusal(try await world.submit("tag2")) == .throttled)
            await world.simulator.advance(by: .seconds(60))
            guard case .accepted(let done) = try await first.value else { throw ProviderError(.rejected, "") }
            #expect(done.state == .succeeded(output: "cog:tag1"))
            // Refused is forgotten: the same tag may try again.
            let again = Task { try await world.submit("tag2") }
            try await until { world.simulator.ledger.cogRuns.count == 2 }
            await world.simulator.advance(by: .seconds(60))
            guard case .accepted = try await again.value else { throw ProviderError(.rejected, "") }
        }
        try await Self.run(acceptance: .seconds(30), switches: { $0.setupSeconds = 60 }) { world in
            let outcome = try await world.submit("tag1")
            #expect(try Self.refusal(outcome) == .unavailable)
        }
    }

    @Test
    func `a lost answer is unknown, and the same tag may be asked for again`() async throws {
        let rule = Rule.fault(.cogCreate, .answer(.init(500), .after))
        try await Self.run(rules: [rule], acceptance: .seconds(30)) { world in
            let first = Task { try await world.submit("tag1") }
            try await until { !world.simulator.ledger.cogRuns.isEmpty }
            await world.simulator.advance(by: .seconds(60))
            let outcome = try await first.value
            guard case .unknown = outcome else { throw ProviderError(.rejected, "\(outcome)") }
            let again = Task { try await world.submit("tag1") }
            try await until { world.simulator.ledger.cogRuns.count == 2 }
            await world.simulator.advance(by: .seconds(60))
            guard case .accepted(let done) = try await again.value else { throw ProviderError(.rejected, "") }
            #expect(done.state == .succeeded(output: "cog:tag1"))
        }
    }

    @Test(arguments: [
        (Plan(result: .failed("NSFW content detected")), FailureCode.contentRejected),
        (Plan(output: .null), .outputInvalid),
    ])
    func `a run that fails says why`(plan: Plan, code: FailureCode) async throws {
        try await Self.run(rules: [Rule(on: .cogCreate, .plan(plan))]) { world in
            try await world.start("tag1")
            await world.simulator.advance(by: .seconds(60))
            try await until { (try? await world.state("tag1").isTerminal) == true }
            guard case .failed(let failure) = try await world.state("tag1") else { throw ProviderError(.rejected, "") }
            #expect(failure.code == code)
        }
    }

    @Test
    func `a result at a host that is not allowed is invalid`() async throws {
        let odd = Rewrite(set: .init([("output", "https://example.com/x.mp4")]))
        try await Self.run(rules: [.fault(.cogCreate, .rewrite(odd))]) { world in
            try await world.start("tag1")
            await world.simulator.advance(by: .seconds(60))
            try await until { (try? await world.state("tag1").isTerminal) == true }
            guard case .failed(let failure) = try await world.state("tag1") else { throw ProviderError(.rejected, "") }
            #expect(failure.code == .outputInvalid)
        }
    }

    @Test
    func `a cancel ends a run; an unknown one is missing`() async throws {
        try await Self.run { world in
            try await world.start("tag1")
            _ = try await world.provider.cancel("tag1")
            await world.simulator.advance(by: .seconds(1))
            try await until { (try? await world.state("tag1")) == .canceled(hasStarted: true) }
            let error = await #expect(throws: ProviderError.self) { try await world.provider.cancel("tag2") }
            #expect(error?.kind == .missing)
        }
    }

    @Test
    func `a run that takes too long is cancelled at the server`() async throws {
        try await Self.run(acceptance: .milliseconds(50)) { world in
            _ = try await world.submit("tag1", cancelAfter: .milliseconds(300))
            try await until { (try? await world.state("tag1")) == .canceled(hasStarted: true) }
            try await until { world.simulator.ledger.cogRuns.first?.status == "canceled" }
        }
    }

    @Test
    func `what a process held that has ended failed and may be done again`() async throws {
        try await Self.run { world in
            guard case .failed(let failure) = try await world.state("tag1") else { throw ProviderError(.rejected, "") }
            #expect(failure.code == .providerUnavailable)
            #expect(failure.retries > 0)
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch("cog:tag1", of: try world.order("tag1"), to: world.folder.path("x.mp4"))
            }
            #expect(error?.kind == .expired)
        }
    }

    @Test
    func `an input that is not here must be prepared again`() async throws {
        try await Self.run { world in
            let outcome = await world.provider.submit(try world.order("tag1"))
            #expect(try Self.refusal(outcome) == .unavailable)
            #expect(world.simulator.ledger.cogRuns.isEmpty)
        }
    }

    @Test(arguments: ["https://example.com/x.mp4", "cog:../../etc/passwd", "cog:", ""])
    func `a result that is none of ours is not opened`(output: String) async throws {
        try await Self.run { world in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch(output, of: try world.order("tag1"), to: world.folder.path("x.mp4"))
            }
            #expect(error?.kind == .invalidOutput)
        }
    }

    @Test
    func `files that nobody came for go after a day`() async throws {
        try await Self.run { world in
            try await world.prepare("tag1")
            await world.simulator.advance(by: .seconds(2 * 86_400))
            try await world.prepare("tag2")
            let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path("cog"))
            #expect(left == ["tag2.jpg"])
        }
    }
}
