import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import ZoetropeCore
import ZoetropeWorkflow

/// Signs calls, sends them, and sends them again where that can help.
///
/// Every call may be repeated: puts store only where nothing is, and the rest does the same when it is done twice.
/// Closes its connections when its last user is gone.
final class S3Client: Sendable {
    let location: S3Location
    let credentials: AWSCredentialsCache
    let timing: S3Timing
    let logger: Logger
    private let http: HTTPClient
    private let quota = RetryQuota()
    /// What must be added to our clock to have the server's, in seconds.
    private let skew = Mutex(TimeInterval(0))

    /// Tries of a call, the first included.
    private static let tries = 4
    /// A server's clock that is as far off as this explains a refusal; AWS takes 15 minutes.
    private static let suspiciousSkew: TimeInterval = 240
    /// What any transfer manages in a second, at least.
    private static let slowestBytesPerSecond: Int64 = 100_000

    /// Makes a client.
    ///
    /// - Parameters:
    ///   - location: The bucket.
    ///   - environment: Where credentials are looked for.
    ///   - timing: Waiting, the time, and chance.
    ///   - silence: How long a server may say or take nothing.
    ///   - logger: Told of a wrong clock and of credentials that are not renewed.
    init(
        _ location: S3Location,
        environment: [String: String],
        timing: S3Timing,
        silence: Duration,
        logger: Logger
    ) {
        self.location = location
        self.timing = timing
        self.logger = logger
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(5)
        // Of a whole request, both for the answer to begin and between its pieces.
        configuration.timeout.read = TimeAmount(silence)
        configuration.timeout.write = TimeAmount(silence)
        configuration.connectionPool.retryConnectionEstablishment = false
        // Long transfers must not keep short calls waiting.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        let http = HTTPClient(configuration: configuration)
        self.http = http
        let sources = AWSCredentialSources(
            environment: environment,
            region: location.region,
            client: http
        )
        credentials = AWSCredentialsCache(now: timing.now, logger: logger) { try await sources.fetch() }
    }

    deinit {
        http.shutdown { _ in }
    }

    /// The time as the server sees it.
    var serverTime: Date { timing.now() + skew.withLock(\.self) }

    /// Makes a call and reads its answer.
    ///
    /// - Parameters:
    ///   - request: The request, asked for anew for each try.
    ///   - read: Reads a successful answer; may be called again after it threw.
    /// - Returns: What `read` returned.
    /// - Throws: ``S3Failure``, and what `read` throws as ``StorageError``.
    func perform<Value>(
        _ request: () -> S3Request,
        _ read: (S3Answer) async throws -> Value
    ) async throws -> Value {
        var tries = 0
        var isInDoubt = false
        var price: Int?
        var remedies = Remedies()
        while true {
            tries += 1
            let (credentials, date) = try await (self.credentials.current(), serverTime)
            do {
                let value = try await once(request(), credentials, date, read)
                quota.giveBack(price)
                return value
            } catch let error as StorageError {
                throw error
            } catch {
                var failure = S3Failure(error)
                failure.followsDoubt = isInDoubt
                isInDoubt = isInDoubt || failure.mayHaveHappened
                if remedies.apply(to: failure, signedAt: date, with: credentials, self) { continue }
                guard failure.isRetryable, tries < Self.tries, !Task.isCancelled,
                    let taken = quota.take(afterTimeout: failure.isTimeout)
                else { throw failure }
                price = taken
                try await timing.time.sleep(wait(before: tries, failure.retryAfter))
            }
        }
    }

    /// Full jitter.
    ///
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
    private func wait(before tries: Int, _ retryAfter: Duration?) -> Duration {
        let ceiling = min(5, 0.1 * Double(1 << tries))
        return max(.seconds(timing.random() * ceiling), retryAfter ?? .zero)
    }

    /// What helps against refusals whose cause we can take away, each once in a call.
    private struct Remedies {
        private var hasSetClock = false
        private var hasForgottenCredentials = false

