import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// OpenAI's Videos interface over our animations: a video is a job with its animation.
struct VideoRoutes: Sendable {
    let service: AnimationService
    let library: AnimationLibrary
    let outbound: Outbound
    let limits: @Sendable (Caller) -> IntakeLimits
    private let videos: VideoWriter
    private let pace: BodyPace
    /// Each has up to three copies of an image on disk.
    private let uploads = Slots(64)
    /// Each has up to some 80 MB in memory.
    private let largeBodies = Slots(4)
    private let keysInUse = KeysInUse()
    private let repeatedCalls = RepeatedCalls()

    init(
        service: AnimationService,
        library: AnimationLibrary,
        objects: ObjectWriter,
        outbound: Outbound,
        limits: @escaping @Sendable (Caller) -> IntakeLimits,
        pace: BodyPace
    ) {
        self.service = service
        self.library = library
        self.outbound = outbound
        self.limits = limits
        self.pace = pace
        videos = VideoWriter(objects: objects)
    }

    // MARK: Making

    @Sendable func create(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        try await uploads.withSlot {
            try await service.withUploadFolder { folder in
                let upload = try await upload(request, in: folder)
                let image = upload.image
                let call = Fingerprint.Call(
                    fields: upload.fields,
                    of: try await image.identity(),
                    sentTo: "videos"
                )
                return try await repeatable(request, call, caller, source: nil) { repeatable in
                    let model = try service.model(named: try upload.fields.text("model"), for: .photo)
                    var order = AnimationOrder(
                        model: model.alias,
                        params: try upload.fields.params(for: model),
                        callbackURL: try await callbackURL(upload.fields)
                    )
                    order.idempotency = repeatable
                    let file = try await fetched(image, in: folder)
                    return try await service.createVideo(file, order, for: caller, within: limits(caller))
                }
            }
        }
    }

    private func upload(_ request: Request, in folder: String) async throws -> VideoUpload {
        let type = request.headers[.contentType].flatMap { HeaderValue($0) }?.text
        guard type == "multipart/form-data" else {
            let json = try await json(request)
            return try await VideoUpload.read(json, in: folder)
        }
        let boundary = try request.multipartBoundary()
        var reader = try BodyReader(request, upTo: Request.mostMultipartBytes, pace: pace)
        return try await VideoUpload.read(&reader, boundary: boundary, in: folder)
    }

    /// A JSON body is read whole, so only a few large ones at a time.
    private func json(_ request: Request) async throws -> JSONValue {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length <= Request.mostJSONBytes { return try await request.jsonObject() }
        return try await largeBodies.withSlot { try await request.jsonObject(upTo: VideoUpload.mostJSONBytes) }
    }

    /// The file of an image, which is fetched if it is elsewhere.
    private func fetched(_ image: ImageReference, in folder: String) async throws -> String {
        switch image {
        case .file(let path): return path
        case .address(let url):
            let path = "\(folder)/fetched"
            try await outbound.fetch(imageURL: url, to: path)
            return path
        }
    }

    private func callbackURL(_ fields: VideoFields) async throws -> String? {
        let url = try fields.text("callback_url")
        try await outbound.check(callbackURL: url)
        return url
    }

    /// The same image with another prompt: a new attempt of the same job.
    @Sendable func remix(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let original = try await find(context, caller)
        let type = request.headers[.contentType].flatMap { HeaderValue($0) }?.text
        let fields: VideoFields
        if type == "multipart/form-data" {
            var reader = try BodyReader(request, upTo: Request.mostMultipartBytes, pace: pace)
            var limits = MultipartForm.Limits()
            limits.textBytes = VideoFields.mostTextBytes
            fields = try VideoFields(
                try await MultipartForm.read(
                    &reader,
                    boundary: request.multipartBoundary(),
                    texts: ["prompt"],
                    uploads: [],
                    in: "",
                    limits: limits
                )
                .fields
            )
        } else {
            fields = VideoFields(try await request.jsonObject(upTo: VideoFields.mostTextBytes * 6))
        }
        let id = VideoID(original.attempt.id).description
        var order = AnimationOrder(again: original.attempt)
        var params = order.params?.object ?? [:]
        params["prompt"] = .string(try fields.prompt())
        params[VideoWriter.remixedFrom] = nil
        order.params = .object(params)
        order.notes = [VideoWriter.remixedFrom: .string(id)]
        let call = Fingerprint.Call(fields: fields, of: nil, sentTo: "videos/\(id)/remix")
        return try await repeatable(request, call, caller, source: await sourceSize(of: original, caller)) {
            [order] repeatable in
            var order = order
            order.idempotency = repeatable
            return try await service.createAnimation(
                order,
                of: original.attempt.jobID,
                for: caller,
                within: limits(caller)
            )
        }
    }

