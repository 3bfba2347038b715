import Foundation
import Logging
import Testing
import ZoetropeCore
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// The store on a real server that verifies signatures.
@Suite(.enabled(if: TestS3.isInstalled, "scripts/setup.sh test installs radosgw"), .timeLimit(.minutes(5)))
struct S3ObjectStoreTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

    /// A store in a place of its own.
    private struct Place {
        let server: TestS3
        let prefix: String
        let store: S3ObjectStore

        /// A key's path for other programs.
        func path(_ name: String) -> String { "/\(server.bucket)/\(prefix)/\(name)" }
    }

    private func place(_ limits: S3ObjectStore.Limits = S3ObjectStore.Limits(), now: Date? = nil) async throws -> Place
    {
        let server = try await TestS3.shared()
        let prefix = server.freshPrefix()
        return Place(server: server, prefix: prefix, store: try await store(server.url(prefix), limits, now: now))
    }

    private func store(
        _ url: String,
        _ limits: S3ObjectStore.Limits = S3ObjectStore.Limits(),
        secret: String? = nil,
        now: Date? = nil
    ) async throws -> S3ObjectStore {
        var environment = try await TestS3.shared().environment
        if let secret { environment["AWS_SECRET_ACCESS_KEY"] = secret }
        var timing = S3Timing.system
        if let now { timing.now = { now } }
        return S3ObjectStore(
            try S3Location(parsing: url, environment: environment),
            environment: environment,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            limits: limits,
            timing: timing
        )
    }

    /// 5 MiB is the smallest part that S3 takes.
    private static let smallParts: S3ObjectStore.Limits = {
        var limits = S3ObjectStore.Limits()
        (limits.multipartThreshold, limits.partBytes) = (6 << 20, 5 << 20)
        return limits
    }()

    private func file(_ bytes: Data) throws -> String {
        let path = folder.path(UUID().uuidString)
        try bytes.write(to: URL(filePath: path))
        return path
    }

    private func random(_ count: Int, seed: UInt64) -> Data {
        var random = SplitMix64(seed: seed)
        var data = Data(capacity: count + 8)
        while data.count < count { withUnsafeBytes(of: random.next()) { data.append(contentsOf: $0) } }
        return data.prefix(count)
    }

    @Test(arguments: ObjectStoreRule.allCases)
    func keeps(rule: ObjectStoreRule) async throws {
        try await rule.check(try await place().store)
    }

    // MARK: Parts

    @Test(arguments: [(6 << 20) + 1, 10 << 20, 23_456_789])
    func `a large file goes in parts and comes back whole`(byteCount: Int) async throws {
        let store = try await place(Self.smallParts).store
        let (key, content) = try (key("large.mp4"), random(byteCount, seed: UInt64(byteCount)))
        let source = try file(content)
        let outcome = try await store.put(source, at: key, contentType: "video/mp4")
        #expect(outcome == .stored(outcome.facts))
        #expect(outcome.facts.byteCount == Int64(byteCount))
        let path = folder.path("out")
        #expect(try await store.get(key, to: path) == outcome.facts)
        #expect(try Data(contentsOf: URL(filePath: path)) == content)
        let reader = try #require(try await store.open(key))
        #expect(reader.entityTag.contains("-"), "it did go in parts")
        #expect(try await reader.bytes(at: 5 << 20, count: 100) == Array(content[(5 << 20)..<((5 << 20) + 100)]))

        let other = try file(random(byteCount, seed: 7))
        #expect(try await store.put(other, at: key, contentType: "video/mp4") == .exists(outcome.facts))
        #expect(try await store.facts(of: key) == outcome.facts)
        #expect(try await store.removeUnfinished(before: .distantFuture) == 0, "nothing is left half stored")
    }

    /// Ids of the uploads that are neither completed nor aborted.
    private func uploads(_ place: Place) async throws -> Int {
        try await place.server.send("GET", "/\(place.server.bucket)?prefix=\(place.prefix)%2F&uploads=")
            .matches(of: /<UploadId>/).count
    }

    @Test func `what a killed process left half stored goes when it is old enough`() async throws {
        let place = try await place(Self.smallParts)
        let began = Date.now
        let part = try file(random(6 << 20, seed: 1))
        for name in ["a.mp4", "b/c%20d%2Be.mp4"] {
            let answer = try await place.server.send("POST", place.path(name) + "?uploads=")
            let id = try #require(answer.firstMatch(of: /<UploadId>(.*)<\/UploadId>/)).1
            try await place.server.send("PUT", place.path(name) + "?partNumber=1&uploadId=\(id)", body: part)
        }
        #expect(try await uploads(place) == 2)
        #expect(try await place.store.keys(withPrefix: "").isEmpty, "half an object is not seen")
        #expect(try await place.store.removeUnfinished(before: began - 60) == 0)
        #expect(try await place.store.removeUnfinished(before: began + 60) == 2)
        #expect(try await uploads(place) == 0)
        #expect(try await place.store.removeUnfinished(before: .distantFuture) == 0)
    }

    // MARK: Others' objects

    @Test func `an object that somebody else put there has facts, too`() async throws {
        let place = try await place()
        let abc = try file(Data("abc".utf8))
        try await place.server.send("PUT", place.path("foreign.mp4"), headers: ["content-type: video/mp4"], body: abc)
        let facts = ObjectFacts(
            byteCount: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            contentType: "video/mp4"
        )
        #expect(try await place.store.facts(of: key("foreign.mp4")) == facts)
        #expect(try await place.store.get(key("foreign.mp4"), to: folder.path("out")) == facts)
    }

    @Test func `bytes that are not those that were put are corrupt, and leave no file`() async throws {
        let place = try await place()
        let hash = String(repeating: "0", count: 64)
        let body = try file(Data("abc".utf8))
        try await place.server.send("PUT", place.path("a.mp4"), headers: ["x-amz-meta-sha256: \(hash)"], body: body)
        let out = folder.path("out")
        let error = await #expect(throws: StorageError.self) { _ = try await place.store.get(key("a.mp4"), to: out) }
        #expect(error?.code == .corrupt)
        #expect(!FileManager.default.fileExists(atPath: out))
    }

    @Test func `names that are no keys do not end a page`() async throws {
        let place = try await place()
        let body = try file(Data("x".utf8))
        for name in ["a.mp4", "b.mp4", "c.mp4"] {
            _ = try await place.store.put(body, at: key(name), contentType: "video/mp4")
        }
        // Between them, by somebody else: folders' markers, and empty parts.
        for name in ["a.mp4/", "a.mp4//b", "b.mp4//", "b.mp4//x"] {
            try await place.server.send("PUT", place.path(name), body: body)
        }
        func list(after: ObjectKey?, _ limit: Int) async throws -> [String] {
            try await place.store.list(prefix: "", after: after, limit: limit).map(\.key.description)
        }
        #expect(try await list(after: nil, 3) == ["a.mp4", "b.mp4", "c.mp4"])
        #expect(try await list(after: key("a.mp4"), 1) == ["b.mp4"])
    }

    // MARK: Addresses

    /// What curl says of an address: the status, then the body.
    private func fetch(_ url: String, _ arguments: [String] = []) async throws -> (
        status: String, headers: String, body: Data
    ) {
        let (body, headers) = (folder.path(UUID().uuidString), folder.path(UUID().uuidString))
        let status = try await ToolRunner.succeed(
            "curl",
            ["--silent", "--output", body, "--dump-header", headers, "--write-out", "%{http_code}"] + arguments + [url]
        )
        return (
            status.text, try String(contentsOfFile: headers, encoding: .utf8), try Data(contentsOf: URL(filePath: body))
        )
    }

    @Test func `an address gives an object to whoever has it, whole or in part, with name and type`() async throws {
        let store = try await place().store
        let key = try key("a b/straße+1%.mp4")
        _ = try await store.put(file(Data("0123456789".utf8)), at: key, contentType: "video/mp4")
        let urls = try await store.objectURLs()
        let url = urls.url(key, .now + 600)
        let whole = try await fetch(url)
        #expect(whole.status == "200")
        #expect(whole.body == Data("0123456789".utf8))
        #expect(whole.headers.lowercased().contains("content-type: video/mp4\r\n"))
        #expect(whole.headers.lowercased().contains("content-disposition: inline; filename=\"stra__e_1_.mp4\"\r\n"))
        let part = try await fetch(url, ["--range", "2-4"])
        #expect(part.status == "206")
        #expect(part.body == Data("234".utf8))
        #expect(urls.verify(key.description, "1", "x", .now) == .forged)
        let server = try await TestS3.shared()
        #expect(!url.contains(server.environment["AWS_SECRET_ACCESS_KEY"] ?? "zoetrope-test-secret"))
    }

    @Test func `an address that was changed or is too old gives nothing`() async throws {
        let place = try await place()
        let (first, second) = try (key("1.mp4"), key("2.mp4"))
        for key in [first, second] {
            _ = try await place.store.put(file(Data("x".utf8)), at: key, contentType: "video/mp4")
        }
        let url = try await place.store.objectURLs().url(first, .now + 600)
        #expect(try await fetch(url).status == "200")
        for (old, new) in [
            ("1.mp4?", "2.mp4?"), ("X-Amz-Expires=", "X-Amz-Expires=9"), ("Signature=", "Signature=0"),
            ("inline", "attachment"),
        ] {
            let forged = url.replacing(old, with: new)
            #expect(forged != url)
            #expect(try await fetch(forged).status == "403", "\(old)")
        }
        // It looks at another clock, on which it is not later than the server's hour ago.
        let past = try await store(place.server.url(place.prefix), now: .now - 3_600)
        #expect(try await fetch(past.objectURLs().url(first, .now - 1_800)).status == "403")
        #expect(try await fetch(past.objectURLs().url(first, .now + 600)).status == "200")
    }

    // MARK: Refusals

    @Test(arguments: 0..<4)
    func `a wrong secret is denied, and told without it`(call: Int) async throws {
        let server = try await TestS3.shared()
        let store = try await store(server.url("p"), secret: "a-wrong-secret")
        let error = await #expect(throws: StorageError.self) {
            switch call {
            case 0: _ = try await store.list(prefix: "", after: nil, limit: 1)
            case 1: _ = try await store.put(file(Data("x".utf8)), at: key("a"), contentType: "video/mp4")
            case 2: _ = try await store.facts(of: key("a"))
            default: _ = try await store.delete([key("a")])
            }
        }
        #expect(error?.code == .denied)
        #expect(error?.detail.contains("HTTP 403") == true)
        #expect(error?.detail.contains("a-wrong-secret") == false)
    }

    @Test(arguments: 0..<6)
    func `a bucket that is not there is named, whatever is asked`(call: Int) async throws {
        let store = try await store("s3://nowhere?endpoint=\(TestS3.shared().endpoint)")
        let path = try file(Data("x".utf8))
        let error = await #expect(throws: StorageError.self) {
            switch call {
            case 0: _ = try await store.list(prefix: "", after: nil, limit: 1)
            case 1: _ = try await store.put(path, at: key("a"), contentType: "video/mp4")
            case 2: _ = try await store.facts(of: key("a"))
            case 3: _ = try await store.open(key("a"))
            case 4: _ = try await store.delete([key("a")])
            default: try await store.delete(key("a"))
            }
        }
        #expect(error?.code == .denied)
        #expect(error?.detail.contains("\"nowhere\"") == true)
    }
}
