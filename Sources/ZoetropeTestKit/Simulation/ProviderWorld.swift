import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// A provider's own truth: what it was asked to make, what became of it, and what it charges.
final class ProviderWorld: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    enum Result: Equatable {
        case good
        /// Gone after a second instead of an hour.
        case shortLived
        /// No video that can be published.
        case bad
        /// Its download ends early.
        case cut
    }

    enum End: Equatable {
        case succeeds(Result)
        case fails(GenerationFailure)
        /// By the provider's own decision.
        case canceled
        /// Goes on for ever, under a word that nobody knows or none at all.
        case never
    }

    struct Prediction {
        let id: String
        let number: Int
        let tag: String
        let animation: AnimationID
        let part: Int
        let model: String
        let price: MicroUSD
        let createdAt: Int64
        let startsAt: Int64
        let endsAt: Int64
        let deadline: Int64
        let end: End
        /// Not in the list until then.
        var hiddenUntil: Int64
        /// Not known by its id until then.
        var knownFrom: Int64
        /// Not known any more from then on.
        var vanishesAt: Int64
        var cancelLag: Int64
        var cancelAskedAt: Int64?
        let madeBy: SimulatedProcess
        var isEcho = false

        var stopsAt: Int64 {
            min(endsAt, deadline, cancelAskedAt.map { $0 + cancelLag } ?? .max)
        }

        func state(at now: Int64) -> Generation.State {
            guard now >= stopsAt else { return .running(hasStarted: now >= startsAt) }
            guard stopsAt == endsAt else { return .canceled(hasStarted: stopsAt >= startsAt) }
            return switch end {
            case .succeeds: .succeeded(output: "https://out/\(id)")
            case .fails(let failure): .failed(failure)
            case .canceled: .canceled(hasStarted: true)
            case .never: .running(hasStarted: true)
            }
        }

        func charge(at now: Int64) -> MicroUSD {
            switch state(at: now) {
            case .succeeded, .canceled(hasStarted: true): price
            default: .zero
            }
        }
    }

    let traits: ProviderTraits
    let world: World
    /// How far its clock is ahead of the database's, in seconds.
    let clockAhead: Double
    private(set) var predictions: [Prediction] = []
    private var byID: [String: Int] = [:]
    /// Uploaded inputs: id, then tag.
    private(set) var inputs: [(id: String, tag: String)] = []
    /// Paid calls that are under way, by animation.
    var callsUnderWay: [AnimationID: Int] = [:]
    /// Webhooks are rung through this.
    var ring: (_ prediction: String, _ happenedAt: Int64, _ tag: String) -> Void = { _, _, _ in }

    init(_ traits: ProviderTraits, _ world: World, clockAhead: Double) {
        self.traits = traits
        self.world = world
        self.clockAhead = clockAhead
    }

    var now: Int64 { world.time.nanoseconds }

    // MARK: Making

    /// Takes an order, charges for it, and begins.
    ///
    /// An echo is the same call delivered again by something on the way; it shows when the first does.
    func create(
        _ order: GenerationOrder,
        by process: SimulatedProcess,
        isEcho: Bool = false
    ) -> Prediction {
        if traits.isIdempotentByTag, let there = predictions.first(where: { $0.tag == order.tag }) { return there }
        let number = predictions.count + 1
        var prediction = plan(order, number: number, by: process)
        if isEcho, let first = predictions.last(where: { $0.tag == order.tag }) {
            prediction.isEcho = true
            prediction.hiddenUntil = first.hiddenUntil
            prediction.vanishesAt = first.vanishesAt
        }
        byID[prediction.id] = predictions.count
        predictions.append(prediction)
        if prediction.end == .never { world.cover(.statusForever) }
        world.note(
            1_500 + number,
            "  \(prediction.id) is made for \(order.animationID.description.prefix(4)), tag \(order.tag.prefix(4))"
        )
        world.judge.created(prediction, by: self)
        announce(prediction, at: prediction.startsAt)
        announce(prediction, at: prediction.stopsAt)
        return prediction
    }

    private func plan(
        _ order: GenerationOrder,
        number: Int,
        by process: SimulatedProcess
    ) -> Prediction {
        // What becomes of the n-th generation of an order hangs on the two alone, not on what happened before.
        let earlier = predictions.filter { $0.animation == order.animationID }.count
        let index = world.orders.firstIndex { $0.ids.contains(order.animationID) } ?? 0
        var dice = SplitMix64(seed: world.planSeed ^ UInt64(index * 64 + earlier) &* 0xD134_2543_DE82_EF95)
        let weather = world.weather
        let starts = dice.skewed(0...40)
        let takes = dice.chance(0.1) ? dice.within(100...640) : dice.within(3...90)
        var end: End =
            if dice.chance(weather.badEnds) {
                dice.pick([
                    .fails(
                        .init(code: .providerUnavailable, detail: "worker lost", retries: 1, retryDelay: .seconds(20))
                    ),
                    .fails(.init(code: .contentRejected, detail: "flagged", retries: 0, retryDelay: .zero)),
                    .succeeds(.bad), .succeeds(.cut), .succeeds(.shortLived), .canceled, .never, .never,
                ])
            } else {
                .succeeds(.good)
            }
        if let scripted = world.orders[index].generations {
            return prediction(
                order,
                number,
                scripted,
                by: process
            )
        }
        // A result that lasts for a second hangs on who comes first.
        if world.simulation.isObedient, end == .succeeds(.shortLived) { end = .succeeds(.good) }
        let vanishes = dice.chance(weather.badEnds * 0.15)
        let hidden =
            dice.chance(weather.hides) ? (dice.chance(0.7) ? dice.skewed(1...900) : dice.within(900...4_500)) : 0
        let lag = dice.chance(0.9) ? dice.skewed(0...20) : dice.within(20...600)
        var plan = prediction(
            order,
            number,
            Generations(starts: starts, takes: takes, end: end, hidden: hidden),
            by: process
        )
        plan.cancelLag = .seconds(lag)
        plan.knownFrom = now + .seconds(dice.chance(0.1) ? dice.within(0...40) : 0)
        plan.vanishesAt = vanishes ? now + .seconds(dice.within(60...400)) : .max
        return plan
    }

    private func prediction(
        _ order: GenerationOrder,
        _ number: Int,
        _ plan: Generations,
        by process: SimulatedProcess
    ) -> Prediction {
        let begin = now + .seconds(plan.starts)
        return Prediction(
            id: "\(traits.provider.rawValue.prefix(1))\(number)",
            number: number,
            tag: order.tag,
            animation: order.animationID,
            part: order.part,
            model: order.request.model.name,
            price: order.request.priceOfPart,
            createdAt: now,
            startsAt: begin,
            endsAt: plan.end == .never ? .max : begin + .seconds(plan.takes),
            deadline: now + order.cancelAfter.nanoseconds,
            end: plan.end,
            hiddenUntil: now + .seconds(plan.hidden),
            knownFrom: now,
            vanishesAt: .max,
            cancelLag: 0,
            madeBy: process
        )
    }

    private func announce(_ prediction: Prediction, at time: Int64) {
        guard time < .max else { return }
        world.time.at(time) { [self] in ring(prediction.id, time, prediction.tag) }
    }

    // MARK: Asking

    func known(_ id: String) -> Prediction? {
        guard let index = byID[id] else { return nil }
        let prediction = predictions[index]
        if now < prediction.knownFrom { world.cover(.statusUnknown) }
        if now >= prediction.vanishesAt { world.cover(.statusVanished) }
        return now >= prediction.knownFrom && now < prediction.vanishesAt ? prediction : nil
    }

    func listed(_ search: TagSearch) -> [Prediction] {
        predictions.filter { prediction in
            let createdAt = shown(prediction.createdAt)
            return prediction.tag == search.tag && now >= prediction.hiddenUntil && now < prediction.vanishesAt
                && createdAt >= search.sentAt.addingTimeInterval(-300)
                && createdAt <= search.overAt.addingTimeInterval(300)
        }
    }

    func cancel(_ id: String) {
        guard let index = byID[id], predictions[index].cancelAskedAt == nil else { return }
        predictions[index].cancelAskedAt = now
        if predictions[index].cancelLag > world.policy.cancelGrace.nanoseconds { world.cover(.undoIgnored) }
        announce(predictions[index], at: predictions[index].stopsAt)
    }

    func show(_ prediction: Prediction) -> Generation {
        let state = prediction.state(at: now)
        return Generation(
            id: prediction.id,
            tag: prediction.tag,
            model: prediction.model,
            state: state,
            createdAt: shown(prediction.createdAt),
            completedAt: state.isTerminal ? shown(prediction.stopsAt) : nil
        )
    }

    private func shown(_ time: Int64) -> Date { world.date(at: time).addingTimeInterval(clockAhead) }

    // MARK: Inputs

    func addInput(tag: String) -> String {
        let id = "file-\(inputs.count)-\(now)"
        inputs.append((id, tag))
        return id
    }

    func removeInput(tag: String, fileID: String?) {
        inputs.removeAll { input in fileID.map { $0 == input.id } ?? (input.tag == tag) }
    }
}
