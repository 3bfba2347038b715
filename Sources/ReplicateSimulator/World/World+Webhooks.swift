extension World {
    /// Everything that is due, oldest first; what happens by itself is done on the way.
    mutating func takeDue(now: Moment) -> [PendingDelivery] {
        var due: [PendingDelivery] = []
        while let (moment, item) = agenda.pop(through: now) {
            switch item {
            case .timeline(let index): emitEvents(index, at: moment)
            case .delivery(let delivery): due.append(delivery)
            case .removeData(let index):
                if predictions.indices.contains(index), predictions[index].isRemoved(at: moment) {
                    predictions[index].input = JSONObject()
                }
            case .expireFile(let id):
                if let file = files[id], file.expiresAt <= moment { forgetFile(id) }
            case .cogTimeline(let number): advanceCog(number, at: moment)
            }
        }
        return due
    }

    /// Puts the webhooks on the agenda whose events have happened.
    private mutating func emitEvents(_ index: Int, at moment: Moment) {
        guard predictions.indices.contains(index) else { return }
        let prediction = predictions[index]
        let state = prediction.timeline.state(at: moment)
        let hasBegun = state.startedAt != nil || state.status == .processing || switches.startWebhook == .created
        if hasBegun, !prediction.sentEvents.contains(.start) { emit(.start, index, at: moment) }
        emitLogs(index, state, at: moment)
        guard state.isFinished, !prediction.sentEvents.contains(.completed) else { return }
        if prediction.hasOutput(at: moment), prediction.plan.output != .null { emit(.output, index, at: moment) }
        emit(.completed, index, at: moment)
    }

    private mutating func emitLogs(_ index: Int, _ state: Timeline.State, at moment: Moment) {
        let prediction = predictions[index]
        guard prediction.eventsFilter.contains(.logs), !prediction.sentEvents.contains(.completed),
            !prediction.logs(at: moment).isEmpty
        else { return }
        // At most one in 500 ms.
        if let last = prediction.logsSentAt, moment - last < 0.5 { return }
        predictions[index].logsSentAt = moment
        emit(.logs, index, at: moment)
    }

    /// Makes one event's delivery, as the rules want it.
    private mutating func emit(_ event: WebhookEvent, _ index: Int, at moment: Moment) {
        let isFirst = predictions[index].sentEvents.insert(event).inserted
        let prediction = predictions[index]
        guard let url = prediction.webhook, prediction.eventsFilter.contains(event), isFirst || event == .logs else {
            return
        }
        var subject = subject(of: prediction)
        subject.event = event
        let fault = takeFault(.webhook, subject) { $0 != .early }
        let delivery = PendingDelivery(
            messageID: random.messageID(),
            event: event,
            url: url,
            body: prediction.json(.webhook, base: prediction.base, now: moment, switches: switches),
            isTerminal: event == .completed,
            firstAt: moment,
            fault: fault,
            sender: .prediction(index)
        )
        switch fault {
        case .drop:
            predictions[index].deliveries
                .append(
                    Ledger.Delivery(
                        event: event.rawValue,
                        webhookID: delivery.messageID,
                        time: moment,
                        attempt: 1,
                        error: "dropped"
                    )
                )
        case .duplicate:
            agenda.insert(.delivery(delivery), at: moment)
            agenda.insert(.delivery(delivery), at: moment + 1)
        case .reorder where event == .start:
            let end = prediction.timeline.end.map { $0.at + 1 } ?? moment
            agenda.insert(.delivery(delivery), at: max(end, moment))
        default: agenda.insert(.delivery(delivery), at: moment)
        }
    }

    /// The `start` webhook that is to be sent before a create is answered, if a rule says so.
    mutating func takeEarlyStart(_ index: Int, now: Moment) -> PendingDelivery? {
        guard predictions.indices.contains(index) else { return nil }
        let prediction = predictions[index]
        guard let url = prediction.webhook, prediction.eventsFilter.contains(.start) else { return nil }
        var subject = subject(of: prediction)
        subject.event = .start
        guard takeFault(.webhook, subject, where: { $0 == .early }) != nil else { return nil }
        predictions[index].sentEvents.insert(.start)
        return PendingDelivery(
            messageID: random.messageID(),
            event: .start,
            url: url,
            body: prediction.json(.webhook, base: prediction.base, now: now, switches: switches),
            isTerminal: false,
            firstAt: now,
            sender: .prediction(index)
        )
    }

    /// Notes how a try went, and plans the next one.
    mutating func finish(_ delivery: PendingDelivery, _ result: DeliveryResult, now: Moment) {
        let entry = Ledger.Delivery(
            event: delivery.event.rawValue,
            webhookID: delivery.messageID,
            time: now,
            attempt: delivery.attempt,
            status: result.status,
            error: result.error
        )
        switch delivery.sender {
        case .prediction(let index):
            // After a reset there is nothing to note.
            guard predictions.indices.contains(index) else { return }
            if predictions[index].deliveries.count < 1000 { predictions[index].deliveries.append(entry) }
            guard !result.isAccepted, let next = delivery.nextTry else { return }
            var again = delivery
            again.attempt += 1
            agenda.insert(.delivery(again), at: max(next, now))
        case .cogRun(let number): finishCog(number, delivery, entry, result, now: now)
        }
    }
}

/// What became of a try to deliver a webhook.
struct DeliveryResult: Sendable {
    var status: Int?
    var error: String?

    var isAccepted: Bool { status.map { (200..<300).contains($0) } ?? false }
}
