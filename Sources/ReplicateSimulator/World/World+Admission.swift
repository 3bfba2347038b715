extension World {
    /// Books a create that passed every check.
    mutating func add(
        _ model: VideoModel,
        _ call: Call,
        _ body: JSONObject,
        _ input: JSONObject,
        account: Int,
        lifetime: Int?,
        now: Moment
    ) -> Int {
        let tag = tag(of: call)
        let id = unusedID()
        let plan = takePlan(.create, Subject(model: model.fullName, tag: tag, prediction: id))
        let filled = model.filled(input)
        let path = random.outputPath()
        let index = predictions.count
        var deployment: String?
        if case .createForDeployment(let name) = call.route { deployment = name }
        let filter = body["webhook_events_filter"]?.array?.compactMap { $0.string.flatMap(WebhookEvent.init) }
        let prediction = Prediction(
            id: id,
            number: index + 1,
            account: account,
            model: model,
            deployment: deployment,
            input: input.sorted,
            ledgerInput: Self.shortened(.object(input.sorted)),
            webhook: body["webhook"]?.string,
            eventsFilter: Set(filter ?? [.output, .completed]),
            tag: tag,
            base: call.request.base,
            streamName: random.streamName(),
            plan: plan,
            timeline: timeline(model, filled, plan, account: account, lifetime: lifetime, now: now),
            recipe: plan.video.applied(to: model.clip(filled)),
            outputURL: "\(outputBase(call.request))\(path)",
            outputPath: path,
            price: model.price(filled),
            seed: Int(random.next() % 100_000)
        )
        predictions.append(prediction)
        predictionIndexes[id] = index
        outputIndexes[path] = index
        accounts[account].predictions.append(index)
        schedule(index, from: now)
        return index
    }

    /// Where outputs are, by the name under which the client knows this machine.
    private func outputBase(_ request: IncomingRequest) -> String { "http://\(request.hostName):\(outputPort)" }

    private mutating func unusedID() -> String {
        while true {
            let id = random.predictionID()
            if predictionIndexes[id] == nil { return id }
        }
    }

    private func timeline(
        _ model: VideoModel,
        _ input: JSONObject,
        _ plan: Plan,
        account: Int,
        lifetime: Int?,
        now: Moment
    ) -> Timeline {
        let starts = now + (plan.queueSeconds ?? model.queueSeconds)
        var timeline = Timeline(
            createdAt: now,
            startsAt: plan.result == .stuckInStarting ? nil : starts,
            endsAt: starts + (plan.endsBeforeStart ? 0 : plan.runSeconds ?? model.runSeconds(input)),
            result: plan.result
        )
        switch plan.result {
        case .stuckInStarting: timeline.endsAt = nil
        case .stuckInProcessing:
            timeline.endsAt = nil
            timeline.runLimit = 1e9
        default: timeline.runLimit = switches.runLimit
        }
        timeline.endsBeforeStart = plan.endsBeforeStart
        timeline.deadline = lifetime.map { now + Double($0) }
        if let text = downloadFailure(model, input, account: account, at: starts), timeline.startsAt != nil {
            timeline.result = .failed(text)
            timeline.endsAt = starts + 1
        }
        return timeline
    }

    /// The error of an input that names an uploaded file which cannot be read when the work begins.
    private func downloadFailure(_ model: VideoModel, _ input: JSONObject, account: Int, at moment: Moment) -> String? {
        for name in model.fileInputs {
            guard let url = input[name]?.string, let id = Self.fileID(inURL: url) else { continue }
            guard let file = files[id], file.account == account, file.expiresAt > moment else {
                return "404 Client Error: Not Found for url: \(url)"
            }
        }
        return nil
    }

    /// Fails a prediction whose input could not be downloaded, once its work begins.
    mutating func failDownload(_ id: String, _ text: String, now: Moment) {
        guard let index = predictionIndexes[id], let starts = predictions[index].timeline.startsAt,
            !predictions[index].timeline.state(at: now).isFinished
        else { return }
        predictions[index].timeline.result = .failed(text)
        predictions[index].timeline.endsAt = max(starts + 1, now)
        schedule(index, from: now)
    }

    /// Puts everything that will happen to a prediction by itself on the agenda.
    mutating func schedule(_ index: Int, from now: Moment) {
        let prediction = predictions[index]
        if let removal = prediction.removalTime { agenda.insert(.removeData(index), at: removal) }
        guard prediction.webhook != nil else { return }
        let timeline = prediction.timeline
        if switches.startWebhook == .created { agenda.insert(.timeline(index), at: now) }
        if let starts = timeline.startsAt, starts >= now { agenda.insert(.timeline(index), at: starts) }
        if let end = timeline.end { agenda.insert(.timeline(index), at: max(end.at, now)) }
        guard prediction.eventsFilter.contains(.logs), let starts = timeline.startsAt, let ends = timeline.endsAt else {
            return
        }
        let steps = min(prediction.fullLogs.split(separator: "\n").count, 50)
        for step in 1...max(steps, 1) {
            let moment = starts + (ends - starts) * Double(step) / Double(max(steps, 1))
            if moment >= now { agenda.insert(.timeline(index), at: moment) }
        }
    }

    /// For the ledger: strings above 200 characters are cut.
    static func shortened(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text) where text.utf8.count > 200: .string(text.prefix(200) + "…")
        case .array(let items): .array(items.prefix(100).map(shortened))
        case .object(let object): .object(object.members.prefix(100).map { ($0.key, shortened($0.value)) })
        default: value
        }
    }
}
