import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// One job that a client means to make, and what it was told about it.
final class JobPlan: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    let id: JobID
    let kind: JobKind
    let source: SourceImage
    var isAccepted = false
    var orders: [Order] = []

    init(id: JobID, kind: JobKind, source: SourceImage) {
        self.id = id
        self.kind = kind
        self.source = source
    }

    var onFailure: FailurePolicy { .standard(for: kind) }
}

/// One animation that a client orders, and everything that it was told about it.
final class Order: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    let job: JobPlan
    let request: AnimationRequest
    let key: String
    let startsAfter: Double
    /// Cancels so long after it was accepted.
    let cancelsAfter: Double?
    /// Each try to order it makes a new id, one of which is answered.
    var ids: [AnimationID] = []
    /// The id that the client was given.
    var answered: AnimationID?
    var wasRefused = false
    /// When a cancellation was answered with yes.
    var cancelledAt: Int64?
    /// A cancellation was answered with "too late".
    var wasTooLate = false
    /// What a read said, once it was final.
    var final: String?
    var isOver = false

    init(job: JobPlan, request: AnimationRequest, key: String, startsAfter: Double, cancelsAfter: Double?) {
        self.job = job
        self.request = request
        self.key = key
        self.startsAfter = startsAfter
        self.cancelsAfter = cancelsAfter
    }
}

/// Somebody who orders videos over a bad line and remembers every answer.
struct SimulatedClient: Sendable {
    let world: World
    let store: SimulatedRunStore
    let machine: RunMachine
    let chance: Chance

    /// Lives through one job with all its animations.
    func run(_ job: JobPlan) async {
        await world.time.pause(for: .seconds(job.orders[0].startsAfter))
        let record = Job(
            id: job.id,
            userID: "somebody",
            kind: job.kind,
            onFailure: job.onFailure,
            source: job.source,
            createdAt: world.now
        )
        while !job.isAccepted, !world.isOver {
            let outcome = try? await store.accept(Intake(job: record, idempotency: key("job-\(job.id)", "")))
            job.isAccepted = outcome != nil
            await world.time.pause(for: .seconds(world.dice.within(0...3)))
        }
        await withTaskGroup { group in
            for order in job.orders { group.addTask { await run(order) } }
        }
    }

    private func key(_ key: String, _ answer: String) -> IdempotencyKey {
        IdempotencyKey(
            userID: "somebody",
            key: key,
            fingerprint: key,
            answer: ["id": .string(answer)],
            expiresAt: world.now.addingTimeInterval(86_400)
        )
    }

    private func run(_ order: Order) async {
        defer { order.isOver = true }
        await world.time.pause(for: .seconds(order.startsAfter))
        while order.answered == nil, !order.wasRefused, !world.isOver {
            await place(order)
            await world.time.pause(for: .seconds(world.dice.within(0...4)))
        }
        guard let id = order.answered else { return }
        // Asked again with the same key, the answer is the same.
        if world.dice.chance(0.2) { await place(order) }
        let accepted = world.time.nanoseconds
        if let wait = order.cancelsAfter {
            await world.time.pause(for: .seconds(wait))
            await cancel(order, id)
        }
        while order.final == nil, !world.isOver, world.time.nanoseconds < accepted + .seconds(40_000) {
            await look(at: order, id)
            await world.time.pause(for: .seconds(world.dice.within(10...400)))
        }
        for _ in 0..<2 {
            await world.time.pause(for: .seconds(world.dice.within(1...300)))
            await look(at: order, id)
            if world.dice.chance(0.2) { await cancel(order, id) }
        }
    }

    private func place(_ order: Order) async {
        let id = AnimationID(chance.uuid())
        order.ids.append(id)
        let attempt = AnimationAttempt(
            id: id,
            jobID: order.job.id,
            model: order.request.model.alias,
            params: ["prompt": .string(order.request.prompt ?? "")],
            createdAt: world.now
        )
        let run = Run(
            id: id,
            jobID: order.job.id,
            request: order.request,
            source: order.job.source,
            onFailure: order.job.onFailure,
            createdAt: world.now
        )
        let intake = Intake(
            animation: AnimationIntake(attempt: attempt, run: run),
            idempotency: key(order.key, id.description)
        )
        guard let outcome = try? await store.accept(intake) else { return }
        let answer: AnimationID?
        switch outcome {
        case .accepted: answer = id
        case .replayed(let stored): answer = stored["id"]?.string.flatMap { AnimationID($0) }
        case .mismatched: return world.judge.fail("I3", "the same body was taken for another, key \(order.key)")
        case .jobMissing:
            order.wasRefused = true
            return
        }
        if let answered = order.answered, answered != answer {
            world.judge.fail("I3", "one key, two animations: \(answered) and \(answer?.description ?? "none")")
        }
        order.answered = answer
    }

    private func look(at order: Order, _ id: AnimationID) async {
        guard let run = try? await store.run(id), let outcome = run.outcome else { return }
        let seen = "\(outcome.rawValue) \(run.failure?.code.rawValue ?? "")"
        if let final = order.final, final != seen {
            world.judge.fail("I4", "\(id) was \"\(final)\" and is \"\(seen)\" now")
        }
        order.final = seen
    }

    private func cancel(_ order: Order, _ id: AnimationID) async {
        for _ in 0..<20 where !world.isOver {
            let machine = machine
            let asked = try? await store.amend(id) { run, now in
                machine.decide(run, .cancelRequested, at: now)?.change
            }
            guard let run = asked else {
                await world.time.pause(for: .seconds(world.dice.within(0...5)))
                continue
            }
            if run.failure?.code == .canceled {
                if order.wasTooLate { world.judge.fail("I8", "\(id) was at its end and is cancelled now") }
                order.cancelledAt = order.cancelledAt ?? world.time.nanoseconds
            } else {
                if order.cancelledAt != nil { world.judge.fail("I8", "\(id) was cancelled and is not any more") }
                order.wasTooLate = true
            }
            return
        }
    }
}
