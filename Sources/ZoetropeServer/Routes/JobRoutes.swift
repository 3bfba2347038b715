import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Images and what was made of them.
struct JobRoutes: Sendable {
    let service: AnimationService
    let library: AnimationLibrary
    let objects: ObjectWriter
    let outbound: Outbound
    private let pace: BodyPace
    /// Each has up to two copies of an image on disk: 3.2 GB in all.
    private let uploads = Slots(64)

    init(
        service: AnimationService,
        library: AnimationLibrary,
        objects: ObjectWriter,
        outbound: Outbound,
        pace: BodyPace
    ) {
        self.service = service
        self.library = library
        self.objects = objects
        self.outbound = outbound
        self.pace = pace
    }

    @Sendable func create(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let job = try await withUpload(request) { upload in
            try await service.createJob(upload.image, for: caller, kind: upload.kind, onFailure: upload.onFailure)
        }
        return Response(
            status: .created,
            headers: [.location: "/api/v1/jobs/\(job.id)"],
            json: objects.answering(request).object(JobEntry(job: job))
        )
    }

    @Sendable func restore(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        // First of all: of a job that is not there nothing else is said, and nothing is uploaded for it.
        let job = try await service.job(context.jobID(), for: caller)
        let restore = try await withUpload(request) { upload in
            try await service.createRestore(upload.image, of: job.id, for: caller)
        }
        return Response(
            status: .created,
            headers: [.location: "/api/v1/jobs/\(job.id)"],
            json: objects.answering(request).object(restore)
        )
    }

    /// Brings an image to disk: one that the request holds, or the one at its `image_url`.
    private func withUpload<Result: Sendable>(
        _ request: Request,
        _ body: @Sendable (JobUpload) async throws -> Result
    ) async throws -> Result {
        let isForm = request.headers[.contentType].flatMap { HeaderValue($0) }?.text != "application/json"
        let boundary = isForm ? try request.multipartBoundary() : nil
        return try await uploads.withSlot {
            try await service.withUploadFolder { [pace, outbound] folder in
                guard let boundary else {
                    let upload = try JobUpload(try await request.jsonObject(), in: folder)
                    try await upload.fetch(outbound)
                    return try await body(upload)
                }
                var reader = try BodyReader(request, upTo: Request.mostMultipartBytes, pace: pace)
                return try await body(try await JobUpload.read(&reader, boundary: boundary, in: folder))
            }
        }
    }

    /// A page of jobs, newest first.
    @Sendable func list(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let page = try PageRequest(request)
        let objects = objects.answering(request)
        let kind = try request.uri.queryParameters["kind"]
            .map { text throws(Problem) in
                guard let kind = JobKind(rawValue: String(text)) else {
                    let offered = JobKind.allCases.map(\.rawValue).joined(separator: " or ")
                    throw Problem(invalid: [.init(field: "kind", message: "Invalid kind. Choose \(offered)")])
                }
                return kind
            }
        let (jobs, next) = try await library.jobs(
            JobQuery(
                userID: caller.userID,
                sessionID: request.uri.queryParameters["session"].map { String($0) },
                kind: kind,
                after: page.after,
                limit: page.limit
            )
        )
        return Response(
            status: .ok,
            json: ["jobs": .array(jobs.map { objects.object($0) }), "next_cursor": .orNull(next?.cursor)]
        )
    }

    @Sendable func show(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        Response(
            status: .ok,
            json: objects.answering(request).object(try await library.job(context.jobID(), for: caller))
        )
    }

    @Sendable func delete(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        try await library.delete(context.jobID(), for: caller)
        return Response(status: .noContent)
    }
}

extension APIContext {
    /// The job in the path.
    ///
    /// What is no id is no job of anybody: it throws what an unknown id does.
    func jobID() throws(ServiceError) -> JobID {
        guard let id = parameters.get("job").flatMap({ JobID($0) }) else { throw .jobNotFound }
        return id
    }
}
