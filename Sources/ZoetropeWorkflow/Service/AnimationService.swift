import Foundation
package import StrictJSON
package import ZoetropeCore

/// Takes orders: what the HTTP API and the command line do with jobs and animations.
///
/// What is accepted is in the database, flushed, before a call returns.
package struct AnimationService: Sendable {
    let store: any RunStore
    let objects: any ObjectStore
    let scratch: any Scratch
    private let catalogue: ModelCatalogue
    /// Whether a paid provider is configured.
    private let hasProvider: Bool
    private let machine: RunMachine
    let chance: Chance
    let write: @Sendable ([UInt8], _ path: String) throws -> Void
    let reached: @Sendable (CrashPoint) async throws -> Void

    package init(
        _ environment: WorkerEnvironment,
        catalogue: ModelCatalogue,
        policy: RunPolicy,
        hasProvider: Bool,
        write: @escaping @Sendable ([UInt8], _ path: String) throws -> Void
    ) {
        store = environment.store
        objects = environment.objects
        scratch = environment.scratch
        chance = environment.chance
        reached = environment.reached
        self.catalogue = catalogue
        self.hasProvider = hasProvider
        self.write = write
        machine = RunMachine(
            policy: policy,
            traits: environment.providers.values.map(\.traits),
            chance: environment.chance
        )
    }

    // MARK: Animations

    /// Accepts an animation of a job's image, or of a restored version of it.
    ///
    /// - Parameters:
    ///   - order: What is wanted.
    ///   - job: The job.
    ///   - caller: Whose job it is.
    ///   - id: The animation's identifier; nil for a new one.
    /// - Returns: The new row, or the answer that the same idempotency key got before.
    /// - Throws: ``RequestError``, ``ServiceError``, ``RunStoreError``.
    package func createAnimation(
        _ order: AnimationOrder,
        of job: JobID,
        for caller: Caller,
        id: AnimationID? = nil
    ) async throws -> AcceptedAnimation {
        let job = try await self.job(job, for: caller)
        var source = job.source
        if let restoreID = order.restoreID {
            guard let restore = try await store.restore(restoreID), restore.jobID == job.id else {
                throw ServiceError.restoreNotFound
            }
            source = restore.image
        }
        let model = try model(named: order.model, for: job.kind)
        let params = try AnimationParams(order.params, model: model, tier: caller.tier)
        try await reached(.validated)
        let id = id ?? AnimationID(chance.uuid())
        let now = try await stamp()
        let attempt = AnimationAttempt(
            id: id,
            jobID: job.id,
            restoreID: order.restoreID,
            model: model.alias,
            params: params.stored,
            createdAt: now
        )
        let run = Run(
            id: id,
            jobID: job.id,
            request: params.request,
            source: source,
            onFailure: job.onFailure,
            createdAt: now
        )
        let key = order.idempotency.map { key in
            IdempotencyKey(
                userID: caller.userID,
                key: key.key,
                fingerprint: key.fingerprint,
                answer: .string(id.description),
                expiresAt: now + .seconds(86_400)
            )
        }
        let intake = Intake(animation: AnimationIntake(attempt: attempt, run: run), idempotency: key)
        let outcome = try await accept(intake) { try await store.attempt(id) != nil }
        try await reached(.committedUnanswered)
        switch outcome {
        case .accepted: return AcceptedAnimation(attempt: attempt, isNew: true)
        case .jobMissing: throw ServiceError.jobNotFound
        case .mismatched: throw ServiceError.idempotencyMismatch
        case .replayed(let answer):
            guard let id = answer.string.flatMap({ AnimationID($0) }), let first = try await store.attempt(id) else {
                throw ServiceError.animationNotFound
            }
            return AcceptedAnimation(attempt: first, isNew: false)
        }
    }

    /// Accepts, and finds out whether it was accepted when the database does not say.
    func accept(_ intake: Intake, isThere: () async throws -> Bool) async throws -> IntakeOutcome {
        do {
            return try await store.accept(intake)
        } catch let error where error.code == .commitUnknown {
            if try await isThere() { return .accepted }
            throw RunStoreError(.unavailable, error.detail)
        }
    }

    /// Accepts a request that was validated before, for an image of the caller's own.
    ///
    /// - Parameters:
    ///   - request: What is wanted.
    ///   - job: The job, which exists.
    /// - Returns: The animation's identifier.
    /// - Throws: ``RunStoreError``; ``ServiceError/jobNotFound``.
    package func accept(_ request: AnimationRequest, of job: Job) async throws -> AnimationID {
        let id = AnimationID(chance.uuid())
        let now = try await stamp()
        let attempt = AnimationAttempt(
            id: id,
            jobID: job.id,
            model: request.model.alias,
            params: .object([:]),
            createdAt: now
        )
        let run = Run(
            id: id,
            jobID: job.id,
            request: request,
            source: job.source,
            onFailure: job.onFailure,
            createdAt: now
        )
        let intake = Intake(animation: AnimationIntake(attempt: attempt, run: run))
        let outcome = try await accept(intake) { try await store.attempt(id) != nil }
        guard outcome == .accepted else { throw ServiceError.jobNotFound }
        return id
    }

    /// The model that is asked for by its alias, or the usual one.
    package func model(named alias: String?, for kind: JobKind) throws(ServiceError) -> VideoModel {
        guard let alias else { return catalogue.defaultModel(for: kind, hasProvider: hasProvider) }
        guard let model = catalogue.named(alias) else {
            throw .unknownModel(alias, known: catalogue.models.map(\.alias))
        }
        return model
    }

    package func animation(_ id: AnimationID, of job: JobID, for caller: Caller) async throws -> AnimationAttempt {
        _ = try await self.job(job, for: caller)
        guard let attempt = try await store.attempt(id), attempt.jobID == job else {
            throw ServiceError.animationNotFound
        }
        return attempt
    }

    package func animations(of job: JobID, for caller: Caller) async throws -> [AnimationAttempt] {
        _ = try await self.job(job, for: caller)
        return try await store.attempts(of: job)
    }

    /// What the engine knows of an animation: its step, cost and times; nil when the engine never had it.
    package func run(_ id: AnimationID) async throws -> Run? {
        try await store.run(id)
    }

    /// Cancels an animation: it has failed with `canceled` when this returns, and stays so.
    ///
    /// - Throws: ``ServiceError/alreadyFinal`` when it has ended another way; asking twice is fine.
    package func cancel(_ id: AnimationID) async throws {
        let run = try await store.amend(id) { [machine] run, now in
            machine.decide(run, .cancelRequested, at: now)?.change
        }
        guard let run else { throw ServiceError.animationNotFound }
        guard run.failure?.code == .canceled else { throw ServiceError.alreadyFinal }
        try await reached(.cancelCommitted)
    }

    /// Accepts a new animation with the source and params of another.
    package func retry(_ id: AnimationID, of job: JobID, for caller: Caller) async throws -> AcceptedAnimation {
        let first = try await animation(id, of: job, for: caller)
        let order = AnimationOrder(
            restoreID: first.restoreID,
            model: first.model,
            params: first.params.map(AnimationParams.sentAgain)
        )
        return try await createAnimation(order, of: job, for: caller)
    }

    /// Notes a verified webhook: a doorbell, whose prediction is then asked for.
    package func receive(_ id: String, tag: String, from provider: VideoModel.Provider) async throws -> WebhookOutcome {
        try await reached(.webhookVerified)
        let outcome = try await store.receive(
            ReceivedWebhook(id: id, provider: provider, tag: tag, receivedAt: try await stamp())
        )
        try await reached(.inboxCommitted)
        return outcome
    }

    /// The database's clock, by which runs are woken, in whole milliseconds: a host's own may be wrong.
    func stamp() async throws -> Date {
        try await store.nextWake().now.inWholeMilliseconds
    }
}

