import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Animations of a job.
struct AnimationRoutes: Sendable {
    let service: AnimationService
    let library: AnimationLibrary
    let objects: ObjectWriter
    let outbound: Outbound
    let limits: @Sendable (Caller) -> IntakeLimits
    private let keysInUse = KeysInUse()

    init(
        service: AnimationService,
        library: AnimationLibrary,
        objects: ObjectWriter,
        outbound: Outbound,
        limits: @escaping @Sendable (Caller) -> IntakeLimits
    ) {
        self.service = service
        self.library = library
        self.objects = objects
        self.outbound = outbound
        self.limits = limits
    }

    @Sendable func create(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        // First of all: of a job that is not there nothing else is said.
        let job = try await service.job(context.jobID(), for: caller)
        let objects = objects.answering(request)
        return try await keysInUse.using(request.idempotencyKey(), of: caller) { key in
            let body = try await AnimationBody(request)
            try await outbound.check(callbackURL: body.callbackURL)
            let order = AnimationOrder(
                restoreID: body.restoreID,
                model: body.model,
                params: body.params,
                callbackURL: body.callbackURL,
                idempotency: repeatable(
                    key,
                    objects,
                    try Fingerprint(of: body.json, sentTo: "jobs/\(job.id)/animations")
                )
            )
            return try await accept(order, of: job.id, for: caller, objects)
        }
    }

    @Sendable func retry(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let record = try await find(context, caller)
        let job = record.attempt.jobID
        let objects = objects.answering(request)
        return try await keysInUse.using(request.idempotencyKey(), of: caller) { key in
            var order = AnimationOrder(again: record.attempt)
            order.idempotency = repeatable(
                key,
                objects,
                try Fingerprint(of: .null, sentTo: "jobs/\(job)/animations/\(record.attempt.id)/retry")
            )
            return try await accept(order, of: job, for: caller, objects)
        }
    }

    /// Oldest first.
    @Sendable func list(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let page = try PageRequest(request)
        let objects = objects.answering(request)
        let records = try await library.animations(of: context.jobID(), for: caller)
        let rest = page.after.map { after in
            records.filter { ($0.attempt.createdAt, $0.attempt.id) > (after.createdAt, AnimationID(after.id)) }
        }
        let shown = (rest ?? records).prefix(page.limit)
        let last = (rest ?? records).count > page.limit ? shown.last : nil
        return Response(
            status: .ok,
            json: [
                "animations": .array(shown.map { objects.object($0) }),
                "next_cursor": .orNull(
                    last.map { PagePlace(createdAt: $0.attempt.createdAt, id: $0.attempt.id.uuid).cursor }
                ),
            ]
        )
    }

    @Sendable func show(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        response(.ok, objects.answering(request).object(try await find(context, caller)))
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let record = try await find(context, caller)
        try await service.cancel(record.attempt.id)
        return response(.accepted, objects.answering(request).object(try await find(context, caller)))
    }

    @Sendable func delete(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        try await library.delete(context.animationID, of: context.jobID(), for: caller)
        return Response(status: .noContent)
    }

    /// The animation in the path, of the caller's own job in the path.
    func find(_ context: APIContext, _ caller: Caller) async throws -> AnimationRecord {
        try await library.animation(context.animationID, of: context.jobID(), for: caller)
    }

    private func repeatable(
        _ key: String?,
        _ objects: ObjectWriter,
        _ fingerprint: Fingerprint
    ) -> Repeatable<AnimationRecord>? {
        key.map { key in
            Repeatable(key: key, fingerprint: fingerprint.text) { objects.object($0) }
        }
    }

    private func accept(
        _ order: AnimationOrder,
        of job: JobID,
        for caller: Caller,
        _ objects: ObjectWriter
    ) async throws -> Response {
        switch try await service.createAnimation(order, of: job, for: caller, within: limits(caller)) {
        case .new(let record): response(.accepted, objects.object(record))
        case .replayed(let answer): response(.accepted, answer, isReplayed: true)
        }
    }

    private func response(_ status: HTTPResponse.Status, _ object: JSONValue, isReplayed: Bool = false) -> Response {
        var headers = HTTPFields()
        if status == .accepted, let job = object["job_id"]?.string, let id = object["id"]?.string {
            headers[.location] = "/api/v1/jobs/\(job)/animations/\(id)"
        }
        if isReplayed { headers[.idempotencyReplayed] = "true" }
        return Response(status: status, headers: headers, json: object)
    }
}

extension APIContext {
    /// The animation in the path; nil for what is no id.
    var animationID: AnimationID? { parameters.get("animation").flatMap { AnimationID($0) } }
}
