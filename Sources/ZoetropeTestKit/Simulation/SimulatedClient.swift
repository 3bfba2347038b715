import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// One job that a client means to make, and what it was told about it.
final class JobPlan: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    let number: Int
    let kind: JobKind
    var startsAfter = 0.0
    var wantsRestore = false
    var orders: [Order] = []
    /// What the service answered.
    var id: JobID?
    var restoreID: RestoreID?

    init(number: Int, kind: JobKind) {
        self.number = number
        self.kind = kind
    }

    /// Each job has a user of its own, and all use the same idempotency keys.
    var caller: Caller { Caller(userID: "user-\(number)", tier: .paid) }
}

/// What becomes of an order's generations, where a story says so.
struct Generations {
    let starts: Double
    let takes: Double
    let end: ProviderWorld.End
    /// Seconds for which they are not in the list.
    var hidden = 0.0
}

/// One animation that a client orders, and everything that it was told about it.
final class Order: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    let job: JobPlan
    let model: VideoModel
    let seconds: Int?
    let key: String
    var startsAfter = 0.0
    /// Cancels so long after it was accepted.
    var cancelsAfter: Double?
    /// Cancels when the result is being made ready.
    var cancelsInWork = false
    var usesRestore = false
    var generations: Generations?
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

    init(job: JobPlan, model: VideoModel, seconds: Int?) {
        self.job = job
        self.model = model
        self.seconds = seconds
        key = "order-\(job.orders.count)"
    }
}

/// Somebody who orders videos over a bad line and remembers every answer.
struct SimulatedClient: Sendable {
    let world: World
    let chance: Chance
    /// Whoever takes orders now.
    let api: @Sendable () -> (process: SimulatedProcess, service: AnimationService)?

    /// What the service said.
    private enum Answer<Value: Sendable>: Sendable {
        case value(Value)
        case refused(ServiceError)
        /// An answer that says nothing about the order, or none at all.
        case unclear
    }

    private func ask<Value: Sendable>(
        _ question: @escaping @Sendable (AnimationService) async throws -> Value
    ) async -> Answer<Value> {
        guard let (process, service) = api() else { return .unclear }
        let answer = await process.answer(on: world.executor) { () async -> Answer<Value> in
            do {
                return .value(try await question(service))
            } catch let error as ServiceError {
                return .refused(error)
            } catch {
                return .unclear
            }
        }
        return world.isOver ? .unclear : answer ?? .unclear
    }

    /// Asks with the photo in a file, as the server does.
    private func upload<Value: Sendable>(
        _ question: @escaping @Sendable (AnimationService, _ file: String) async throws -> Value
    ) async -> Answer<Value> {
        await ask { [world] service in
            try await service.withUploadFolder { folder in
                world.files.write(0, to: "\(folder)/upload")
                return try await question(service, "\(folder)/upload")
            }
        }
    }

    /// Lives through one job with all its animations.
    func run(_ job: JobPlan) async {
        await world.time.pause(for: .seconds(job.startsAfter))
        let caller = job.caller
        let kind = job.kind
        while job.id == nil, !world.isOver {
            let answer = await upload { try await $0.createJob($1, for: caller, kind: kind) }
            if case .value(let row) = answer {
                job.id = row.id
            }
            await world.time.pause(for: .seconds(world.dice.within(0...60)))
        }
        guard let id = job.id else { return }
        while job.wantsRestore, job.restoreID == nil, !world.isOver {
            let answer = await upload { try await $0.createRestore($1, of: id, for: caller) }
            if case .value(let row) = answer {
                job.restoreID = row.id
            }
            await world.time.pause(for: .seconds(world.dice.within(0...60)))
        }
        await withTaskGroup { group in
            for order in job.orders { group.addTask { await run(order, of: id) } }
        }
    }

    private func run(_ order: Order, of job: JobID) async {
        defer { order.isOver = true }
        await world.time.pause(for: .seconds(order.startsAfter))
        while order.answered == nil, !order.wasRefused, !world.isOver {
            if world.dice.chance(0.15) {
                // Two at once, as an impatient user does.
                world.cover(.acceptTwins)
                await withTaskGroup { group in
                    for _ in 0..<2 { group.addTask { await place(order, of: job) } }
                }
            } else {
                await place(order, of: job)
            }
            await world.time.pause(for: .seconds(world.dice.within(0...4)))
        }
        guard let id = order.answered else { return }
        // Asked again with the same key, the answer is the same.
        if world.dice.chance(0.2) { await place(order, of: job) }
        if world.dice.chance(0.1) { await misplace(order, of: job) }
        let accepted = world.time.nanoseconds
        if let wait = order.cancelsAfter {
            await world.time.pause(for: .seconds(wait))
            await cancel(order, id)
        }
        if order.cancelsInWork { await cancelInWork(order, id) }
        while order.final == nil, !world.isOver, world.time.nanoseconds < accepted + .seconds(40_000) {
            await look(at: order, id)
            await world.time.pause(for: .seconds(world.dice.within(10...400)))
        }
        for _ in 0..<2 {
            await world.time.pause(for: .seconds(world.dice.within(1...300)))
            await look(at: order, id)
            if world.simulation.story == .seeded, !world.simulation.isObedient, world.dice.chance(0.2) {
                await cancel(order, id)
            }
        }
    }

