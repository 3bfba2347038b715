import HTTPTypes
import Hummingbird
import Logging
import ZoetropeWorkflow

/// Paths with their methods; any other method is answered with 405.
struct RouteTable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response
    typealias CallerHandler = @Sendable (Request, APIContext, Caller) async throws -> Response
    typealias PageHandler = @Sendable (Request, APIContext, Visitor) async throws -> Response

    /// Those that are told what a path takes; any other finds nothing.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]
        .compactMap { HTTPRequest.Method($0) }

    let router: Router<APIContext>
    private let access: Access
    private let admit: @Sendable (Caller) throws(Problem) -> Void

    /// `admit` throws when a caller has sent too many requests.
    init(
        access: Access,
        admit: @escaping @Sendable (Caller) throws(Problem) -> Void,
        logger: Logger,
        metrics: ServiceMetrics?,
        errorPage: ErrorPage? = nil
    ) {
        self.access = access
        self.admit = admit
        router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Envelope(logger: logger, metrics: metrics, errorPage: errorPage))
    }

    /// Adds a path for callers that ``Access`` knows.
    func add(_ path: RouterPath, callers handlers: [HTTPRequest.Method: CallerHandler]) {
        add(path, handlers.mapValues(authorized))
    }

    private func authorized(_ handler: @escaping CallerHandler) -> Handler {
        { [access, admit] request, context in
            let caller = try await access.caller(of: request)
            try admit(caller)
            return try await handler(request, context, caller)
        }
    }

    /// Adds a page for visitors; who is none is sent to sign in.
    ///
    /// What is sent to it must come from a page of ours, and be read by ``PageForm``, which looks at the form's token.
    func add(_ path: RouterPath, pages handlers: [HTTPRequest.Method: PageHandler]) {
        let pages = PageAccess(auth: access.auth)
        let all = handlers.map { method, handler -> (HTTPRequest.Method, Handler) in
            let answer: Handler = { [admit] request, context in
                let isReading = method == .get
                guard let visitor = try await isReading ? pages.visitor(request) : pages.sender(request) else {
                    let place = OwnPath(isReading ? request.uri.string : nil)
                    return .seeOther("/sign-in?next=\(place.asQuery)")
                }
                try admit(visitor.caller)
                return try await handler(request, context, visitor)
            }
            return (method, answer)
        }
        add(path, Dictionary(uniqueKeysWithValues: all))
    }

    /// Adds a path for everybody.
    func add(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
        for (method, handler) in handlers {
            router.on(path, method: method) { request, context in try await handler(request, context) }
        }
        var allowed = Array(handlers.keys)
        // HEAD is made from GET when the router is built.
        if handlers[.get] != nil { allowed.append(.head) }
        for method in Self.methods where !allowed.contains(method) {
            router.on(path, method: method) { [allowed] _, _ -> Response in
                throw Problem.methodNotAllowed(allowed: allowed)
            }
        }
    }
}
