package import Foundation
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
    private let providers: Set<VideoModel.Provider>
    private let machine: RunMachine
    let chance: Chance
    let reduce: ImageReduction
    let reached: @Sendable (CrashPoint) async throws -> Void

    package init(
        _ environment: WorkerEnvironment,
        catalogue: ModelCatalogue,
        policy: RunPolicy,
        hasProvider: Bool,
        reduce: @escaping ImageReduction
    ) {
        store = environment.store
        objects = environment.objects
        scratch = environment.scratch
        chance = environment.chance
        reached = environment.reached
        self.catalogue = catalogue
        self.hasProvider = hasProvider
        providers = Set(environment.providers.keys)
        self.reduce = reduce
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
    ///   - limits: What the caller and the service may have under way and spend.
    ///   - id: The animation's identifier; nil for a new one.
    /// - Returns: The new animation, or the answer that the same idempotency key got before.
    /// - Throws: ``RequestError``, ``ServiceError``, ``RunStoreError``.
    package func createAnimation(
        _ order: AnimationOrder,
        of job: JobID,
        for caller: Caller,
        within limits: IntakeLimits = .none,
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
        return try await accept(order, params, of: job, isNew: false, source, for: caller, within: limits, id: id)
    }

    /// Accepts what an order was found to mean; a job that is new comes into being with it.
    func accept(
        _ order: AnimationOrder,
        _ params: AnimationParams,
        of job: Job,
        isNew: Bool,
        _ source: SourceImage,
        for caller: Caller,
        within limits: IntakeLimits,
        id: AnimationID? = nil
    ) async throws -> AcceptedAnimation {
        try await reached(.validated)
        let id = id ?? AnimationID(chance.uuid())
        let now = try await stamp()
        let attempt = AnimationAttempt(
            id: id,
            jobID: job.id,
            restoreID: order.restoreID,
            model: params.request.model.alias,
            params: AnimationParams.merging(order.notes, into: params.stored),
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
        let record = AnimationRecord(attempt: attempt, userID: job.userID, kind: job.kind, run: run.glance)
        let callback = order.callbackURL.map {
            Callback(id: chance.uuid(), animationID: id, userID: caller.userID, url: $0)
        }
        let intake = Intake(
            job: isNew ? job : nil,
            animation: AnimationIntake(attempt: attempt, run: run, userID: caller.userID, callback: callback),
            idempotency: order.idempotency?.key(of: caller, answer: { $0(record) }, at: now),
            limits: limits
        )
        let outcome = try await accept(intake) { try await store.attempt(id) != nil }
        try await reached(.committedUnanswered)
        switch outcome {
        case .accepted: return .new(record)
        case .replayed(let answer): return .replayed(answer)
        case .jobMissing: throw ServiceError.jobNotFound
        case .mismatched: throw ServiceError.idempotencyMismatch
        case .limited(let hit): throw ServiceError.limited(hit)
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

    /// The models that can be used here, the usual one for a kind of image first.
    package func offeredModels(first kind: JobKind) -> [VideoModel] {
        let usual = catalogue.defaultModel(for: kind, hasProvider: hasProvider)
        return [usual] + catalogue.models.filter { $0.alias != usual.alias && providers.contains($0.provider) }
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

    /// What deleting an animation means for its run; nil when that is at its end.
    package var deletion: @Sendable (Run, Date) -> RunChange? {
        { [machine] run, now in machine.decide(run, .deleted, at: now)?.change }
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
    /// What the service adds to the stored params, such as what the animation is a remix of.
    package var notes: [String: JSONValue]
    /// Who is told how it ended; it was checked.
    package var callbackURL: String?
    package var idempotency: Repeatable<AnimationRecord>?

    package init(
        restoreID: RestoreID? = nil,
        model: String? = nil,
        params: JSONValue? = nil,
        notes: [String: JSONValue] = [:],
        callbackURL: String? = nil,
        idempotency: Repeatable<AnimationRecord>? = nil
    ) {
        self.restoreID = restoreID
        self.model = model
        self.params = params
        self.notes = notes
        self.callbackURL = callbackURL
        self.idempotency = idempotency
    }

    /// The order that an animation came from, once more.
    package init(again attempt: AnimationAttempt) {
        self.init(
            restoreID: attempt.restoreID,
            model: attempt.model,
            params: attempt.params.map(AnimationParams.sentAgain)
        )
    }
}

/// A call that its caller may repeat: whoever sends the same key gets the first answer again.
package struct Repeatable<Made: Sendable>: Sendable {
    package let key: String
    /// Hash of the call.
    package let fingerprint: String
    /// The body of the answer to what was made.
    package let answer: @Sendable (Made) -> JSONValue
    /// How long the answer is kept.
    package var lifetime = Duration.seconds(86_400)
    /// Whether the call is known to be a new one, whatever the key stood for.
    package var replaces = false

    package init(key: String, fingerprint: String, answer: @escaping @Sendable (Made) -> JSONValue) {
        self.key = key
        self.fingerprint = fingerprint
        self.answer = answer
    }

    func key(
        of caller: Caller,
        answer: (@Sendable (Made) -> JSONValue) -> JSONValue,
        at now: Date
    ) -> IdempotencyKey {
        IdempotencyKey(
            userID: caller.userID,
            key: key,
            fingerprint: fingerprint,
            answer: answer(self.answer),
            expiresAt: now + lifetime,
            replaces: replaces
        )
    }
}

/// What an order came to.
package enum AcceptedAnimation: Sendable {
    case new(AnimationRecord)
    /// The answer to an earlier call with the same key.
    case replayed(JSONValue)
}

/// An order that cannot be taken, with the contract's words.
package enum ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is none, or it is another user's: the same words for both.
    case jobNotFound
    case restoreNotFound
    case animationNotFound
    case alreadyFinal
    case idempotencyMismatch
    case limited(LimitHit)
    case unknownModel(String, known: [String])

    package var description: String {
        switch self {
        case .jobNotFound: "Job not found"
        case .restoreNotFound: "Restore attempt not found"
        case .animationNotFound: "Animation not found"
        case .alreadyFinal: "The animation is already final"
        case .idempotencyMismatch: "The Idempotency-Key was used with another body"
        case .limited(let hit): hit.description
        case .unknownModel(let alias, let known):
            "Unknown model \"\(alias.prefix(80))\". Choose \(known.joined(separator: ", "))"
        }
    }
}

extension LimitHit: CustomStringConvertible {
    /// What ran out and when it comes back.
    package var description: String {
        switch self {
        case .active(let limit):
            "\(limit) \(limit == 1 ? "animation is" : "animations are") under way, as many as you may have at a time. "
                + "Wait until one is ready, or cancel one"
        case .daily(let limit, let until):
            "You have started \(limit) animations today, as many as you may in a day. Come back at \(until.minute)"
        case .dailyCost(let limit, let until):
            "Today's animations would cost more than your \(limit) US dollars a day. Come back at \(until.minute)"
        case .serviceDailyCost(let until):
            "The service's budget for paid generation is used up today. Come back at \(until.minute)"
        }
    }
}

extension Date {
    /// `2026-01-01 00:00 UTC`.
    fileprivate var minute: String {
        formatted(.iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: false))
            .prefix(16) + " UTC"
    }
}