    private func animation(_ order: Order, fingerprint: String) -> AnimationOrder {
        var params: [String: JSONValue] = ["prompt": "a calm sea"]
        if let seconds = order.seconds { params["duration"] = .integer(Int64(seconds)) }
        return AnimationOrder(
            restoreID: order.usesRestore ? order.job.restoreID : nil,
            model: order.model.alias,
            params: .object(params),
            idempotency: Repeatable(key: order.key, fingerprint: fingerprint) { record in
                ["id": .string(record.attempt.id.description), "job_id": .string(record.attempt.jobID.description)]
            }
        )
    }

    private func place(_ order: Order, of job: JobID) async {
        let id = AnimationID(chance.uuid())
        order.ids.append(id)
        let animation = animation(order, fingerprint: order.key)
        let caller = order.job.caller
        let answer = await ask { service in
            switch try await service.createAnimation(animation, of: job, for: caller, id: id) {
            case .new(let record): (record.attempt.id.description, record.attempt.jobID.description)
            case .replayed(let answer): (answer["id"]?.string ?? "", answer["job_id"]?.string ?? "")
            }
        }
        switch answer {
        case .value((let text, let jobText)):
            if jobText != job.description {
                world.judge.fail("I3", "\(order.key) was answered with another user's animation")
            }
            guard let id = AnimationID(text) else {
                world.judge.fail("I3", "\(order.key) was answered without an id")
                return
            }
            if let answered = order.answered, answered != id {
                world.judge.fail("I3", "one key, two animations: \(answered) and \(id)")
            }
            order.answered = id
        case .refused(.idempotencyMismatch):
            world.judge.fail("I3", "the same body was taken for another, key \(order.key)")
        case .refused:
            // The scene is gone, because another animation of it has failed for good.
            if order.answered == nil { order.wasRefused = true }
        case .unclear: break
        }
    }

    /// Orders something else with the same key.
    private func misplace(_ order: Order, of job: JobID) async {
        let animation = animation(order, fingerprint: "another body")
        let caller = order.job.caller
        world.cover(.acceptOtherBody)
        if case .value = await ask({ try await $0.createAnimation(animation, of: job, for: caller) }) {
            world.judge.fail("I3", "another body was taken under key \(order.key)")
        }
    }

    private func cancelInWork(_ order: Order, _ id: AnimationID) async {
        for _ in 0..<400 where !world.isOver {
            if case .value(let run?) = await ask({ try await $0.run(id) }) {
                if run.outcome != nil { return }
                if run.state == .finishing { return await cancel(order, id) }
            }
            await world.time.pause(for: .seconds(world.dice.within(0.5...3)))
        }
    }

    private func look(at order: Order, _ id: AnimationID) async {
        guard case .value(let run) = await ask({ try await $0.run(id) }) else { return }
        guard let run else { return world.judge.fail("I1", "\(id) was accepted and is not there") }
        // Until its check is over a video may be withdrawn.
        guard let outcome = run.outcome, run.state != .checking else { return }
        let seen = "\(outcome.rawValue) \(run.failure?.code.rawValue ?? "")"
        if let final = order.final, final != seen {
            world.judge.fail("I4", "\(id) was \"\(final)\" and is \"\(seen)\" now")
        }
        order.final = seen
    }

    private func cancel(_ order: Order, _ id: AnimationID) async {
        for _ in 0..<20 where !world.isOver {
            switch await ask({ try await $0.cancel(id) }) {
            case .value:
                if order.wasTooLate, !world.judge.withdrawn.contains(id) {
                    world.judge.fail("I8", "\(id) was at its end and is cancelled now")
                }
                order.cancelledAt = order.cancelledAt ?? world.time.nanoseconds
                return
            case .refused(.alreadyFinal):
                if order.cancelledAt != nil { world.judge.fail("I8", "\(id) was cancelled and is not any more") }
                order.wasTooLate = true
                return
            case .refused(let error):
                return world.judge.fail("I1", "\(id) was accepted and cannot be cancelled: \(error)")
            case .unclear:
                await world.time.pause(for: .seconds(world.dice.within(0...5)))
            }
        }
    }

    /// A PNG of 64 × 64 pixels, the smallest that is taken.
    static let photo: [UInt8] = {
        let text =
            "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQAAAACCEkxzAAAAEklEQVR42mNYBQUMo4xRBukMAJiiVBCrSgnEAAAAAElFTkSuQmCC"
        return Array(Data(base64Encoded: text) ?? Data())
    }()
}
