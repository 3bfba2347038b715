import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Animations of a job.
struct AnimationRoutes: Sendable {
    let service: AnimationService
    let objects: ObjectWriter

    @Sendable func create(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        // First of all: of a job that is not there nothing else is said.
        let job = try await service.job(context.jobID(), for: caller)
        let order = try await AnimationOrder(request, of: job.id)
        let accepted = try await service.createAnimation(order, of: job.id, for: caller)
        return try await response(.accepted, accepted.attempt, of: job, for: caller)
    }

    /// Oldest first.
    @Sendable func list(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let job = try await service.job(context.jobID(), for: caller)
        return Response(status: .ok, json: ["animations": .array(try await objects.animations(of: job, for: caller))])
    }

    @Sendable func show(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let (job, attempt) = try await find(context, caller)
        return try await response(.ok, attempt, of: job, for: caller)
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let (job, attempt) = try await find(context, caller)
        try await service.cancel(attempt.id)
        let canceled = try await service.animation(attempt.id, of: job.id, for: caller)
        return try await response(.accepted, canceled, of: job, for: caller)
    }

    @Sendable func retry(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let (job, attempt) = try await find(context, caller)
        let accepted = try await service.retry(attempt.id, of: job.id, for: caller)
        return try await response(.accepted, accepted.attempt, of: job, for: caller)
    }

    /// The animation in the path, of the caller's own job in the path.
    private func find(_ context: APIContext, _ caller: Caller) async throws -> (Job, AnimationAttempt) {
        let job = try await service.job(context.jobID(), for: caller)
        guard let id = context.parameters.get("animation").flatMap({ AnimationID($0) }) else {
            throw ServiceError.animationNotFound
        }
        return (job, try await service.animation(id, of: job.id, for: caller))
    }

    private func response(
        _ status: HTTPResponse.Status,
        _ attempt: AnimationAttempt,
        of job: Job,
        for caller: Caller
    ) async throws -> Response {
        var headers = HTTPFields()
        if status == .accepted { headers[.location] = "/api/v1/jobs/\(job.id)/animations/\(attempt.id)" }
        return Response(
            status: status,
            headers: headers,
            json: try await objects.object(attempt, of: job, for: caller)
        )
    }
}
