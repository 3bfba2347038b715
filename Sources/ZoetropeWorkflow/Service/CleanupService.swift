import Foundation
import Logging
import ZoetropeCore

/// The clean-up's schedule: every day at 03:00 UTC, in whichever process comes first.
///
/// Each process looks at the database's clock twice a minute. That is how a missed 03:00 is caught up, how a run whose process
/// died is taken over, and how a clock that jumps is noticed: then nothing is deleted until an operator says that the
/// clock is right.
package struct CleanupService: Sendable {
    private let cleanup: Cleanup
    private let store: any CleanupStore
    private let environment: WorkerEnvironment

    /// Between two looks.
    package static let period = Duration.seconds(30)

    /// What a process remembers from look to look.
    package struct Memory: Sendable {
        var reading: CleanupGuard.Reading?
        /// The UTC day on which the operators were last told that nothing is deleted.
        var toldDay: Int?
        var hasFailed = false

        package init() {}
    }

    package init(_ cleanup: Cleanup, _ environment: WorkerEnvironment, store: any CleanupStore) {
        self.cleanup = cleanup
        self.store = store
        self.environment = environment
    }

    /// Works until the task is cancelled.
    package func run() async {
        var memory = Memory()
        while !Task.isCancelled {
            await look(&memory)
            try? await environment.time.sleep(Self.period)
        }
    }

    /// Looks once, and cleans up if it is time.
    @discardableResult
    package func look(_ memory: inout Memory) async -> Cleanup.Outcome? {
        do {
            if let held = try await lookAtClock(&memory) {
                await tell(held, &memory)
                return .held(held)
            }
            if memory.toldDay != nil {
                memory.toldDay = nil
                await environment.resolve("cleanup_refused", "the clean-up deletes again")
            }
            guard let now = memory.reading?.database, let schedule = try await store.cleanupSchedule(),
                schedule.isDue(at: now)
            else { return .notDue }
            if let busy = schedule.runner(at: now) { return .busy(owner: busy.owner, until: busy.until) }
            let outcome = try await cleanup.run()
            if memory.hasFailed {
                memory.hasFailed = false
                await environment.resolve("cleanup_failed", "the clean-up goes on")
            }
            return outcome
        } catch  where Task.isCancelled {
            return nil
        } catch {
            memory.hasFailed = true
            await environment.alert(
                Alert(.warning, "cleanup_failed", "the clean-up stopped, and is tried again: \(error)", nil)
            )
            return nil
        }
    }

    /// Why nothing may be deleted; nil when all is well.
    private func lookAtClock(_ memory: inout Memory) async throws(RunStoreError) -> String? {
        let before = environment.time.uptime()
        let (held, now) = try await store.amendSchedule { (CleanupSchedule.look(&$0, at: $1), $1) }
        let reading = CleanupGuard.Reading(database: now, before: before, after: environment.time.uptime())
        let jump = memory.reading.flatMap { CleanupGuard.jump(from: $0, to: reading) }
        memory.reading = reading
        guard held == nil, let jump else { return held }
        return try await store.amendSchedule { schedule, _ in
            schedule?.heldReason = jump
            return jump
        }
    }

    private func tell(_ held: String, _ memory: inout Memory) async {
        let today = memory.reading.map { CleanupGuard.calendarDay(of: $0.database) } ?? 0
        guard memory.toldDay != today else { return }
        memory.toldDay = today
        let text = "nothing is cleaned up: \(held). If the clock is right, run zoetrope cleanup --confirm"
        await environment.alert(Alert(.critical, "cleanup_refused", text, nil))
    }
}
