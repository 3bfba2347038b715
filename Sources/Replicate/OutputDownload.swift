import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// The state of one download: what has arrived, and under which tag.
///
/// Only one request at a time works on it; the lock is for the compiler.
final class OutputDownload: Sendable {
    enum Step: Sendable {
        case complete
        case redirect(String)
        case brokenOff(ReplicateError)
    }

    private struct State {
        var received: Int64 = 0
        /// The most that was ever there: bytes that came a second time are no progress.
        var furthest: Int64 = 0
        var total: Int64?
        var tag: String?
        var hash = SHA256()
        var contentType: String?
        var attempts = 0
        var attemptsWithoutProgress = 0
    }

    /// No download takes more requests.
    static let mostAttempts = 20

    let limits: DownloadLimits
    private let path: String
    private let temporaryPath: String
    private let file: LocalFile
    private let onProgress: (@Sendable (Int64, Int64?) -> Void)?
    private let state = Mutex(State())

    init(to path: String, limits: DownloadLimits, onProgress: (@Sendable (Int64, Int64?) -> Void)?) async throws {
        self.path = path
        self.limits = limits
        self.onProgress = onProgress
        temporaryPath = "\(path).\(UUID().uuidString.prefix(8)).part"
        file = try await Self.writing(path) { [temporaryPath] in try await LocalFile.creating(temporaryPath) }
    }

