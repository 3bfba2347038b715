import Foundation
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// The adapter on some server, with a clock on which waits take no time.
struct OpenAIVideosWorld: Sendable {
    let provider: OpenAIVideosProvider
    let folder: TemporaryFolder
    let clock = SteppingClock()

    init(
        _ address: String,
        key: String? = nil,
        origins: [String] = [],
        submitTimeout: Duration = .seconds(65),
        now: @escaping @Sendable () -> Date = { Date() },
        configure: (inout OpenAIVideosClient.Configuration) -> Void = { _ in }
    ) throws {
        var configuration = OpenAIVideosClient.Configuration()
        configure(&configuration)
        folder = try TemporaryFolder()
        provider = OpenAIVideosProvider(
            client: try OpenAIVideosClient(
                baseURL: address,
                apiKey: key,
                outputOrigins: origins,
                configuration: configuration
            ),
            folder: folder.path("pictures"),
            submitTimeout: submitTimeout,
            clock: clock,
            now: now
        )
    }

    /// The adapter on a fake engine, with the model and the key that it wants.
    init(_ kind: FakeEngine.Kind, _ address: String, origins: [String] = []) throws {
        try self.init(address, key: kind == .liteLLM ? FakeEngine.key : nil, origins: origins)
    }

    static func model(_ kind: FakeEngine.Kind = .vllmOmni) -> VideoModel {
        VideoModel(
            alias: "own",
            provider: .openAIVideos,
            name: kind == .liteLLM ? "video-model" : "",
            durations: [5]
        )
    }

    func order(_ tag: String, _ model: VideoModel = model(), seed: UInt64? = nil) throws -> GenerationOrder {
        let order = try SimulatedProvider.order(tag: tag)
        return GenerationOrder(
            animationID: order.animationID,
            tag: tag,
            request: try AnimationRequest(model: model, prompt: "The sea is calm.\r\n--x\r\n", seed: seed),
            source: order.source,
            input: ProviderInput(url: "openai-videos:\(tag)", fileID: nil),
            part: 0,
            cancelAfter: .seconds(600)
        )
    }

    func prepare(_ tag: String, width: Int = 1_600, height: Int = 900) async throws {
        let path = folder.path("photo.jpg")
        try Data(Self.jpeg(width: width, height: height)).write(to: URL(filePath: path))
        let input = try await provider.prepareInput(path, tag: tag)
        #expect(input == ProviderInput(url: "openai-videos:\(tag)", fileID: nil))
    }

    func submit(_ tag: String, _ model: VideoModel = model()) async throws -> SubmitOutcome {
        try await prepare(tag)
        return await provider.submit(try order(tag, model))
    }

    /// Submits an order that must be accepted.
    func accepted(_ tag: String, _ kind: FakeEngine.Kind = .vllmOmni) async throws -> Generation {
        let outcome = try await submit(tag, Self.model(kind))
        guard case .accepted(let generation) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
        return generation
    }

    func state(_ id: String) async throws -> Generation.State {
        let outcome = await provider.status(of: [id])[id]
        guard case .found(let generation) = outcome else {
            throw ProviderError(.missing, "\(String(describing: outcome))")
        }
        #expect(generation.id == id)
        return generation.state
    }

    /// The kind of error that a status call brought.
    func statusError(_ id: String) async throws -> ProviderError {
        let outcome = await provider.status(of: [id])[id]
        guard case .failed(let error) = outcome else {
            throw ProviderError(.missing, "\(String(describing: outcome))")
        }
        return error
    }

    /// Fetches a result, and gives back what is in the folder of its place afterwards.
    func fetch(_ output: String) async throws -> [UInt8] {
        let place = try TemporaryFolder()
        do {
            try await provider.fetch(output, of: try order("tag1"), to: place.path("clip.mp4"))
        } catch {
            #expect(place.contents.isEmpty, "a part of the result was left")
            throw error
        }
        #expect(place.contents == ["clip.mp4"])
        return [UInt8](try Data(contentsOf: URL(filePath: place.path("clip.mp4"))))
    }

    func fetchError(_ output: String) async throws -> ProviderError {
        do {
            _ = try await fetch(output)
        } catch let error as ProviderError {
            return error
        }
        throw ProviderError(.rejected, "the fetch went well")
    }

    /// A JPEG of that size whose picture data nobody decodes.
    static func jpeg(width: Int, height: Int) -> [UInt8] {
        func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [0xFF, marker, 0, UInt8(payload.count + 2)] + payload
        }
        func pair(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }
        let tables =
            segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
            + segment(0xC0, [8] + pair(height) + pair(width) + [1, 1, 0x11, 0])
            + [0x00, 0x10].flatMap { segment(0xC4, [$0, 1] + [UInt8](repeating: 0, count: 16)) }
        let data = [UInt8](repeating: 0, count: width * height / 64 / 4 + 16)
        return [0xFF, 0xD8] + tables + segment(0xDA, [1, 1, 0, 0, 63, 0]) + data + [0xFF, 0xD9]
    }
}

/// The kind of a refusal.
func refusal(_ outcome: SubmitOutcome) throws -> ProviderError.Kind {
    guard case .refused(let error) = outcome else { throw ProviderError(.rejected, "\(outcome)") }
    return error.kind
}

extension SubmitOutcome {
    var isUnknown: Bool { if case .unknown = self { true } else { false } }
}
