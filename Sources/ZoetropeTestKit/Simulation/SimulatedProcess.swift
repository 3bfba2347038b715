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
    /// Asks it to stop, as an update does.
    var stop: () -> Void = {}
    private var stagedVerdict: World.Verdict?
    /// Whoever waits for an answer of this process, in the order of asking.
    private var lines: [(number: Int, hangUp: () -> Void)] = []
    private var lineCount = 0

    init(name: String, number: Int, clockAhead: Int64 = 0, clockRate: Double = 1) {
        self.name = name
        self.number = number
        self.clockAhead = clockAhead
        self.clockRate = clockRate
    }

    var isDead: Bool { state == .dead }
    /// Whether its gate is closed.
    var isHeld: Bool { state == .frozen || state == .dead }

    /// Returns at once while the process runs, after the thaw when it is frozen, and never when it is dead.
    func gate() async {
        while isHeld {
            await withUnsafeContinuation { waiting.append($0) }
        }
    }

    func kill() {
        guard state != .over else { return }
        state = .dead
        hangUp()
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
        hangUp()
        release()
    }

    private func release() {
        let released = waiting
        waiting = []
        for continuation in released { continuation.resume() }
    }

    // MARK: Being asked

    /// Does something in this process for a caller outside; nil when the process dies over it.
    func answer<Value: Sendable>(
        on executor: SeededExecutor,
        _ body: @escaping @Sendable () async -> Value
    ) async -> Value? {
        guard state == .running || state == .frozen else { return nil }
        lineCount += 1
        let number = lineCount
        let line = Line<Value>()
        lines.append((number, { line.end(nil) }))
        Task(executorPreference: executor) { line.end(await body()) }
        let value = await line.wait()
        lines.removeAll { $0.number == number }
        return value
    }

    private func hangUp() {
        let open = lines
        lines = []
        for line in open { line.hangUp() }
    }

    // MARK: Staged faults

    /// Decides what becomes of its next call.
    func stage(_ verdict: World.Verdict) { stagedVerdict = verdict }

    func takeStagedVerdict() -> World.Verdict? {
        defer { stagedVerdict = nil }
        return stagedVerdict
    }

    // MARK: Time

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
        if isHeld { await gate() }
    }
}

/// One answer that somebody waits for.
private final class Line<Value: Sendable>: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    private var waiter: UnsafeContinuation<Value?, Never>?
    private var isOver = false
    private var value: Value?

    func end(_ value: Value?) {
        guard !isOver else { return }
        isOver = true
        self.value = value
        waiter?.resume(returning: value)
        waiter = nil
    }

    func wait() async -> Value? {
        if isOver { return value }
        return await withUnsafeContinuation { waiter = $0 }
    }
}
