import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections: a pool for calls that may be repeated, a fresh connection for each create.
///
/// Closes itself when its last user is gone.
final class EngineTransport: Sendable {
    private let pooled: HTTPClient
    private let fresh: HTTPClient

    init(connectTimeout: Duration, silence: Duration) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // A dead connection is noticed here and decided on by the caller.
        configuration.connectionPool.retryConnectionEstablishment = false

        var shared = configuration
        shared.timeout.read = TimeAmount(silence)
        // Long downloads must not keep status calls waiting.
        shared.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        pooled = HTTPClient(configuration: shared)

        // A create must not wait for another's end, and its connection must not serve a second one.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100_000
        configuration.connectionPool.idleTimeout = .milliseconds(1)
        fresh = HTTPClient(configuration: configuration)
    }

    deinit {
        pooled.shutdown { _ in }
        fresh.shutdown { _ in }
    }

    /// Sends a request and hands the answer to `read`, all within `timeout`.
    ///
    /// A request with a body is a create and gets a connection of its own that no request used before.
    func open<Result: Sendable>(
        _ request: HTTPClientRequest,
        body: ByteBuffer? = nil,
        timeout: Duration,
        _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws(EngineFailure) -> Result {
        var outgoing = request
        let hasBegun = Flag()
        if let body {
            outgoing.headers.replaceOrAdd(name: "connection", value: "close")
            outgoing.body = .stream(
                WatchedBody(buffer: body, hasBegun: hasBegun),
                length: .known(Int64(body.readableBytes))
            )
        }
        let client = body == nil ? pooled : fresh
        do {
            return try await withThrowingTaskGroup(of: Result.self) { [outgoing] group in
                defer { group.cancelAll() }
                group.addTask {
                    // The limit of the whole exchange is the other task's; this one only has to be later.
                    try await read(
                        client.execute(outgoing, deadline: .now() + TimeAmount(timeout) + .seconds(5))
                    )
                }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw TimedOut()
                }
                guard let result = try await group.next() else { throw CancellationError() }
                return result
            }
        } catch {
            // Nobody can carry out a form of which nothing arrived.
            throw EngineFailure(cause: error, mayHaveArrived: body == nil || hasBegun.isRaised)
        }
    }
}

/// An exchange that gave no whole answer.
struct EngineFailure: Error {
    let cause: any Error
    /// `false` only if it is certain that the engine did not get the request.
    let mayHaveArrived: Bool

    /// What happened, without secrets.
    var message: String {
        switch cause {
        case is TimedOut: "no whole answer in time"
        case is NIOTooManyBytesError: "the answer is larger than anything an engine has to say"
        case let error as BrokenAnswer: "the answer broke off: \(error.detail)"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            "the connection was closed without a whole answer"
        case let error as HTTPClientError: "no whole answer: \(error.shortDescription)"
        default:
            "\(mayHaveArrived ? "no whole answer" : "no connection"): \(String(describing: cause).prefix(300))"
        }
    }
}

/// An answer of another length than it announced.
struct BrokenAnswer: Error {
    let detail: String
}

/// The time for an exchange was over.
private struct TimedOut: Error {}

/// Something that happens once, on whichever thread.
private final class Flag: Sendable {
    private let raised = Atomic(false)

    var isRaised: Bool { raised.load(ordering: .sequentiallyConsistent) }

    func raise() { raised.store(true, ordering: .sequentiallyConsistent) }
}

/// A body that notes when it is asked for, which is after the connection stands and the head was written.
private struct WatchedBody: AsyncSequence, Sendable {
    let buffer: ByteBuffer
    let hasBegun: Flag

    struct AsyncIterator: AsyncIteratorProtocol {
        var buffer: ByteBuffer?
        let hasBegun: Flag

        mutating func next() async -> ByteBuffer? {
            hasBegun.raise()
            defer { buffer = nil }
            return buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer, hasBegun: hasBegun) }
}
