import FoundationEssentials
import Synchronization

/// The virtual time of a simulator: real time at a speed, or time that is moved by hand.
package final class SimulatorClock: Sendable {
    /// What moves it.
    package enum Mode: Sendable, Hashable {
        /// Virtual seconds per real second, at least 1.
        case scaled(Double)
        /// Only ``ReplicateSimulator/ReplicateSimulator/advance(by:)``.
        case manual
    }

    package let mode: Mode
    private let epoch: Moment
    private let start = ContinuousClock.now
    private let state: Mutex<State>
    /// Told when a sleeper comes who must wake before the driver would look.
    let wakeUp = WakeUp()

    private struct State {
        var manualNow: Moment
        var agenda = BinaryHeap<Moment, Int>()
        var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
        /// Those whom ``SimulatorClock/poke()`` wakes.
        var pokeable: Set<Int> = []
        /// Sleepers that were cancelled before they lay down.
        var cancelled: Set<Int> = []
        var lastNumber = 0
    }

    /// A clock that begins at a moment.
    package init(mode: Mode, epoch: Moment) {
        self.mode = mode
        self.epoch = epoch
        state = Mutex(State(manualNow: epoch))
    }

    package var now: Moment {
        switch mode {
        case .scaled(let speed): epoch + (ContinuousClock.now - start).seconds * max(speed, 0.001)
        case .manual: state.withLock { $0.manualNow }
        }
    }

    /// The time that people outside go by: the real one, unless time is moved by hand.
    var outsideNow: Moment { mode == .manual ? now : Moment(Date()) }

    /// Real seconds until a moment.
    func realSeconds(until moment: Moment) -> Double {
        guard case .scaled(let speed) = mode else { return 0 }
        return max(0, moment - now) / max(speed, 0.001)
    }

    /// Returns at a moment, or with `isPokeable` when something changed; throws when the task is cancelled.
    func sleep(until moment: Moment, isPokeable: Bool = false) async throws {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let now = now
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    if moment <= now { return .success(()) }
                    state.sleepers[number] = continuation
                    state.agenda.insert(number, at: moment)
                    if isPokeable { state.pokeable.insert(number) }
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) } else { wakeUp.ring(before: moment) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.resume(throwing: CancellationError())
        }
        state.withLock { state in
            state.cancelled.remove(number)
            state.pokeable.remove(number)
        }
    }

    /// Wakes those who wait for a change.
    func poke() {
        let woken = state.withLock { state in
            let numbers = state.pokeable
            state.pokeable = []
            return numbers.compactMap { state.sleepers.removeValue(forKey: $0) }
        }
        for sleeper in woken { sleeper.resume() }
    }

    /// When the next sleeper wants to wake.
    var nextWake: Moment? {
        state.withLock { state in
            // Those who woke earlier are still in the agenda.
            while let (moment, number) = state.agenda.pop(through: Moment(nanoseconds: .max)) {
                guard state.sleepers[number] != nil else { continue }
                state.agenda.insert(number, at: moment)
                return moment
            }
            return nil
        }
    }

    /// Wakes the sleepers whose time has come.
    func wake(through moment: Moment) {
        let woken = state.withLock { state in
            var woken: [CheckedContinuation<Void, any Error>] = []
            while let (_, number) = state.agenda.pop(through: moment) {
                if let sleeper = state.sleepers.removeValue(forKey: number) { woken.append(sleeper) }
            }
            return woken
        }
        for sleeper in woken { sleeper.resume() }
    }

    /// Moves a manual clock forward; earlier moments change nothing.
    func set(_ moment: Moment) {
        state.withLock { $0.manualNow = max($0.manualNow, moment) }
    }
}
