import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ZoetropeWorkflow

/// A body that broke off because its connection did.
struct BodyFailure: Error {
    let cause: any Error
}

/// How slowly a body may come.
///
/// Every piece that comes is held against it. When nothing comes at all, the connection's own timeout ends it.
package struct BodyPace: Sendable {
    /// For the first bytes, and for every pause after them together.
    package var grace = Duration.seconds(30)
    /// Bytes a second beyond the grace: 25 MB may take 280 s.
    package var bytesPerSecond = 100_000
    package var uptime: @Sendable () -> Duration

    package init(uptime: @escaping @Sendable () -> Duration) {
        self.uptime = uptime
    }

    package static let standard = BodyPace(uptime: EngineTime.system.uptime)

    fileprivate func allows(_ byteCount: Int, in time: Duration) -> Bool {
        time <= grace + .seconds(Double(byteCount) / Double(bytesPerSecond))
    }
}

/// The body of a request, piece by piece, no further than a limit and no slower than a pace.
struct BodyReader {
    private var chunks: RequestBody.AsyncIterator
    private let declared: Int?
    private let limit: Int
    private let pace: BodyPace
    private let start: Duration
    private var byteCount = 0

    /// Throws the ``Problem`` with 413 when the request says that its body is longer.
    init(_ request: Request, upTo limit: Int, pace: BodyPace = .standard) throws(Problem) {
        declared = request.declaredLength
        guard (declared ?? 0) <= limit else { throw Problem.bodyTooLarge(limit) }
        chunks = request.body.makeAsyncIterator()
        self.limit = limit
        self.pace = pace
        start = pace.uptime()
    }

    /// The next piece; nil at the end.
    ///
    /// Throws a ``Problem`` with 413 beyond the limit, with 408 when the body is too slow and with 400 when it ends
    /// early; ``BodyFailure`` when the connection broke.
    mutating func next() async throws -> ByteBuffer? {
        let chunk: ByteBuffer?
        do {
            chunk = try await chunks.next()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw BodyFailure(cause: error)
        }
        guard let chunk else {
            // A body that was cut off by our own shutdown looks like one that ended.
            try Task.checkCancellation()
            guard declared == nil || declared == byteCount else {
                throw Problem(.badRequest, "body_cut_off", "The body is shorter than its Content-Length")
            }
            return nil
        }
        guard chunk.readableBytes <= limit - byteCount else { throw Problem.bodyTooLarge(limit) }
        byteCount += chunk.readableBytes
        guard pace.allows(byteCount, in: pace.uptime() - start) else { throw Problem.bodyTooSlow }
        return chunk
    }
}

extension Request {
    fileprivate var declaredLength: Int? { headers[.contentLength].flatMap { Int($0) } }

    /// Whether the client sends its body only after it was told to go on, and shall be told.
    var awaitsContinue: Bool {
        headers[.expect]?.lowercased() == "100-continue" && (declaredLength ?? 0) <= Self.mostMultipartBytes
    }
}

extension Problem {
    fileprivate static func bodyTooLarge(_ limit: Int) -> Problem {
        Problem(.contentTooLarge, "body_too_large", "The body has more than \(limit) bytes")
    }

    fileprivate static var bodyTooSlow: Problem {
        var problem = Problem(
            .requestTimeout,
            "body_too_slow",
            "The body comes too slowly; send it again over a faster connection"
        )
        problem.endsConnection = true
        return problem
    }
}