/// What a caller wants animated, and how.
package struct AnimationOrder: Sendable {
    package var restoreID: RestoreID?
    /// An alias; nil for the usual model.
    package var model: String?
    /// The API's `params`.
    package var params: JSONValue?
    /// The caller's key and the hash of its body.
    package var idempotency: (key: String, fingerprint: String)?

    package init(
        restoreID: RestoreID? = nil,
        model: String? = nil,
        params: JSONValue? = nil,
        idempotency: (key: String, fingerprint: String)? = nil
    ) {
        self.restoreID = restoreID
        self.model = model
        self.params = params
        self.idempotency = idempotency
    }
}

package struct AcceptedAnimation: Sendable {
    package let attempt: AnimationAttempt
    /// Whether it was accepted now, and not by an earlier call with the same idempotency key.
    package let isNew: Bool
}

/// An order that cannot be taken, with the contract's words.
package enum ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is none, or it is another user's: the same words for both.
    case jobNotFound
    case restoreNotFound
    case animationNotFound
    case alreadyFinal
    case idempotencyMismatch
    case unknownModel(String, known: [String])

    package var description: String {
        switch self {
        case .jobNotFound: "Job not found"
        case .restoreNotFound: "Restore attempt not found"
        case .animationNotFound: "Animation not found"
        case .alreadyFinal: "The animation is already final"
        case .idempotencyMismatch: "The Idempotency-Key was used with another body"
        case .unknownModel(let alias, let known):
            "Unknown model \"\(alias.prefix(80))\". Choose \(known.joined(separator: ", "))"
        }
    }
}
