extension World {
    /// What comes of a request to the Cog server.
    enum CogOutcome: Sendable {
        case answer(Answer)
        /// Answer when this run ends; a client that leaves cancels it.
        case hold(run: Int)
    }

    /// Which kind of exchange a request is; nil for those without rules.
    static func cogExchange(_ request: IncomingRequest) -> Exchange? {
        switch (request.method, request.target.segments.count, request.target.segments.first) {
        case ("POST", 1, "predictions"), ("PUT", 2, "predictions"): .cogCreate
        case ("POST", 3, "predictions") where request.target.segments[2] == "cancel": .cogCancel
        case ("GET", 1, "health-check"): .cogHealth
        default: nil
        }
    }

    func cogSubject(_ request: IncomingRequest, body: JSONObject?) -> Subject {
        let path = request.target.segments
        let id = path.count > 1 ? path[1] : body?["id"]?.string
        return Subject(model: "cog", tag: cogTag(body), prediction: id)
    }

    private func cogTag(_ body: JSONObject?) -> String? {
        let items = body?["webhook"]?.string.map(RequestTarget.query(ofURL:)) ?? []
        return items.first { $0.name == "attempt" }?.value ?? items.first { $0.name == "a" }?.value
    }

    mutating func performCog(_ request: IncomingRequest, body: Result<JSONValue, JSONError>?, now: Moment) -> CogOutcome
    {
        cog.settle(now: now)
        let path = request.target.segments
        switch (request.method, path.count, path.first) {
        case ("GET", 0, _): return .answer(.json(Self.discovery))
        case ("GET", 1, "health-check"): return .answer(.json(healthCheck(now: now)))
        case ("GET", 1, "openapi.json"): return .answer(.json(CogWorld.model.openAPISchema))
        case ("POST", 1, "shutdown"): return .answer(.json([:]))
        case ("POST", 1, "predictions"): return createCog(request, body, id: nil, now: now)
        case ("PUT", 2, "predictions"): return createCog(request, body, id: path[1], now: now)
        case ("POST", 3, "predictions") where path[2] == "cancel":
            guard let index = cog.inFlight[path[1]] else { return .answer(.json([:], status: 404)) }
            cancelCog(index, now: now)
            return .answer(.json([:]))
        default:
            let isKnown = path.first == "predictions" || path.first == "health-check"
            return .answer(
                isKnown
                    ? .json(["detail": "Method Not Allowed"], status: 405)
                    : .json(["detail": "Not Found"], status: 404)
            )
        }
    }

    mutating func cancelCog(_ index: Int, now: Moment) {
        guard cog.runs.indices.contains(index), cog.runs[index].timeline.cancelsAt == nil else { return }
        let lag = cog.runs[index].plan.cancelLag
        cog.runs[index].timeline.cancelsAt = now + lag
        cog.runs[index].timeline.failsOnCancel = cog.runs[index].plan.failsOnCancel
        agenda.insert(.cogTimeline(index), at: now + lag)
    }

    private static var discovery: JSONValue {
        [
            "cog_version": "0.23.1",
            "docs_url": "/docs",
            "openapi_url": "/openapi.json",
            "shutdown_url": "/shutdown",
            "healthcheck_url": "/health-check",
            "predictions_url": "/predictions",
            "predictions_idempotent_url": "/predictions/{prediction_id}",
            "predictions_cancel_url": "/predictions/{prediction_id}/cancel",
        ]
    }

    private func healthCheck(now: Moment) -> JSONValue {
        let health = cog.health(switches.cog, now: now)
        let ready = cog.startedAt + switches.cog.setupSeconds
        let isSetUp = now >= ready && health != .setupFailed
        var setup = JSONObject([("started_at", .string(cog.startedAt.text(digits: 6)))])
        if isSetUp || health == .setupFailed { setup["completed_at"] = .string(ready.text(digits: 6)) }
        setup["status"] = health == .setupFailed ? "failed" : isSetUp ? "succeeded" : "starting"
        setup["logs"] = health == .setupFailed ? "Traceback: out of memory\n" : ""
        var object = JSONObject([("status", .string(health.rawValue)), ("setup", .object(setup))])
        if switches.cog.server == .coglet {
            object["version"] = ["coglet": "0.23.1", "cog": "0.23.1", "python": "3.13.1"]
            if health == .unhealthy { object["user_healthcheck_error"] = "the model's health check failed" }
        }
        return .object(object)
    }