    /// Runs something that writes; its failure is the disk's, unless it was cancelled.
    private static func writing<Result>(_ path: String, _ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Self.error(.permanent, "\"\(path)\" cannot be written: \(error)")
        }
    }

    static func error(_ kind: ReplicateError.Kind, _ message: String, status: Int? = nil) -> ReplicateError {
        ReplicateError(kind, "download output", message, status: status)
    }

    /// Requests so far, redirects left out.
    var attempts: Int { state.withLock { $0.attempts } }

    /// Requests in a row that brought nothing new.
    var attemptsWithoutProgress: Int { state.withLock { $0.attemptsWithoutProgress } }

    /// The headers of the next request; no token.
    func nextHeaders(userAgent: String) -> HTTPHeaders {
        state.withLock { state in
            state.attempts += 1
            state.attemptsWithoutProgress += 1
            // Lengths and hashes are those of the file, so it must come as it is.
            var headers: HTTPHeaders = ["user-agent": userAgent, "accept": "*/*", "accept-encoding": "identity"]
            if state.received > 0, let tag = state.tag {
                headers.add(name: "range", value: "bytes=\(state.received)-")
                headers.add(name: "if-range", value: tag)
            }
            return headers
        }
    }

    /// Reads one answer.
    func receive(_ response: HTTPClientResponse, from url: String) async throws -> Step {
        switch response.status.code {
        case 200:
            try await startAgain(response)
        case 206:
            guard resumes(response) else {
                // Another file, or other bytes than asked for: ask for all of it.
                try await forget()
                return .brokenOff(Self.error(.transient, "the server resumed with something else", status: 206))
            }
        case 301, 302, 303, 307, 308:
            guard let location = response.headers.first(name: "location"),
                let target = URL(string: location, relativeTo: URL(string: url))?.absoluteString
            else { throw Self.error(.permanent, "a redirect without a target", status: Int(response.status.code)) }
            state.withLock { state in
                state.attempts -= 1
                state.attemptsWithoutProgress -= 1
            }
            return .redirect(target)
        case 416:
            try await forget()
            return .brokenOff(Self.error(.transient, "the file changed", status: 416))
        case 429:
            let wait = RetryAfter.wait(
                header: response.headers.first(name: "retry-after"),
                problem: ProblemBody(),
                now: Date()
            )
            throw ReplicateError(.throttled, "download output", "status 429", status: 429, retryAfter: wait)
        case 408, 425, 500...:
            throw Self.error(.transient, "status \(response.status.code)", status: Int(response.status.code))
        case 404, 410:
            let message =
                "status \(response.status.code): there is no such output; Replicate deletes outputs after an hour"
            throw Self.error(.refused, message, status: Int(response.status.code))
        default:
            throw Self.error(.refused, "status \(response.status.code)", status: Int(response.status.code))
        }
        return try await receiveBody(response)
    }

    private func receiveBody(_ response: HTTPClientResponse) async throws -> Step {
        for try await piece in response.body {
            let (offset, total) = try state.withLock { state in
                let end = state.received + Int64(piece.readableBytes)
                guard end <= limits.maximumBytes else { throw tooLarge() }
                if let total = state.total, end > total {
                    throw Self.error(.permanent, "more bytes than the \(total) that were announced")
                }
                return (state.received, state.total)
            }
            try await Self.writing(path) { try await file.write(piece, at: offset) }
            state.withLock { state in
                piece.withUnsafeReadableBytes { state.hash.update(bufferPointer: $0) }
                state.received = offset + Int64(piece.readableBytes)
                if state.received > state.furthest {
                    state.furthest = state.received
                    state.attemptsWithoutProgress = 0
                }
            }
            onProgress?(offset + Int64(piece.readableBytes), total)
        }
        let (received, total) = state.withLock { ($0.received, $0.total) }
        guard total == nil || received == total else {
            return .brokenOff(Self.error(.transient, "\(received) of \(total ?? 0) bytes"))
        }
        guard received > 0 else { throw Self.error(.permanent, "the output is empty") }
        return .complete
    }

    private func startAgain(_ response: HTTPClientResponse) async throws {
        try await forget()
        let length = response.headers.first(name: "content-length").flatMap(Int64.init)
        if let length, length > limits.maximumBytes { throw tooLarge(length) }
        // In HTTP/1 a body without length and chunks ends where the connection does, wherever that is.
        let isFramed =
            response.version.major >= 2 || response.headers[canonicalForm: "transfer-encoding"].last == "chunked"
        guard length != nil || isFramed else {
            throw Self.error(.permanent, "the server does not say where the file ends")
        }
        if let coding = response.headers.first(name: "content-encoding"), coding.lowercased() != "identity" {
            throw Self.error(.permanent, "the server compressed the file, which was not asked for")
        }
        state.withLock { state in
            state.total = length
            state.contentType = response.headers.first(name: "content-type")
            // A weak tag (W/"…") does not promise the same bytes.
            state.tag = response.headers.first(name: "etag").flatMap { $0.hasPrefix("\"") ? $0 : nil }
        }
    }

    /// Whether a 206 is the rest of the file that was begun.
    private func resumes(_ response: HTTPClientResponse) -> Bool {
        let range = response.headers.first(name: "content-range") ?? ""
        guard let match = range.wholeMatch(of: /bytes (\d{1,18})-(\d{1,18})\/(\d{1,18})/), let start = Int64(match.1),
            let end = Int64(match.2), let total = Int64(match.3)
        else { return false }
        return state.withLock { state in
            guard let tag = state.tag, response.headers.first(name: "etag") == tag, state.received > 0,
                start == state.received, end == total - 1, (state.total ?? total) == total, total <= limits.maximumBytes
            else { return false }
            state.total = total
            return true
        }
    }

    private func forget() async throws {
        try await Self.writing(path) { try await file.truncate() }
        state.withLock { state in
            state.received = 0
            state.total = nil
            state.tag = nil
            state.hash = SHA256()
        }
    }

    /// Takes the file out of a data URI.
    func store(dataURI: String) async throws {
        guard let content = DataURI(dataURI, limit: Int(clamping: limits.maximumBytes)) else {
            throw Self.error(.permanent, "the data URI is broken or larger than \(limits.maximumBytes) bytes")
        }
        guard !content.bytes.isEmpty else { throw Self.error(.permanent, "the output is empty") }
        try await Self.writing(path) { try await file.write(ByteBuffer(bytes: content.bytes), at: 0) }
        state.withLock { state in
            state.hash.update(data: content.bytes)
            state.received = Int64(content.bytes.count)
            state.contentType = content.mediaType
            state.attempts = 1
        }
    }

    /// Puts the file in its place.
    func finish() async throws -> DownloadedFile {
        try await Self.writing(path) { try await file.publish(from: temporaryPath, as: path) }
        file.close()
        return state.withLock { state in
            DownloadedFile(
                size: state.received,
                sha256: Self.hexadecimal(state.hash.finalize()),
                contentType: state.contentType,
                attempts: state.attempts
            )
        }
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Removes what has arrived.
    func discard() {
        file.close()
        unlink(temporaryPath)
    }

    private func tooLarge(_ size: Int64? = nil) -> ReplicateError {
        let found = size.map { ", it has \($0)" } ?? ""
        return Self.error(.permanent, "the output must have at most \(limits.maximumBytes) bytes\(found)")
    }
}
