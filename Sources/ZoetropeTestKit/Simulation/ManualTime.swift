/// Virtual time: it stands still while anything runs, and jumps to the next alarm when nothing does.
package final class ManualTime: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    private struct Alarm {
        let at: Int64
        let number: Int
        let ring: () -> Void
    }

    private var alarms: [Alarm] = []
    private var sleepers: [Int: UnsafeContinuation<Void, Never>] = [:]
    private var count = 0
    private var isOver = false
    /// Nanoseconds since the beginning.
    private(set) var nanoseconds: Int64 = 0

    package init() {}

    package var now: Duration { .nanoseconds(nanoseconds) }

    /// Calls `ring` when the time has come.
    package func at(_ time: Int64, _ ring: @escaping () -> Void) {
        count += 1
        push(Alarm(at: max(time, nanoseconds), number: count, ring: ring))
    }

    /// Waits; a cancellation ends it at once.
    ///
    /// Throws `CancellationError` when the task is cancelled.
    package func sleep(for duration: Duration) async throws {
        count += 1
        let number = count
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                guard !Task.isCancelled, !isOver else { return continuation.resume() }
                sleepers[number] = continuation
                push(Alarm(at: nanoseconds + duration.nanoseconds, number: number) { [self] in wake(number) })
            }
        } onCancel: {
            wake(number)
        }
        try Task.checkCancellation()
    }

    /// Waits, whatever becomes of the task.
    func pause(for nanoseconds: Int64) async {
        guard nanoseconds > 0, !isOver else { return }
        count += 1
        let number = count
        await withUnsafeContinuation { continuation in
            sleepers[number] = continuation
            push(Alarm(at: self.nanoseconds + nanoseconds, number: number) { [self] in wake(number) })
        }
    }

    /// Jumps to the next alarm and rings it.
    ///
    /// - Returns: Whether there was one.
    package func advance() -> Bool {
        guard let alarm = pop() else { return false }
        nanoseconds = max(nanoseconds, alarm.at)
        alarm.ring()
        return true
    }

    /// Ends every wait, now and later.
    func finish() {
        isOver = true
        alarms = []
        for number in sleepers.keys.sorted() { wake(number) }
    }

    private func wake(_ number: Int) {
        sleepers.removeValue(forKey: number)?.resume()
    }

    // MARK: A heap, the next alarm on top

    private func isBefore(_ left: Alarm, _ right: Alarm) -> Bool {
        (left.at, left.number) < (right.at, right.number)
    }

    private func push(_ alarm: Alarm) {
        alarms.append(alarm)
        var child = alarms.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(alarms[child], alarms[parent]) else { break }
            alarms.swapAt(child, parent)
            child = parent
        }
    }

    private func pop() -> Alarm? {
        guard !alarms.isEmpty else { return nil }
        alarms.swapAt(0, alarms.count - 1)
        let top = alarms.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < alarms.count && isBefore(alarms[child], alarms[least]) {
                least = child
            }
            guard least != parent else { break }
            alarms.swapAt(parent, least)
            parent = least
        }
        return top
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

extension Int64 {
    /// Seconds as nanoseconds.
    static func seconds(_ seconds: Double) -> Int64 { Int64(seconds * 1e9) }
}
