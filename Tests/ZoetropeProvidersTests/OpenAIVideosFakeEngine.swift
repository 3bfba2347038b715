import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import StrictJSON
import Synchronization
import ZoetropeTestKit

/// A request as a loopback server got it.
struct ReceivedRequest: Sendable {
    let method: String
    let path: String
    let query: String?
    let headers: HTTPFields
    let body: [UInt8]

    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}

/// A real HTTP server on a port of this machine that remembers what it was asked.
final class LoopbackServer: Sendable {
    private let received = Mutex<[ReceivedRequest]>([])

    var requests: [ReceivedRequest] { received.withLock { $0 } }

    /// Runs a server while `body` runs, which gets its address without a path.
    static func run(
        _ answer: @escaping @Sendable (ReceivedRequest) async -> Response,
        _ body: @escaping @Sendable (LoopbackServer, String) async throws -> Void
    ) async throws {
        let server = LoopbackServer()
        let (ports, port) = AsyncStream<Int>.makeStream()
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            let bytes = try await request.body.collect(upTo: 32 << 20)
            let received = ReceivedRequest(
                method: request.method.rawValue,
                path: request.uri.path,
                query: request.uri.query,
                headers: request.headers,
                body: [UInt8](bytes.readableBytesView)
            )
            server.received.withLock { $0.append(received) }
            return await answer(received)
        }
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.yield(channel.localAddress?.port ?? 0)
                port.finish()
            },
            logger: Logger(label: "loopback") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await application.runService(gracefulShutdownSignals: []) }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                let number = await iterator.next() ?? 0
                try await body(server, "http://127.0.0.1:\(number)")
            }
            try await group.next()
        }
    }
}

