import Foundation
import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

/// `/animations/…`: one animation, and what can be done with it.
struct AnimationPageRoutes: Sendable {
    let service: AnimationService
    let library: AnimationLibrary
    let store: any ServiceStore
    let files: any ObjectStore
    let media: MediaRoutes
    let objects: ObjectWriter
    let limits: @Sendable (Caller) -> IntakeLimits
    let shell: PageShell

    @Sendable func show(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        let record = try await find(context, visitor)
        return shell.response(try await page(record, request, visitor).page)
    }

    @Sendable func askToDelete(_ request: Request, _ context: APIContext, _ visitor: Visitor)
        async throws -> Response
    {
        let record = try await find(context, visitor)
        return shell.response(try await page(record, request, visitor).deletePage)
    }

    /// The photo goes with the last thing that was made of it.
    @Sendable func delete(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        _ = try await PageForm(request, of: visitor)
        let attempt = try await find(context, visitor).attempt
        if try await isLastOfPhoto(attempt, visitor) {
            try await library.delete(attempt.jobID, for: visitor.caller)
        } else {
            try await library.delete(attempt.id, of: attempt.jobID, for: visitor.caller)
        }
        return .seeOther("/?done=deleted")
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        _ = try await PageForm(request, of: visitor)
        let id = try await find(context, visitor).attempt.id
        do {
            try await service.cancel(id)
        } catch ServiceError.alreadyFinal {
            // Its page says how it ended.
        }
        return .seeOther("/animations/\(id)")
    }

    /// Starts the same once more.
    @Sendable func retry(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        let form = try await PageForm(request, of: visitor)
        let attempt = try await find(context, visitor).attempt
        var order = AnimationOrder(again: attempt)
        if let key = form["key"], key.isVisibleASCII(1...64) {
            order.idempotency = Repeatable(key: "page-\(key)", fingerprint: "retry \(attempt.id)") {
                objects.object($0)
            }
        }
        let accepted = try await service.createAnimation(
            order,
            of: attempt.jobID,
            for: visitor.caller,
            within: limits(visitor.caller)
        )
        return .seeOther("/animations/\(accepted.id)")
    }

    /// The video as a file to keep, whatever store it lies in.
    @Sendable func download(_ request: Request, _ context: APIContext, _ visitor: Visitor)
        async throws -> Response
    {
        let attempt = try await find(context, visitor).attempt
        let wantsHD = request.uri.queryParameters["file"] == "hd"
        guard attempt.status == .ready, objects.now() < objects.expiry(of: attempt),
            let key = ObjectKey((wantsHD ? attempt.resultS3Key : nil) ?? attempt.previewS3Key),
            let object = try await files.open(key)
        else { throw Problem(.notFound, "not_found", "There is no video to download") }
        let name =
            "zoetrope-\(attempt.createdAt.rfc3339.prefix(10))-\(attempt.id.description.prefix(8))"
        return try media.answer(
            request,
            object,
            [
                .contentDisposition: "attachment; filename=\"\(name)\(wantsHD ? "-hd" : "").mp4\"",
                .cacheControl: "private, no-cache",
            ],
            context
        )
    }

    // MARK: Parts

    /// The visitor's own animation; another's is as if it were not there.
    private func find(_ context: APIContext, _ visitor: Visitor) async throws -> AnimationRecord {
        guard let id = context.animationID else { throw ServiceError.animationNotFound }
        return try await library.animation(id, for: visitor.caller)
    }

    private func page(_ record: AnimationRecord, _ request: Request, _ visitor: Visitor) async throws
        -> AnimationPage
    {
        let attempt = record.attempt
        let source = try await store.source(of: attempt.jobID, attempt.restoreID, userID: record.userID)
        let view = AnimationView(record, source: source, objects: objects)
        let isPending = attempt.status == .pending
        let recent =
            isPending
            ? try await library.animations(AnimationQuery(userID: record.userID, limit: 50))?.records
                ?? [] : []
        let link = objects.answering(request).sharedURL(of: record)
        return AnimationPage(
            view: view,
            visitor: visitor,
            share: link.map { (request.absolute($0.url), $0.until) },
            price: price(of: view),
            estimate: Following.estimate(attempt.model, among: recent),
            key: UUID().text,
            isLastOfPhoto: try await isLastOfPhoto(attempt, visitor)
        )
    }

    private func price(of view: AnimationView) -> MicroUSD? {
        guard
            let model = service.offeredModels(first: .photo)
                .first(where: { $0.alias == view.model.alias }
                )
        else {
            return nil
        }
        let resolution =
            view.resolution.flatMap { Resolution(rawValue: $0) } ?? model.standardResolution
        return model.price(resolution: resolution, seconds: view.seconds ?? model.durations[0])
    }

    private func isLastOfPhoto(_ attempt: AnimationAttempt, _ visitor: Visitor) async throws -> Bool {
        let entry = try await library.job(attempt.jobID, for: visitor.caller)
        return entry.job.kind == .photo && entry.restores.isEmpty && entry.animations.count <= 1
    }
}
