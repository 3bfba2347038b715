import Replicate
import ZoetropeWorkflow

extension ProviderError {
    /// Sorts the error of a call that may be repeated.
    init(_ error: ReplicateError) {
        let kind: Kind =
            switch error.kind {
            case .throttled: .throttled
            case .refused: Self.refusal(error.status, missing: .missing)
            // An answer that is not Replicate's says nothing about what was asked for.
            case .transient, .ambiguous, .permanent: .unavailable
            }
        self.init(kind, error.description, retryAfter: error.retryAfter)
    }

    /// What a 4xx with the API's own body means; `missing` is what a 404 means for the call.
    static func refusal(_ status: Int?, missing: Kind) -> Kind {
        switch status {
        case 401, 403: .credentials
        case 402: .credit
        case 404, 410: missing
        default: .rejected
        }
    }

    /// Runs a call that may be repeated, and sorts what it throws.
    static func sorting<Result>(_ body: () async throws -> Result) async throws(ProviderError) -> Result {
        do {
            return try await body()
        } catch let error as ProviderError {
            throw error
        } catch let error as ReplicateError {
            throw ProviderError(error)
        } catch {
            // The task was cancelled: nothing is known, and nothing was refused.
            throw ProviderError(.unavailable, String(describing: error))
        }
    }
}

extension SubmitOutcome {
    /// Sorts what a call threw that starts a prediction and was sent at most once.
    init(sorting error: any Error) {
        switch error {
        case is CancellationError:
            // Thrown before anything is sent; later a cancelled task does not break the call off.
            self = .refused(ProviderError(.unavailable, "cancelled before it was sent"))
        case let error as ReplicateError:
            let kind: ProviderError.Kind
            switch error.kind {
            case .ambiguous:
                self = .unknown(detail: error.description)
                return
            case .throttled: kind = .throttled
            case .refused: kind = ProviderError.refusal(error.status, missing: .rejected)
            case .transient: kind = .unavailable
            // Refused by the client itself before anything was sent.
            case .permanent: kind = .rejected
            }
            self = .refused(ProviderError(kind, error.description, retryAfter: error.retryAfter))
        default:
            self = .unknown(detail: String(describing: error))
        }
    }
}
