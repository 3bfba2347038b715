import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// Media routes over objects in a folder, and curl.
struct MediaStage: Sendable {
    let folder: TemporaryFolder
    let objects: WatchedObjects
    let signer = URLSigner(keys: [[UInt8](repeating: 1, count: 32)])
    let log = RecordedLog()
    private let routes: MediaRoutes

    static let now = Date(timeIntervalSince1970: 1_767_225_600)

    init(isPublished: @escaping @Sendable (ObjectKey) async throws -> Bool = { _ in true }) throws {
        folder = try TemporaryFolder()
        objects = try WatchedObjects(folder: folder.path("objects"))
        routes = MediaRoutes(
            objects: objects,
            urls: signer.objectURLs,
            isPublished: isPublished,
            now: { Self.now },
            logger: log.logger
        )
    }

    var application: some ApplicationProtocol {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Envelope(logger: log.logger))
        router.get(MediaRoutes.path, use: routes.serve)
        router.get("/api/v1/{other}/list") { _, _ in "another route" }
        return Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            logger: log.logger
        )
    }

    /// The file of an object.
    func file(_ key: String) -> String { folder.path("objects/\(key)") }

    /// Makes an object whose bytes all differ from their neighbours; returns its address and its bytes.
    func make(_ key: String = "animations/1/2.mp4", byteCount: Int = 1_000) async throws -> (path: String, bytes: Data)
    {
        let bytes = Data((0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 + $0 / 251) })
        let source = folder.path(UUID().uuidString)
        try bytes.write(to: URL(filePath: source))
        let object = try #require(ObjectKey(key))
        _ = try await objects.put(source, at: object, contentType: "video/mp4")
        return (address(object), bytes)
    }

    /// Makes a large object that takes no room, in which only the last byte is not 0.
    func makeSparse(_ key: String = "large.mp4", byteCount: UInt64) throws -> String {
        try Data().write(to: URL(filePath: file(key)))
        let handle = try #require(FileHandle(forWritingAtPath: file(key)))
        try handle.truncate(atOffset: byteCount - 1)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([1]))
        try handle.close()
        return address(try #require(ObjectKey(key)))
    }

    func address(_ key: ObjectKey) -> String { signer.path(for: key, expires: Self.now + 60) }

    func call(_ method: HTTPRequest.Method, _ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
        try await application.test(.router) { client in try await client.call(method, path, headers) }
    }

    /// Runs the body while a server listens on a port.
    func serve<Result: Sendable>(_ body: @escaping @Sendable (Int) async throws -> Result) async throws -> Result {
        try await application.test(.live) { client in try await body(try #require(client.port)) }
    }

    /// What curl makes of an address.
    func curl(_ port: Int, _ path: String, _ options: String...) async throws -> CurlAnswer {
        let (head, body) = (folder.path(UUID().uuidString), folder.path(UUID().uuidString))
        let result = try await ToolRunner.run(
            "curl",
            ["-sS", "--path-as-is", "-D", head, "-o", body] + options + ["http://127.0.0.1:\(port)\(path)"]
        )
        return CurlAnswer(
            exit: Int(result.status),
            head: (try? String(contentsOfFile: head, encoding: .utf8)) ?? "",
            body: FileManager.default.contents(atPath: body) ?? Data()
        )
    }
}

struct CurlAnswer: Sendable {
    /// 0, or curl's own number for what went wrong.
    let exit: Int
    let head: String
    let body: Data

    var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    subscript(name: String) -> String? {
        head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
}

/// Objects in a folder, with a count of what is read of them.
final class WatchedObjects: ObjectStore {
    private let store: LocalObjectStore
    private let state = Mutex<(bytesRead: Int, failure: StorageError?)>((0, nil))

    init(folder: String) throws {
        store = try LocalObjectStore(folder: folder)
    }

    var bytesRead: Int { state.withLock { $0.bytesRead } }

    /// Lets opening fail from now on.
    func fail(with error: StorageError) { state.withLock { $0.failure = error } }

    func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        if let error = state.withLock({ $0.failure }) { throw error }
        guard let reader = try await store.open(key) else { return nil }
        return WatchedReader(reader: reader) { [self] count in state.withLock { $0.bytesRead += count } }
    }

    func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome {
        try await store.put(file, at: key, contentType: contentType)
    }

    func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? { try await store.facts(of: key) }

    func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        try await store.get(key, to: file)
    }

    func delete(_ key: ObjectKey) async throws(StorageError) { try await store.delete(key) }

    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] {
        try await store.list(prefix: prefix, after: after, limit: limit)
    }

    func removeUnfinished(before: Date) async throws(StorageError) -> Int {
        try await store.removeUnfinished(before: before)
    }
}

private struct WatchedReader: ObjectReader {
    let reader: any ObjectReader
    let onRead: @Sendable (Int) -> Void

    var byteCount: Int64 { reader.byteCount }
    var entityTag: String { reader.entityTag }
    var contentType: String { reader.contentType }
    var modifiedAt: Date { reader.modifiedAt }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        let bytes = try await reader.bytes(at: offset, count: count)
        onRead(bytes.count)
        return bytes
    }
}
