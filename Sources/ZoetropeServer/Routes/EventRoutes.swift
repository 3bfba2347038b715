import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import ZoetropeCore
import ZoetropeWorkflow

/// Animations as they go on, as server-sent events: `progress`, then `ready` or `failed`, which ends the stream.
///
/// An event's id is the version of the run, so a client that comes back with `Last-Event-ID` gets what it has missed: the
/// newest state, if that is a newer one.
struct EventRoutes: Sendable {
    let animations: AnimationRoutes
    let objects: ObjectWriter
    let news: RunNews
    let uptime: @Sendable () -> Duration
    let metrics: ServiceMetrics?

    /// A stream ends after this, and the client comes back: so that none outlives a token for long.
    static let longest = Duration.seconds(3_600)
    /// Without news for this long a stream sends a comment.
    static let silence = Duration.seconds(15)

    @Sendable func follow(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let seen = request.headers[.lastEventID].flatMap { Int($0) }
        // Watched first and read second, so that nothing falls between the two.
        let stream = context.animationID.map { news.watch($0) }
        let record = try await animations.find(context, caller)
        guard let stream else { throw ServiceError.animationNotFound }
        if record.isFinal, let seen, seen >= record.version {
            // Nothing more will come; this tells a client to stop coming back.
            return Response(status: .noContent)
        }
        let objects = objects.answering(request)
        var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
        headers[.accelBuffering] = "no"
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody { writer in
                metrics?.eventStream(isOpen: true)
                defer { metrics?.eventStream(isOpen: false) }
                try await writer.write(ByteBuffer(bytes: ServerSentEvent.opening))
                try await tell(record, since: seen, stream, objects, &writer)
                try await writer.finish(nil)
            }
        )
    }

    private func tell(
        _ first: AnimationRecord,
        since seen: Int?,
        _ stream: RunNews.Stream,
        _ objects: ObjectWriter,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        let start = uptime()
        var record = first
        var told: (version: Int, percent: Int)?
        var lastWrite = start
        if let seen, seen == record.version {
            told = (seen, objects.percent(of: record))
        } else {
            try await writer.write(event(record, objects))
            told = (record.version, objects.percent(of: record))
        }
        if record.isFinal { return }
        for await version in stream.cancelOnGracefulShutdown() {
            if let version, version != record.version {
                do {
                    // Without a row it was deleted: there is no more to say of it.
                    guard let newer = try await news.record(record.attempt.id, at: version) else { return }
                    record = newer
                } catch is RunStoreError {
                    // The next tick asks again.
                    continue
                }
            }
            let now = (version: record.version, percent: objects.percent(of: record))
            if told.map({ $0 != now }) ?? true {
                try await writer.write(event(record, objects))
                told = now
                lastWrite = uptime()
            } else if uptime() - lastWrite >= Self.silence {
                try await writer.write(ByteBuffer(bytes: ServerSentEvent.ping))
                lastWrite = uptime()
            }
            if record.isFinal || uptime() - start >= Self.longest { return }
        }
    }

    private func event(_ record: AnimationRecord, _ objects: ObjectWriter) -> ByteBuffer {
        let name =
            switch record.attempt.status {
            case .pending: "progress"
            case .ready: "ready"
            case .failed: "failed"
            }
        let event = ServerSentEvent(id: String(record.version), name: name, data: objects.object(record))
        return ByteBuffer(bytes: event.bytes)
    }
}

extension AnimationRecord {
    fileprivate var isFinal: Bool { attempt.status != .pending }
    /// 0 for a row without a run, which never changes.
    fileprivate var version: Int { run?.version ?? 0 }
}
