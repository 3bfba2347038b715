/// The state of a self-hosted Cog server (fact sheet, section 7).
struct CogWorld: Sendable {
    let startedAt: Moment
    var runs: [Run] = []
    /// The runs that are not finished, by id; finished ones are forgotten.
    var inFlight: [String: Int] = [:]

    static let runLimit = 100_000

    /// What the server runs.
    static var model: VideoModel { ModelCatalogue.community }

    /// One run of the model.
    struct Run: Sendable {
        let number: Int
        let id: String
        /// Older servers answer `null` to a run without an id.
        let hasOwnID: Bool
        let input: JSONObject
        let webhook: String?
        let eventsFilter: Set<WebhookEvent>
        let tag: String?
        let plan: Plan
        let recipe: VideoRecipe
        var timeline: Timeline
        var requests = 1
        var sentEvents: Set<WebhookEvent> = []
        var deliveries: [Ledger.Delivery] = []
    }

    func ledger(now: Moment) -> [Ledger.CogRun] {
        runs.map { run in
            let state = run.timeline.state(at: now)
            return Ledger.CogRun(
                number: run.number,
                id: run.id,
                time: run.timeline.createdAt,
                input: World.shortened(.object(run.input)),
                status: state.status.rawValue,
                completedAt: state.completedAt,
                requests: run.requests,
                deliveries: run.deliveries
            )
        }
    }

    /// Forgets the runs that have ended.
    mutating func settle(now: Moment) {
        inFlight = inFlight.filter { !runs[$0.value].timeline.state(at: now).isFinished }
    }

    /// The health word: what the switch says, else what is true.
    func health(_ switches: CogSwitches, now: Moment) -> CogSwitches.Health {
        if switches.health != .auto { return switches.health }
        if now < startedAt + switches.setupSeconds { return .starting }
        return inFlight.count >= switches.slots ? .busy : .ready
    }
}

extension CogWorld.Run {
    /// Cog's logs, output, status and the like.
    ///
    /// A snapshot has the input and leaves out what is not there yet, as an idempotent repeat gets it. With `uploads` the
    /// outputs are uploaded instead of inlined.
    func json(now: Moment, server: CogSwitches.Server, isSnapshot: Bool = false, uploads: Bool) -> JSONObject {
        let state = timeline.state(at: now)
        var object = JSONObject()
        object["id"] = server == .python && !hasOwnID ? .null : .string(id)
        if server == .python {
            object["input"] = .object(input)
            object["version"] = nil as JSONValue?
        }
        let output = shownOutput(state, uploads: uploads)
        if server == .python || output != nil { object["output"] = output ?? .null }
        object["logs"] = .string(logs(state))
        if let error = state.error {
            object["error"] = .string(error)
        } else if server == .python {
            object["error"] = .null
        }
        object["status"] = .string(state.status.rawValue)
        if server == .python {
            object["created_at"] = .string(timeline.createdAt.text(digits: 6))
            object["started_at"] = JSONValue(state.startedAt?.text(digits: 6))
            object["completed_at"] = JSONValue(state.completedAt?.text(digits: 6))
        }
        if let completed = state.completedAt, let started = state.startedAt {
            object["metrics"] = ["predict_time": .double(completed - started)]
        } else if isSnapshot {
            object["metrics"] = [:]
        }
        if isSnapshot { object["input"] = .object(input) }
        return object
    }

    private func shownOutput(_ state: Timeline.State, uploads: Bool) -> JSONValue? {
        guard state.status == .succeeded, plan.output != .null else { return nil }
        let value: JSONValue = .string(uploads ? "\(Self.uploadPrefix)\(number)/\(recipe.name)" : recipe.placeholder)
        return plan.output == .array ? [value] : value
    }

    /// Stands for the URL of an uploaded output until it is uploaded.
    static let uploadPrefix = "simulator-upload:"

    private func logs(_ state: Timeline.State) -> String {
        guard state.startedAt != nil else { return "" }
        return plan.logs ?? (state.isFinished ? "Generating video...\nDone\n" : "Generating video...\n")
    }
}
