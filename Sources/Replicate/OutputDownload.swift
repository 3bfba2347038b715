import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
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
        var total: Int64?
        var tag: String?
        var hash = SHA256()
        var contentType: String?
        var attempts = 0
        var attemptsWithoutProgress = 0
    }

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
        do {
            file = try await LocalFile.creating(temporaryPath)
        } catch {
            throw Self.error(.permanent, "\"\(path)\" cannot be written: \(error)")
        }
    }

    static func error(_ kind: ReplicateError.Kind, _ message: String, status: Int? = nil) -> ReplicateError {
        ReplicateError(kind, "download output", message, status: status)
    }

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
            do {
                try await file.write(piece, at: offset)
            } catch {
                throw Self.error(.permanent, "\"\(path)\" cannot be written: \(error)")
            }
            state.withLock { state in
                piece.withUnsafeReadableBytes { state.hash.update(bufferPointer: $0) }
                state.received = offset + Int64(piece.readableBytes)
                state.attemptsWithoutProgress = 0
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
            state.received > 0 && start == state.received && end == total - 1 && (state.total ?? total) == total
                && response.headers.first(name: "etag") == state.tag && total <= limits.maximumBytes
        }
    }

    private func forget() async throws {
        try await file.truncate(to: 0)
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
        do {
            try await file.write(ByteBuffer(bytes: content.bytes), at: 0)
        } catch {
            throw Self.error(.permanent, "\"\(path)\" cannot be written: \(error)")
        }
        state.withLock { state in
            state.hash.update(data: content.bytes)
            state.received = Int64(content.bytes.count)
            state.contentType = content.mediaType
            state.attempts = 1
        }
    }

    /// Puts the file in its place.
    func finish() async throws -> DownloadedFile {
        let (path, temporaryPath) = (path, temporaryPath)
        do {
            try await NIOThreadPool.singleton.runIfActive {
                guard rename(temporaryPath, path) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
            }
        } catch {
            throw Self.error(.permanent, "\"\(path)\" cannot be written: \(error)")
        }
        return state.withLock { state in
            DownloadedFile(
                size: state.received,
                sha256: state.hash.finalize().map { String(format: "%02x", $0) }.joined(),
                contentType: state.contentType,
                attempts: state.attempts
            )
        }
    }

    /// Removes what has arrived.
    func discard() {
        unlink(temporaryPath)
    }

    private func tooLarge(_ size: Int64? = nil) -> ReplicateError {
        let found = size.map { ", it has \($0)" } ?? ""
        return Self.error(.permanent, "the output must have at most \(limits.maximumBytes) bytes\(found)")
    }
}