        /// Whether something was done, so that another try makes sense.
        mutating func apply(
            to failure: S3Failure,
            signedAt date: Date,
            with credentials: AWSCredentials,
            _ client: S3Client
        ) -> Bool {
            if !hasSetClock, let status = failure.status, [400, 403].contains(status),
                let time = failure.serverTime,
                // Answers to HEAD have no code.
                ["RequestTimeTooSkewed", ""].contains(failure.code),
                abs(time.timeIntervalSince(date)) > S3Client.suspiciousSkew
            {
                hasSetClock = true
                client.setClock(time)
                return true
            }
            if !hasForgottenCredentials, failure.code == "ExpiredToken" {
                hasForgottenCredentials = true
                client.credentials.forget(credentials)
                return true
            }
            return false
        }
    }

    private func setClock(_ serverTime: Date) {
        let difference = serverTime.timeIntervalSince(timing.now())
        skew.withLock { $0 = difference }
        logger.warning(
            "this machine's clock and the object store's differ; the store's is used for signatures",
            metadata: Logger.Metadata([.detail: "\(Int(difference)) s"])
        )
    }

    private func once<Value>(
        _ request: S3Request,
        _ credentials: AWSCredentials,
        _ date: Date,
        _ read: (S3Answer) async throws -> Value
    ) async throws -> Value {
        let signer = SigV4(credentials: credentials, region: location.region, service: "s3")
        let path = location.path(request.key)
        let fields = signer.headers(
            for: SigV4.Request(
                method: request.method.rawValue,
                host: location.host,
                path: path,
                query: request.query,
                headers: request.headers
            ),
            payloadHash: request.body.sha256,
            at: date
        )
        let query = request.query.isEmpty ? "" : "?" + SigV4.encoded(request.query)
        var outgoing = HTTPClientRequest(
            url: "\(location.scheme)://\(location.host)\(SigV4.encoded(path: path))\(query)"
        )
        outgoing.method = request.method
        outgoing.headers = HTTPHeaders(request.headers + fields + [("user-agent", "zoetrope")])
        outgoing.body = request.body.httpBody

        let (start, uptime) = (timing.time.uptime(), timing.time.uptime)
        let response = try await http.execute(
            outgoing,
            timeout: TimeAmount(Self.limit(request.body.byteCount))
        )
        // Ends with the head of the answer; the body has its own.
        let expected = response.headers.first(name: "content-length").flatMap { Int64($0) } ?? 0
        let limit = Self.limit(request.body.byteCount + min(expected, 1 << 50))
        let answer = S3Answer(
            status: response.status.code,
            headers: response.headers,
            body: response.body
        ) {
            if uptime() - start > limit { throw HTTPClientError.deadlineExceeded }
        }
        guard (200..<300).contains(response.status.code) else {
            let body = request.method == .HEAD ? [] : try await answer.bytes()
            throw failure(status: response.status.code, headers: response.headers, body: body)
        }
        return try await read(answer)
    }

    /// How long a call may take that moves so many bytes.
    private static func limit(_ byteCount: Int64) -> Duration {
        .seconds(60 + byteCount / slowestBytesPerSecond)
    }

    private func failure(status: UInt, headers: HTTPHeaders, body: [UInt8]) -> S3Failure {
        S3Failure(status: status, body: body, bucket: location.bucket, now: timing.now()) {
            headers.first(name: $0)
        }
    }

    /// Makes a call of whose answer only the header matters.
    @discardableResult
    func send(_ request: S3Request) async throws -> S3Answer {
        try await perform({ request }) { answer in
            // To its end, or the connection could not serve another call.
            _ = try await answer.bytes()
            return answer
        }
    }

    /// Makes a call whose answer is XML.
    ///
    /// S3 begins some answers with status 200 before it knows how they end; an error in the body is an error all the
    /// same.
    func xml(_ request: S3Request) async throws -> S3XML {
        try await perform({ request }) { answer in
            let body = try await answer.bytes()
            guard let root = S3XML(parsing: body) else {
                var failure = S3Failure(.unavailable, "the answer is no XML of S3's")
                (failure.isRetryable, failure.mayHaveHappened) = (true, true)
                throw failure
            }
            guard root.name != "Error" else {
                throw self.failure(status: 200, headers: answer.headers, body: body)
            }
            return root
        }
    }
}
