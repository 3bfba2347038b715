import ArgumentParser
import Foundation
import Hummingbird
import Logging
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeWorkflow

/// The limit of what the service can reach: a bare application around the same statements of the same store.
///
/// No access check, limits, validation, metrics or log of requests. docs/benchmarks/service.md says what it is for.
@main
struct ServiceLimit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoetrope-http-limit",
        abstract: "Answers GET /status/ID and POST /create on a database that zoetrope serve has made."
    )

    @Option(help: "The SQLite file.")
    var database: String

    @Option(help: "The job of which animations are created.")
    var job: String

    @Option(help: "Port to listen on.")
    var port: Int

    func run() async throws {
        var logger = Logger(label: "limit")
        logger.logLevel = .warning
        let store = try await SQLRunStore.sqlite(path: database, migrates: false, logger: logger, now: { Date() })
        guard let id = JobID(job), let job = try await store.job(id) else {
            throw ValidationError("there is no job \"\(job)\" in the database")
        }
        let router = Router()
        router.get("/status/{id}") { _, context in
            guard let id = AnimationID(try context.parameters.require("id")),
                let record = try await store.animation(id)
            else { throw HTTPError(.notFound) }
            return Self.answer(.ok, record.attempt)
        }
        router.post("/create") { _, _ in
            let animation = try Self.animation(of: job)
            guard try await store.accept(Intake(animation: animation)) == .accepted else { throw HTTPError(.notFound) }
            return Self.answer(.accepted, animation.attempt)
        }
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            logger: logger
        )
        try await application.runService()
        await store.close()
    }

    private static func answer(_ status: HTTPResponse.Status, _ attempt: AnimationAttempt) -> Response {
        let text = """
            {"id":"\(attempt.id)","job_id":"\(attempt.jobID)","status":"\(attempt.status.rawValue)"}
            """
        return Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    /// The rows that the service writes for `{"model": "local"}`.
    private static func animation(of job: Job) throws -> AnimationIntake {
        let id = AnimationID(UUID())
        let now = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 * 1_000).rounded(.down) / 1_000)
        let params = try AnimationParams(nil, model: .local, tier: .paid)
        let attempt = AnimationAttempt(
            id: id,
            jobID: job.id,
            model: params.request.model.alias,
            params: params.stored,
            createdAt: now
        )
        let run = Run(
            id: id,
            jobID: job.id,
            request: params.request,
            source: job.source,
            onFailure: job.onFailure,
            createdAt: now
        )
        return AnimationIntake(attempt: attempt, run: run, userID: job.userID)
    }
}
