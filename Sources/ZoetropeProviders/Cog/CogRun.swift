import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// One call that is held, or was.
struct CogRun: Sendable {
    enum Progress: Sendable, Equatable {
        case running
        case ended(Generation.State)
        /// No prediction came of the call.
        case broken(SubmitOutcome)
    }

    let createdAt: Date
    private(set) var progress = Progress.running
    private var completedAt: Date?

    init(createdAt: Date) {
        self.createdAt = createdAt
    }

    mutating func end(_ progress: Progress, at moment: Date) {
        self.progress = progress
        completedAt = moment
    }

    /// What the submit brought, if no prediction came of it.
    var refusal: SubmitOutcome? {
        if case .broken(let outcome) = progress { outcome } else { nil }
    }

    func generation(_ tag: String) -> Generation {
        Generation(id: tag, tag: tag, model: nil, state: state, createdAt: createdAt, completedAt: completedAt)
    }

    private var state: Generation.State {
        switch progress {
        case .running: .running(hasStarted: true)
        case .ended(let state): state
        case .broken(.refused(let error)):
            .failed(
                GenerationFailure(
                    code: error.kind == .rejected ? .providerRejected : .providerUnavailable,
                    detail: error.description,
                    retries: error.kind == .rejected ? 0 : 3,
                    retryDelay: error.retryAfter ?? .seconds(15)
                )
            )
        case .broken(.unknown(let detail)):
            .failed(
                GenerationFailure(code: .providerUnavailable, detail: detail, retries: 2, retryDelay: .seconds(15))
            )
        case .broken(.accepted(let generation)): generation.state
        }
    }
}
