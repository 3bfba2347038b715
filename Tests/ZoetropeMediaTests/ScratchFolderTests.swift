import Foundation
import SystemPackage
import Testing
import ZoetropeMedia
import ZoetropeTestKit

@Suite struct ScratchFolderTests {
    @Test func `a folder of work goes with all that is in it, and nothing else does`() throws {
        let parent = try TemporaryFolder()
        for name in [".zoetrope-backup", "zoetrope-scratch-mine", ".other"] {
            try FileManager.default.createDirectory(atPath: parent.path(name), withIntermediateDirectories: false)
        }
        let scratch = try ScratchFolder(in: FilePath(parent.url.path))
        try Data("x".utf8).write(to: URL(filePath: scratch.path.appending("clip.mp4").string))
        let second = try ScratchFolder(in: FilePath(parent.url.path))
        #expect(FileManager.default.fileExists(atPath: scratch.path.string), "a living one's folder stays")
        scratch.remove()
        second.remove()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: parent.url.path).sorted()
                == [".other", ".zoetrope-backup", "zoetrope-scratch-mine"]
        )
    }

    @Test func `many at once do not take each other's folders`() async throws {
        let parent = try TemporaryFolder()
        let path = FilePath(parent.url.path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let scratch = try ScratchFolder(in: path)
                    try Data("x".utf8).write(to: URL(filePath: scratch.path.appending("clip.mp4").string))
                    #expect(FileManager.default.fileExists(atPath: scratch.path.appending("clip.mp4").string))
                    scratch.remove()
                }
            }
            try await group.waitForAll()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.url.path).isEmpty)
    }

    @Test func `a folder that is not there cannot be worked in`() {
        let error = #expect(throws: MediaError.self) { try ScratchFolder(in: "/nonexistent") }
        #expect(error?.code == .storageUnavailable)
        #expect(error?.message.contains("/nonexistent") == true)
    }
}
