import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// An issuer on a real connection: the test says what `/keys` answers.
final class LoopbackIssuer: Sendable {
    enum Answer: Sendable {
        case keys(String, cacheControl: String? = nil)
        case status(HTTPResponse.Status)
        case redirect
        /// More than a megabyte of spaces, then a key set.
        case huge(String)
        /// The head and a byte, then silence.
        case stuck
    }

    private let state: Mutex<(answer: Answer, requests: [String])>

    private init(_ answer: Answer) {
        state = Mutex((answer, []))
    }

    /// Paths that were asked for.
    var requests: [String] { state.withLock { $0.requests } }

    func answers(_ answer: Answer) { state.withLock { $0.answer = answer } }

    /// Runs `body` with an issuer and the address of its keys.
    static func run(_ answer: Answer, _ body: @Sendable (LoopbackIssuer, String) async throws -> Void) async throws {
        let issuer = LoopbackIssuer(answer)
        let router = Router()
        router.get("**") { request, _ in
            issuer.respond(to: request)
        }
        let (ports, told) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in told.yield(channel.localAddress?.port ?? 0) },
            logger: Logger(label: "issuer") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { told.finish() }
                try await application.run()
            }
            for await port in ports {
                try await body(issuer, "http://127.0.0.1:\(port)/keys")
                break
            }
            group.cancelAll()
        }
    }

    private func respond(to request: Request) -> Response {
        let answer = state.withLock { state in
            state.requests.append(request.uri.path)
            return state.answer
        }
        switch answer {
        case .keys(let text, let cacheControl):
            var headers: HTTPFields = [.contentType: "application/json"]
            headers[.cacheControl] = cacheControl
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        case .status(let status): return Response(status: status)
        case .redirect: return Response(status: .found, headers: [.location: "/elsewhere"])
        case .huge(let text):
            let padding = String(repeating: " ", count: 1 << 20)
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: padding + text)))
        case .stuck:
            return Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: " "))
                    // Ends when the connection is closed.
                    for await _ in AsyncStream<Void>(unfolding: { try? await Task.sleep(for: .seconds(3_600)) }) {}
                    try await writer.finish(nil)
                }
            )
        }
    }
}
