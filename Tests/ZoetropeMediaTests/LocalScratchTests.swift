import Foundation
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite struct LocalScratchTests {
    private let parent: TemporaryFolder
    private let scratch: LocalScratch
    private let run: AnimationID

    init() throws {
        parent = try TemporaryFolder()
        scratch = LocalScratch(root: FilePath(parent.path("scratch")))
        run = try #require(AnimationID("8d7e4c1c-3a48-4a53-9d0e-7b8a60d9a001"))
    }

    private var contents: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: parent.path("scratch"))) ?? []).sorted()
    }

    @Test func `a step works in an empty folder that names its run, and is gone afterwards`() async throws {
        let path = try await scratch.withFolder(for: run, epoch: 7) { path in
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
            #expect(path.hasPrefix("/") && path.contains("\(run)-7-"))
            try Data("x".utf8).write(to: URL(filePath: path + "/clip.mp4"))
            return path
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        await #expect(throws: CancellationError.self) {
            try await scratch.withFolder(for: run, epoch: 8) { _ in throw CancellationError() }
        }
        #expect(contents.isEmpty)
    }

    @Test func `what a killed process left goes first, what a living one uses stays`() async throws {
        try await scratch.withFolder(for: run, epoch: 1) { living in
            let left = parent.path("scratch/.zoetrope-scratch-\(run)-1-abcdef")
            try FileManager.default.createDirectory(atPath: left + "/inner", withIntermediateDirectories: true)
            try await scratch.withFolder(for: run, epoch: 2) { path in
                #expect(!FileManager.default.fileExists(atPath: left))
                #expect(FileManager.default.fileExists(atPath: living))
                #expect(path != living)
            }
        }
    }
}
