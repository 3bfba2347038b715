import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Images and what was made of them.
struct JobRoutes: Sendable {
    let service: AnimationService
    let objects: ObjectWriter
    /// Each holds up to three copies of an image.
    private let uploads = Slots(8)

    init(service: AnimationService, objects: ObjectWriter) {
        self.service = service
        self.objects = objects
    }

    @Sendable func create(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let boundary = try request.multipartBoundary()
        return try await uploads.withSlot {
            let body = try await request.bytes(upTo: Request.mostMultipartBytes)
            let upload = try JobUpload(MultipartForm(parsing: body, boundary: boundary))
            let job = try await service.createJob(
                upload.image,
                for: caller,
                kind: upload.kind,
                onFailure: upload.onFailure
            )
            return Response(
                status: .created,
                headers: [.location: "/api/v1/jobs/\(job.id)"],
                json: objects.object(job, animations: [])
            )
        }
    }

    /// The newest jobs, newest first.
    @Sendable func list(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let jobs = try await service.jobs(of: caller, limit: limit(of: request))
        return Response(status: .ok, json: ["jobs": .array(try await objects.objects(jobs, for: caller))])
    }

    @Sendable func show(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let job = try await service.job(context.jobID(), for: caller)
        return Response(status: .ok, json: try await objects.object(job, for: caller))
    }

    private func limit(of request: Request) throws(Problem) -> Int {
        guard let text = request.uri.queryParameters["limit"] else { return 20 }
        guard let limit = Int(text), (1...100).contains(limit) else {
            throw Problem(invalid: [
                .init(field: "limit", message: "Invalid limit. Choose a whole number from 1 to 100")
            ])
        }
        return limit
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
