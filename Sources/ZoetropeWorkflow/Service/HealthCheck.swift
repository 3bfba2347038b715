import Synchronization

/// Asks whether something that the service needs is there, for everybody who wants to know at about the same time.
///
/// An answer is good for a second. A question that brings no answer in time counts as failed and is not asked again before
/// it has come to its end, so however often it is asked, one is under way.
package final class HealthCheck: Sendable {
    /// Why it failed, for operators; nil when all is well.
    package typealias Finding = String?

    private struct State {
        var isAsking = false
        var last: (finding: Finding, at: Duration)?
        var waiting: [Int: AsyncStream<Finding>.Continuation] = [:]
        var count = 0
    }

    /// `database` or `object_store`.
    package let name: String
    private let ask: @Sendable () async throws -> Void
    private let time: EngineTime
    private let deadline: Duration
    private let keep: Duration
    private let state = Mutex(State())

    package init(
        _ name: String,
        time: EngineTime = .system,
        deadline: Duration = .seconds(2),
        keep: Duration = .seconds(1),
        ask: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.time = time
        self.deadline = deadline
        self.keep = keep
        self.ask = ask
    }

    /// Returns within the deadline.
    package func finding() async -> Finding {
        let (answers, continuation) = AsyncStream.makeStream(
            of: Finding.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let (known, number, asks) = state.withLock { state -> (Finding?, Int, Bool) in
            if let last = state.last, time.uptime() - last.at < keep {
                return (.some(last.finding), 0, false)
            }
            state.count += 1
            state.waiting[state.count] = continuation
            defer { state.isAsking = true }
            return (nil, state.count, !state.isAsking)
        }
        if let known { return known }
        if asks {
            // Owned by nobody: it may hang for longer than anybody waits, and there is only one.
            Task { await self.askNow() }
        }
        let finding = await withTaskGroup(of: Finding?.self) { group in
            group.addTask {
                for await finding in answers { return .some(finding) }
                return nil
            }
            group.addTask { [time, deadline] in
                try? await time.sleep(deadline)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        state.withLock { $0.waiting[number] = nil }
        return finding ?? "no answer within \(deadline)"
    }

    private func askNow() async {
        let finding: Finding
        do {
            try await ask()
            finding = nil
        } catch {
            finding = "\(error)"
        }
        let waiting = state.withLock { state in
            state.isAsking = false
            state.last = (finding, time.uptime())
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for waiter in waiting {
            waiter.yield(finding)
            waiter.finish()
        }
    }
}
