import HTTPTypes
package import Hummingbird
package import Logging
package import ZoetropeWorkflow

/// What every answer has in common: a request id, errors as problem details, one line in the log.
package struct Envelope: RouterMiddleware {
    private let logger: Logger
    private let metrics: ServiceMetrics?
    private let errorPage: ErrorPage?

    package init(logger: Logger, metrics: ServiceMetrics? = nil) {
        self.init(logger: logger, metrics: metrics, errorPage: nil)
    }

    init(logger: Logger, metrics: ServiceMetrics?, errorPage: ErrorPage?) {
        self.logger = logger
        self.metrics = metrics
        self.errorPage = errorPage
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
            response =
                if let page = errorPage?.response(problem, to: request, requestID: context.requestID) {
                    page
                } else if Problem.isOpenAI(request.uri.path) {
                    problem.openAIResponse(requestID: context.requestID)
                } else {
                    problem.response(requestID: context.requestID)
                }
            if problem.status.kind == .serverError { log(error, context) }
        }
        response.headers[.requestID] = context.requestID
        response.headers[.contentTypeOptions] = "nosniff"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        // The route, not the path, which strangers write, and not the word that stands for no route.
        let route = context.endpointPath.flatMap { $0.hasPrefix("/") ? $0 : nil }
        let took = start.duration(to: .now)
        metrics?.request(method: request.method.rawValue, route: route, status: response.status.code, took: took)
        log(request, response, route, took, context)
        return response
    }

    /// What is asked every few seconds for ever is of no interest.
    private static let quietRoutes: Set<String> = ["/healthz", "/readyz", "/metrics"]

    private func log(
        _ request: Request,
        _ response: Response,
        _ route: String?,
        _ took: Duration,
        _ context: APIContext
    ) {
        let level: Logger.Level = route.map(Self.quietRoutes.contains) == true ? .debug : .info
        guard logger.logLevel <= level else { return }
        var metadata = Logger.Metadata([
            .requestID: .string(context.requestID),
            .method: .string(String(request.method.rawValue.prefix(16))),
            .route: .string(route ?? ""),
            .status: .stringConvertible(response.status.code),
            .durationMilliseconds: .stringConvertible(Int(took / .milliseconds(1))),
        ])
        // A stream has no length.
        if let bytes = response.body.contentLength { metadata[.bytes] = .stringConvertible(bytes) }
        logger.log(level: level, "answered", metadata: metadata)
    }

    private func log(_ error: any Error, _ context: APIContext) {
        logger.error(
            "a request failed",
            metadata: Logger.Metadata([
                .requestID: .string(context.requestID),
                .route: .string(context.endpointPath ?? ""),
                .error: .string(String("\(error)".prefix(2_000))),
            ])
        )
    }
}
