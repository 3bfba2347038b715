import ZoetropeWorkflow

/// A process that can be killed or stopped: what it calls for and what comes back must pass its gate.
///
/// Code between two calls has no effect on the world, so a killed process is one whose calls never return.
final class SimulatedProcess: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    enum State { case running, frozen, dead, over }

    let name: String
    let number: Int
    /// Nanoseconds that its clock is ahead, and how much faster it runs.
    let clockAhead: Int64
    let clockRate: Double
    private(set) var state = State.running
    private(set) var wasEverFrozen = false
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    init(name: String, number: Int, clockAhead: Int64 = 0, clockRate: Double = 1) {
        self.name = name
        self.number = number
        self.clockAhead = clockAhead
        self.clockRate = clockRate
    }

    var isDead: Bool { state == .dead }

    /// Returns at once while the process runs, after the thaw when it is frozen, and never when it is dead.
    func gate() async {
        while state == .frozen || state == .dead {
            await withUnsafeContinuation { waiting.append($0) }
        }
    }

    func kill() {
        if state != .over { state = .dead }
    }

    func freeze() {
        guard state == .running else { return }
        state = .frozen
        wasEverFrozen = true
    }

    func thaw() {
        guard state == .frozen else { return }
        state = .running
        release()
    }

    /// Lets everything go, so that the tasks end.
    func finish() {
        state = .over
        release()
    }

    private func release() {
        let released = waiting
        waiting = []
        for continuation in released { continuation.resume() }
    }

    func uptime(_ time: ManualTime) -> Duration {
        .nanoseconds(clockAhead + Int64(Double(time.nanoseconds) * clockRate))
    }

    /// Waits by this process's clock.
    func sleep(_ duration: Duration, _ time: ManualTime) async throws {
        do {
            try await time.sleep(for: .nanoseconds(Int64(Double(duration.nanoseconds) / clockRate)))
        } catch {
            await gate()
            throw error
        }
        await gate()
    }
}
