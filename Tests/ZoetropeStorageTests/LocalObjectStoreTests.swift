import Foundation
import Testing
import ZoetropeCore
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct LocalObjectStoreTests {
    private let folder: TemporaryFolder
    private let source: String

    init() throws {
        folder = try TemporaryFolder()
        source = folder.path("source")
        try Data("bytes".utf8).write(to: URL(filePath: source))
    }

    private var root: String { folder.path("data/objects") }
    private var incoming: [String] { contents("\(root)/.incoming") }

    private func contents(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    private func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test(arguments: ObjectStoreRule.allCases)
    func keeps(rule: ObjectStoreRule) async throws {
        try await rule.check(LocalObjectStore(folder: root))
        #expect(incoming.isEmpty)
    }

    @Test func `an object is the file of its key, and for the service and its group only`() async throws {
        let store = try LocalObjectStore(folder: root)
        _ = try await store.put(source, at: key("animations/1/2.mp4"), contentType: "video/mp4")
        #expect(FileManager.default.contents(atPath: "\(root)/animations/1/2.mp4") == Data("bytes".utf8))
        #expect(try mode("\(root)/animations/1/2.mp4") & 0o137 == 0)
        for path in [root, "\(root)/animations", "\(root)/animations/1"] {
            #expect(try mode(path) & 0o027 == 0, "\(path)")
        }
        try await store.delete(key("animations/1/2.mp4"))
        #expect(contents(root) == [".incoming"], "folders go with their last object")
    }

    @Test func `another process opens the same folder and sees the same objects`() async throws {
        let stored = try await LocalObjectStore(folder: root).put(source, at: key("a/b.jpg"), contentType: "image/jpeg")
        #expect(try await LocalObjectStore(folder: root).facts(of: key("a/b.jpg")) == stored.facts)
    }

    @Test func `what replaces an object of the same size at once has another entity tag`() async throws {
        let store = try LocalObjectStore(folder: root)
        var tags: Set<String> = []
        for _ in 0..<200 {
            _ = try await store.put(source, at: key("a/b.mp4"), contentType: "video/mp4")
            try await tags.insert(#require(store.open(key("a/b.mp4"))).entityTag)
            try await store.delete(key("a/b.mp4"))
        }
        #expect(tags.count == 200)
    }

    @Test func `links in the tree lead nowhere`() async throws {
        let store = try LocalObjectStore(folder: root)
        let outside = try TemporaryFolder()
        try Data("secret".utf8).write(to: URL(filePath: outside.path("secret.mp4")))
        try FileManager.default.createSymbolicLink(atPath: "\(root)/out", withDestinationPath: outside.url.path)
        try FileManager.default.createSymbolicLink(
            atPath: "\(root)/leaf.mp4",
            withDestinationPath: outside.path("secret.mp4")
        )
        for text in ["out/secret.mp4", "leaf.mp4"] {
            let key = try key(text)
            #expect(await (try? store.facts(of: key)) == nil)
            await #expect(throws: StorageError.self) { _ = try await store.get(key, to: folder.path("stolen")) }
            #expect(!FileManager.default.fileExists(atPath: folder.path("stolen")))
            let error = await #expect(throws: StorageError.self) {
                _ = try await store.put(source, at: key, contentType: "video/mp4")
            }
            #expect(error?.code == .denied)
            try await store.delete(key)
        }
        await #expect(throws: StorageError.self) {
            _ = try await store.put(source, at: key("out/new.mp4"), contentType: "video/mp4")
        }
        #expect(try await store.keys(withPrefix: "").isEmpty)
        #expect(outside.contents == ["secret.mp4"])
        #expect(FileManager.default.contents(atPath: outside.path("secret.mp4")) == Data("secret".utf8))
        #expect(incoming.isEmpty)
    }

    @Test func `the root itself may be a link`() async throws {
        try FileManager.default.createDirectory(atPath: folder.path("disk"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("link"),
            withDestinationPath: folder.path("disk")
        )
        let store = try LocalObjectStore(folder: folder.path("link"))
        _ = try await store.put(source, at: key("a.mp4"), contentType: "video/mp4")
        #expect(FileManager.default.fileExists(atPath: folder.path("disk/a.mp4")))
    }

    @Test func `keys that no file can have are refused, and nothing is there`() async throws {
        let store = try LocalObjectStore(folder: root)
        _ = try await store.put(source, at: key("a/b.mp4"), contentType: "video/mp4")
        for text in ["a", "a/b.mp4/c", String(repeating: "n", count: 300), ".incoming", ".incoming/x"] {
            let key = try key(text)
            let error = await #expect(throws: StorageError.self, "\(text)") {
                _ = try await store.put(source, at: key, contentType: "video/mp4")
            }
            #expect(error?.code == .denied, "\(text)")
            #expect(try await store.facts(of: key) == nil)
            try await store.delete(key)
        }
        #expect(try await store.keys(withPrefix: "").map(\.description) == ["a/b.mp4"])
    }

    @Test func `an object stays whole for its reader when it is deleted and another takes its place`() async throws {
        let store = try LocalObjectStore(folder: root)
        let key = try key("a.mp4")
        _ = try await store.put(source, at: key, contentType: "video/mp4")
        let reader = try #require(try await store.open(key))
        try await store.delete(key)
        let other = folder.path("other")
        try Data("other".utf8).write(to: URL(filePath: other))
        _ = try await store.put(other, at: key, contentType: "video/mp4")
        #expect(try await reader.bytes(at: 0, count: 10) == Array("bytes".utf8))
    }

    @Test func `a pipe in an object's place holds nobody up`() async throws {
        let store = try LocalObjectStore(folder: root)
        try await ToolRunner.succeed("mkfifo", ["\(root)/a.mp4"])
        #expect(try await store.facts(of: key("a.mp4")) == nil)
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    @Test func `what a killed process left half written goes with the next start, a living one's stays`() async throws {
        _ = try LocalObjectStore(folder: root)
        let partial = "\(root)/.incoming/1f"
        let writer = Process()
        writer.executableURL = URL(filePath: "/usr/bin/flock")
        // The lock is held while the inner program waits for its input, which says that it has begun.
        writer.arguments = ["-x", partial, "sh", "-c", "echo begun; exec cat"]
        let (input, output) = (Pipe(), Pipe())
        writer.standardInput = input
        writer.standardOutput = output
        try writer.start()
        #expect(output.fileHandleForReading.availableData == Data("begun\n".utf8))

        let store = try LocalObjectStore(folder: root)
        #expect(incoming == ["1f"])
        #expect(try await store.keys(withPrefix: "").isEmpty)
        try input.fileHandleForWriting.close()
        writer.waitUntilExit()
        _ = try LocalObjectStore(folder: root)
        #expect(incoming.isEmpty)
    }

    @Test func `a start does not disturb those who are writing`() async throws {
        let store = try LocalObjectStore(folder: root)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let key = try key("a/\(number).mp4")
                    let outcome = try await store.put(source, at: key, contentType: "video/mp4")
                    #expect(outcome == .stored(outcome.facts))
                }
                group.addTask { _ = try LocalObjectStore(folder: root) }
            }
            try await group.waitForAll()
        }
        #expect(try await store.keys(withPrefix: "").count == 100)
        #expect(incoming.isEmpty)
    }

    @Test func `a folder that cannot be made is said to be one`() {
        let error = #expect(throws: StorageError.self) { try LocalObjectStore(folder: "\(source)/objects") }
        #expect(error?.code == .denied)
        #expect(error?.detail.contains("\(source)/objects") == true)
    }
}

