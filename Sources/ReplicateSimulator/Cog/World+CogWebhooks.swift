extension World {
    /// Sends the webhooks of a run whose events have happened.
    mutating func advanceCog(_ index: Int, at moment: Moment) {
        guard cog.runs.indices.contains(index) else { return }
        let state = cog.runs[index].timeline.state(at: moment)
        if state.startedAt != nil, !cog.runs[index].sentEvents.contains(.start) {
            emitCog(.start, index, at: moment)
            emitCog(.logs, index, at: moment)
        }
        guard state.isFinished, !cog.runs[index].sentEvents.contains(.completed) else { return }
        cog.settle(now: moment)
        if state.status == .succeeded { emitCog(.output, index, at: moment) }
        emitCog(.completed, index, at: moment)
    }

    private mutating func emitCog(_ event: WebhookEvent, _ index: Int, at moment: Moment) {
        cog.runs[index].sentEvents.insert(event)
        let run = cog.runs[index]
        guard let url = run.webhook, run.eventsFilter.contains(event) else { return }
        let subject = Subject(model: "cog", tag: run.tag, prediction: run.id, event: event)
        let fault = takeFault(.webhook, subject) { $0 != .early }
        if fault == .drop { return }
        let body = run.json(now: moment, server: switches.cog.server, uploads: switches.cog.uploadURL != nil)
        let delivery = PendingDelivery(
            messageID: "",
            event: event,
            url: url,
            body: .object(body),
            isTerminal: event == .completed,
            firstAt: moment,
            fault: fault,
            sender: .cogRun(index)
        )
        agenda.insert(.delivery(delivery), at: moment)
        if fault == .duplicate { agenda.insert(.delivery(delivery), at: moment + 1) }
    }

    /// Notes a try; terminal ones are retried up to 12 times on network errors and 429, 500, 502, 503, 504.
    mutating func finishCog(
        _ index: Int,
        _ delivery: PendingDelivery,
        _ entry: Ledger.Delivery,
        _ result: DeliveryResult,
        now: Moment
    ) {
        guard cog.runs.indices.contains(index) else { return }
        if cog.runs[index].deliveries.count < 1000 { cog.runs[index].deliveries.append(entry) }
        let isRetried = result.status.map { [429, 500, 502, 503, 504].contains($0) } ?? true
        guard delivery.isTerminal, isRetried, !result.isAccepted, delivery.attempt <= 12 else { return }
        var again = delivery
        again.attempt += 1
        agenda.insert(.delivery(again), at: now + 0.1 * Double(1 << min(delivery.attempt, 10)))
    }
}
