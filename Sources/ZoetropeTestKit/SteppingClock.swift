import Synchronization

/// A clock on which sleeping takes no time: it notes how long was asked for, tells others, and stands at the deadline.
///
/// With a hook that moves a simulator's clock by as much, a client and a server share one time.
package final class SteppingClock: Clock, Sendable {
    /// A moment, counted from the clock's beginning.
    package struct Instant: InstantProtocol {
        package let offset: Duration

        package init(offset: Duration) {
            self.offset = offset
        }

        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleeps: [Duration] = []
    }

    private let state = Mutex(State())
    private let onSleep: @Sendable (Duration) async -> Void

    /// Creates a clock; `onSleep` is told of each sleep and awaited before the sleeper goes on.
    package init(onSleep: @escaping @Sendable (Duration) async -> Void = { _ in }) {
        self.onSleep = onSleep
    }

    package var now: Instant { state.withLock { $0.now } }
    package var minimumResolution: Duration { .zero }

    /// What was asked for so far, in order.
    package var sleeps: [Duration] { state.withLock { $0.sleeps } }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let duration = state.withLock { state in
            let duration = max(.zero, state.now.duration(to: deadline))
            state.now = max(state.now, deadline)
            state.sleeps.append(duration)
            return duration
        }
        await onSleep(duration)
    }
}
