extension World {
    /// The prediction, if this account may see it now.
    private func index(of id: String, _ account: Int, now: Moment) -> Int? {
        guard let index = predictionIndexes[id], predictions[index].account == account,
            predictions[index].timeline.createdAt + predictions[index].plan.notFoundFor <= now
        else { return nil }
        return index
    }

    mutating func get(_ id: String, _ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        guard let index = index(of: id, account, now: now) else { return Problem.notFound }
        return .json(
            predictions[index].json(.get, base: request.base, now: now, switches: switches),
            endsWithNewline: true
        )
    }

    mutating func cancel(_ id: String, _ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        guard let index = index(of: id, account, now: now) else { return Problem.notFound }
        if predictions[index].timeline.state(at: now).isFinished {
            if switches.cancelFinishedStatus >= 400 {
                return Problem.plain(switches.cancelFinishedStatus, "The prediction has already finished.")
            }
        } else if predictions[index].timeline.cancelsAt == nil {
            predictions[index].cancelAskedAt = now
            predictions[index].timeline.cancelsAt = now + predictions[index].plan.cancelLag
            predictions[index].timeline.failsOnCancel = predictions[index].plan.failsOnCancel
            schedule(index, from: now)
        }
        return .json(
            predictions[index].json(.cancel, base: request.base, now: now, switches: switches),
            endsWithNewline: true
        )
    }

    /// When a held create can be answered for good; nil if it never ends by itself.
    func endTime(of index: Int) -> Moment? {
        predictions.indices.contains(index) ? predictions[index].timeline.end?.at : nil
    }

    /// The answer to a create that was held.
    func heldAnswer(_ index: Int, call: Call, now: Moment) -> Answer? {
        guard predictions.indices.contains(index), let wait = call.preferredWait else { return nil }
        let prediction = predictions[index]
        var headers = [Header("Preference-Applied", wait.applied)]
        let state = prediction.timeline.state(at: now)
        if !state.isFinished {
            headers.append(Header("Location", "\(call.request.base)/v1/predictions/\(prediction.id)"))
        }
        var answer = createAnswer(index, base: call.request.base, now: now, headers: headers)
        guard case .json(.object(var object), let newline) = answer.body else { return answer }
        if !state.isFinished, switches.waitTimeoutStatus == .starting {
            object["status"] = "starting"
            object["started_at"] = nil
        } else if state.status == .succeeded, switches.waitAnswer == .processing {
            object["status"] = "processing"
            object["completed_at"] = nil
            object["metrics"] = nil
        }
        answer.body = .json(.object(object), endsWithNewline: newline)
        return answer
    }
}

extension Call {
    /// A `Prefer: wait` of a create.
    struct Wait: Sendable, Hashable {
        let seconds: Double
        /// For `Preference-Applied`.
        let applied: String
    }

    /// `wait` is 60 s, `wait=n` is 1–60 s; anything else is no wish to wait.
    var preferredWait: Wait? {
        guard route.exchange == .create, let header = request.headers["prefer"] else { return nil }
        for item in header.split(separator: ",") {
            let item = item.filter { $0 != " " }.lowercased()
            if item == "wait" { return Wait(seconds: 60, applied: "wait") }
            if item.hasPrefix("wait="), let seconds = Int(item.dropFirst(5)), (1...60).contains(seconds) {
                return Wait(seconds: Double(seconds), applied: "wait=\(seconds)")
            }
        }
        return nil
    }
}
