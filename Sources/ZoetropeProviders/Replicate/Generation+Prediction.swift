import Foundation
import Replicate
import ZoetropeCore
import ZoetropeWorkflow

extension Generation {
    /// Reads a prediction; `tag` is the tag that it is known to carry.
    init(_ prediction: Prediction, tag: String? = nil) {
        self.init(
            id: prediction.id.rawValue,
            tag: tag ?? AttemptTag.shown(by: prediction),
            model: prediction.model,
            state: State(prediction),
            createdAt: prediction.createdAt,
            completedAt: prediction.completedAt
        )
    }
}

extension Generation.State {
    init(_ prediction: Prediction) {
        let hasStarted = prediction.startedAt != nil || prediction.status == .processing
        switch prediction.status {
        case .succeeded:
            if let output = prediction.outputFiles.first(where: { !$0.isEmpty }) {
                self = .succeeded(output: output)
            } else if prediction.dataRemoved {
                let detail = "the provider removed the result before it was seen"
                self = .failed(GenerationFailure(code: .outputExpired, detail: detail, retries: 0, retryDelay: .zero))
            } else if let failure = prediction.failure {
                self = .failed(GenerationFailure(failure))
            } else {
                let detail = "the result is not a file"
                self = .failed(
                    GenerationFailure(code: .outputInvalid, detail: detail, retries: 1, retryDelay: .seconds(5))
                )
            }
        case .failed:
            self = .failed(GenerationFailure(PredictionFailure(error: prediction.error ?? "")))
        case .canceled:
            self = .canceled(hasStarted: hasStarted)
        case .aborted:
            // By its definition it never started.
            self = .canceled(hasStarted: false)
        default:
            self = .running(hasStarted: hasStarted)
        }
    }
}

extension GenerationFailure {
    init(_ failure: PredictionFailure) {
        self.init(
            code: FailureCode(failure),
            detail: failure.description,
            retries: failure.retries,
            retryDelay: failure.retryDelay
        )
    }
}

extension FailureCode {
    /// What the person who waits is told.
    init(_ failure: PredictionFailure) {
        self =
            switch failure.reason {
            case .contentRejected: .contentRejected
            // Too large for the model, or a value that it refuses, is no fault of the file.
            case .inputUnusable: failure.text.lowercased().contains("image") ? .sourceUnreadable : .providerRejected
            case .inputUnreachable: .sourceUnreadable
            case .providerOutOfCredit, .modelUnavailable, .overloaded, .interrupted, .webhookMissing:
                .providerUnavailable
            case .timedOut: .generationTimeout
            case .missingOutput: .outputInvalid
            case .canceled, .aborted: .canceled
            case .unknown: .providerRejected
            }
    }
}
