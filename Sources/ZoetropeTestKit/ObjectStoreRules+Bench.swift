import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// A store under test and a folder for the files that go in and come out.
struct ObjectStoreBench<Store: ObjectStore> {
    let store: Store
    let folder: TemporaryFolder

    init(_ store: Store) throws {
        self.store = store
        folder = try TemporaryFolder()
    }

    static func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

    /// Makes a file and gives its path.
    func file(_ bytes: Data) throws -> String {
        let path = folder.path(UUID().uuidString)
        try bytes.write(to: URL(filePath: path))
        return path
    }

    @discardableResult
    func put(_ text: String, at key: ObjectKey) async throws -> PutOutcome {
        try await store.put(file(Data(text.utf8)), at: key, contentType: "video/mp4")
    }

    /// What the object holds; nil when there is none.
    func bytes(of key: ObjectKey) async throws -> Data? {
        let path = folder.path(UUID().uuidString)
        do {
            _ = try await store.get(key, to: path)
        } catch  where error.code == .missing {
            return nil
        }
        return try Data(contentsOf: URL(filePath: path))
    }

    func text(of key: ObjectKey) async throws -> String? {
        try await bytes(of: key).map { String(decoding: $0, as: UTF8.self) }
    }

    func storedComesBack() async throws {
        let key = try Self.key("animations/a/b.mp4")
        let stored = try await put("abc", at: key)
        // The test vector of FIPS 180-2.
        let facts = ObjectFacts(
            byteCount: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            contentType: "video/mp4"
        )
        #expect(stored == .stored(facts))
        #expect(try await store.facts(of: key) == facts)
        let path = folder.path("out")
        #expect(try await store.get(key, to: path) == facts)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("abc".utf8))
        for (name, type) in [("a.jpg", "image/jpeg"), ("a.png", "image/png"), ("a.webp", "image/webp")] {
            let key = try Self.key(name)
            #expect(try await store.put(path, at: key, contentType: type).facts.contentType == type)
            #expect(try await store.facts(of: key)?.contentType == type)
        }
    }

    func sizes() async throws {
        var random = SplitMix64(seed: 1)
        var large = Data(capacity: 10_000_007)
        while large.count < 10_000_000 { withUnsafeBytes(of: random.next()) { large.append(contentsOf: $0) } }
        for (name, content) in [("empty.mp4", Data()), ("large.mp4", large)] {
            let key = try Self.key(name)
            let outcome = try await store.put(file(content), at: key, contentType: "video/mp4")
            #expect(outcome.facts.byteCount == Int64(content.count))
            #expect(try await store.facts(of: key) == outcome.facts)
            #expect(try await bytes(of: key) == content)
        }
    }

    func givenOnce() async throws {
        let key = try Self.key("a/b.mp4")
        let first = try await put("first", at: key)
        #expect(try await put("second", at: key) == .exists(first.facts))
        #expect(try await text(of: key) == "first")
        try await store.delete(key)
        #expect(try await put("third", at: key) != .exists(first.facts))
        #expect(try await text(of: key) == "third")
    }

