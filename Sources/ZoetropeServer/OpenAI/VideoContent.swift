import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// The files of a video: the MP4, its poster, and a sheet of frames that is made when it is asked for.
struct VideoContent: Sendable {
    private enum Variant: String, CaseIterable {
        case video
        case thumbnail
        case spritesheet
    }

    let videos: VideoRoutes
    let store: any ObjectStore
    let expiry: @Sendable (AnimationAttempt) -> Date
    let media: MediaRoutes
    /// Draws frames of the MP4 at a path into a new JPEG at another.
    let spritesheet: @Sendable (_ video: String, _ seconds: Int, _ target: String) async throws -> Void
    let now: @Sendable () -> Date
    /// Each decodes a whole video.
    private let sheets = Slots(2, of: "spritesheets")
    /// Many times what a sheet has.
    private static let mostSheetBytes: Int64 = 16_000_000

    init(
        videos: VideoRoutes,
        store: any ObjectStore,
        expiry: @escaping @Sendable (AnimationAttempt) -> Date,
        media: MediaRoutes,
        spritesheet: @escaping @Sendable (_ video: String, _ seconds: Int, _ target: String) async throws -> Void,
        now: @escaping @Sendable () -> Date
    ) {
        self.videos = videos
        self.store = store
        self.expiry = expiry
        self.media = media
        self.spritesheet = spritesheet
        self.now = now
    }

    @Sendable func serve(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let record = try await videos.find(context, caller)
        let variant = try variant(request)
        let attempt = record.attempt
        switch attempt.status {
        case .pending:
            throw Problem(
                .notFound,
                "video_not_ready",
                "The video is not ready yet. Wait until its status is completed"
            )
        case .failed: throw Problem(.notFound, "video_failed", "The video has failed and has no content")
        case .ready: break
        }
        guard now() < expiry(attempt) else {
            throw Problem(.gone, "expired", "The video has expired, and its content has been deleted")
        }
        let video = attempt.resultS3Key ?? attempt.previewS3Key
        let name = VideoID(attempt.id).description
        switch variant {
        case .video: return try await file(video, "\(name).mp4", request, context)
        case .thumbnail: return try await file(attempt.thumbS3Key ?? "", "\(name).jpg", request, context)
        case .spritesheet:
            let seconds = Int(attempt.params?["seconds"]?.integer ?? attempt.params?["duration"]?.integer ?? 1)
            return try await sheet(of: key(video), seconds: seconds, "\(name)-spritesheet.jpg")
        }
    }

    private func variant(_ request: Request) throws(Problem) -> Variant {
        guard let text = request.uri.queryParameters["variant"] else { return .video }
        guard let variant = Variant(rawValue: String(text)) else {
            let offered = Variant.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badVideo("variant", "Invalid variant. Choose one of \(offered)")
        }
        return variant
    }

    private func key(_ text: String) throws(Problem) -> ObjectKey {
        guard let key = ObjectKey(text) else { throw Self.gone }
        return key
    }

    private func file(_ text: String, _ name: String, _ request: Request, _ context: APIContext) async throws
        -> Response
    {
        guard let object = try await store.open(key(text)) else { throw Self.gone }
        let headers: HTTPFields = [.contentDisposition: "attachment; filename=\"\(name)\""]
        return try media.answer(request, object, headers, context)
    }

    private func sheet(of key: ObjectKey, seconds: Int, _ name: String) async throws -> Response {
        let bytes = try await sheets.withSlot {
            try await videos.service.withUploadFolder { folder in
                let (video, sheet) = ("\(folder)/video.mp4", "\(folder)/sheet.jpg")
                do {
                    _ = try await store.get(key, to: video)
                } catch let error as StorageError where error.code == .missing {
                    throw Self.gone
                }
                try await spritesheet(video, max(1, seconds), sheet)
                let size = try URL(filePath: sheet).resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
                guard Int64(size) <= Self.mostSheetBytes else {
                    throw StorageError(.corrupt, "a sheet of frames has \(size) bytes")
                }
                return try Data(contentsOf: URL(filePath: sheet))
            }
        }
        return Response(
            status: .ok,
            headers: [.contentType: "image/jpeg", .contentDisposition: "attachment; filename=\"\(name)\""],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    private static let gone = Problem(.notFound, "content_not_found", "The content of this video has been deleted")
}
