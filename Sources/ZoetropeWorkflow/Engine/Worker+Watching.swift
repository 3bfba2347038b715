import Foundation
import Synchronization
import ZoetropeCore

/// What a worker counts, and what it tells the operators.
extension Worker {
    /// Does a step and notes how long it took.
    func measured(_ step: Step, _ body: () async throws -> RunEvent?) async throws -> RunEvent? {
        guard let metrics = environment.metrics else { return try await body() }
        let start = environment.time.uptime()
        do {
            let event = try await body()
            if let event {
                metrics.step(step.name, event.outcome, took: environment.time.uptime() - start)
            }
            return event
        } catch {
            metrics.step(step.name, .interrupted, took: environment.time.uptime() - start)
            throw error
        }
    }

    /// Measures a part of a step that comes to its end.
    func measured<Result>(part name: String, _ body: () async throws -> Result) async throws -> Result {
        let start = environment.time.uptime()
        let result = try await body()
        environment.metrics?.part(name, took: environment.time.uptime() - start)
        return result
    }

    /// Tells of a decision that has landed; `run` is as it was before.
    func tell(_ decision: Decision, after step: Step?, of run: Run, at now: Date) async {
        let outcome = decision.change.run.outcome
        if run.outcome == .ready, outcome != .ready { environment.metrics?.withdrawn() }
        if run.outcome != outcome { environment.metrics?.ended(decision.change.run) }
        for alert in decision.alerts { await environment.alert(alert) }
        if run.state == .checking, run.tries >= machine.policy.checksBeforeAlarm, decision.change.run.state != .checking
        {
            await environment.resolve("check_stuck", "a published video that could not be checked was")
        }
        guard case .undo(let undo) = step, now >= undo.createdAt + machine.policy.undoAlarm,
            decision.change.undos.contains(where: { $0.id == undo.id && $0.state == .done })
        else { return }
        await environment.resolve("undo_stuck", "an undo that had failed for long was done")
    }
}

/// The gates whose closing this process has told of.
final class Closings: Sendable {
    /// Our models are a few dozen.
    private static let most = 256
    private let keys = Mutex<Set<String>>([])

    func close(_ key: String) {
        keys.withLock { if $0.count < Self.most { $0.insert(key) } }
    }

    /// Notes that a gate is open; true when it was the last that was closed.
    func open(_ key: String) -> Bool {
        keys.withLock { $0.remove(key) != nil && $0.isEmpty }
    }
}

extension Step {
    /// A word for a label.
    fileprivate var name: String {
        switch self {
        case .begin: "begin"
        case .prepareInput: "prepare_input"
        case .admit: "admit"
        case .post: "post"
        case .find: "find"
        case .poll: "poll"
        case .cancel: "cancel"
        case .keepPart: "keep_part"
        case .finish: "finish"
        case .check: "check"
        case .undo: "undo"
        case .wait: "wait"
        }
    }
}

extension RunEvent {
    fileprivate var outcome: StepOutcome {
        switch self {
        case .begun, .inputPrepared, .admitted, .submitted(_, .accepted), .found, .polled(_, .found),
            .partKept,
            .finished, .checked, .undone, .cancelRequested, .deleted, .cancelAnswered(_, .found):
            .done
        case .heldBack, .notSent, .overBudget: .heldBack
        case .inputFailed, .submitted, .lookFailed, .polled, .cancelAnswered, .finishFailed, .checkFailed,
            .undoMissing, .undoFailed:
            .failed
        }
    }
}
