import Foundation
import Logging
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// Servers that fail, lie, stall and are wrong about the time.
@Suite(.timeLimit(.minutes(2)))
struct S3FaultTests {
    typealias Reply = S3ScriptedServer.Reply

    private static let hashField = "x-amz-meta-sha256"

    private let folder: TemporaryFolder
    private let source: String
    private static let text = "0123456789"
    private static let hash = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    private static let head = [("etag", "\"t\""), ("content-type", "video/mp4"), (hashField, hash)]
    private let waits = Waits()

    init() throws {
        folder = try TemporaryFolder()
        source = folder.path("source")
        try Data(Self.text.utf8).write(to: URL(filePath: source))
    }

    /// Notes waits and does not wait.
    private final class Waits: Sendable {
        private let state = Mutex<[Duration]>([])
        var all: [Duration] { state.withLock(\.self) }

        func note(_ duration: Duration) { state.withLock { $0.append(duration) } }
    }

    private func key(_ text: String = "a.mp4") throws -> ObjectKey { try #require(ObjectKey(text)) }

    /// `reply` is what the server will give: silence is not waited for as long as an answer on a busy machine.
    private func store(_ server: S3ScriptedServer, facing reply: Reply = .hangUp, now: Date = .now) throws
        -> S3ObjectStore
    {
        let environment = [
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hidden-secret", "AWS_SESSION_TOKEN": "hidden-token",
        ]
        var limits = S3ObjectStore.Limits()
        (limits.multipartThreshold, limits.partBytes) = (100, 50)
        limits.silence = if case .silence = reply { .seconds(2) } else { .seconds(30) }
        let real = EngineTime.system
        let time = EngineTime(sleep: { [waits] in waits.note($0) }, uptime: real.uptime)
        return S3ObjectStore(
            try S3Location(parsing: "s3://bucket/pre?endpoint=\(server.address)", environment: [:]),
            environment: environment,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            limits: limits,
            timing: S3Timing(now: { now }, time: time, random: { 0.999 })
        )
    }

    private func put(_ store: S3ObjectStore) async throws -> PutOutcome {
        try await store.put(source, at: key(), contentType: "video/mp4")
    }

    private static let facts = ObjectFacts(byteCount: 10, sha256: hash, contentType: "video/mp4")

    private func failure(_ body: () async throws -> Void) async throws -> StorageError {
        let error = try #require(await #expect(throws: StorageError.self) { try await body() })
        #expect(!error.detail.contains("hidden"))
        #expect(!error.detail.contains("Signature="))
        return error
    }

    // MARK: Retries

    @Test(arguments: [
        Reply.error(503, "SlowDown"), .error(500), .error(429), .error(400, "RequestTimeout"), .hangUp, .silence,
    ])
    func `what may pass is tried again, longer apart each time`(reply: Reply) async throws {
        let server = try S3ScriptedServer { _, number in number < 3 ? reply : .ok() }
        #expect(
            try await store(server, facing: reply).put(source, at: key(), contentType: "video/mp4")
                == .stored(Self.facts)
        )
        #expect(server.requests.count == 4)
        #expect(server.requests.allSatisfy { $0.text == Self.text && $0.headers["if-none-match"] == "*" })
        #expect(waits.all == [0.2, 0.4, 0.8].map { .seconds(0.999 * $0) })
    }

    @Test func `after four tries it is told`() async throws {
        let server = try S3ScriptedServer { _, _ in .error(503, "SlowDown", [("x-amz-request-id", "r2")]) }
        let error = try await failure { _ = try await put(store(server)) }
        #expect(error == StorageError(.unavailable, "put a.mp4: HTTP 503 SlowDown (request r2)"))
        #expect(server.requests.count == 4)
    }

    @Test(arguments: [
        (403, "AccessDenied", StorageError.Code.denied), (400, "InvalidArgument", .denied), (507, "", .full),
        (403, "QuotaExceeded", .full), (404, "NoSuchBucket", .denied), (501, "NotImplemented", .denied),
        (301, "PermanentRedirect", .denied),
    ])
    func `what will not pass is told at once`(status: Int, word: String, meaning: StorageError.Code) async throws {
        let server = try S3ScriptedServer { _, _ in .error(status, word) }
        let error = try await failure { _ = try await put(store(server)) }
        #expect(error.code == meaning)
        #expect(error.detail.contains("HTTP \(status)"))
        #expect(server.requests.count == 1)
    }

