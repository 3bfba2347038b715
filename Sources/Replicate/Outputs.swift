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
    /// How many requests it took, redirects left out; more than 1 when it broke off.
    public let attempts: Int

    /// Creates one, for a double of the client.
    public init(size: Int64, sha256: String, contentType: String?, attempts: Int) {
        (self.size, self.sha256, self.contentType, self.attempts) = (size, sha256, contentType, attempts)
    }
}

extension ReplicateClient {
    /// Downloads an output of a prediction to a file.
    ///
    /// The bytes are streamed to a temporary file beside `path` (`PATH.XXXXXXXX.part`; one that is left over is of a program that was
    /// killed), which takes its place once the disk holds it, so `path` either holds the whole output or is untouched. A download that breaks off goes on where it was, but only if the server confirms that it is the
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
                try await fetch(output, into: download, clock: configuration.clock)
            }
            return try await download.finish()
        } catch {
            download.discard()
            throw error
        }
    }

    private func fetch<C: Clock<Duration>>(_ output: String, into download: OutputDownload, clock: C) async throws {
        let start = clock.now
        var url = try allowed(output)
        var redirects = 0
        while true {
            let left = download.limits.timeout - start.duration(to: clock.now)
            guard left > .zero else { throw OutputDownload.error(.transient, "no whole file in time") }
            switch try await step(url, download, timeout: left) {
            case .complete:
                return
            case .redirect(let location):
                redirects += 1
                guard redirects <= 3 else { throw OutputDownload.error(.permanent, "more than 3 redirects") }
                url = try allowed(location)
            case .brokenOff(let error):
                let wait = configuration.retry.wait(
                    afterAttempt: download.attemptsWithoutProgress,
                    error,
                    jitter: configuration.jitter()
                )
                guard let wait, download.attempts < OutputDownload.mostAttempts,
                    wait < download.limits.timeout - start.duration(to: clock.now)
                else { throw error }
                try await clock.sleep(for: wait)
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
            if Task.isCancelled { throw CancellationError() }
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
        guard outputOrigins.contains(where: { $0.matches(origin) }) else {
            let allowed = outputOrigins.map(\.description).joined(separator: ", ")
            let remedy = "set outputOrigins or REPLICATE_OUTPUT_ORIGINS if it should be allowed"
            throw OutputDownload.error(.permanent, "outputs come from \(allowed), not from \(origin); \(remedy)")
        }
        return origin.url(url)
    }
}
