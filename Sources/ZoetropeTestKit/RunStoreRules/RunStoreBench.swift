import Foundation
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// A store under test, and makers of what goes in.
struct RunStoreBench<Store: RunStore> {
    let store: Store

    init(_ store: Store) { self.store = store }

    /// Some seconds from now, in whole milliseconds.
    static func date(_ seconds: Double = 0) -> Date {
        Date(timeIntervalSince1970: ((Date().timeIntervalSince1970 + seconds) * 1_000).rounded(.down) / 1_000)
    }

    static func date(_ milliseconds: Int, after date: Date) -> Date {
        Date(timeIntervalSince1970: ((date.timeIntervalSince1970 * 1_000).rounded() + Double(milliseconds)) / 1_000)
    }

    static func image(_ key: ObjectKey) -> SourceImage {
        SourceImage(
            key: key,
            contentType: "image/jpeg",
            size: FrameSize(width: 1_200, height: 900),
            orientation: .rotated90,
            byteCount: 123_456,
            sha256: String(repeating: "ab", count: 32)
        )
    }

    static func job(user: String = "ann", kind: JobKind = .scene, at date: Date = date(-10)) -> Job {
        let id = JobID(UUID())
        return Job(
            id: id,
            userID: user,
            sessionID: "s 1",
            kind: kind,
            onFailure: .rollback,
            source: image(.source(id, .jpeg)),
            createdAt: date
        )
    }

    static func animation(of job: Job, at date: Date = date(-10), restore: RestoreAttempt? = nil) throws
        -> AnimationIntake
    {
        let id = AnimationID(UUID())
        let request = try AnimationRequest(
            model: #require(ModelCatalogue.builtIn.named("replicate_wan")),
            resolution: "1080p",
            prompt: "Grüße 👩‍👩‍👧 \"quoted\" \\ \n 50% 'x' $1",
            audio: true,
            seed: .max
        )
        let params: JSONValue = ["prompt": "sea", "own": [1, nil, 2.5, true], "duration": 5]
        return AnimationIntake(
            attempt: AnimationAttempt(
                id: id,
                jobID: job.id,
                restoreID: restore?.id,
                model: request.model.alias,
                params: params,
                createdAt: date
            ),
            run: Run(
                id: id,
                jobID: job.id,
                request: request,
                source: restore?.image ?? job.source,
                onFailure: job.onFailure,
                createdAt: date
            )
        )
    }

    /// Puts animations into the store, each with a job of its own; they become due in their order.
    @discardableResult
    func accept(_ count: Int = 1) async throws -> [AnimationIntake] {
        var intakes: [AnimationIntake] = []
        let first = Self.date(-100)
        for number in 0..<count {
            let job = Self.job()
            let animation = try Self.animation(of: job, at: Self.date(number, after: first))
            #expect(try await store.accept(Intake(job: job, animation: animation)) == .accepted)
            intakes.append(animation)
        }
        return intakes
    }

    func claim(_ light: Int = 100, heavy: Int = 100, by owner: String = "w1", lease: Duration = .seconds(60))
        async throws
        -> [Run]
    {
        try await store.claim(ClaimOrder(owner: owner, lease: lease, light: light, heavy: heavy)).runs
    }

    /// A new run in the hands of `w1`.
    func claimedRun() async throws -> Run {
        let id = try await accept()[0].run.id
        return try #require(try await claim().first { $0.id == id })
    }

    @discardableResult
    func commit(_ changes: [RunChange], lease: Duration = .seconds(60), budget: MicroUSD? = nil) async throws
        -> [AnimationID: CommitOutcome]
    {
        try await store.commit(changes, lease: lease, dailyBudget: budget)
    }

    @discardableResult
    func commit(_ change: RunChange, lease: Duration = .seconds(60), budget: MicroUSD? = nil) async throws
        -> CommitOutcome?
    {
        try await commit([change], lease: lease, budget: budget)[change.run.id]
    }

    /// Calls until something is there; the time that passes is the machine's.
    @discardableResult
    func eventually<Value>(_ body: () async throws -> Value?) async throws -> Value {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            if let value = try await body() { return value }
            try await Task.sleep(for: .milliseconds(1))
        }
        return try #require(nil as Value?, "nothing came in 20 s")
    }

    /// The code of the error that a call throws.
    func code(_ body: () async throws -> Void) async -> RunStoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? RunStoreError)?.code
        }
    }
}

extension RunChange {
    /// The next version of a run that somebody holds.
    init(_ run: Run, releases: Bool = false, _ body: (inout RunChange) -> Void = { _ in }) {
        self.init(run: run, epoch: run.lease.epoch, releasesLease: releases)
        self.run.version += 1
        body(&self)
    }

    /// Adds an intent to the run, with a price that is reserved.
    mutating func add(_ intent: PaidIntent, at date: Date) {
        run.intents.append(intent)
        intents.append(intent)
        guard intent.priceCap > .zero else { return }
        ledger.append(LedgerEntry(id: UUID(), intent: intent, kind: .reserve, amount: intent.priceCap, at: date))
    }
}

extension PaidIntent {
    /// The next intent of a run.
    init(of run: Run, cap: MicroUSD = .zero, tag: String? = nil) {
        self.init(
            id: UUID(),
            animationID: run.id,
            part: 0,
            number: run.intents.count + 1,
            tag: tag ?? UUID().uuidString,
            provider: .replicate,
            model: "wan-video/wan-2.5-i2v",
            priceCap: cap,
            createdAt: run.createdAt
        )
    }
}

extension UndoRecord {
    init(of run: Run, _ action: UndoAction, _ state: UndoState) {
        self.init(id: UUID(), animationID: run.id, action: action, createdAt: run.createdAt, state: state)
    }
}