    @Test func `a server says how long to leave it alone, within reason`() async throws {
        let server = try S3ScriptedServer { _, number in
            number < 3 ? .error(503, "SlowDown", [("retry-after", ["7", "3600", "0"][number])]) : .ok()
        }
        _ = try await put(store(server))
        #expect(waits.all == [.seconds(7), .seconds(20), .seconds(0.999 * 0.8)])
    }

    @Test func `a store gives up repeating when nothing works for long`() async throws {
        let server = try S3ScriptedServer { _, _ in .error(503) }
        let store = try store(server)
        for _ in 0..<60 { _ = try await failure { try await store.delete(key()) } }
        // 500 tokens, 5 for each retry.
        #expect(server.requests.count == 60 + 100)
    }

    @Test func `a cancelled call is not repeated`() async throws {
        let server = try S3ScriptedServer { _, _ in .silence }
        let store = try store(server)
        let key = try key()
        let task = Task { try await store.facts(of: key) }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        _ = await #expect(throws: StorageError.self) { _ = try await task.value }
        #expect(server.requests.count == 1)
    }

    // MARK: Puts

    @Test func `a conflict is tried again`() async throws {
        let server = try S3ScriptedServer { _, number in number == 0 ? .error(409, "ConditionalRequestConflict") : .ok()
        }
        #expect(try await put(store(server)) == .stored(Self.facts))
    }

    /// Puts where an object with a hash is in the way, after the answer to a first try was lost or without one.
    private func put(where found: String, afterLoss isLost: Bool) async throws -> PutOutcome {
        let head = [
            ("etag", "\"t\""), ("content-length", "10"), ("content-type", "video/mp4"), (Self.hashField, found),
        ]
        let first = isLost ? Reply.hangUp : .error(412, "PreconditionFailed")
        let server = try S3ScriptedServer { request, number in
            if request.method == "HEAD" { return .ok("", head) }
            return number == 0 ? first : .error(412, "PreconditionFailed")
        }
        return try await put(store(server))
    }

    @Test func `what is there after a lost answer is ours if it has our bytes`() async throws {
        #expect(try await put(where: Self.hash, afterLoss: true) == .stored(Self.facts))
        #expect(try await put(where: Self.hash, afterLoss: false) == .exists(Self.facts))
        let other = ObjectFacts(byteCount: 10, sha256: String(repeating: "0", count: 64), contentType: "video/mp4")
        #expect(try await put(where: other.sha256, afterLoss: true) == .exists(other))
    }

    @Test func `what was in the way and is gone is put again`() async throws {
        let server = try S3ScriptedServer { _, number in
            switch number {
            case 0: .error(412, "PreconditionFailed")
            case 1: .error(404)
            case 2: .ok("<ListBucketResult></ListBucketResult>")
            default: .ok()
            }
        }
        #expect(try await put(store(server)) == .stored(Self.facts))
    }

    // MARK: Parts

    /// 120 bytes in three parts.
    private func large() throws -> (file: String, facts: ObjectFacts) {
        let data = Data((0..<120).map { UInt8($0) })
        let path = folder.path("large")
        try data.write(to: URL(filePath: path))
        let hash = "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"
        return (path, ObjectFacts(byteCount: 120, sha256: hash, contentType: "video/mp4"))
    }

    private static let begun = Reply.ok(
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
    )
    private static let bucket = Reply.ok("<ListBucketResult/>")

    /// A server that takes parts; `complete` answers the completion, `part` each part.
    private func server(
        part: @escaping @Sendable (_ number: Int) -> Reply = { .ok("", [("etag", "\"p\($0)\"")]) },
        complete: @escaping @Sendable (_ number: Int) -> Reply
    ) throws -> S3ScriptedServer {
        let (_, facts) = try large()
        let completions = Counter()
        return try S3ScriptedServer { request, _ in
            switch (request.method, request.query) {
            case ("HEAD", _):
                completions.count == 0
                    ? .error(404)
                    : .ok(
                        "",
                        [
                            ("etag", "\"t\""), ("content-length", "120"), ("content-type", "video/mp4"),
                            (Self.hashField, facts.sha256),
                        ]
                    )
            case ("GET", _): Self.bucket
            case ("POST", "uploads="): Self.begun
            case ("PUT", let query): part(Int(query.firstMatch(of: /partNumber=(\d+)/)?.1 ?? "") ?? 0)
            case ("POST", "uploadId=u"): complete(completions.next())
            default: .answer(204, [], "")
            }
        }
    }

