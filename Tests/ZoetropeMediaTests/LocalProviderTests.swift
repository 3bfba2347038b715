import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.serialized, .timeLimit(.minutes(2)))
struct LocalProviderTests {
    private let folder: TemporaryFolder
    private let objects = MemoryObjectStore()
    private let seen = Progress()

    private final class Progress: Sendable {
        let fractions = Mutex<[Double]>([])
    }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func provider() async throws -> LocalProvider {
        LocalProvider(tools: try await TestTools.find(), objects: objects) { [seen] _, progress in
            seen.fractions.withLock { $0.append(progress.fraction) }
        }
    }

    private func order(tag: String = "tag") async throws -> GenerationOrder {
        let key = try #require(ObjectKey("uploads/source.jpg"))
        let facts = try await objects.put(Project.photo("bee").path, at: key, contentType: "image/jpeg").facts
        return GenerationOrder(
            animationID: try #require(AnimationID("8d7e4c1c-3a48-4a53-9d0e-7b8a60d9a001")),
            tag: tag,
            request: try AnimationRequest(resolution: "480p"),
            source: SourceImage(
                key: key,
                contentType: "image/jpeg",
                size: FrameSize(width: 1, height: 1),
                byteCount: Int(facts.byteCount),
                sha256: facts.sha256
            ),
            input: nil,
            part: 0,
            cancelAfter: .seconds(60)
        )
    }

    @Test func `a generation is named, found, asked for and cancelled under one id`() async throws {
        let provider = try await provider()
        let order = try await order()
        guard case .accepted(let made) = await provider.submit(order) else {
            Issue.record("not accepted")
            return
        }
        #expect(made.id == "local-tag" && made.tag == "tag" && made.state == .succeeded(output: "local:tag"))
        #expect(await provider.submit(order) == .accepted(made), "a tag names one generation")
        let search = TagSearch(tag: "tag", inputURL: nil, model: "local", sentAt: Date(), overAt: Date())
        #expect(try await provider.find(search) == [made])
        let status = await provider.status(of: ["local-tag", "else", "local-tag"])
        #expect(status.keys.sorted() == ["else", "local-tag"])
        #expect(status["else"] == .missing)
        guard case .found(let found) = status["local-tag"] else {
            Issue.record("not found")
            return
        }
        #expect(found.id == made.id && found.state == made.state)
        #expect(try await provider.cancel("local-tag").state == made.state, "a finished one stays as it is")
        let unknown = await #expect(throws: ProviderError.self) { _ = try await provider.cancel("else") }
        #expect(unknown?.kind == .missing)
        #expect(!provider.traits.wantsInput && provider.traits.isIdempotentByTag)
    }

    @Test func `what is fetched is the clip, and nothing else is left`() async throws {
        let provider = try await provider()
        try await provider.fetch("local:tag", of: order(), to: folder.path("part.mp4"))
        #expect(folder.contents == ["part.mp4"])
        let verdict = try await ToolRunner.run(Project.checker, [folder.path("part.mp4"), "5"])
        #expect(verdict.status == 0, "\(verdict.text)")
        let fractions = seen.fractions.withLock { $0 }
        #expect(fractions.count > 100 && fractions == fractions.sorted())
    }

    @Test func `an image that is gone or another one cannot be used, and nothing is left`() async throws {
        let provider = try await provider()
        let order = try await order()
        await #expect(throws: ProviderError.self) {
            try await provider.fetch("local:other", of: order, to: folder.path("part.mp4"))
        }
        try await objects.delete(order.source.key)
        let missing = await #expect(throws: ProviderError.self) {
            try await provider.fetch("local:tag", of: order, to: folder.path("part.mp4"))
        }
        #expect(missing?.kind == .sourceUnreadable)
        _ = try await objects.put(Project.photo("moon").path, at: order.source.key, contentType: "image/jpeg")
        let other = await #expect(throws: ProviderError.self) {
            try await provider.fetch("local:tag", of: order, to: folder.path("part.mp4"))
        }
        #expect(other?.kind == .sourceUnreadable)
        #expect(folder.contents.isEmpty)
    }
}
