import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// The image at the provider: under the tag, and gone again.
@Suite(.timeLimit(.minutes(2)))
struct InputTests {
    private static func names(_ world: SimulatedProvider) async throws -> [String] {
        var names: [String] = []
        for try await page in world.client.files() { names += page.elements.compactMap(\.name) }
        return names.sorted()
    }

    @Test
    func `an input is uploaded under its tag`() async throws {
        try await SimulatedProvider.run { world in
            let input = try await world.provider.prepareInput(try world.file("photo.png"), tag: "tag1")
            let id = try #require(input.fileID)
            let file = try await world.client.file(UploadedFile.ID(rawValue: id))
            #expect(file.url == input.url)
            #expect(file.name == "tag1.jpg")
            #expect(file.contentType == "image/jpeg")
            #expect(file.metadata == ["attempt": "tag1"])
            #expect(file.size == 1_000)
        }
    }

    @Test
    func `an input is removed by its id, or by its tag, and being gone is fine`() async throws {
        try await SimulatedProvider.run { world in
            let path = try world.file("photo.jpg")
            let first = try await world.provider.prepareInput(path, tag: "tag1")
            for _ in 0..<2 { _ = try await world.provider.prepareInput(path, tag: "tag2") }
            _ = try await world.provider.prepareInput(path, tag: "tag22")
            for _ in 0..<2 {
                try await world.provider.removeInput(tag: "tag1", fileID: first.fileID)
                #expect(try await Self.names(world) == ["tag2.jpg", "tag2.jpg", "tag22.jpg"])
            }
            for _ in 0..<2 {
                try await world.provider.removeInput(tag: "tag2", fileID: nil)
                #expect(try await Self.names(world) == ["tag22.jpg"])
            }
        }
    }

    @Test
    func `the tag is looked for on every page`() async throws {
        try await SimulatedProvider.run { world in
            let path = try world.file("photo.jpg")
            for number in 0..<120 { _ = try await world.provider.prepareInput(path, tag: "tag\(number)") }
            try await world.provider.removeInput(tag: "tag0", fileID: nil)
            let names = try await Self.names(world)
            #expect(names.count == 119)
            #expect(!names.contains("tag0.jpg"))
        }
    }

    @Test(arguments: [
        (Fault.close(.after), ProviderError.Kind.unavailable), (.answer(.init(500)), .unavailable),
        (.answer(.init(401, .json(["detail": "no"]))), .credentials), (.answer(.init(413)), .sourceUnreadable),
        (.answer(.init(422, .json(["detail": "no"]))), .rejected),
        (.throttle(.init(.plain, retryAfter: 5)), .throttled),
    ])
    func `an upload that fails says why`(fault: Fault, kind: ProviderError.Kind) async throws {
        try await SimulatedProvider.run(rules: [.fault(.fileUpload, fault)]) { world in
            let path = try world.file("photo.jpg")
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.prepareInput(path, tag: "tag1")
            }
            #expect(error?.kind == kind)
        }
    }

    @Test
    func `a file that is not there is our own trouble`() async throws {
        try await SimulatedProvider.run { world in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.prepareInput(world.folder.path("none.jpg"), tag: "tag1")
            }
            #expect(error?.kind == .storage)
        }
    }

    @Test(arguments: [Exchange.fileDelete, .fileList])
    func `a removal that fails is not taken for one`(exchange: Exchange) async throws {
        try await SimulatedProvider.run(rules: [.fault(exchange, .answer(.init(503)), times: nil)]) { world in
            _ = try await world.provider.prepareInput(try world.file("photo.jpg"), tag: "tag1")
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.removeInput(tag: "tag1", fileID: nil)
            }
            #expect(error?.kind == .unavailable)
        }
    }
}
