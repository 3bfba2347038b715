import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// What surrounds the processes of a simulation: time, chance, trouble, and a record of everything.
final class World: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    enum Verdict: Int { case passes, failsBefore, losesAnswer, landsLate }

    let simulation: Simulation
    let time = ManualTime()
    let executor: SeededExecutor
    var weather: Weather
    var dice: SplitMix64
    var trace: Trace
    private(set) lazy var judge = Judge(self)
    let files = SimulatedFiles()
    let objects = ObjectLedger()
    var providers: [ProviderWorld] = []
    var orders: [Order] = []
    var jobs: [JobPlan] = []
    var policy = RunPolicy()
    var dailyBudget: MicroUSD?
    /// Nanoseconds until which each part of the world is down.
    var downUntil: (database: Int64, provider: Int64, objects: Int64) = (0, 0, 0)
    /// When a database call last failed or took long.
    private(set) var databaseTroubleAt: Int64 = .min
    /// How often each place was passed.
    private var calls = [Int](repeating: 0, count: CallSite.allCases.count)
    private var points = [Int](repeating: 0, count: CrashPoint.ofRuns.count)
    private(set) var cells = [Int](repeating: 0, count: FaultCell.allCases.count)
    private(set) var crashes = [Int](repeating: 0, count: CrashPoint.ofRuns.count)
    /// What went wrong, in the order in which it did.
    private(set) var faults: [SimulatedFault] = []
    private(set) var staged: [StagedFault]
    /// How often operators were told what.
    var alerts: [String: Int] = [:]
    var lateWritesRefused = 0
    /// Rings of the doorbells.
    var bells = 0
    var isOver = false
    /// A crash point at which the next process to pass it dies or freezes, after so many that may.
    var ambush: (point: CrashPoint, passes: Int, freezes: Bool)?
    /// Every worker process that there ever was.
    var fleet: [SimulatedProcess] = []
    var onDeath: (SimulatedProcess) -> Void = { _ in }
    /// From which the fate of every generation follows.
    let planSeed: UInt64
    /// From which it follows which fault strikes where.
    private let faultSeed: UInt64
    private let start: Double

    init(_ simulation: Simulation) {
        self.simulation = simulation
        var dice = SplitMix64(seed: simulation.seed)
        executor = SeededExecutor(seed: dice.next())
        weather = Weather(&dice, isCalm: simulation.isCalm)
        // Any time of the day, so that some runs cross midnight.
        start = 1_790_000_000 + (dice.unit() * 86_400_000).rounded() / 1_000
        planSeed = dice.next()
        faultSeed = dice.next()
        self.dice = dice
        staged = simulation.staged
        trace = Trace(isKept: simulation.isTraced)
    }

    var mutant: Mutant? { simulation.mutant }

    /// The database's clock, in whole milliseconds.
    var now: Date { date(at: time.nanoseconds) }

    func date(at nanoseconds: Int64) -> Date {
        Date(timeIntervalSince1970: ((start * 1_000).rounded() + Double(nanoseconds / 1_000_000)) / 1_000)
    }

    /// Whether the time of trouble is over.
    var isCalm: Bool { time.nanoseconds >= .seconds(weather.calmAfter) }

    func note(_ word: Int, _ text: @autoclosure () -> String) {
        trace.note(time.nanoseconds, UInt64(truncatingIfNeeded: word), text())
    }

    func cover(_ cell: FaultCell) { cells[cell.index] += 1 }

    // MARK: Faults

    /// The dice that decide whether something strikes a place for the how many-th time.
    func faultDice(_ place: SimulatedFault.Place, _ number: Int) -> SplitMix64 {
        SimulatedFault.dice(faultSeed, place, number)
    }

    /// Notes a fault that strikes; false when this history leaves it out.
    func strikes(_ place: SimulatedFault.Place, _ number: Int, _ kind: SimulatedFault.Kind) -> Bool {
        let fault = SimulatedFault(place: place, number: number, kind: kind)
        if let only = simulation.only, !only.contains(fault) { return false }
        faults.append(fault)
        return true
    }

    // MARK: Calls

    /// The way to the world: what becomes of a call.
    ///
    /// A cancelled task breaks the call off where `isBroken` says so.
    func enter(_ site: CallSite, _ process: SimulatedProcess, isBroken: Bool = false) async -> Verdict {
        if process.isHeld { await process.gate() }
        guard !isOver else { return .failsBefore }
        var (verdict, wait) = fate(of: site, process)
        if isBroken {
            do {
                try await time.sleep(for: .nanoseconds(wait))
            } catch {
                verdict = dice.chance(0.5) ? .failsBefore : .losesAnswer
            }
        } else {
            await time.pause(for: wait)
        }
        if process.isDead { await outlive(process) }
        if isOver || isDown(site) { verdict = .failsBefore }
        if site.isDatabase, verdict != .passes { databaseTroubleAt = time.nanoseconds }
        note(site.rawValue << 8 | verdict.rawValue << 4 | process.number, "\(process.name) \(site): \(verdict)")
        return verdict
    }

    /// What becomes of a call that was on its way when its process died: it never left, it arrives, or it arrives late.
    func outlive(_ process: SimulatedProcess) async {
        switch dice.unit() {
        case ..<0.4: await process.gate()
        case ..<0.7: break
        default:
            await time.pause(for: .seconds(dice.skewed(0...300)))
            cover(.callLate)
        }
    }

    /// The way back.
    func leave(_ site: CallSite, _ process: SimulatedProcess) async {
        if dice.chance(0.2) { await time.pause(for: latency(site, isSlow: false) / 2) }
        if process.isHeld { await process.gate() }
    }

    private func fate(of site: CallSite, _ process: SimulatedProcess) -> (Verdict, wait: Int64) {
        let staged = process.takeStagedVerdict()
        calls[site.rawValue] += 1
        let number = calls[site.rawValue]
        var fateDice = faultDice(.call(site), number)
        let wait = wait(site, number, &fateDice)
        if let staged { return (staged, wait) }
        guard !isCalm else { return (.passes, wait) }
        let index = site.rawValue
        if fateDice.chance(weather.fails[index]) {
            return (strikes(.call(site), number, .failsBefore) ? .failsBefore : .passes, wait)
        }
        if site == .put, fateDice.chance(weather.landsLate) {
            return (strikes(.call(site), number, .landsLate) ? .landsLate : .passes, wait)
        }
        if fateDice.chance(weather.losesAnswer[index]) {
            return (strikes(.call(site), number, .losesAnswer) ? .losesAnswer : .passes, wait)
        }
        return (.passes, wait)
    }

    private func wait(_ site: CallSite, _ number: Int, _ fateDice: inout SplitMix64) -> Int64 {
        let isSlow = !isCalm && fateDice.chance(weather.slow[site.rawValue])
        guard isSlow, strikes(.call(site), number, .takesLong) else { return latency(site, isSlow: false) }
        if site.isDatabase { databaseTroubleAt = time.nanoseconds }
        if site == .fetch { cover(.fetchSlow) }
        return latency(site, isSlow: true)
    }

    /// The fate of the next paid call, and how long it is under way.
    ///
    /// `isFirst` says that nothing was made for this run yet.
    func submitFate(_ process: SimulatedProcess, isFirst: Bool) -> (SubmitFate, wait: Int64) {
        let site = CallSite.submit
        let staged = process.takeStagedVerdict()
        calls[site.rawValue] += 1
        let number = calls[site.rawValue]
        var fateDice = faultDice(.call(site), number)
        let wait = wait(site, number, &fateDice)
        if wait > .seconds(1) { cover(.submitSlow) }
        if case .answersDropped = simulation.story { return (isFirst ? .losesAnswer : .accepts, wait) }
        switch staged {
        case .failsBefore: return (.fails, wait)
        case .losesAnswer, .landsLate: return (.losesAnswer, wait)
        case .passes, nil: break
        }
        if isDown(site) {
            cover(.submitOutage)
            return (dice.chance(0.3) ? .fails : .refuses(ProviderError(.unavailable, "simulated outage")), wait)
        }
        guard !isCalm else { return (.accepts, wait) }
        func struck(_ kind: SimulatedFault.Kind, _ fate: SubmitFate) -> (SubmitFate, wait: Int64) {
            (strikes(.call(site), number, kind) ? fate : .accepts, wait)
        }
        if fateDice.chance(weather.fails[site.rawValue]) { return struck(.failsBefore, .fails) }
        if fateDice.chance(weather.losesAnswer[site.rawValue]) {
            let isEcho = fateDice.chance(weather.echoes) && strikes(.call(site), number, .comesTwice)
            return isEcho ? (.comesTwice, wait) : struck(.losesAnswer, .losesAnswer)
        }
        if fateDice.chance(weather.refuses) { return struck(.refuses, .refuses(.drawn(&fateDice))) }
        return (.accepts, wait)
    }

    private func latency(_ site: CallSite, isSlow: Bool) -> Int64 {
        if simulation.story == .everyPoint, site == .fetch { return .seconds(12) }
        return .seconds(dice.within(isSlow ? site.seconds.slow : site.seconds.usual))
    }

    func isDown(_ site: CallSite) -> Bool {
        let until =
            site.isDatabase
            ? downUntil.database
            : site.isProvider ? downUntil.provider : site.isObjects ? downUntil.objects : 0
        let isDown = time.nanoseconds < until
        if isDown, site.isDatabase { cover(.databaseDown) }
        return isDown
    }

    // MARK: Crash points

    func reached(_ point: CrashPoint, _ process: SimulatedProcess) async {
        if process.isHeld { await process.gate() }
        guard !isOver else { return }
        points[point.index] += 1
        let number = points[point.index]
        note(900 + point.index, "\(process.name) at \(point.rawValue)")
        if staged.first?.point == point {
            stage(staged.removeFirst(), on: process)
        } else if !isCalm {
            befall(process, at: point, number)
        }
        if process.isHeld { await process.gate() }
    }

    private func stage(_ fault: StagedFault, on process: SimulatedProcess) {
        note(950, "staged: \(fault)")
        switch fault.action {
        case .kill: kill(process, at: fault.point)
        case .dropBefore: process.stage(.failsBefore)
        case .dropAfter: process.stage(.losesAnswer)
        }
    }

    private func befall(_ process: SimulatedProcess, at point: CrashPoint, _ number: Int) {
        var fateDice = faultDice(.point(point), number)
        var dies = fateDice.chance(weather.kill)
        var freezes = fateDice.chance(weather.freeze)
        if let ambush, ambush.point == point {
            self.ambush?.passes -= 1
            if ambush.passes <= 0 {
                if ambush.freezes { freezes = true } else { dies = true }
                self.ambush = nil
            }
        }
        if dies, strikes(.point(point), number, .kills) {
            kill(process, at: point)
        } else if freezes, strikes(.point(point), number, .freezes) {
            if CrashPoint.aroundTheCall.contains(point) { cover(.submitFrozen) }
            freeze(process, for: fateDice.skewed(1...2_400))
        }
    }

    private func kill(_ process: SimulatedProcess, at point: CrashPoint) {
        crashes[point.index] += 1
        if let cell = point.cell { cover(cell) }
        kill(process)
    }

    func kill(_ process: SimulatedProcess) {
        guard process.state == .running || process.state == .frozen else { return }
        note(1_000 + process.number, "\(process.name) is killed")
        process.kill()
        onDeath(process)
    }

    func freeze(_ process: SimulatedProcess, for length: Double) {
        guard process.state == .running else { return }
        let until = min(time.nanoseconds + .seconds(length), .seconds(weather.calmAfter))
        note(1_100 + process.number, "\(process.name) is frozen for \(length) s")
        if until > time.nanoseconds + .seconds(30) { cover(.workerFrozen) }
        process.freeze()
        time.at(until) { [self] in
            note(1_200 + process.number, "\(process.name) thaws")
            process.thaw()
        }
    }
}

