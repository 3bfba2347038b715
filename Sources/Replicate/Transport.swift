import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections: one pool for calls that may be repeated, fresh connections for calls that may not.
///
/// Closes itself when its last user is gone.
final class Transport: Sendable {
    /// No answer of the API is read beyond this: a list of 100 predictions with small data URIs in their inputs takes 26 MB.
    static let largestAnswer = 64 << 20

    private let pooled: HTTPClient
    private let fresh: HTTPClient

    init(connectTimeout: Duration) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // A dead connection is noticed here and decided on by the caller.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64

        var idle = configuration
        idle.timeout.read = .seconds(30)
        pooled = HTTPClient(configuration: idle)

        // HTTP/2 would share one connection among requests.
        configuration.httpVersion = .http1Only
        fresh = HTTPClient(configuration: configuration)
    }

    deinit {
        pooled.shutdown { _ in }
        fresh.shutdown { _ in }
    }

    /// Sends a request and reads the whole answer.
    func exchange(_ request: OutgoingRequest) async throws(ExchangeFailure) -> Answer {
        try await open(request) { response in
            let body = try await response.body.collect(upTo: Self.largestAnswer)
            if let length = response.headers.first(name: "content-length").flatMap(Int.init),
                length != body.readableBytes
            {
                throw UnreadableAnswer("\(body.readableBytes) of \(length) bytes")
            }
            return Answer(
                status: Int(response.status.code),
                headers: response.headers,
                body: Array(buffer: body)
            )
        }
    }

    /// Sends a request and hands the answer's head and stream to `read`, all within the request's time.
    func open<Result: Sendable>(
        _ request: OutgoingRequest,
        _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws(ExchangeFailure) -> Result {
        let progress = SendProgress()
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = request.method
        outgoing.headers = request.headers
        switch request.body {
        case nil: break
        case .bytes(let buffer):
            outgoing.body = .stream(
                WatchedBody(base: OneBuffer(buffer), progress: progress),
                length: .known(Int64(buffer.readableBytes))
            )
        case .multipart(let body):
            outgoing.body = .stream(WatchedBody(base: body, progress: progress), length: .known(body.length))
        }
        let client: HTTPClient
        if request.isRepeatable {
            client = pooled
        } else {
            client = fresh
            outgoing.headers.replaceOrAdd(name: "connection", value: "close")
        }
        do {
            return try await withTimeout(request.timeout) { [outgoing] in
                // The limit of the whole exchange is withTimeout's; this one only has to be later.
                try await read(client.execute(outgoing, deadline: .now() + TimeAmount(request.timeout) + .seconds(5)))
            }
        } catch {
            throw ExchangeFailure(
                cause: error,
                // A request with a body cannot be carried out by a server that got none of it.
                mayHaveArrived: request.body == nil || progress.hasBegun
            )
        }
    }
}

/// A request as it goes to the transport.
struct OutgoingRequest: Sendable {
    enum Body: Sendable {
        case bytes(ByteBuffer)
        case multipart(MultipartBody)
    }

    var method: HTTPMethod
    var url: String
    var headers: HTTPHeaders = [:]
    var body: Body?
    /// The limit of the whole exchange, connecting and the answer's body included.
    var timeout: Duration
    /// Whether sending it twice does no harm; if not, it gets a connection of its own that no request used before.
    var isRepeatable = true
}

/// A whole answer.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var isSuccess: Bool { (200..<300).contains(status) }

    func json() throws -> JSONValue {
        guard let value = try? JSONValue(parsing: body) else {
            throw UnreadableAnswer("\(body.count) bytes that are not JSON")
        }
        return value
    }
}

/// An exchange that gave no whole answer.
struct ExchangeFailure: Error {
    let cause: any Error
    /// `false` only if it is certain that the server did not get the request.
    let mayHaveArrived: Bool

    var isCancellation: Bool {
        cause is CancellationError || (cause as? HTTPClientError) == .cancelled
    }

    /// Whether no other try can end otherwise: the address or the answer itself is the trouble.
    var isPermanent: Bool {
        if cause is NIOTooManyBytesError { return true }
        guard let error = cause as? HTTPClientError else { return false }
        return [.invalidURL, .emptyHost, .emptyScheme].contains(error) || error.shortDescription.contains("nsupported")
    }

    /// What happened, without addresses or secrets.
    var message: String {
        switch cause {
        case is TimedOut: "no whole answer in time"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            "the connection was closed without a whole answer"
        case let error as HTTPClientError: "no answer: \(error.shortDescription)"
        case let error as UnreadableAnswer: "the answer broke off: \(error)"
        case is NIOTooManyBytesError: "the answer is larger than \(Transport.largestAnswer >> 20) MB"
        default:
            mayHaveArrived
                ? "no whole answer: \(String(describing: cause).prefix(300))"
                : "no connection: \(String(describing: cause).prefix(300))"
        }
    }
}

/// The time for an exchange was over.
struct TimedOut: Error {}

/// Runs `body` and throws ``TimedOut`` when it takes longer.
func withTimeout<Result: Sendable>(
    _ timeout: Duration,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: timeout)
            throw TimedOut()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}

/// Whether a request's body has begun to leave.
private final class SendProgress: Sendable {
    private let begun = Atomic<Bool>(false)

    var hasBegun: Bool { begun.load(ordering: .sequentiallyConsistent) }

    func begin() { begun.store(true, ordering: .sequentiallyConsistent) }
}

/// A body that notes when its first bytes are asked for, which is after the connection stands and the head was written.
private struct WatchedBody<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ByteBuffer {
    let base: Base
    let progress: SendProgress

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: Base.AsyncIterator
        let progress: SendProgress

        mutating func next() async throws -> ByteBuffer? {
            progress.begin()
            return try await base.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: base.makeAsyncIterator(), progress: progress)
    }
}

/// A body that is in memory.
private struct OneBuffer: AsyncSequence, Sendable {
    let buffer: ByteBuffer

    init(_ buffer: ByteBuffer) { self.buffer = buffer }

    struct AsyncIterator: AsyncIteratorProtocol {
        var buffer: ByteBuffer?

        mutating func next() async -> ByteBuffer? {
            defer { buffer = nil }
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer) }
}