    private final class Counter: Sendable {
        private let state = Mutex(0)
        var count: Int { state.withLock(\.self) }

        func next() -> Int {
            state.withLock { state in
                state += 1
                return state - 1
            }
        }
    }

    private static let completed = Reply.ok(
        "<CompleteMultipartUploadResult><ETag>t</ETag></CompleteMultipartUploadResult>"
    )

    @Test func `parts are sent, named in order and put together only where nothing is`() async throws {
        let server = try server { _ in Self.completed }
        let (path, facts) = try large()
        #expect(try await store(server).put(path, at: key(), contentType: "video/mp4") == .stored(facts))
        let parts = server.requests.filter { $0.method == "PUT" }
        #expect(parts.map(\.body.count).sorted() == [20, 50, 50])
        let completion = try #require(server.requests.first { $0.query == "uploadId=u" && $0.method == "POST" })
        #expect(completion.headers["if-none-match"] == "*")
        #expect(
            completion.text.hasSuffix(
                (1...3).map { "<Part><PartNumber>\($0)</PartNumber><ETag>\"p\($0)\"</ETag></Part>" }.joined()
                    + "</CompleteMultipartUpload>"
            )
        )
        let beginning = try #require(server.requests.first { $0.query == "uploads=" })
        #expect(beginning.headers[Self.hashField] == facts.sha256)
        #expect(beginning.headers["content-type"] == "video/mp4")
        #expect(!server.requests.contains { $0.method == "DELETE" })
    }

    @Test func `a success with an error in it is tried again, or told, and aborted`() async throws {
        let inside = Reply.ok("<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>")
        let (path, facts) = try large()
        let passing = try server { $0 == 0 ? inside : Self.completed }
        #expect(try await store(passing).put(path, at: key(), contentType: "video/mp4") == .stored(facts))

        let refusing = try server { _ in .ok("<Error><Code>AccessDenied</Code></Error>") }
        let error = try await failure { _ = try await store(refusing).put(path, at: key(), contentType: "video/mp4") }
        #expect(error.code == .denied)
        #expect(refusing.requests.last?.method == "DELETE")
        #expect(refusing.requests.last?.query == "uploadId=u")
    }

    @Test func `a completion whose answer was lost is known by what is there`() async throws {
        let (path, facts) = try large()
        let server = try server { $0 == 0 ? .hangUp : .error(404, "NoSuchUpload") }
        #expect(try await store(server).put(path, at: key(), contentType: "video/mp4") == .stored(facts))
    }

    @Test func `a completion that comes too late leaves what is there`() async throws {
        let (path, facts) = try large()
        let server = try server { _ in .error(412, "PreconditionFailed") }
        #expect(try await store(server).put(path, at: key(), contentType: "video/mp4") == .exists(facts))
        #expect(server.requests.contains { $0.method == "DELETE" && $0.query == "uploadId=u" })
    }

    @Test(arguments: [Reply.error(403, "AccessDenied"), .error(503), .hangUp, .ok()])
    func `a part that is not taken aborts the whole`(reply: Reply) async throws {
        let (path, _) = try large()
        let server = try server(part: { $0 == 2 ? reply : .ok("", [("etag", "\"p\"")]) }) { _ in Self.completed }
        _ = try await failure { _ = try await store(server).put(path, at: key(), contentType: "video/mp4") }
        #expect(!server.requests.contains { $0.method == "POST" && $0.query == "uploadId=u" })
        #expect(server.requests.last?.method == "DELETE")
    }

    @Test func `a put in parts that is cancelled is aborted`() async throws {
        let (path, _) = try large()
        let server = try server(part: { _ in .silence }) { _ in Self.completed }
        let (store, key) = try (store(server), key())
        let task = Task { try await store.put(path, at: key, contentType: "video/mp4") }
        while !server.requests.contains(where: { $0.method == "PUT" }) { await Task.yield() }
        task.cancel()
        _ = await #expect(throws: StorageError.self) { _ = try await task.value }
        #expect(server.requests.last?.method == "DELETE")
        #expect(!server.requests.contains { $0.method == "POST" && $0.query == "uploadId=u" })
    }

    // MARK: Reading

    @Test func `a copy goes on where the connection broke`() async throws {
        let server = try S3ScriptedServer { _, number in
            number == 0
                ? .broken(200, Self.head, "0123", announced: 10)
                : .answer(206, Self.head + [("content-range", "bytes 4-9/10")], "456789")
        }
        let path = folder.path("out")
        #expect(try await store(server).get(key(), to: path) == Self.facts)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data(Self.text.utf8))
        #expect(server.requests.last?.headers["range"] == "bytes=4-")
        #expect(server.requests.last?.headers["if-match"] == "\"t\"")
    }

    @Test(arguments: [
        Reply.error(412, "PreconditionFailed"), .answer(200, head, text),
        .answer(206, head + [("content-range", "bytes 5-9/10")], "56789"),
        .answer(206, head + [("content-range", "bytes 4-9/10")], "4567890"), .error(404, "NoSuchKey"), .hangUp,
    ])
    func `a copy that cannot go on fails, and leaves no file`(reply: Reply) async throws {
        let server = try S3ScriptedServer { _, number in
            number == 0 ? .broken(200, Self.head, "0123", announced: 10) : reply
        }
        _ = try await failure { _ = try await store(server).get(key(), to: folder.path("out")) }
        #expect(folder.contents == ["source"])
    }

    @Test func `other bytes than were put are corrupt`() async throws {
        let server = try S3ScriptedServer { _, _ in .ok("0123456780", Self.head) }
        let error = try await failure { _ = try await store(server).get(key(), to: folder.path("out")) }
        #expect(error.code == .corrupt)
        #expect(folder.contents == ["source"])
    }

    @Test(arguments: [
        Reply.broken(206, head + [("content-range", "bytes 2-5/10")], "23", announced: 4),
        .answer(206, head + [("content-range", "bytes 2-5/10")], "23"),
        .answer(206, head + [("content-range", "bytes 2-5/10")], "23456"),
        .answer(206, head + [("content-range", "bytes 1-4/10")], "1234"),
        .answer(206, head + [("content-range", "bytes 2-5/11")], "2345"), .answer(206, head, "2345"),
        .answer(200, head, text), .error(412, "PreconditionFailed"), .error(404, "NoSuchKey"), .silence,
    ])
    func `a reader gives the bytes or fails`(reply: Reply) async throws {
        let server = try S3ScriptedServer { request, _ in
            request.method == "HEAD" ? .ok("", Self.head + [("content-length", "10")]) : reply
        }
        let reader = try #require(try await store(server, facing: reply).open(key()))
        _ = try await failure { _ = try await reader.bytes(at: 2, count: 4) }
        #expect(server.requests.last?.headers["if-match"] == "\"t\"")
        #expect(server.requests.last?.headers["range"] == "bytes=2-5")
    }

    // MARK: Clock

    @Test(arguments: ["", "RequestTimeTooSkewed"])
    func `a clock that is wrong is learnt from the server, once`(code: String) async throws {
        let now = Date(timeIntervalSince1970: 1_793_491_200)
        let server = try S3ScriptedServer { request, _ in
            let isRight = request.headers["x-amz-date"] == "20261101T010000Z"
            return isRight ? .ok() : .error(403, code, [("date", "Sun, 01 Nov 2026 01:00:00 GMT")])
        }
        let store = try store(server, now: now)
        try await store.delete(key())
        try await store.delete(key())
        #expect(
            server.requests.map { $0.headers["x-amz-date"] ?? "" } == [
                "20261101T000000Z", "20261101T010000Z", "20261101T010000Z",
            ]
        )
        #expect(waits.all.isEmpty)

        let stubborn = try S3ScriptedServer { _, _ in .error(403, code, [("date", "Sun, 01 Nov 2026 01:00:00 GMT")]) }
        let error = try await failure { try await self.store(stubborn, now: now).delete(key()) }
        #expect(error.code == .denied)
        #expect(stubborn.requests.count == 2)
    }

    @Test func `a refusal by a server with the same time is a refusal`() async throws {
        let now = Date(timeIntervalSince1970: 1_793_491_200)
        let server = try S3ScriptedServer { _, _ in .error(403, "", [("date", "Sun, 01 Nov 2026 00:03:00 GMT")]) }
        _ = try await failure { try await store(server, now: now).delete(key()) }
        #expect(server.requests.count == 1)
    }

    // MARK: Lists

    @Test func `what a batch says of each object is heard`() async throws {
        let server = try S3ScriptedServer { _, _ in
            .ok(
                """
                <DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>pre/a&amp;b</Key></Deleted>\
                <Error><Key>pre/c</Key><Code>AccessDenied</Code></Error><Error><Key>pre/d</Key><Code>InternalError</Code></Error>\
                <Error><Key>pre/e</Key><Code>NoSuchKey</Code></Error></DeleteResult>
                """
            )
        }
        let keys = try ["a&b", "c", "d", "e", "f"].map { try key($0) }
        let failures = try await store(server).delete(keys)
        #expect(failures.mapValues(\.code) == [keys[1]: .denied, keys[2]: .unavailable, keys[4]: .unavailable])
        let request = try #require(server.requests.first)
        #expect(request.headers["content-md5"] == "NohbKF6wja6YErllcG7BlA==", "of: \(request.text)")
        #expect(request.text.contains("<Object><Key>pre/a&amp;b</Key></Object>"))
    }

    @Test func `a batch that gets no answer says so of its own, and throws when nothing is known`() async throws {
        let keys = try (0..<1_001).map { try key("\($0)") }
        let server = try S3ScriptedServer { request, _ in
            request.text.contains("<Key>pre/1000</Key>")
                ? .error(403, "AccessDenied")
                : .ok("<DeleteResult>\(keys.map { "<Deleted><Key>pre/\($0)</Key></Deleted>" }.joined())</DeleteResult>")
        }
        #expect(try await Array(store(server).delete(keys).keys) == [keys[1_000]])
        _ = try await failure { _ = try await store(server).delete([keys[1_000]]) }
        let inside = try S3ScriptedServer { _, _ in .ok("<Error><Code>AccessDenied</Code></Error>") }
        let error = try await failure { _ = try await store(inside).delete(keys) }
        #expect(error.code == .denied)
    }

    @Test(arguments: [
        "", "no xml", "<a>", "<a></b>", "<a/><b/>", "<a>&nbsp;</a>", "<a>&#xD800;</a>", "<a><![CDATA[x]]></a>",
        "text<a/>", "<a", "<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult>&b;</ListBucketResult>",
        "<ListBucketResult>\(String(repeating: "<a>", count: 20))\(String(repeating: "</a>", count: 20))</ListBucketResult>",
        "<ListBucketResult><Contents><Key>pre/a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult>\(String(repeating: " ", count: 5 << 20))</ListBucketResult>",
    ])
    func `a list that is none is a failure`(body: String) async throws {
        let server = try S3ScriptedServer { _, _ in .ok(body) }
        let error = try await failure { _ = try await store(server).list(prefix: "", after: nil, limit: 10) }
        #expect(error.code == .unavailable)
    }

    @Test func `keys in lists are decoded, and those that are none are passed over`() async throws {
        let names = ["pre/a+b%2Bc%25%C3%A4", "pre/", "pre/x//y", "other/z", "pre/q"]
        let entries = names.map {
            "<Contents><Key>\($0)</Key><Size>5</Size><LastModified>2026-11-01T00:00:00.250Z</LastModified></Contents>"
        }
        let server = try S3ScriptedServer { _, _ in .ok("<ListBucketResult>\(entries.joined())</ListBucketResult>") }
        let found = try await store(server).list(prefix: "", after: nil, limit: 10)
        let date = Date(timeIntervalSince1970: 1_793_491_200.25)
        #expect(
            try found == ["a b+c%ä", "q"].map { StoredObject(key: try key($0), byteCount: 5, modifiedAt: date) }
        )
    }

    @Test func `answers are read as XML has them`() async throws {
        let body = """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- a > b -->
            <r:List xmlns:r='http://s3.amazonaws.com/"doc">/'><IsTruncated  >false</IsTruncated><Empty a="b/>"/>
            <Contents><Key>pre/&amp;&lt;&gt;&quot;&apos;&#65;&#x1F39E;;</Key><Size>1</Size>\
            <LastModified>2026-11-01T00:00:00Z</LastModified></Contents></r:List>
            """
        let server = try S3ScriptedServer { _, _ in .ok(body) }
        let found = try await store(server).list(prefix: "", after: nil, limit: 10)
        #expect(found.map(\.key.description) == ["&<>\"'A\u{1F39E};"])
    }

    @Test func `a bucket that is elsewhere is told with its region`() async throws {
        let server = try S3ScriptedServer { _, _ in
            .error(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-north-1")])
        }
        let error = try await failure { _ = try await store(server).list(prefix: "", after: nil, limit: 10) }
        #expect(error.detail.contains("the bucket is in region eu-north-1"))
    }
}