extension CrashPoint {
    /// Between the mark that precedes the paid call and the binding of what came of it.
    static let aroundTheCall: Set<CrashPoint> = [.sent, .halfWritten, .acceptedUnread, .readUnbound]

    /// What a death here is in the fault table.
    var cell: FaultCell? {
        switch self {
        case .validated: .acceptDies
        case .committedUnanswered: .answerDies
        case .sceneStored: .sourceOrphan
        case .sent, .halfWritten, .acceptedUnread, .readUnbound: .submitDies
        case .downloading, .downloaded: .fetchDies
        case .transcoding, .verified: .mediaDies
        case .midPut, .videoStored, .posterStored: .publishDies
        case .checking, .checked: .checkDies
        case .canceledUnrecorded, .deletedUnrecorded, .undoneUnmarked: .undoDies
        default: nil
        }
    }
}

extension FaultCell {
    /// Its place in the list of all.
    var index: Int { Self.places[self] ?? 0 }

    private static let places = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}

/// What becomes of one call that costs money.
enum SubmitFate {
    case accepts
    /// It is made, and nobody is told.
    case losesAnswer
    /// It is made twice, and nobody is told.
    case comesTwice
    /// Nothing is made, and nobody is told.
    case fails
    case refuses(ProviderError)

    var verdict: World.Verdict {
        switch self {
        case .accepts: .passes
        case .losesAnswer, .comesTwice: .losesAnswer
        case .fails, .refuses: .failsBefore
        }
    }

    var cell: FaultCell? {
        switch self {
        case .accepts: nil
        case .losesAnswer: .submitLost
        case .comesTwice: .submitTwice
        case .fails: .submitUnclear
        case .refuses(let error):
            switch error.kind {
            case .throttled: .submitThrottled
            case .unavailable: .submitUnavailable
            case .credentials, .credit: .submitDenied
            default: .submitRejected
            }
        }
    }
}

extension ProviderError {
    /// A refusal of one of the usual kinds.
    fileprivate static func drawn(_ dice: inout SplitMix64) -> ProviderError {
        let kinds: [Kind] = [
            .throttled, .throttled, .throttled, .unavailable, .unavailable, .unavailable, .credentials, .credit,
            .rejected, .missing, .sourceUnreadable,
        ]
        let kind = dice.pick(kinds)
        return ProviderError(
            kind,
            "simulated",
            retryAfter: kind == .throttled ? .seconds(dice.pick(1...60)) : nil
        )
    }
}