/// File systems that are too small or read-only, which only root can make.
@Suite(.serialized, .enabled(if: Mount.isAllowed, "needs the right to mount"), .timeLimit(.minutes(1)))
struct LocalObjectStoreDiskTests {
    @Test func `a full disk is said to be one, and works again when it has room`() async throws {
        let mount = try await Mount(options: "size=1m")
        let store = try LocalObjectStore(folder: mount.path("objects"))
        let key = try #require(ObjectKey("a/b.mp4"))
        let large = try mount.source(bytes: 2_000_000)
        let error = await #expect(throws: StorageError.self) {
            _ = try await store.put(large, at: key, contentType: "video/mp4")
        }
        #expect(error?.code == .full)
        #expect(try await store.facts(of: key) == nil)
        _ = try await store.put(mount.source(bytes: 500_000), at: key, contentType: "video/mp4")
        #expect(try await store.facts(of: key)?.byteCount == 500_000)

        _ = try await store.put(
            mount.source(bytes: 400_000),
            at: #require(ObjectKey("c.mp4")),
            contentType: "video/mp4"
        )
        let full = await #expect(throws: StorageError.self) { _ = try await store.get(key, to: mount.path("copy")) }
        #expect(full?.code == .full)
        #expect(!FileManager.default.fileExists(atPath: mount.path("copy")))
        await mount.remove()
    }

    @Test func `a disk that became read-only is said to be one, and can still be read`() async throws {
        let mount = try await Mount(options: "size=1m")
        let store = try LocalObjectStore(folder: mount.path("objects"))
        let key = try #require(ObjectKey("a/b.mp4"))
        let facts = try await store.put(mount.source(bytes: 5), at: key, contentType: "video/mp4").facts
        try await ToolRunner.succeed("mount", ["-o", "remount,ro", mount.path("")])
        for attempt in [
            { @Sendable in _ = try await store.put(mount.source(bytes: 5), at: key, contentType: "video/mp4") },
            { @Sendable in try await store.delete(key) },
        ] {
            let error = await #expect(throws: StorageError.self) { try await attempt() }
            #expect(error?.code == .denied)
        }
        #expect(try await store.facts(of: key) == facts)
        #expect(try await store.keys(withPrefix: "") == [key])
        await mount.remove()
    }
}

/// A file system in memory.
final class Mount: Sendable {
    private let folder: TemporaryFolder

    static let isAllowed: Bool = {
        guard geteuid() == 0, ToolRunner.has("mount", "unshare") else { return false }
        let probe = Process()
        probe.executableURL = URL(filePath: "/usr/bin/env")
        probe.arguments = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.start()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    init(options: String) async throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path("disk"), withIntermediateDirectories: false)
        try await ToolRunner.succeed("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder.path("disk")])
    }

    /// Takes it away, lazily: the store may still hold its folder open.
    func remove() async { _ = try? await ToolRunner.run("umount", ["-l", path("")]) }

    func path(_ name: String) -> String { folder.path("disk/\(name)") }

    /// A file on another disk.
    func source(bytes count: Int) throws -> String {
        let path = folder.path("source-\(count)")
        try Data(repeating: 7, count: count).write(to: URL(filePath: path))
        return path
    }
}