    /// Makes a video, once for all tries of a call.
    private func repeatable(
        _ request: Request,
        _ call: Fingerprint.Call,
        _ caller: Caller,
        source: FrameSize?,
        _ make: (Repeatable<AnimationRecord>) async throws -> AcceptedAnimation
    ) async throws -> Response {
        let fingerprint = try Fingerprint(call)
        let answer: @Sendable (AnimationRecord) -> JSONValue = { [videos] in videos.object($0, source: source) }
        let accepted: AcceptedAnimation
        if let key = try request.idempotencyKey() {
            accepted = try await keysInUse.using(key, of: caller) { _ in
                try await make(Repeatable(key: key, fingerprint: fingerprint.text, answer: answer))
            }
        } else {
            accepted = try await repeatedCalls.using(
                fingerprint,
                of: caller,
                isRetry: request.isRetry,
                answer: answer,
                make
            )
        }
        switch accepted {
        case .new(let record): return try await response(record, caller)
        case .replayed(let object):
            // As it is now; what was answered then only if it has been deleted since.
            let id = object["id"]?.string.flatMap { VideoID($0) }
            if let id, let record = try? await library.animation(id.animation, for: caller) {
                return try await response(record, caller, isReplayed: true)
            }
            return Response(status: .ok, headers: [.idempotencyReplayed: "true"], json: object)
        }
    }

    // MARK: Looking

    @Sendable func show(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        try await response(find(context, caller), caller)
    }

    @Sendable func list(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let query = request.uri.queryParameters
        var problems: [Problem.Field] = []
        let limit = request.wholeNumber("limit", 0...100, &problems) ?? 20
        guard problems.isEmpty else { throw Problem(invalid: problems) }
        let order = query["order"].map { String($0) } ?? "desc"
        guard ["asc", "desc"].contains(order) else {
            throw Problem.badVideo("order", "Invalid order. Choose asc or desc")
        }
        let after = query["after"].map { VideoID(String($0)) }
        let page: (records: [AnimationRecord], hasMore: Bool)? =
            if case .some(nil) = after {
                nil
            } else {
                try await library.animations(
                    AnimationQuery(
                        userID: caller.userID,
                        isNewestFirst: order == "desc",
                        after: after??.animation,
                        limit: limit
                    )
                )
            }
        guard let page else {
            throw Problem.badVideo("after", "There is no video that after names. Send the last_id of the page before")
        }
        var data: [JSONValue] = []
        for record in page.records {
            data.append(videos.object(record, source: await sourceSize(of: record, caller)))
        }
        return Response(
            status: .ok,
            json: [
                "object": "list",
                "data": .array(data),
                "first_id": data.first?["id"] ?? .null,
                "last_id": data.last?["id"] ?? .null,
                "has_more": .bool(page.hasMore),
            ]
        )
    }

    /// The animation in the path, of the caller's own.
    func find(_ context: APIContext, _ caller: Caller) async throws -> AnimationRecord {
        guard let id = context.parameters.get("video").flatMap({ VideoID($0) }) else { throw Problem.videoNotFound }
        do {
            return try await library.animation(id.animation, for: caller)
        } catch ServiceError.animationNotFound {
            throw Problem.videoNotFound
        }
    }

    private func response(
        _ record: AnimationRecord,
        _ caller: Caller,
        isReplayed: Bool = false
    ) async throws -> Response {
        var headers = HTTPFields()
        headers[.pollAfterMilliseconds] = videos.pollInterval(of: record).map(String.init)
        if isReplayed { headers[.idempotencyReplayed] = "true" }
        return Response(
            status: .ok,
            headers: headers,
            json: videos.object(record, source: await sourceSize(of: record, caller))
        )
    }

    /// The size of the image that a video is made from, while it tells something; nil when nobody knows any more.
    private func sourceSize(of record: AnimationRecord, _ caller: Caller) async -> FrameSize? {
        guard VideoWriter.publishedSize(of: record.attempt) == nil,
            let job = try? await library.job(record.attempt.jobID, for: caller)
        else { return nil }
        let restored = record.attempt.restoreID.flatMap { id in job.restores.first { $0.id == id } }
        return restored?.image.size ?? job.job.source.size
    }

    // MARK: Deleting

    /// Deletes a video, which is cancelled if it is under way; with the last video of an image the image goes, too.
    @Sendable func delete(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let record = try await find(context, caller)
        let id = record.attempt.id
        do {
            let job = try await library.job(record.attempt.jobID, for: caller)
            // A restored version is something that the caller sent, too.
            if job.animations.map(\.attempt.id) == [id], job.restores.isEmpty {
                try await library.delete(job.job.id, for: caller)
            } else {
                try await library.delete(id, of: job.job.id, for: caller)
            }
        } catch ServiceError.jobNotFound, ServiceError.animationNotFound {
            throw Problem.videoNotFound
        }
        return Response(
            status: .ok,
            json: ["id": .string(VideoID(id).description), "object": "video.deleted", "deleted": true]
        )
    }

    // MARK: What there is not

    @Sendable func unsupported(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        throw Problem(
            .notImplemented,
            "not_supported",
            "This service makes videos from images; it has no edits, extensions or characters"
        )
    }
}

extension Fingerprint {
    /// A call as it is told from another.
    struct Call: Sendable {
        let fields: VideoFields
        /// What tells its image from another.
        let image: String?
        let place: String

        init(fields: VideoFields, of image: String?, sentTo place: String) {
            self.fields = fields
            self.image = image
            self.place = place
        }
    }

    init(_ call: Call) throws(JSONError) {
        let body: JSONValue = ["fields": .object(call.fields.canonical), "image": .orNull(call.image)]
        try self.init(of: body, sentTo: call.place)
    }
}