extension Response {
    init(_ status: Int, json: JSONValue, headers: HTTPFields = [:]) {
        var headers = headers
        headers[.contentType] = "application/json"
        let bytes = (try? json.encoded()) ?? []
        self.init(
            status: HTTPResponse.Status(code: status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    init(_ status: Int, text: String = "", headers: HTTPFields = [:]) {
        self.init(
            status: HTTPResponse.Status(code: status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

/// The parts of a multipart form.
struct ReceivedForm: Sendable {
    private(set) var fields: [String: String] = [:]
    private(set) var fileName: String?
    private(set) var fileType: String?
    private(set) var file: [UInt8] = []
    /// Names in the order in which they came.
    private(set) var names: [String] = []

    init?(_ request: ReceivedRequest) {
        guard let type = request.header("content-type"),
            let match = type.wholeMatch(of: /multipart\/form-data; boundary=([A-Za-z0-9-]{1,70})/)
        else { return nil }
        let body = Data(request.body)
        let mark = Data("--\(match.1)".utf8)
        guard body.starts(with: mark), body.suffix(mark.count + 4) == mark + Data("--\r\n".utf8) else { return nil }
        var rest = body.dropFirst(mark.count + 2)
        while let end = rest.range(of: Data("\r\n".utf8) + mark) {
            let part = rest[rest.startIndex..<end.lowerBound]
            guard let gap = part.range(of: Data("\r\n\r\n".utf8)) else { return nil }
            let head = String(decoding: part[part.startIndex..<gap.lowerBound], as: UTF8.self)
            guard let name = head.firstMatch(of: #/ name="([^"]*)"/#) else { return nil }
            names.append(String(name.1))
            let value = part[gap.upperBound...]
            if let fileMatch = head.firstMatch(of: /filename="([^"]*)"/) {
                fileName = String(fileMatch.1)
                fileType = head.firstMatch(of: /Content-Type: ([^\r]*)/).map { String($0.1) }
                file = [UInt8](value)
            } else {
                fields[String(name.1)] = String(decoding: value, as: UTF8.self)
            }
            rest = rest[end.upperBound...].dropFirst(2)
        }
    }
}

/// An engine or a gateway as its release behaves, with its deviations from OpenAI's interface.
final class FakeEngine: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case vllmOmni, sglang, liteLLM
    }

    struct Job: Sendable {
        var form: ReceivedForm
        var status = "queued"
        var code = 500
        var message = ""
        var result: [UInt8] = []
        let createdAt: Int64
    }

    struct State: Sendable {
        var jobs: [String: Job] = [:]
        var created = 0
        /// SGLang's address of results in its object store, before the id.
        var storeURL: String?
        /// vLLM-Omni's answer to a delete that it could not carry out in time.
        var refusesDelete = false
        /// What SGLang still renders although nobody can ask for it.
        var orphans = 0
    }

    let kind: Kind
    private let state = Mutex(State())

    static let key = "sk-CANARY-4711"
    static let servedModel = "Wan-AI/Wan2.2-I2V-A14B"

    init(_ kind: Kind) { self.kind = kind }

    /// Runs an engine of a kind; `body` gets the address with its path.
    static func run(
        _ kind: Kind,
        _ body: @escaping @Sendable (FakeEngine, LoopbackServer, String) async throws -> Void
    ) async throws {
        let engine = FakeEngine(kind)
        try await LoopbackServer.run({ engine.answer($0) }) { server, address in
            try await body(engine, server, "\(address)/v1")
        }
    }

    func with<Result>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    // MARK: What happens to jobs

    func start(_ id: String) { with { $0.jobs[id]?.status = "in_progress" } }

    func finish(_ id: String, _ bytes: [UInt8]) {
        with { state in
            state.jobs[id]?.status = "completed"
            state.jobs[id]?.result = bytes
        }
    }

    func fail(_ id: String, code: Int = 500, _ message: String) {
        with { state in
            state.jobs[id]?.status = "failed"
            state.jobs[id]?.code = code
            state.jobs[id]?.message = message
        }
    }

    /// Its job table is in memory.
    func restart() { with { $0.jobs = [:] } }

    // MARK: Answers

    func answer(_ request: ReceivedRequest) -> Response {
        if kind == .liteLLM, request.header("authorization") != "Bearer \(Self.key)" {
            let key = request.header("authorization")?.dropFirst(7) ?? ""
            return Response(
                401,
                json: [
                    "error": [
                        "message": .string("Authentication Error, Received API Key = \(key)"),
                        "type": "auth_error", "param": "None", "code": "401",
                    ]
                ]
            )
        }
        let segments = request.path.split(separator: "/").map { $0.removingPercentEncoding ?? "" }
        guard segments.first == "v1", segments.dropFirst().first == "videos" else { return notFound("route") }
        switch (request.method, segments.count) {
        case ("POST", 2): return create(request)
        case ("GET", 2): return list()
        case ("GET", 3): return video(segments[2])
        case ("DELETE", 3): return delete(segments[2])
        case ("GET", 4) where segments[3] == "content": return content(segments[2], request.query)
        default: return Response(405, json: ["detail": "Method Not Allowed"])
        }
    }

    private func create(_ request: ReceivedRequest) -> Response {
        guard let form = ReceivedForm(request) else {
            return kind == .vllmOmni
                ? Response(
                    422,
                    json: ["detail": [["type": "missing", "loc": ["body", "prompt"], "msg": "Field required"]]]
                )
                : Response(400, json: ["detail": "these tests only send forms"])
        }
        if kind == .vllmOmni, let model = form.fields["model"], model != Self.servedModel {
            return refusal(400, "Model mismatch: the server has \(Self.servedModel)")
        }
        if kind == .liteLLM, form.fields["model"] != "video-model" {
            return refusal(400, "Invalid model name passed in model=\(form.fields["model"] ?? "None")")
        }
        if kind == .vllmOmni, form.fields["image_reference"] != nil, !form.file.isEmpty {
            return refusal(400, "input_reference and image_reference cannot be combined")
        }
        guard form.fields["prompt"]?.isEmpty == false, form.fields["seconds"]?.wholeMatch(of: /[1-9]\d*/) != nil,
            form.fields["size"]?.wholeMatch(of: /\d+x\d+/) != nil
        else { return Response(422, json: ["detail": "prompt, seconds or size"]) }
        return with { state in
            state.created += 1
            let id =
                switch kind {
                case .vllmOmni: "video_gen_\(state.created)f3a"
                case .sglang: "6f9619ff-8b86-d011-b42d-00c04fc964f\(state.created)"
                case .liteLLM: "video_\(Data("litellm:openai;model_id:m\(state.created)".utf8).base64EncodedString())"
                }
            let job = Job(form: form, createdAt: Int64(Date.now.timeIntervalSince1970))
            state.jobs[id] = job
            return Response(200, json: json(id, job, state))
        }
    }

    private func video(_ id: String) -> Response {
        with { state in
            guard let job = state.jobs[id] else { return notFound(id) }
            // LiteLLM packs the provider into the id again, without the deployment.
            let shownID = kind == .liteLLM ? "video_\(Data("litellm:openai".utf8).base64EncodedString())" : id
            let status = kind == .vllmOmni && job.status == "failed" ? job.code : 200
            return Response(status, json: json(shownID, job, state))
        }
    }

    private func list() -> Response {
        with { state in
            let data = state.jobs.map { json($0, $1, state) }
            return Response(200, json: ["object": "list", "data": .array(data), "has_more": false])
        }
    }

    private func json(_ id: String, _ job: Job, _ state: State) -> JSONValue {
        var video: [String: JSONValue] = [
            "id": .string(id), "object": "video", "status": .string(job.status), "progress": 0,
            "model": .string(job.form.fields["model"] ?? Self.servedModel), "created_at": .integer(job.createdAt),
            "prompt": .string(job.form.fields["prompt"] ?? ""), "seconds": .string(job.form.fields["seconds"] ?? ""),
            "size": .string(job.form.fields["size"] ?? ""), "completed_at": nil, "error": nil,
        ]
        if job.status == "completed" { video["completed_at"] = .integer(job.createdAt + 60) }
        switch kind {
        case .vllmOmni:
            video["media_type"] = "video/mp4"
            video["file_name"] = job.status == "completed" ? .string("\(id).mp4") : nil
            if job.status == "failed" {
                video["error"] = ["code": .integer(Int64(job.code)), "message": .string(job.message)]
            }
        case .sglang:
            video["url"] = nil
            if let store = state.storeURL, job.status == "completed" { video["url"] = .string("\(store)/\(id).mp4") }
            if job.status == "failed" { video["error"] = ["message": .string(job.message)] }
        case .liteLLM:
            video["usage"] = ["duration_seconds": 5.0]
            if job.status == "failed" {
                video["error"] = ["code": "server_error", "message": .string(job.message)]
            }
        }
        return .object(video)
    }

    private func content(_ id: String, _ query: String?) -> Response {
        with { state in
            guard let job = state.jobs[id] else { return notFound(id) }
            switch kind {
            case .vllmOmni:
                guard job.status != "failed" else { return refusal(422, "the job failed") }
            case .sglang:
                if query?.contains("variant") == true { return notFound("variant") }
                if let store = state.storeURL, job.status == "completed" {
                    let detail =
                        "Video has been uploaded to cloud storage. Please use the cloud URL: \(store)/\(id).mp4"
                    return Response(400, json: ["detail": .string(detail)])
                }
            case .liteLLM:
                guard job.status == "completed" else { return refusal(400, "the video is not ready") }
                // Streamed, without a length.
                let stream = AsyncStream<ByteBuffer> { continuation in
                    for byte in job.result { continuation.yield(ByteBuffer(bytes: [byte])) }
                    continuation.finish()
                }
                return Response(status: .ok, headers: [:], body: ResponseBody(asyncSequence: stream))
            }
            guard job.status == "completed" else { return notFound(id) }
            return Response(status: .ok, headers: [:], body: ResponseBody(byteBuffer: ByteBuffer(bytes: job.result)))
        }
    }

    private func delete(_ id: String) -> Response {
        with { state in
            guard kind != .liteLLM else { return Response(405, json: ["detail": "Method Not Allowed"]) }
            guard var job = state.jobs[id] else { return notFound(id) }
            if state.refusesDelete { return refusal(409, "the job could not be aborted in time") }
            state.jobs[id] = nil
            guard kind == .sglang else {
                return Response(200, json: ["id": .string(id), "object": "video.deleted", "deleted": true])
            }
            if job.status != "completed" { state.orphans += 1 }
            job.status = "deleted"
            return Response(200, json: json(id, job, state))
        }
    }

    private func refusal(_ status: Int, _ message: String) -> Response {
        kind == .sglang
            ? Response(status, json: ["detail": .string(message)])
            : Response(
                status,
                json: [
                    "error": [
                        "message": .string(message), "type": "BadRequestError", "param": nil,
                        "code": .integer(Int64(status)),
                    ]
                ]
            )
    }

    private func notFound(_ what: String) -> Response { refusal(404, "\(what) not found") }
}
