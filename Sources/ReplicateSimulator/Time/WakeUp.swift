import Synchronization

/// Wakes one waiting task, at a real time or when it is rung.
final class WakeUp: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
        /// The waiter wakes then by itself.
        var planned: Moment?
    }

    private let state = Mutex(State())

    /// Wakes the waiter, unless it wakes before a moment anyway.
    func ring(before moment: Moment) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let planned = state.planned, planned <= moment { return nil }
            state.isRung = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when it is rung, after a time, or when the task is cancelled.
    ///
    /// Without `realSeconds` only the ring counts.
    func wait(planned: Moment?, realSeconds: Double?) async {
        state.withLock { $0.planned = planned }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForRing() }
            if let realSeconds {
                // A day at most, so that no script can overflow it.
                group.addTask { try? await Task.sleep(for: .seconds(min(max(realSeconds, 0), 86_400))) }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForRing() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = state.withLock { state in
                    if state.isRung || Task.isCancelled {
                        state.isRung = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isRung { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
