package import Foundation

/// Sorts what came of an exchange: the one place that decides whether something may have been created.
package enum Outcome {
    /// Whose statuses are sorted.
    package enum Dialect: Sendable {
        case replicate, cog
    }

    /// The error of an exchange without a whole answer.
    static func noAnswer(to call: Call, _ failure: ExchangeFailure) -> ReplicateError {
        let kind: ReplicateError.Kind =
            if failure.cause is LocalFile.Failure {
                // Its body never became whole, so nobody can have carried it out.
                .permanent
            } else if !call.isRepeatable, failure.mayHaveArrived {
                .ambiguous
            } else if failure.isPermanent {
                .permanent
            } else {
                .transient
            }
        return ReplicateError(kind, call.operation, failure.message)
    }

    /// The error of a whole answer that is not a success.
    ///
    /// `retryAfter` is the header of that name; `secret` is hidden in the answer's texts.
    package static func refusal(
        of operation: String,
        isRepeatable: Bool,
        status: Int,
        retryAfter: String?,
        body: [UInt8],
        dialect: Dialect,
        secret: String,
        now: Date
    ) -> ReplicateError {
        let problem = ProblemBody(parsing: body, hiding: secret)
        let kind = kind(status, problem, dialect, isRepeatable: isRepeatable)
        var message = "status \(status)"
        if (300..<400).contains(status) { message += ", a redirect; check the base URL" }
        if !problem.isFromTheAPI, status >= 400 { message += ", not from the API itself" }
        let wait = RetryAfter.wait(header: retryAfter, problem: problem, now: now)
        return ReplicateError(
            kind,
            operation,
            message,
            status: status,
            title: problem.title,
            detail: problem.detail,
            invalidFields: problem.invalidFields,
            retryAfter: wait
        )
    }

    /// What a status means.
    ///
    /// A create counts as refused only on a 4xx whose body is the API's own. A 408, 409, 425, 499, any 5xx, a redirect and an
    /// answer that something in between made may each hide a create that was accepted; a read is simply tried again.
    package static func kind(
        _ status: Int,
        _ problem: ProblemBody,
        _ dialect: Dialect,
        isRepeatable: Bool
    ) -> ReplicateError.Kind {
        let isSaid = problem.isFromTheAPI || isRepeatable
        return switch (dialect, status) {
        case (_, 429) where isSaid: .throttled
        // All slots are busy; the model is not loaded yet.
        case (.cog, 409) where isSaid: .throttled
        case (.cog, 503) where isSaid: .transient
        case (_, 408), (_, 409), (_, 425), (_, 499), (_, 500...): isRepeatable ? .transient : .ambiguous
        case (_, 400..<500): problem.isFromTheAPI ? .refused : isRepeatable ? .transient : .ambiguous
        default: isRepeatable ? .permanent : .ambiguous
        }
    }
}
