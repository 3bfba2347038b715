import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// A provider as one process sees it.
struct SimulatedProvider: GenerationProvider {
    let ledger: ProviderWorld
    let world: World
    let process: SimulatedProcess

    var traits: ProviderTraits { ledger.traits }

    private func enter(_ site: CallSite) async throws(ProviderError) -> World.Verdict {
        let verdict = await world.enter(site, process, isBroken: true)
        if verdict == .failsBefore {
            let isThrottled = world.dice.chance(0.2)
            throw isThrottled
                ? ProviderError(.throttled, "simulated", retryAfter: .seconds(world.dice.pick(1...20)))
                : ProviderError(.unavailable, "simulated")
        }
        return verdict
    }

    private func leave(_ site: CallSite, _ verdict: World.Verdict) async throws(ProviderError) {
        await world.leave(site, process)
        if verdict == .losesAnswer || world.isOver { throw ProviderError(.unavailable, "simulated: answer lost") }
    }

    // MARK: Inputs

    func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        let verdict = try await enter(.prepareInput)
        guard world.files.read(image) != nil else { throw ProviderError(.storage, "no file at \(image)") }
        let id = ledger.addInput(tag: tag)
        try await leave(.prepareInput, verdict)
        return ProviderInput(url: "https://in/\(tag)/\(id)", fileID: id)
    }

    func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        let verdict = try await enter(.removeInput)
        if world.mutant != .leavesInput { ledger.removeInput(tag: tag, fileID: fileID) }
        try await leave(.removeInput, verdict)
    }

    // MARK: Paying

    func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        let calledAt = world.time.nanoseconds
        world.judge.calls(order, at: calledAt, by: process)
        ledger.callsUnderWay[order.animationID, default: 0] += 1
        defer { ledger.callsUnderWay[order.animationID, default: 1] -= 1 }
        await process.gate()
        guard !world.isOver else { return .unknown(detail: "over") }
        let fate = world.submitFate()
        // The request needs its time to get there; what was sent arrives though its sender dies meanwhile.
        await world.time.pause(for: world.latency(.submit))
        if process.isDead, world.dice.chance(0.5) { await process.gate() }
        guard !world.isOver else { return .unknown(detail: "over") }
        world.hits[CallSite.submit.rawValue][fate.verdict.rawValue] += 1
        world.note(1_600 + fate.verdict.rawValue, "\(process.name) submit \(order.tag.prefix(4)): \(fate)")
        var made: ProviderWorld.Prediction?
        switch fate {
        case .accepts, .losesAnswer:
            made = ledger.create(order, callAge: world.time.nanoseconds - calledAt, by: process)
        case .refuses, .fails: break
        }
        if world.dice.chance(0.2) { await world.time.pause(for: min(world.latency(.submit), .seconds(5))) }
        await process.gate()
        switch fate {
        case .accepts:
            guard let made, world.mutant != .dropsBinding else {
                return .refused(ProviderError(.unavailable, "planted"))
            }
            return .accepted(ledger.show(made))
        case .losesAnswer, .fails:
            if world.mutant == .repeatsPost {
                return .accepted(ledger.show(ledger.create(order, callAge: 0, by: process)))
            }
            return .unknown(detail: "simulated")
        case .refuses(let error): return .refused(error)
        }
    }

    // MARK: Looking

    func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        let verdict = try await enter(.find)
        let found = ledger.listed(search).map(ledger.show)
        try await leave(.find, verdict)
        return found
    }

    func status(of ids: [String]) async -> [String: StatusOutcome] {
        var answers: [String: StatusOutcome] = [:]
        let verdict = await world.enter(.status, process, isBroken: true)
        for id in ids {
            answers[id] =
                verdict == .passes
                ? ledger.known(id).map { .found(ledger.show($0)) } ?? .missing
                : .failed(ProviderError(.unavailable, "simulated"))
        }
        await world.leave(.status, process)
        return answers
    }

    func callsForStatus(of count: Int) -> Int { (count + 99) / 100 }

    func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        let verdict = try await enter(.fetch)
        let id = output.split(separator: "/").last.map(String.init) ?? ""
        guard let prediction = ledger.predictions.first(where: { $0.id == id }),
            case .succeeds(let isGood, let isShortLived) = prediction.end,
            ledger.now < prediction.endsAt + .seconds(isShortLived ? 1 : 3_600)
        else { throw ProviderError(.expired, "simulated: \(output) is gone") }
        guard isGood else { throw ProviderError(.invalidOutput, "simulated: cut short") }
        let content = UInt64(prediction.number) << 32 | UInt64(traits.provider == .replicate ? 1 : 2)
        world.files.origins[content] = [id]
        world.files.write(content, to: path)
        try await leave(.fetch, verdict)
    }

    func cancel(_ id: String) async throws(ProviderError) -> Generation {
        let verdict = try await enter(.cancel)
        guard let prediction = ledger.known(id) else {
            throw ProviderError(.missing, "simulated: no prediction \(id)")
        }
        if world.mutant == .pretendsCancel {
            return Generation(
                id: id,
                tag: prediction.tag,
                model: nil,
                state: .canceled(hasStarted: false),
                createdAt: nil,
                completedAt: nil
            )
        }
        ledger.cancel(id)
        let shown = ledger.known(id).map(ledger.show)
        try await leave(.cancel, verdict)
        return shown ?? ledger.show(prediction)
    }

    func generations(since: Date) async throws(ProviderError) -> [Generation] {
        let verdict = try await enter(.find)
        let all = ledger.predictions.reversed().map(ledger.show)
        try await leave(.find, verdict)
        return all
    }
}

/// What becomes of one call that costs money.
enum SubmitFate {
    case accepts
    /// It is made, and nobody is told.
    case losesAnswer
    /// Nothing is made, and nobody is told.
    case fails
    case refuses(ProviderError)

    var verdict: World.Verdict {
        switch self {
        case .accepts: .passes
        case .losesAnswer: .losesAnswer
        case .fails, .refuses: .failsBefore
        }
    }
}

extension World {
    func submitFate() -> SubmitFate {
        if isDown(.submit) {
            return dice.chance(0.3) ? .fails : .refuses(ProviderError(.unavailable, "simulated outage"))
        }
        guard !isCalm else { return .accepts }
        let site = CallSite.submit.rawValue
        if dice.chance(weather.fails[site]) { return .fails }
        if dice.chance(weather.losesAnswer[site]) { return .losesAnswer }
        guard dice.chance(weather.refuses) else { return .accepts }
        let kinds: [ProviderError.Kind] = [
            .throttled, .throttled, .throttled, .unavailable, .unavailable, .unavailable, .credentials, .credit,
            .rejected, .missing, .sourceUnreadable,
        ]
        let kind = dice.pick(kinds)
        return .refuses(
            ProviderError(kind, "simulated", retryAfter: kind == .throttled ? .seconds(dice.pick(1...60)) : nil)
        )
    }
}
