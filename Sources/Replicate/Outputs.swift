import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1

/// What a download may be, at most.
public struct DownloadLimits: Sendable, Hashable {
    /// The largest file in bytes; 200 MiB unless told.
    public var maximumBytes: Int64
    /// The limit of the whole download, all tries included; 5 minutes unless told.
    public var timeout: Duration

    /// Creates limits.
    public init(maximumBytes: Int64 = 200 << 20, timeout: Duration = .seconds(300)) {
        self.maximumBytes = maximumBytes
        self.timeout = timeout
    }
}

/// A file that was downloaded whole.
public struct DownloadedFile: Sendable, Hashable {
    /// Its size in bytes.
    public let size: Int64
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    public let sha256: String
    /// The media type that the server named; a claim, not a fact.
    public let contentType: String?
    /// How many requests it took; more than 1 when it was resumed.
    public let attempts: Int
}

extension ReplicateClient {
    /// Downloads an output of a prediction to a file.
    ///
    /// The bytes are streamed to a temporary file beside `path`, which takes its place at the end, so `path` either holds the whole
    /// output or is untouched. A download that breaks off goes on where it was, but only if the server confirms that it is the
    /// same file (a strong `ETag`); else it starts again. The token is not sent. Redirects are followed within the allowed origins.
    /// Replicate deletes outputs one hour after the end of an API prediction: download at once.
    ///
    /// - Parameters:
    ///   - output: An element of ``Prediction/outputFiles``: a URL of ``Configuration/outputOrigins``, or a data URI.
    ///   - path: Where to put it; a file that is there is replaced.
    ///   - limits: The largest size and the longest time.
    ///   - onProgress: Called now and then with the bytes so far and, when the server told it, the bytes in all.
    /// - Returns: Size and hash of the file.
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/permanent`` when the origin is not allowed, the file is too large or `path`
    ///   cannot be written, ``ReplicateError/Kind/refused`` when the output is gone.
    @discardableResult
    public func download(
        _ output: String,
        to path: String,
        limits: DownloadLimits = DownloadLimits(),
        onProgress: (@Sendable (_ received: Int64, _ total: Int64?) -> Void)? = nil
    ) async throws -> DownloadedFile {
        let download = try await OutputDownload(to: path, limits: limits, onProgress: onProgress)
        do {
            if DataURI.isOne(output) {
                try await download.store(dataURI: output)
            } else {
                try await fetch(output, into: download)
            }
            return try await download.finish()
        } catch {
            download.discard()
            throw error
        }
    }

    private func fetch(_ output: String, into download: OutputDownload) async throws {
        let start = ContinuousClock.now
        var url = try allowed(output)
        var redirects = 0
        while true {
            let left = download.limits.timeout - start.duration(to: .now)
            guard left > .zero else { throw OutputDownload.error(.transient, "no whole file in time") }
            switch try await step(url, download, timeout: left) {
            case .complete:
                return
            case .redirect(let location):
                redirects += 1
                guard redirects <= 3 else { throw OutputDownload.error(.permanent, "more than 3 redirects") }
                url = try allowed(location)
            case .brokenOff(let error):
                guard
                    let wait = configuration.retry.wait(
                        afterAttempt: download.attemptsWithoutProgress,
                        error,
                        jitter: configuration.jitter()
                    )
                else { throw error }
                try await configuration.clock.sleep(for: wait)
            }
        }
    }

    private func step(_ url: String, _ download: OutputDownload, timeout: Duration) async throws -> OutputDownload.Step
    {
        let request = OutgoingRequest(
            method: .GET,
            url: url,
            headers: download.nextHeaders(userAgent: configuration.userAgent),
            timeout: timeout
        )
        do {
            return try await api.transport.open(request) { try await download.receive($0, from: url) }
        } catch let failure {
            if failure.isCancellation { throw CancellationError() }
            if let error = failure.cause as? ReplicateError {
                guard error.kind == .transient || error.kind == .throttled else { throw error }
                return .brokenOff(error)
            }
            return .brokenOff(OutputDownload.error(failure.isPermanent ? .permanent : .transient, failure.message))
        }
    }

    /// The URL to fetch, put together from parts that were checked.
    private func allowed(_ text: String) throws -> String {
        guard let url = URLComponents(string: text), let origin = Origin(url) else {
            throw OutputDownload.error(.permanent, "the output is not an http or https URL")
        }
        let isLocalSimulator = api.base.isLoopback && origin.host == api.base.host && origin.scheme == api.base.scheme
        guard isLocalSimulator || outputOrigins.contains(where: { $0.matches(origin) }) else {
            let allowed = configuration.outputOrigins.joined(separator: ", ")
            throw OutputDownload.error(.permanent, "outputs come from \(allowed), not from \(origin)")
        }
        return origin.url(url)
    }
}
