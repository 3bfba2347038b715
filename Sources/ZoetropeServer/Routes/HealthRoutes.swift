import Hummingbird
import StrictJSON

/// For whoever restarts the process or sends it traffic.
struct HealthRoutes: Sendable {
    /// Throws when the database does not answer.
    let check: @Sendable () async throws -> Void

    @Sendable func alive(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(status: .ok, json: ["status": "ok"])
    }

    @Sendable func ready(_ request: Request, _ context: APIContext) async throws -> Response {
        try await check()
        return Response(status: .ok, json: ["status": "ready"])
    }
}
