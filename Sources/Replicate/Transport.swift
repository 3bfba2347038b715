import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The connections: one pool for calls that may be repeated, fresh connections for calls that may not.
///
/// Closes itself when its last user is gone.
final class Transport: Sendable {
    private let pooled: HTTPClient
    private let fresh: HTTPClient

    /// `idleTimeout` is how long a server may be silent in the middle of an answer to a repeatable call.
    init(connectTimeout: Duration, idleTimeout: Duration) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // A dead connection is noticed here and decided on by the caller.
        configuration.connectionPool.retryConnectionEstablishment = false

        var shared = configuration
        shared.timeout.read = TimeAmount(idleTimeout)
        shared.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        pooled = HTTPClient(configuration: shared)

        // HTTP/2 would share one connection among requests; a queue would let a request wait for another's end; a connection that
        // a cancelled request had opened must not wait for the next one.
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100_000
        configuration.connectionPool.idleTimeout = .milliseconds(1)
        fresh = HTTPClient(configuration: configuration)
    }

    deinit {
        pooled.shutdown { _ in }
        fresh.shutdown { _ in }
    }

    /// Sends a request and reads the whole answer.
    func exchange(_ request: OutgoingRequest) async throws(ExchangeFailure) -> Answer {
        try await open(request) { [limit = request.largestAnswer] response in
            let body = try await response.body.collect(upTo: limit)
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
        let hasBegun = Flag()
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = request.method
        outgoing.headers = request.headers
        switch request.body {
        case nil: break
        case .bytes(let buffer):
            outgoing.body = .stream(
                WatchedBody(base: OneBuffer(buffer), hasBegun: hasBegun),
                length: .known(Int64(buffer.readableBytes))
            )
        case .multipart(let body):
            outgoing.body = .stream(WatchedBody(base: body, hasBegun: hasBegun), length: .known(body.length))
        }
        let client: HTTPClient
        if request.isRepeatable {
            client = pooled
        } else {
            client = fresh
            outgoing.headers.replaceOrAdd(name: "connection", value: "close")
        }
        // Sleeping for ever is not possible; a year is.
        let timeout = min(max(request.timeout, .zero), .seconds(365 * 86_400))
        do {
            return try await withTimeout(timeout) { [outgoing] in
                // The limit of the whole exchange is withTimeout's; this one only has to be later.
                try await read(client.execute(outgoing, deadline: .now() + TimeAmount(timeout) + .seconds(5)))
            }
        } catch {
            // A request with a body cannot be carried out by a server that got none of it.
            let mayHaveArrived = request.body == nil || hasBegun.isRaised
            throw ExchangeFailure(cause: error, mayHaveArrived: mayHaveArrived, limit: request.largestAnswer)
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
    /// No more bytes of an answer are read.
    var largestAnswer = Call.usualLargestAnswer
}

/// A whole answer.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// An exchange that gave no whole answer.
struct ExchangeFailure: Error {
    let cause: any Error
    /// `false` only if it is certain that the server did not get the request.
    let mayHaveArrived: Bool
    let limit: Int

    /// Whether no other try can end otherwise: the address, our own file or the answer's size is the trouble.
    var isPermanent: Bool {
        if cause is NIOTooManyBytesError || cause is LocalFile.Failure { return true }
        return [.invalidURL, .emptyHost, .emptyScheme].contains(cause as? HTTPClientError)
    }

    /// What happened, without addresses or secrets.
    var message: String {
        switch cause {
        case is TimedOut: "no whole answer in time"
        case let error as LocalFile.Failure: error.description
        case let error as UnreadableAnswer: "the answer broke off: \(error)"
        case is NIOTooManyBytesError: "the answer is larger than \(limit) bytes"
        case let error as NIOConnectionError: "no connection: \(Self.reason(error))"
        case let error as IOError where !mayHaveArrived || Self.unreachable.contains(error.errnoCode):
            "no connection: \(String(cString: strerror(error.errnoCode)))"
        case let error as IOError: "no whole answer: \(String(cString: strerror(error.errnoCode)))"
        case let error as NIOSSLError: "no secure connection: \(String(describing: error).prefix(300))"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            "the connection was closed without a whole answer"
        case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
        case let error as HTTPClientError: "no whole answer: \(error.shortDescription)"
        default: "no whole answer: \(String(describing: cause).prefix(300))"
        }
    }

    /// What connecting fails with, and nothing later.
    private static let unreachable = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL]

    /// Why nobody could be reached; the addresses that were tried stay out of it.
    private static func reason(_ error: NIOConnectionError) -> String {
        if let attempt = error.connectionErrors.first {
            guard let system = attempt.error as? IOError else { return "the attempt failed" }
            return String(cString: strerror(system.errnoCode))
        }
        return "the name \"\(error.host)\" is not known"
    }
}

/// The time for an exchange was over.
struct TimedOut: Error {}

/// Runs `body` and throws ``TimedOut`` when it takes longer; returns only when it has ended.
///
/// The timer is an event loop's, because a sleeping task keeps its timer, and memory, until its time has come, even when it
/// is cancelled long before.
func withTimeout<Result: Sendable>(
    _ timeout: Duration,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let isOver = Flag()
    // Owned by this call, which waits for it and passes cancellation on.
    let work = Task(operation: body)
    let timer = MultiThreadedEventLoopGroup.singleton.any()
        .scheduleTask(in: TimeAmount(timeout)) {
            isOver.raise()
            work.cancel()
        }
    defer { timer.cancel() }
    do {
        return try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            work.cancel()
        }
    } catch {
        throw isOver.isRaised ? TimedOut() : error
    }
}

/// Something that happens once, on whichever thread.
private final class Flag: Sendable {
    private let raised = Atomic(false)

    var isRaised: Bool { raised.load(ordering: .sequentiallyConsistent) }

    func raise() { raised.store(true, ordering: .sequentiallyConsistent) }
}

/// A body that notes when its first bytes are asked for, which is after the connection stands and the head was written.
private struct WatchedBody<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable where Base.Element == ByteBuffer {
    let base: Base
    let hasBegun: Flag

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: Base.AsyncIterator
        let hasBegun: Flag

        mutating func next() async throws -> ByteBuffer? {
            hasBegun.raise()
            return try await base.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: base.makeAsyncIterator(), hasBegun: hasBegun)
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
