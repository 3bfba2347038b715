extension Prediction {
    /// Who is asking; the answers differ in keys, order and digits.
    enum View: Sendable {
        case create, get, list, cancel, webhook
    }

    /// The prediction object of an answer.
    func json(_ view: View, base: String, now: Moment, switches: Switches) -> JSONValue {
        let state = timeline.state(at: now)
        let removed = isRemoved(at: now)
        var object = JSONObject([
            ("id", .string(id)),
            ("model", .string(model.fullName)),
            ("version", .string(model.shownVersion)),
            ("input", shownInput(removed: removed, switches: switches)),
        ])
        if view != .list { object["logs"] = shownLogs(state, removed: removed, now: now, switches: switches) }
        object["output"] = hasOutput(at: now) ? output : .null
        object["data_removed"] = .bool(removed)
        object["error"] = JSONValue(state.error)
        if view == .get || view == .list || view == .cancel { object["source"] = "api" }
        object["status"] = .string(state.status.rawValue)
        addTimes(to: &object, state, view)
        if let deployment { object["deployment"] = .string(deployment) }
        if state.isFinished { object["metrics"] = metrics(state, view) }
        object["urls"] = urls(base: base)
        if view == .cancel { object["webhook_completed"] = .some(.null) }
        if let webhook, view == .webhook || (switches.webhookEchoed && view != .create) {
            object["webhook"] = .string(webhook)
            object["webhook_events_filter"] = .array(
                WebhookEvent.allCases.filter(eventsFilter.contains).map { .string($0.rawValue) }
            )
        }
        return .object(view == .webhook ? object.sorted : object)
    }

    private func shownInput(removed: Bool, switches: Switches) -> JSONValue {
        if removed { return switches.removedShape == .empty ? [:] : .null }
        guard switches.dataURIEcho == .shortened else { return .object(input) }
        var shortened = input
        for member in input.members {
            if let text = member.value.string, text.hasPrefix("data:"), text.utf8.count > 100 {
                shortened[member.key] = .string(text.prefix(64) + "...")
            }
        }
        return .object(shortened)
    }

    private func addTimes(to object: inout JSONObject, _ state: Timeline.State, _ view: View) {
        let createdDigits = view == .create || view == .webhook ? 3 : 6
        let digits = view == .webhook ? 9 : 6
        object["created_at"] = .string(timeline.createdAt.text(digits: createdDigits))
        if let started = state.startedAt { object["started_at"] = .string(started.text(digits: digits)) }
        if let completed = state.completedAt { object["completed_at"] = .string(completed.text(digits: digits)) }
        if let deadline = timeline.deadline { object["deadline"] = .string(deadline.text(digits: createdDigits)) }
    }

    func urls(base: String) -> JSONValue {
        [
            "cancel": .string("\(base)/v1/predictions/\(id)/cancel"),
            "get": .string("\(base)/v1/predictions/\(id)"),
            // The real ones lead to other hosts; nothing here may lead a client to the real service.
            "stream": .string("\(base)/v1/streams/\(streamName)"),
            "web": .string("\(base)/p/\(id)"),
        ]
    }

    private var output: JSONValue {
        switch plan.output {
        case .string: .string(outputURL)
        case .array: [.string(outputURL)]
        case .null: .null
        case .dataURI: .string(recipe.placeholder)
        }
    }

    private func metrics(_ state: Timeline.State, _ view: View) -> JSONValue {
        var metrics = JSONObject()
        let end = state.completedAt ?? timeline.createdAt
        if let started = state.startedAt { metrics["predict_time"] = .double(Self.rounded(end - started)) }
        if view != .webhook { metrics["total_time"] = .double(Self.rounded(end - timeline.createdAt)) }
        if state.status == .succeeded {
            metrics["video_output_count"] = 1
            metrics["video_output_duration_seconds"] = .double(recipe.seconds)
        }
        for member in plan.metrics.members { metrics[member.key] = member.value }
        return .object(metrics)
    }

    private static func rounded(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

    private func shownLogs(_ state: Timeline.State, removed: Bool, now: Moment, switches: Switches) -> JSONValue {
        if removed { return switches.removedShape == .empty ? "" : .null }
        if state.status == .canceled { return .null }
        return .string(logs(at: now))
    }

    /// The log lines so far: one more at every equal part of the run.
    func logs(at now: Moment) -> String {
        let state = timeline.state(at: now)
        guard let started = state.startedAt else { return "" }
        let lines = fullLogs.split(separator: "\n", omittingEmptySubsequences: false)
        if state.isFinished && state.status != .failed && state.status != .canceled { return fullLogs }
        let span = max((timeline.endsAt ?? started + timeline.runLimit) - started, 0.001)
        let share = min(max((state.completedAt ?? now) - started, 0) / span, 1)
        let count = Int(Double(lines.count - 1) * share)
        return lines.prefix(count).map { $0 + "\n" }.joined()
    }

    var fullLogs: String {
        plan.logs ?? "Running prediction...\nUsing seed: \(seed)\nGenerating video...\nGenerated video\n"
    }
}
