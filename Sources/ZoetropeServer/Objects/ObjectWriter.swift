package import Foundation
import Hummingbird
package import StrictJSON
import ZoetropeCore
package import ZoetropeWorkflow

/// Writes jobs and animations as the API shows them.
package struct ObjectWriter: Sendable {
    private let urls: ObjectURLs
    private let urlLifetime: Duration
    private let retention: Retention
    /// What paths on this service are put behind; empty where nobody knows.
    private var base: String
    let now: @Sendable () -> Date

    /// Makes a writer.
    ///
    /// - Parameters:
    ///   - urls: Signs addresses of objects.
    ///   - urlLifetime: How long an address works; never longer than the object lives.
    ///   - retentionDays: Days after which an animation is deleted.
    ///   - publicURL: Where this service can be reached, without a slash at its end; nil takes it from each request.
    ///   - now: The time that addresses and progress are told for.
    package init(
        urls: ObjectURLs,
        urlLifetime: Duration,
        retentionDays: Int,
        publicURL: String?,
        now: @escaping @Sendable () -> Date
    ) {
        self.urls = urls
        self.urlLifetime = urlLifetime
        retention = Retention(days: retentionDays)
        base = publicURL ?? ""
        self.now = now
    }

    /// The writer for the answer to a request, which came by some address.
    func answering(_ request: Request) -> ObjectWriter {
        guard base.isEmpty, let authority = request.head.authority, authority.isAuthority else { return self }
        var writer = self
        writer.base = "http://\(authority)"
        return writer
    }

    func object(_ entry: JobEntry) -> JSONValue {
        let job = entry.job
        let expiry = retention.expiry(of: job.createdAt)
        return [
            "id": .string(job.id.description),
            "user_id": .string(job.userID),
            "session_id": .orNull(job.sessionID),
            "kind": .string(job.kind.rawValue),
            "on_failure": .string(job.onFailure.rawValue),
            "source": object(job.source, until: expiry),
            "created_at": .string(job.createdAt.rfc3339),
            "restore_attempts": .array(entry.restores.map { object($0) }),
            "animation_attempts": .array(entry.animations.map { object($0) }),
        ]
    }

    func object(_ restore: RestoreAttempt) -> JSONValue {
        [
            "id": .string(restore.id.description),
            "job_id": .string(restore.jobID.description),
            "source": object(restore.image, until: retention.expiry(of: restore.createdAt)),
            "created_at": .string(restore.createdAt.rfc3339),
        ]
    }

    private func object(_ image: SourceImage, until expiry: Date) -> JSONValue {
        [
            "s3_key": .string(image.key.description),
            "url": .orNull(url(of: image.key.description, until: expiry)),
            "content_type": .string(image.contentType),
            "width": .integer(Int64(image.size.width)),
            "height": .integer(Int64(image.size.height)),
            "byte_count": .integer(Int64(image.byteCount)),
            "sha256": .string(image.sha256),
        ]
    }

    package func object(_ record: AnimationRecord) -> JSONValue {
        let attempt = record.attempt
        let run = record.run
        let source = DigitalSourceType(
            provider: attempt.params?["provider"]?.string.flatMap(VideoModel.Provider.init(rawValue:)),
            restoreID: attempt.restoreID,
            kind: record.kind
        )
        let expiry = expiry(of: attempt)
        let isReady = attempt.status == .ready
        return [
            "id": .string(attempt.id.description),
            "job_id": .string(attempt.jobID.description),
            "restore_id": .orNull(attempt.restoreID?.description),
            "status": .string(attempt.status.rawValue),
            "step": .string((run?.state ?? (attempt.status == .pending ? .queued : .done)).rawValue),
            "progress": .integer(Int64(percent(of: record))),
            "preview_s3_key": .string(attempt.previewS3Key),
            "result_s3_key": .orNull(attempt.resultS3Key),
            "thumb_s3_key": .orNull(attempt.thumbS3Key),
            "preview_url": .orNull(isReady ? url(of: attempt.previewS3Key, until: expiry) : nil),
            "result_url": .orNull(isReady ? url(of: attempt.resultS3Key, until: expiry) : nil),
            "thumb_url": .orNull(isReady ? url(of: attempt.thumbS3Key, until: expiry) : nil),
            "model": .orNull(attempt.model),
            "params": attempt.params ?? .null,
            "ai_generated": .bool(source.isDrawnByModel),
            "digital_source_type": .string(source.uri),
            "cost_usd": run.map { .number($0.cost.usd) } ?? attempt.params?["cost_usd"] ?? .null,
            // Before the end it can only be something that the caller sent.
            "error": attempt.status == .failed ? attempt.params?["error"] ?? .null : .null,
            "created_at": .string(attempt.createdAt.rfc3339),
            "provider_done_at": .orNull(run?.providerDoneAt?.rfc3339),
            "playable_at": .orNull(run?.playableAt?.rfc3339),
            "expires_at": .string(expiry.rfc3339),
        ]
    }

    /// When an animation is deleted.
    func expiry(of attempt: AnimationAttempt) -> Date { retention.expiry(of: attempt.createdAt) }

    /// How far an animation is, in whole per cent: 100 once it can be played, 0 once it has failed, since nothing of it
    /// is kept.
    func percent(of record: AnimationRecord) -> Int {
        switch record.attempt.status {
        case .ready: 100
        case .failed: 0
        case .pending: min(99, Int((100 * (record.run?.progress(at: now()) ?? 0)).rounded(.down)))
        }
    }

    /// A signed address; nil for what is no key, or has expired.
    private func url(of key: String?, until expiry: Date) -> String? {
        let now = now()
        guard let key = key.flatMap({ ObjectKey($0) }), now < expiry else { return nil }
        let url = urls.url(key, min(now + urlLifetime, expiry))
        return url.hasPrefix("/") ? base + url : url
    }

    /// A signed address for our own pages; nil for what is no key, or has expired.
    ///
    /// The same for half of an address's life, so that browsers keep what they have fetched.
    func pageURL(of key: String?, until expiry: Date) -> String? {
        let now = now()
        guard let key = key.flatMap({ ObjectKey($0) }), now < expiry else { return nil }
        let half = max(1, urlLifetime / .seconds(2))
        let end = ((now.timeIntervalSince1970 / half).rounded(.down) + 2) * half
        return urls.url(key, min(Date(timeIntervalSince1970: end), expiry))
    }

    /// A signed address of a video for others, and when it ends; nil unless there is one.
    func sharedURL(of record: AnimationRecord) -> (url: String, until: Date)? {
        let until = min(now() + urlLifetime, expiry(of: record.attempt))
        guard record.attempt.status == .ready, let url = url(of: record.attempt.previewS3Key, until: until) else {
            return nil
        }
        return (url, until)
    }
}

