import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeServer
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// The API over SQLite and objects in memory.
struct TestAPI: Sendable {
    let store: WatchedRunStore
    let log = RecordedLog()
    let uploads = UploadFolder()
    let server: ZoetropeServer

    /// Midnight and 250 ms.
    static let start = Date(timeIntervalSince1970: 1_767_225_600.25)

    init(
        hasProvider: Bool = true,
        settings: ServerSettings = ServerSettings(port: 0),
        objects: any ObjectStore = MemoryObjectStore(),
        outbound: Outbound = .refusing,
        urls: ObjectURLs = URLSigner(keys: [Array("the key of the tests, 32 bytes..".utf8)]).objectURLs,
        verdict: @escaping @Sendable ([String: String], [UInt8]) -> WebhookVerdict = { _, _ in .rejected("untold") },
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        let store = WatchedRunStore { Self.start }
        self.store = store
        let environment = WorkerEnvironment(
            store: store,
            objects: objects,
            media: NoMedia(),
            scratch: uploads.scratch,
            providers: [],
            logger: log.logger
        )
        let service = AnimationService(
            environment,
            catalogue: .builtIn,
            policy: RunPolicy(),
            hasProvider: hasProvider,
            reduce: { [reducer = ImageReducer()] in try await reducer.reduce($0, limits: $1, to: $2) }
        )
        server = ZoetropeServer(
            ZoetropeServer.Parts(
                service: service,
                store: store,
                objects: objects,
                urls: urls,
                writer: ObjectWriter(
                    urls: urls,
                    urlLifetime: .seconds(3_600),
                    retentionDays: 30,
                    publicURL: nil,
                    now: { Self.start }
                ),
                outbound: outbound,
                callbackSecret: { Array("secret of \($0)".utf8) },
                verifyWebhook: { verdict($0, $1) },
                spritesheet: { _, _, target in try Data([0xFF, 0xD8, 0xFF, 0xD9]).write(to: URL(filePath: target)) },
                checks: [HealthCheck("database", keep: .zero) { _ = try await store.nextWake() }],
                metrics: ServiceMetrics(version: "1.0", startedAt: Self.start),
                now: { Self.start },
                logger: log.logger
            ),
            settings: settings,
            onRunning: onRunning
        )
    }

    func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) async throws -> Answer {
        try await server.application()
            .test(.router) { client in
                try await client.call(method, path, headers, body: body)
            }
    }

    func post(_ path: String, _ json: JSONValue, _ headers: [String: String] = [:]) async throws -> Answer {
        try await call(.post, path, ["content-type": "application/json"].merging(headers) { $1 }, body: json.encoded())
    }

    func post(_ path: String, _ form: TestForm) async throws -> Answer {
        try await call(.post, path, form.headers, body: form.bytes)
    }

    /// A job of the caller's own; returns its path.
    func makeJob(kind: String? = nil) async throws -> String {
        var form = TestForm()
        form.add("image", TestForm.photo, file: "a.jpg")
        if let kind { form.add("kind", Array(kind.utf8)) }
        let answer = try await post("/api/v1/jobs", form)
        #expect(answer.status == 201)
        return try #require(answer.headers[.location])
    }

    /// An animation of a new job; returns its path.
    func makeAnimation(_ order: JSONValue = ["params": ["prompt": "waves"]]) async throws -> String {
        let answer = try await post("\(makeJob())/animations", order)
        #expect(answer.status == 202)
        return try #require(answer.headers[.location])
    }

    /// A job of another user; returns its path.
    func makeForeignJob() async throws -> String {
        let job = try JobID(#require(UUID(uuidString: "0F0E0D0C-0B0A-4908-8706-050403020100")))
        let image = SourceImage(
            key: .source(job, .jpeg),
            contentType: "image/jpeg",
            size: FrameSize(width: 64, height: 64),
            byteCount: 1,
            sha256: String(repeating: "0", count: 64)
        )
        let row = Job(
            id: job,
            userID: "somebody",
            kind: .photo,
            onFailure: .keep,
            source: image,
            createdAt: Self.start
        )
        _ = try await store.accept(Intake(job: row))
        return "/api/v1/jobs/\(job)"
    }

    /// Does to a run what a worker would do.
    func work(_ path: String, _ step: @escaping @Sendable (inout RunChange) -> Void) async throws {
        let id = try #require(AnimationID(String(path.suffix(36))))
        _ = try await store.amend(id) { run, _ in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            change.run.version += 1
            step(&change)
            return change
        }
    }

    func makeReady(_ path: String) async throws {
        try await work(path) { change in
            change.run.state = .done
            change.run.outcome = .ready
            change.run.wakeAt = nil
            change.run.providerDoneAt = Self.start + 60
            change.run.playableAt = Self.start + 61.5
            change.attempt = AttemptChange(
                previewS3Key: ObjectKey.video(change.run.jobID, change.run.id).description,
                thumbS3Key: ObjectKey.poster(change.run.jobID, change.run.id).description,
                params: ["cost_usd": 0.5]
            )
        }
    }
}

struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]

    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    var detail: String? { json["detail"]?.string }
    var code: String? { json["code"]?.string }
    var fields: [String] { json["errors"]?.array?.compactMap { $0["field"]?.string } ?? [] }
}

extension TestClientProtocol {
    func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        let response = try await executeRequest(
            uri: path,
            method: method,
            headers: fields,
            body: body.map { ByteBuffer(bytes: $0) }
        )
        return Answer(
            status: response.status.code,
            headers: response.headers,
            body: Array(response.body.readableBytesView)
        )
    }
}

extension Outbound {
    /// Calls nobody.
    static let refusing = Outbound(
        fetchImage: { _, _ throws(OutboundError) in throw OutboundError(.forbiddenAddress, "no address is public") },
        checkCallback: { _ throws(OutboundError) in throw OutboundError(.forbiddenAddress, "no address is public") },
        send: { _ in .failed(status: nil, detail: "nobody is called", retryAfter: nil) }
    )
}
