import HTTPTypes
package import Hummingbird
package import Logging

/// What every answer has in common: a request id, errors as problem details, one line in the log.
package struct Envelope: RouterMiddleware {
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    package func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let id = request.headers[.requestID], id.isVisibleASCII(1...128) { context.requestID = id }
        let start = ContinuousClock.now
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as BodyFailure {
            // The connection is of no more use; whoever reads it knows what to do.
            throw error.cause
        } catch {
            let problem = Problem(error)
            response = problem.response(requestID: context.requestID)
            if problem.status.kind == .serverError { log(error, context) }
        }
        response.headers[.requestID] = context.requestID
        response.headers[.contentTypeOptions] = "nosniff"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        logger.debug(
            "answered",
            metadata: [
                "request.id": .string(context.requestID),
                "method": .string(String(request.method.rawValue.prefix(16))),
                // The route and not the path, which strangers write.
                "route": .string(context.endpointPath ?? ""),
                "status": .stringConvertible(response.status.code),
                "duration": .stringConvertible(start.duration(to: .now)),
            ]
        )
        return response
    }

    private func log(_ error: any Error, _ context: APIContext) {
        logger.error(
            "a request failed",
            metadata: [
                "request.id": .string(context.requestID),
                "route": .string(context.endpointPath ?? ""),
                "error": .string(String("\(error)".prefix(2_000))),
            ]
        )
    }
}
