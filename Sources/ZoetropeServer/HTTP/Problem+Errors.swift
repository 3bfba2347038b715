import Foundation
import HTTPTypes
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

extension Problem {
    /// What is answered when something was thrown; a fault of ours says no more than that it is one.
    init(_ error: any Error) {
        self =
            switch error {
            case let error as Problem: error
            case let error as ServiceError: Problem(error)
            case let error as RequestError: Problem(error)
            case let error as ImageError: Problem(error)
            case let error as MultipartError: Problem(.badRequest, "invalid_multipart", error.description)
            case let error as RunStoreError: Problem(error)
            case let error as StorageError: Problem(error)
            case let error as HTTPError where error.status == .notFound:
                Problem(.notFound, "not_found", "There is nothing at this address")
            case is CancellationError: .unavailable("The service is shutting down", retryAfterSeconds: 5)
            default: .ofOurs
            }
    }

    private static let ofOurs = Problem(
        .internalServerError,
        "internal",
        "Something went wrong in this service. If it happens again, tell the operator."
    )

    private init(_ error: ServiceError) {
        let text = error.description
        self =
            switch error {
            case .jobNotFound: Problem(.notFound, "job_not_found", text)
            case .restoreNotFound: Problem(.notFound, "restore_not_found", text)
            case .animationNotFound: Problem(.notFound, "animation_not_found", text)
            case .alreadyFinal: Problem(.conflict, "already_final", text)
            case .limited(let hit): Problem(hit, text)
            case .idempotencyMismatch: Problem(.unprocessableContent, "idempotency_mismatch", text)
            case .unknownModel: Problem(invalid: [Field(field: "model", message: text)])
            }
    }

    private init(_ hit: LimitHit, _ text: String) {
        let (code, until): (String, Date?) =
            switch hit {
            case .active: ("active_limit", nil)
            case .daily(_, let until): ("daily_limit", until)
            case .dailyCost(_, let until): ("daily_cost_limit", until)
            case .serviceDailyCost(let until): ("budget_exceeded", until)
            }
        // Of what is under way nobody knows when it ends.
        let wait = until.map { Int($0.timeIntervalSinceNow.rounded(.up)) } ?? 15
        self = .limited(code, text, retryAfterSeconds: wait)
    }

    private init(_ error: RequestError) {
        let fields = error.problems.map { Field(field: $0.field, message: $0.message) }
        let needsPlanOnly = error.problems.allSatisfy { problem in
            if case .paidPlan = problem.rule { true } else { false }
        }
        if needsPlanOnly {
            self.init(.forbidden, "paid_plan_required", error.description)
            self.fields = fields
        } else {
            self.init(invalid: fields)
        }
    }

    /// An address that a caller sent in a field, and that could not be used.
    init(_ error: OutboundError, field: String) {
        if error.code == .storage {
            self = .unavailable("The image cannot be stored right now", retryAfterSeconds: 30)
            return
        }
        self.init(.unprocessableContent, "\(field)_\(error.code.rawValue)", error.message)
        fields = [Field(field: field, message: error.message)]
    }

    private init(_ error: ImageError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .tooManyBytes: .contentTooLarge
            case .unsupportedFormat: .unsupportedMediaType
            case .tooLarge, .tooSmall, .empty, .damaged, .unsupportedVariant: .unprocessableContent
            }
        self.init(status, error.code.rawValue, error.message)
        fields = [Field(field: "image", message: error.message)]
    }

    private init(_ error: RunStoreError) {
        self =
            switch error.code {
            case .unavailable, .commitUnknown: .unavailable("The database cannot be reached", retryAfterSeconds: 5)
            case .full: .unavailable("The database is full", retryAfterSeconds: 60)
            case .constraint, .newerSchema, .internal: .ofOurs
            }
    }

    private init(_ error: StorageError) {
        self =
            switch error.code {
            case .unavailable: .unavailable("The object store cannot be reached", retryAfterSeconds: 5)
            case .full: .unavailable("The object store is full", retryAfterSeconds: 60)
            case .missing, .corrupt, .denied: .ofOurs
            }
    }
}