    private mutating func createCog(
        _ request: IncomingRequest,
        _ body: Result<JSONValue, JSONError>?,
        id pathID: String?,
        now: Moment
    ) -> CogOutcome {
        if request.isTooLarge { return .answer(Problem.bodyTooLarge) }
        switch cog.health(switches.cog, now: now) {
        case .starting, .unknown, .setupFailed, .defunct, .unhealthy:
            return .answer(.json(["error": "Setup has not finished yet", "status": "failed"], status: 503))
        case .auto, .ready, .busy: break
        }
        guard case .success(.object(let object)) = body else {
            return .answer(Self.cogProblem([(["body"], "Input should be a valid dictionary", "model_attributes_type")]))
        }
        let given = pathID ?? object["id"]?.string
        if pathID != nil, let inner = object["id"]?.string, inner != pathID {
            return .answer(
                Self.cogProblem([
                    (["body", "id"], "prediction ID must match the ID supplied in the URL", "value_error")
                ])
            )
        }
        if let given, let index = cog.inFlight[given] {
            cog.runs[index].requests += 1
            let snapshot = cog.runs[index]
                .json(
                    now: now,
                    server: switches.cog.server,
                    isSnapshot: true,
                    uploads: switches.cog.uploadURL != nil
                )
            return .answer(.json(.object(snapshot), status: 202))
        }
        let input = object["input"]?.object ?? JSONObject()
        let problems = CogWorld.model.inputs.compactMap { Self.cogProblem($0, input[$0.name]) }
        guard problems.isEmpty else { return .answer(Self.cogProblem(problems)) }
        guard cog.inFlight.count < switches.cog.slots, cog.runs.count < CogWorld.runLimit else {
            return .answer(
                .json(["error": "At capacity - all prediction slots busy", "status": "failed"], status: 409)
            )
        }
        let index = addCogRun(request, object, input, id: given, now: now)
        guard request.headers["prefer"] == "respond-async" else { return .hold(run: index) }
        let run = cog.runs[index]
        let answer: JSONValue =
            switches.cog.server == .coglet
            ? ["id": .string(run.id), "status": "starting"]
            : .object(run.json(now: now, server: .python, uploads: switches.cog.uploadURL != nil))
        return .answer(.json(answer, status: 202))
    }

    private mutating func addCogRun(
        _ request: IncomingRequest,
        _ body: JSONObject,
        _ input: JSONObject,
        id: String?,
        now: Moment
    ) -> Int {
        let model = CogWorld.model
        // Unknown inputs are dropped silently.
        let known = JSONObject(
            input.members.filter { member in model.inputs.contains { $0.name == member.key } }
                .map { ($0.key, $0.value) }
        )
        let filled = model.filled(known)
        let plan = takePlan(.cogCreate, cogSubject(request, body: body))
        let index = cog.runs.count
        let starts = now + (plan.queueSeconds ?? switches.cog.queueSeconds)
        var timeline = Timeline(
            createdAt: now,
            startsAt: plan.result == .stuckInStarting ? nil : starts,
            endsAt: starts + (plan.runSeconds ?? switches.cog.runSeconds),
            result: plan.result
        )
        timeline.runLimit = 1e9
        if plan.result == .stuckInStarting || plan.result == .stuckInProcessing { timeline.endsAt = nil }
        let filter = body["webhook_events_filter"]?.array?.compactMap { $0.string.flatMap(WebhookEvent.init) }
        let run = CogWorld.Run(
            number: index + 1,
            id: id ?? random.cogID(),
            hasOwnID: id != nil,
            input: known,
            webhook: body["webhook"]?.string,
            eventsFilter: Set(filter ?? WebhookEvent.allCases),
            tag: cogTag(body),
            plan: plan,
            recipe: plan.video.applied(to: model.clip(filled)),
            timeline: timeline
        )
        cog.runs.append(run)
        cog.inFlight[run.id] = index
        for moment in [timeline.startsAt, timeline.end?.at] {
            if let moment { agenda.insert(.cogTimeline(index), at: moment) }
        }
        return index
    }

    /// When a held run is over; nil if never by itself.
    func cogEnd(_ run: Int) -> Moment? { cog.runs.indices.contains(run) ? cog.runs[run].timeline.end?.at : nil }

    /// The answer of a run that was held.
    func cogAnswer(_ index: Int, now: Moment) -> Answer {
        guard cog.runs.indices.contains(index) else { return .json([:], status: 500) }
        let object = cog.runs[index]
            .json(
                now: now,
                server: switches.cog.server,
                uploads: switches.cog.uploadURL != nil
            )
        return .json(.object(object))
    }

    private typealias CogDetail = (path: [String], message: String, type: String)

    private static func cogProblem(_ field: InputField, _ value: JSONValue?) -> CogDetail? {
        guard let value else {
            return field.isRequired ? (["body", "input", field.name], "Field required", "missing") : nil
        }
        return field.problem(with: value).map { (["body", "input", field.name], $0.description, $0.type) }
    }

    private static func cogProblem(_ details: [CogDetail]) -> Answer {
        let list = details.map { detail -> JSONValue in
            [
                "loc": .array(detail.path.map { .string($0) }),
                "msg": .string(detail.message),
                "type": .string(detail.type),
            ]
        }
        return .json(["detail": .array(list)], status: 422)
    }
}
