import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Writes animations as OpenAI's Video objects.
struct VideoWriter: Sendable {
    let objects: ObjectWriter

    /// The key of the stored params under which a remix names the video that it was made from.
    static let remixedFrom = "remixed_from_video_id"

    /// Writes one.
    ///
    /// `source` is the size of the image, from which the video's own size is told before there is a video.
    func object(_ record: AnimationRecord, source: FrameSize?) -> JSONValue {
        let attempt = record.attempt
        let isReady = attempt.status == .ready
        // Before its end, what the engine writes can only be something that the caller sent.
        let seconds = (isReady ? attempt.params?["seconds"]?.integer : nil) ?? attempt.params?["duration"]?.integer ?? 0
        let size = Self.publishedSize(of: attempt) ?? Self.expectedSize(of: attempt, source: source)
        return [
            "id": .string(VideoID(attempt.id).description),
            "object": "video",
            "model": .string(attempt.model ?? ""),
            "status": .string(Self.status(of: record)),
            "progress": .integer(Int64(objects.percent(of: record))),
            "created_at": Self.time(attempt.createdAt),
            "completed_at": record.run?.playableAt.map(Self.time) ?? .null,
            "expires_at": isReady ? Self.time(objects.expiry(of: attempt)) : .null,
            "prompt": .orNull(attempt.params?["prompt"]?.string),
            "seconds": .string("\(seconds)"),
            "size": .string("\(size.width)x\(size.height)"),
            "remixed_from_video_id": .orNull(attempt.params?[Self.remixedFrom]?.string),
            "error": attempt.status == .failed ? Self.error(of: attempt) : .null,
        ]
    }

    /// Milliseconds after which a client should ask again; nil when there is nothing to wait for.
    ///
    /// Its clients keep the first answer's value to the end of their waiting.
    func pollInterval(of record: AnimationRecord) -> Int? {
        guard record.attempt.status == .pending else { return nil }
        if record.attempt.params?["provider"]?.string == VideoModel.Provider.local.rawValue { return 300 }
        return objects.percent(of: record) < 60 ? 5_000 : 2_000
    }

    /// The size of a video that was published.
    static func publishedSize(of attempt: AnimationAttempt) -> FrameSize? {
        guard attempt.status == .ready, let width = attempt.params?["width"]?.integer,
            let height = attempt.params?["height"]?.integer
        else { return nil }
        return FrameSize(width: Int(width), height: Int(height))
    }

    private static func expectedSize(of attempt: AnimationAttempt, source: FrameSize?) -> FrameSize {
        let resolution = attempt.params?["resolution"]?.string.flatMap(Resolution.init(rawValue:)) ?? .standard
        return .ofClip(for: source ?? FrameSize(width: 16, height: 9), resolution: resolution)
    }

    private static func status(of record: AnimationRecord) -> String {
        switch record.attempt.status {
        case .ready: "completed"
        case .failed: "failed"
        case .pending: [nil, .queued].contains(record.run?.state) ? "queued" : "in_progress"
        }
    }

    private static func error(of attempt: AnimationAttempt) -> JSONValue {
        let error = attempt.params?["error"]
        let code = error?["code"]?.string.flatMap(FailureCode.init(rawValue:)) ?? .internal
        let word =
            switch code {
            case .canceled: "cancelled"
            case .contentRejected: "moderation_blocked"
            default: code.rawValue
            }
        return ["code": .string(word), "message": .string(error?["message"]?.string ?? code.message)]
    }

    private static func time(_ date: Date) -> JSONValue { .integer(Int64(date.timeIntervalSince1970.rounded(.down))) }
}
