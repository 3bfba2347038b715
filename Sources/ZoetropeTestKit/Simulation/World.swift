import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// What surrounds the processes of a simulation: time, chance, trouble, and a record of everything.
final class World: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    enum Verdict: Int { case passes, failsBefore, losesAnswer }

    let time = ManualTime()
    let executor: SeededExecutor
    let mutant: Mutant?
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
    /// By call site and verdict.
    var hits = [[Int]](repeating: [0, 0, 0], count: CallSite.allCases.count)
    var crashes = [Int](repeating: 0, count: CrashPoint.allCases.count)
    var lateWritesRefused = 0
    var isOver = false
    /// A crash point at which the next process to pass it dies, after so many that may.
    var ambush: (point: CrashPoint, passes: Int)?
    /// Every worker process that there ever was.
    var fleet: [SimulatedProcess] = []
    var onDeath: (SimulatedProcess) -> Void = { _ in }
    /// From which the fate of every generation follows.
    let planSeed: UInt64
    private let start: Double

    init(seed: UInt64, isCalm: Bool, mutant: Mutant?, isTraced: Bool) {
        var dice = SplitMix64(seed: seed)
        executor = SeededExecutor(seed: dice.next())
        weather = Weather(&dice, isCalm: isCalm)
        // Any time of the day, so that some runs cross midnight.
        start = 1_790_000_000 + (dice.unit() * 86_400_000).rounded() / 1_000
        planSeed = dice.next()
        self.mutant = mutant
        self.dice = dice
        trace = Trace(isKept: isTraced)
    }

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

    // MARK: Calls

    /// The way to the world: what becomes of a call.
    ///
    /// A cancelled task breaks the call off where `isBroken` says so.
    func enter(_ site: CallSite, _ process: SimulatedProcess, isBroken: Bool = false) async -> Verdict {
        await process.gate()
        guard !isOver else { return .failsBefore }
        var verdict = verdict(for: site)
        let wait = latency(site)
        if isBroken {
            do {
                try await time.sleep(for: .nanoseconds(wait))
            } catch {
                verdict = dice.chance(0.5) ? .failsBefore : .losesAnswer
            }
        } else {
            await time.pause(for: wait)
        }
        if process.isDead, dice.chance(0.5) {
            // The call had not left the process.
            await process.gate()
        }
        if isOver || isDown(site) { verdict = .failsBefore }
        hits[site.rawValue][verdict.rawValue] += 1
        note(site.rawValue << 8 | verdict.rawValue << 4 | process.number, "\(process.name) \(site): \(verdict)")
        return verdict
    }

    /// The way back.
    func leave(_ site: CallSite, _ process: SimulatedProcess) async {
        if dice.chance(0.2) { await time.pause(for: latency(site) / 2) }
        await process.gate()
    }

    private func verdict(for site: CallSite) -> Verdict {
        guard !isCalm else { return .passes }
        if dice.chance(weather.fails[site.rawValue]) { return .failsBefore }
        return dice.chance(weather.losesAnswer[site.rawValue]) ? .losesAnswer : .passes
    }

    func latency(_ site: CallSite) -> Int64 {
        let range = site.seconds
        if dice.chance(isCalm ? 0 : weather.slow[site.rawValue]) { return .seconds(dice.within(range.slow)) }
        return .seconds(dice.within(range.usual))
    }

    func isDown(_ site: CallSite) -> Bool {
        let until =
            site.isDatabase
            ? downUntil.database
            : site.isProvider ? downUntil.provider : site.isObjects ? downUntil.objects : 0
        return time.nanoseconds < until
    }

    // MARK: Crash points

    func reached(_ point: CrashPoint, _ process: SimulatedProcess) async {
        await process.gate()
        guard !isOver else { return }
        let index = CrashPoint.allCases.firstIndex(of: point) ?? 0
        note(900 + index, "\(process.name) at \(point.rawValue)")
        guard !isCalm else { return }
        var dies = dice.chance(weather.kill)
        if let ambush, ambush.point == point {
            self.ambush?.passes -= 1
            if ambush.passes <= 0 {
                dies = true
                self.ambush = nil
            }
        }
        if dies {
            crashes[index] += 1
            kill(process)
        } else if dice.chance(weather.freeze) {
            freeze(process)
        }
        await process.gate()
    }

    func kill(_ process: SimulatedProcess) {
        guard process.state == .running || process.state == .frozen else { return }
        note(1_000 + process.number, "\(process.name) is killed")
        process.kill()
        onDeath(process)
    }

    func freeze(_ process: SimulatedProcess) {
        guard process.state == .running else { return }
        let length = dice.skewed(1...2_400)
        note(1_100 + process.number, "\(process.name) is frozen for \(length) s")
        process.freeze()
        time.at(min(time.nanoseconds + .seconds(length), .seconds(weather.calmAfter))) { [self] in
            note(1_200 + process.number, "\(process.name) thaws")
            process.thaw()
        }
    }
}