extension String {
    /// Whether it is a name, an IPv4 address or an IPv6 address in brackets, perhaps with a port.
    ///
    /// Without a regular expression, because each use of one reads the expression anew.
    var isAuthority: Bool {
        let utf8 = utf8
        let host: Substring.UTF8View
        let rest: Substring.UTF8View
        if utf8.first == UInt8(ascii: "["), let end = utf8.firstIndex(of: UInt8(ascii: "]")) {
            host = utf8[..<end].dropFirst()
            rest = utf8[end...].dropFirst()
            guard (2...45).contains(host.count), host.allSatisfy({ $0.isHexDigit || ":.".utf8.contains($0) }) else {
                return false
            }
        } else {
            host = utf8.prefix { $0.isLetterOrDigit || ".-".utf8.contains($0) }
            rest = utf8[host.endIndex...]
            guard (1...253).contains(host.count) else { return false }
        }
        guard rest.first == UInt8(ascii: ":") else { return rest.isEmpty }
        let port = rest.dropFirst()
        return (1...5).contains(port.count) && port.allSatisfy(\.isDigit)
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isHexDigit: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20) }
    fileprivate var isLetterOrDigit: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}

extension JSONValue {
    static func orNull(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

extension ObjectWriter {
    /// The body of a callback: `type`, `timestamp` and, in `data`, the animation as the API shows it.
    ///
    /// Without a record, whose row has gone with its scene, `data` holds the identifier and that it failed.
    package func body(of callback: Callback, _ record: AnimationRecord?) -> [UInt8] {
        let isReady = record?.attempt.status == .ready
        let body: JSONValue = [
            "type": .string(isReady ? "animation.ready" : "animation.failed"),
            "timestamp": .string((callback.endedAt ?? now()).rfc3339),
            "data": record.map { object($0) } ?? [
                "id": .string(callback.animationID.description), "status": "failed",
            ],
        ]
        // Only a number that is not finite has no JSON, and there is none.
        return (try? body.encoded()) ?? []
    }
}
