/// The course of a prediction as a table of moments; what is true at a time is computed from it, never stored.
package struct Timeline: Sendable, Hashable {
    package var createdAt: Moment
    /// When the work would begin; nil means never.
    package var startsAt: Moment?
    /// When the work would end; nil means never.
    package var endsAt: Moment?
    package var result: Plan.Result
    /// It ends at ``endsAt`` without ever having started.
    package var endsBeforeStart = false
    /// From `Cancel-After`.
    package var deadline: Moment?
    /// When a cancel that was asked for takes effect.
    package var cancelsAt: Moment?
    /// What the prediction fails with when a cancel takes effect.
    package var failsOnCancel: String?
    /// Virtual seconds after which the platform fails a run.
    package var runLimit = 1800.0

    package init(createdAt: Moment, startsAt: Moment?, endsAt: Moment?, result: Plan.Result = .succeeded) {
        self.createdAt = createdAt
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.result = result
    }

    /// How and when it ends, if it ever does.
    package struct End: Sendable, Hashable {
        package var at: Moment
        package var status: Status
        package var error: String?
        /// Whether the work had begun.
        package var hadStarted: Bool
    }

    /// The word in `status`.
    package struct Status: RawRepresentable, Sendable, Hashable {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        package static let starting = Status(rawValue: "starting")
        package static let processing = Status(rawValue: "processing")
        package static let succeeded = Status(rawValue: "succeeded")
        package static let failed = Status(rawValue: "failed")
        package static let canceled = Status(rawValue: "canceled")
        package static let aborted = Status(rawValue: "aborted")
    }

    /// What ends it: the first of the plan, the platform's limit, the deadline and a cancel; ties in this order.
    package var end: End? {
        let begins = endsBeforeStart ? nil : startsAt
        var ends: [End] = []
        func add(_ moment: Moment?, _ end: (Moment, Bool) -> End) {
            guard let moment else { return }
            ends.append(end(moment, begins.map { $0 < moment } ?? false))
        }
        add(endsAt) { planned(at: $0, hadStarted: begins != nil && $1) }
        add(begins.map { $0 + runLimit }) {
            End(at: $0, status: .failed, error: "Prediction timed out", hadStarted: $1)
        }
        add(deadline) { End(at: $0, status: $1 ? .canceled : .aborted, hadStarted: $1) }
        add(cancelsAt) { moment, hadStarted in
            failsOnCancel.map { End(at: moment, status: .failed, error: $0, hadStarted: hadStarted) }
                ?? End(at: moment, status: .canceled, hadStarted: hadStarted)
        }
        return ends.enumerated().min { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }?.element
    }

    private func planned(at moment: Moment, hadStarted: Bool) -> End {
        let status: Status
        var error: String?
        switch result {
        case .succeeded: status = .succeeded
        case .failed(let text): (status, error) = (.failed, text)
        case .canceled: status = .canceled
        case .aborted: status = .aborted
        case .status(let word): status = Status(rawValue: word)
        case .stuckInStarting: status = .starting
        case .stuckInProcessing: status = .processing
        }
        // Work without a length has begun all the same.
        let began = hadStarted || (!endsBeforeStart && startsAt == moment)
        return End(at: moment, status: status, error: error, hadStarted: began)
    }

    /// What is true at a time.
    package struct State: Sendable, Hashable {
        package var status: Status
        package var startedAt: Moment?
        package var completedAt: Moment?
        package var error: String?

        package var isFinished: Bool { completedAt != nil }
    }

    package func state(at now: Moment) -> State {
        if let end, end.at <= now {
            return State(
                status: end.status,
                startedAt: end.hadStarted ? startsAt : nil,
                completedAt: end.at,
                error: end.error
            )
        }
        if !endsBeforeStart, let startsAt, startsAt <= now {
            return State(status: .processing, startedAt: startsAt)
        }
        return State(status: .starting)
    }
}
