import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// A provider as one process sees it.
struct SimulatedProvider: GenerationProvider {
    let ledger: ProviderWorld
    let world: World
    let process: SimulatedProcess

    var traits: ProviderTraits { ledger.traits }

    private func enter(_ site: CallSite, _ cell: FaultCell? = nil) async throws(ProviderError) -> World.Verdict {
        let verdict = await world.enter(site, process, isBroken: true)
        if verdict == .failsBefore {
            if let cell { world.cover(cell) }
            throw failure()
        }
        return verdict
    }

    /// Why nothing was done.
    private func failure() -> ProviderError {
        switch world.dice.unit() {
        case ..<0.2: return ProviderError(.throttled, "simulated", retryAfter: .seconds(world.dice.pick(1...20)))
        case ..<0.3:
            world.cover(.statusDenied)
            return ProviderError(.credentials, "simulated: the token is revoked")
        default: return ProviderError(.unavailable, "simulated")
        }
    }

    private func leave(_ site: CallSite, _ verdict: World.Verdict) async throws(ProviderError) {
        await world.leave(site, process)
        if verdict == .losesAnswer || world.isOver { throw ProviderError(.unavailable, "simulated: answer lost") }
    }

    // MARK: Inputs

    func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput {
        let verdict = try await enter(.prepareInput, .inputFails)
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
        let order = spoilt(order)
        world.judge.calls(order, at: world.time.nanoseconds, by: process)
        ledger.callsUnderWay[order.animationID, default: 0] += 1
        defer { ledger.callsUnderWay[order.animationID, default: 1] -= 1 }
        await process.gate()
        guard !world.isOver else { return .unknown(detail: "over") }
        let (fate, wait) = world.submitFate(
            process,
            isFirst: !ledger.predictions.contains { $0.animation == order.animationID }
        )
        // The request needs its time to get there; what was sent arrives though its sender dies meanwhile.
        await world.time.pause(for: wait)
        if process.isDead { await world.outlive(process) }
        guard !world.isOver else { return .unknown(detail: "over") }
        if let cell = fate.cell { world.cover(cell) }
        world.note(1_600 + fate.verdict.rawValue, "\(process.name) submit \(order.tag.prefix(4)): \(fate)")
        var made: ProviderWorld.Prediction?
        switch fate {
        case .accepts, .losesAnswer:
            made = ledger.create(order, by: process)
        case .comesTwice:
            for _ in 0..<2 {
                made = ledger.create(
                    order,
                    by: process,
                    isEcho: made != nil
                )
            }
        case .refuses, .fails: break
        }
        if world.dice.chance(0.2) { await world.time.pause(for: .seconds(world.dice.skewed(0.05...5))) }
        await process.gate()
        switch fate {
        case .accepts:
            guard let made, world.mutant != .dropsBinding else {
                return .refused(ProviderError(.unavailable, "planted"))
            }
            return .accepted(ledger.show(made))
        case .losesAnswer, .comesTwice, .fails:
            if world.mutant == .repeatsPost {
                return .accepted(ledger.show(ledger.create(order, by: process)))
            }
            return .unknown(detail: "simulated")
        case .refuses(let error): return .refused(error)
        }
    }

    private func spoilt(_ order: GenerationOrder) -> GenerationOrder {
        guard world.mutant == .reusesTag,
            let first = ledger.predictions.first(where: { $0.animation == order.animationID })
        else { return order }
        return GenerationOrder(
            animationID: order.animationID,
            tag: first.tag,
            request: order.request,
            source: order.source,
            input: order.input,
            part: order.part,
            cancelAfter: order.cancelAfter
        )
    }

    // MARK: Looking

    func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] {
        let verdict = try await enter(.find, .listFails)
        var found = ledger.listed(search)
        if found.isEmpty, ledger.predictions.contains(where: { $0.tag == search.tag }) { world.cover(.listHides) }
        if world.mutant == .findsOne { found = Array(found.prefix(1)) }
        if world.mutant == .findsForeign, found.isEmpty {
            // The newest prediction of the same model, as if a prompt could tell whose it is.
            found = ledger.predictions.suffix(1)
        }
        try await leave(.find, verdict)
        return found.map(ledger.show)
    }

    func status(of ids: [String]) async -> [String: StatusOutcome] {
        var answers: [String: StatusOutcome] = [:]
        let verdict = await world.enter(.status, process, isBroken: true)
        if verdict != .passes { world.cover(.statusFails) }
        for id in ids {
            answers[id] =
                verdict == .passes
                ? ledger.known(id).map { .found(ledger.show($0)) } ?? .missing
                : .failed(failure())
        }
        await world.leave(.status, process)
        return answers
    }

    func callsForStatus(of count: Int) -> Int { (count + 99) / 100 }

    func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError) {
        let verdict = try await enter(.fetch, .fetchFails)
        let id = output.split(separator: "/").last.map(String.init) ?? ""
        guard let prediction = ledger.predictions.first(where: { $0.id == id }),
            case .succeeds(let result) = prediction.end,
            ledger.now < prediction.endsAt + .seconds(result == .shortLived ? 1 : 3_600)
        else {
            world.cover(.fetchExpired)
            throw ProviderError(.expired, "simulated: \(output) is gone")
        }
        let content = UInt64(prediction.number) << 32 | UInt64(world.providers.firstIndex { $0 === ledger } ?? 0)
        world.files.origins[content] = [id]
        switch result {
        case .good, .shortLived: break
        case .bad: world.files.bad.insert(content)
        case .cut:
            world.cover(.outputBad)
            guard world.mutant == .trustsDownload else {
                throw ProviderError(.invalidOutput, "simulated: cut short")
            }
            world.files.bad.insert(content)
        }
        if let folder = world.files.folder(of: path) {
            world.judge.worked(for: folder.run, epoch: folder.epoch, by: process)
        }
        world.files.write(content, to: path)
        try await leave(.fetch, verdict)
    }

    func cancel(_ id: String) async throws(ProviderError) -> Generation {
        let verdict = try await enter(.cancel, .undoCancelFails)
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
        if prediction.state(at: ledger.now).isTerminal, prediction.cancelAskedAt == nil { world.cover(.undoTooLate) }
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
