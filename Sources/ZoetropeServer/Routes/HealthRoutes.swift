import Hummingbird
import ServiceLifecycle
import StrictJSON
import ZoetropeWorkflow

/// For whoever restarts the process or sends it traffic.
struct HealthRoutes: Sendable {
    /// What must answer before the service is of use.
    let checks: [HealthCheck]

    @Sendable func alive(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(status: .ok, json: ["status": "ok"])
    }

    /// Names what does not answer; why is for the log of whoever watches it.
    @Sendable func ready(_ request: Request, _ context: APIContext) async throws -> Response {
        if Task.isShuttingDownGracefully { throw Self.goingDown }
        let failed: [String] = await withTaskGroup(of: String?.self) { group in
            for check in checks { group.addTask { await check.finding() == nil ? nil : check.name } }
            return await group.reduce(into: []) { names, name in if let name { names.append(name) } }
        }
        // It may have begun while they were asked.
        if Task.isShuttingDownGracefully { throw Self.goingDown }
        guard failed.isEmpty else {
            throw Problem.unavailable(
                "Cannot be reached: \(failed.sorted().joined(separator: ", "))",
                retryAfterSeconds: 5
            )
        }
        return Response(status: .ok, json: ["status": "ready"])
    }

    private static let goingDown = Problem.unavailable(
        "The service is shutting down",
        retryAfterSeconds: 5
    )
}
