import HTTPTypes
import Hummingbird
import Logging
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Webhooks of providers: doorbells, whose content is asked for again and never believed.
struct WebhookRoutes: Sendable {
    let service: AnimationService
    let verify: @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict
    let logger: Logger
    private let slots = Slots(32)

    init(
        service: AnimationService,
        verify: @escaping @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict,
        logger: Logger
    ) {
        self.service = service
        self.verify = verify
        self.logger = logger
    }

    /// Answers 2xx once the webhook is stored, so that the sender tries again after anything else.
    ///
    /// A tag that no intent has is 200, too: an intent is in the database before its tag leaves it, so no further try
    /// would find one.
    @Sendable func receive(_ request: Request, _ context: APIContext) async throws -> Response {
        try await slots.withSlot {
            let body = try await request.bytes(upTo: Request.mostWebhookBytes)
            let headers = Dictionary(request.headers.map { ($0.name.canonicalName, $0.value) }) { "\($0), \($1)" }
            switch await verify(headers, body) {
            case .rejected(let reason):
                logger.notice(
                    "refused a webhook",
                    metadata: Logger.Metadata([
                        .requestID: .string(context.requestID), .reason: .string(String(reason.prefix(200))),
                    ])
                )
                throw Problem(.unauthorized, "webhook_rejected", "The webhook's signature was not accepted")
            case .genuine(let id):
                let outcome = try await store(id, tag: tag(of: request), context)
                return Response(status: .ok, json: ["outcome": .string(outcome)])
            }
        }
    }

    private func tag(of request: Request) throws(Problem) -> String {
        // Longer than any tag is not one of ours.
        guard let tag = request.uri.queryParameters["attempt"], tag.isVisibleASCII(1...64) else {
            throw Problem(.badRequest, "attempt_missing", "The query must have attempt=TAG")
        }
        return String(tag)
    }

    private func store(_ id: String, tag: String, _ context: APIContext) async throws -> String {
        do {
            switch try await service.receive(id, tag: tag, from: .replicate) {
            case .applied: return "applied"
            case .duplicate: return "duplicate"
            case .unknownTag:
                logger.notice(
                    "a webhook has an unknown tag",
                    metadata: Logger.Metadata([.requestID: .string(context.requestID)])
                )
                return "unknown_tag"
            }
        } catch let error as RunStoreError {
            logger.error(
                "a webhook could not be stored",
                metadata: Logger.Metadata([
                    .requestID: .string(context.requestID), .error: .string(error.description),
                ])
            )
            throw Problem.unavailable("The webhook could not be stored; send it again", retryAfterSeconds: 5)
        }
    }
}