    func manyPuts() async throws {
        let key = try Self.key("new/folder/a.mp4")
        let outcomes = try await withThrowingTaskGroup(of: (Int, PutOutcome).self) { group in
            for number in 0..<50 {
                group.addTask { (number, try await put("object \(number)", at: key)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let winners = outcomes.filter { if case .stored = $0.1 { true } else { false } }
        #expect(winners.count == 1)
        #expect(Set(outcomes.map(\.1.facts.sha256)).count == 1, "all are told of the one that is there")
        #expect(try await text(of: key) == winners.first.map { "object \($0.0)" })
    }

    func missing() async throws {
        try await put("x", at: Self.key("a/b.mp4"))
        for text in ["a/c.mp4", "a", "b/b.mp4", "a/b.mp4/c", "a/b.mp"] {
            let key = try Self.key(text)
            #expect(try await store.facts(of: key) == nil)
            let path = folder.path("out")
            let error = await #expect(throws: StorageError.self) { _ = try await store.get(key, to: path) }
            #expect(error?.code == .missing, "\(text)")
            #expect(!FileManager.default.fileExists(atPath: path))
            try await store.delete(key)
        }
        #expect(try await text(of: Self.key("a/b.mp4")) == "x")
    }

    func deletes() async throws {
        let keys = try ["a/b/c.mp4", "a/b/d.mp4"].map(Self.key)
        for key in keys { try await put("x", at: key) }
        try await store.delete(keys[0])
        try await store.delete(keys[0])
        #expect(try await store.facts(of: keys[0]) == nil)
        #expect(try await store.keys(withPrefix: "") == [keys[1]])
        try await store.delete(keys[1])
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    func deletesMany() async throws {
        let keys = try (0..<30).map { try Self.key("many/\($0) &<>\"'+%.mp4") }
        for key in keys { try await put("x", at: key) }
        // More than S3 takes in a call, and most are not there.
        let gone = try Array(keys[..<20]) + (0..<1_500).map { try Self.key("gone/\($0).mp4") }
        #expect(try await store.delete(gone).isEmpty)
        #expect(try await Set(store.keys(withPrefix: "")) == Set(keys[20...]))
        #expect(try await store.delete([]).isEmpty)
        #expect(try await store.delete(keys).isEmpty)
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    func putsAndDeletes() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    // Two in a folder, which is empty again and again.
                    let key = try Self.key("deep/\(worker / 2)/\(worker).mp4")
                    let source = try file(Data("\(worker)".utf8))
                    for _ in 0..<100 {
                        let outcome = try await store.put(source, at: key, contentType: "video/mp4")
                        #expect(outcome == .stored(outcome.facts))
                        #expect(try await store.facts(of: key) == outcome.facts)
                        try await store.delete(key)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    func order() async throws {
        let names = ["a-b", "a.mp4", "a/b", "a/b-c", "a0", "b/Z", "b/a", "b/ä"]
        for name in names.reversed() { try await put("x", at: Self.key(name)) }
        func list(_ prefix: String) async throws -> [String] {
            try await store.keys(withPrefix: prefix).map(\.description)
        }
        #expect(try await list("") == names)
        #expect(try await list("a/") == ["a/b", "a/b-c"])
        #expect(try await list("a/b-") == ["a/b-c"])
        #expect(try await list("a") == ["a-b", "a.mp4", "a/b", "a/b-c", "a0"])
        #expect(try await list("c").isEmpty)
        #expect(try await list("/a").isEmpty)
        #expect(try await list("../").isEmpty)
    }

    func pages() async throws {
        let started = Date.now
        let names = (0..<25).map { "p/\(10 + $0 / 5)/\($0 % 5).mp4" }
        for name in names + ["o/0.mp4", "q/0.mp4"] { try await put(name, at: Self.key(name)) }
        var found: [StoredObject] = []
        var page: [StoredObject]
        repeat {
            page = try await store.list(prefix: "p/", after: found.last?.key, limit: 10)
            found += page
        } while page.count == 10
        #expect(found.map(\.key.description) == names)
        for object in found {
            #expect(object.byteCount == Int64(object.key.description.utf8.count))
            #expect(abs(object.modifiedAt.timeIntervalSince(started)) < 300)
        }
        func list(after: String, limit: Int) async throws -> [String] {
            try await store.list(prefix: "p/", after: Self.key(after), limit: limit).map(\.key.description)
        }
        #expect(try await list(after: "p/12/4.mp4", limit: 3) == Array(names[15..<18]))
        #expect(try await list(after: "p/12/3.mp4x", limit: 1) == ["p/12/4.mp4"], "behind a key that is not there")
        #expect(try await list(after: "p/12", limit: 1) == ["p/12/0.mp4"], "behind a folder's name")
        #expect(try await list(after: "a", limit: 2) == Array(names[..<2]), "behind a key before the prefix")
        #expect(try await list(after: "p/14/4.mp4", limit: 5).isEmpty)
        #expect(try await list(after: "z", limit: 5).isEmpty)
        #expect(try await list(after: "a", limit: 0).isEmpty)
        #expect(try await store.list(prefix: "", after: nil, limit: 1).map(\.key.description) == ["o/0.mp4"])
    }

    func nothingUnfinished() async throws {
        let key = try Self.key("a/b.mp4")
        try await put("whole", at: key)
        #expect(try await store.removeUnfinished(before: .distantFuture) == 0)
        #expect(try await text(of: key) == "whole")
    }

    func oddKeys() async throws {
        let names =
            [
                "with space", " ", "a b/ c", "%2F", "%2e%2e/x", "a+b", "a?b=c#d", "a\\b", "..a", "...", ".hidden",
                "-rf",
                "*", "a:b", "'\"$(id)`", "straße/日本語/🎞️.mp4", "a&b;c|d", "A", "a", "~", "nul", "tmp",
                String(repeating: "n", count: 200), Array(repeating: "d", count: 100).joined(separator: "/"),
            ]
        for name in names { try await put(name, at: Self.key(name)) }
        for name in names { #expect(try await text(of: Self.key(name)) == name) }
        #expect(try await Set(store.keys(withPrefix: "").map(\.description)) == Set(names))
        for name in names { try await store.delete(Self.key(name)) }
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    func wholeOrNone() async throws {
        let key = try Self.key("a.mp4")
        try await put("object", at: key)
        let taken = try file(Data("mine".utf8))
        await #expect(throws: StorageError.self) { _ = try await store.get(key, to: taken) }
        #expect(try Data(contentsOf: URL(filePath: taken)) == Data("mine".utf8), "a get makes new files only")
        let nowhere = folder.path("no/such/folder")
        await #expect(throws: StorageError.self) { _ = try await store.get(key, to: nowhere) }
    }

    func putWithoutFile() async throws {
        let key = try Self.key("a/b.mp4")
        for path in [folder.path("nothing"), folder.url.path] {
            await #expect(throws: StorageError.self) {
                _ = try await store.put(path, at: key, contentType: "video/mp4")
            }
        }
        #expect(try await store.facts(of: key) == nil)
        #expect(try await store.keys(withPrefix: "").isEmpty)
    }

    private func reader(of key: ObjectKey) async throws -> any ObjectReader {
        try #require(try await store.open(key))
    }

    func parts() async throws {
        let key = try Self.key("a/b.mp4")
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        _ = try await store.put(file(Data(content)), at: key, contentType: "video/mp4")
        let reader = try await reader(of: key)
        #expect(reader.byteCount == 100_000)
        #expect(reader.contentType == "video/mp4")
        for (offset, count) in [
            (0, 100_000), (0, 200_000), (0, 1), (99_999, 1), (99_999, 5), (100_000, 1), (200_000, 5), (70_000, 20_000),
            (5, 0),
        ] {
            let bytes = try await reader.bytes(at: Int64(offset), count: count)
            #expect(bytes == Array(content.dropFirst(offset).prefix(count)), "\(offset) \(count)")
        }
        let empty = try Self.key("empty.jpg")
        _ = try await store.put(file(Data()), at: empty, contentType: "image/jpeg")
        let nothing = try await self.reader(of: empty)
        #expect(nothing.byteCount == 0)
        #expect(nothing.contentType == "image/jpeg")
        #expect(try await nothing.bytes(at: 0, count: 10).isEmpty)
    }

    func nothingToOpen() async throws {
        try await put("x", at: Self.key("a/b.mp4"))
        for text in ["a/c.mp4", "a", "b/b.mp4", "a/b.mp4/c", "a/b.mp"] {
            #expect(try await store.open(Self.key(text)) == nil, "\(text)")
        }
    }

    func readWhileReplaced() async throws {
        let key = try Self.key("a/b.mp4")
        try await put("first", at: key)
        let reader = try await reader(of: key)
        #expect(try await reader.bytes(at: 0, count: 2) == Array("fi".utf8))
        try await store.delete(key)
        #expect(try await store.open(key) == nil)
        try await put("other", at: key)
        // The rest, or nothing: files stay for those who read them, and buckets forget.
        do throws(StorageError) {
            #expect(try await reader.bytes(at: 0, count: 10) == Array("first".utf8))
        } catch {
            #expect(error.code == .missing)
        }
        #expect(try await self.reader(of: key).bytes(at: 0, count: 10) == Array("other".utf8))
    }

    func entityTags() async throws {
        let key = try Self.key("a/b.mp4")
        var tags: Set<String> = []
        // So fast that a clock which counts milliseconds stands still, and with files that may get the same number.
        for number in 0..<50 {
            try await put("object \(100 + number)", at: key)
            let (first, second) = try await (reader(of: key), reader(of: key))
            #expect(first.entityTag == second.entityTag)
            #expect(first.modifiedAt == second.modifiedAt)
            #expect(first.entityTag.utf8.allSatisfy { (0x23...0x7E).contains($0) })
            tags.insert(first.entityTag)
            try await store.delete(key)
        }
        #expect(tags.count == 50)
    }
}
