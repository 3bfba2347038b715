extension World {
    /// The ledger as it stands.
    package func ledger(now: Moment) -> Ledger {
        var ledger = Ledger()
        ledger.creates = predictions.map { entry($0, now: now) }
        ledger.accepted = ledger.creates.count
        ledger.charged = ledger.creates.count { $0.charge > 0 }
        ledger.chargeTotal = (ledger.creates.reduce(0) { $0 + $1.charge } * 1e6).rounded() / 1e6
        for (status, count) in refused { ledger.refused[String(status)] = count }
        ledger.createsReceivedByTag = createsReceivedByTag
        ledger.cogRuns = cog.ledger(now: now)
        return ledger
    }

    private func entry(_ prediction: Prediction, now: Moment) -> Ledger.Create {
        let state = prediction.timeline.state(at: now)
        var output = prediction.downloads
        if prediction.hasOutput(at: now) { output.url = prediction.outputURL }
        return Ledger.Create(
            number: prediction.number,
            id: prediction.id,
            time: prediction.timeline.createdAt,
            model: prediction.model.fullName,
            version: prediction.model.shownVersion,
            deployment: prediction.deployment,
            tag: prediction.tag,
            input: prediction.ledgerInput,
            webhook: prediction.webhook,
            price: prediction.price,
            charge: charge(prediction, state),
            status: state.status.rawValue,
            startedAt: state.startedAt,
            completedAt: state.completedAt,
            cancelledAt: prediction.cancelAskedAt,
            deliveries: prediction.deliveries,
            output: output
        )
    }

    /// What a prediction has cost.
    func charge(_ prediction: Prediction, _ state: Timeline.State) -> Double {
        guard let completed = state.completedAt else { return 0 }
        switch state.status {
        case .aborted: return 0
        case .failed: return switches.failedCharge == .full && state.startedAt != nil ? prediction.price : 0
        case .canceled:
            guard let started = state.startedAt else { return 0 }
            guard switches.cancelCharge == .proRata, let planned = prediction.timeline.endsAt else {
                return prediction.price
            }
            let share = min((completed - started) / max(planned - started, 0.001), 1)
            return (prediction.price * share * 1e6).rounded() / 1e6
        // An unknown word at the end is charged like a success: the worst case.
        default: return prediction.price
        }
    }
}
