import Foundation
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// What callers read, and what they want gone.
@Suite(.timeLimit(.minutes(2)))
struct ServiceStoreTests {
    private static let backends = [Backend.memory, .postgres]

    // MARK: Pages

    @Test(arguments: backends)
    func `jobs come in pages, newest first, filtered, and nobody else's`(backend: Backend) async throws {
        let store = try await backend.store()
        var ids: [JobID] = []
        for number in 0..<5 {
            let job = Job.sample(
                of: "ann",
                session: number < 2 ? "s1" : nil,
                kind: number == 4 ? .scene : .photo,
                // Two of them at the same moment.
                age: Double(5 - number / 2)
            )
            ids.append(job.id)
            #expect(try await store.accept(Intake(job: job)) == .accepted)
        }
        #expect(try await store.accept(Intake(job: .sample(of: "bob"))) == .accepted)
        var seen: [JobID] = []
        var place: PagePlace?
        repeat {
            let page = try await store.jobs(JobQuery(userID: "ann", after: place, limit: 2))
            seen += page.map(\.id)
            place = page.last.map { PagePlace(createdAt: $0.createdAt, id: $0.id.uuid) }
            if page.isEmpty { break }
        } while seen.count < 10
        #expect(seen.count == 5 && Set(seen) == Set(ids))
        #expect(seen.first == ids[4])
        let sessions = try await store.jobs(JobQuery(userID: "ann", sessionID: "s1", limit: 9))
        #expect(Set(sessions.map(\.id)) == Set(ids[..<2]))
        #expect(try await store.jobs(JobQuery(userID: "ann", kind: .scene, limit: 9)).map(\.id) == [ids[4]])
        #expect(try await store.jobs(JobQuery(userID: "bob", sessionID: "s1", limit: 9)).isEmpty)
        await store.close()
    }

    @Test(arguments: backends)
    func `animations come in both orders, from a place on, and only their owner's`(backend: Backend) async throws {
        let store = try await backend.store()
        var ids: [AnimationID] = []
        for number in 0..<4 { ids.append(try await store.order(by: "ann", age: Double(9 - number)).run.id) }
        let foreign = try await store.order(by: "bob").run.id
        let newest = try await store.animations(AnimationQuery(userID: "ann", limit: 3))
        #expect(newest?.map(\.attempt.id) == [ids[3], ids[2], ids[1]])
        let rest = try await store.animations(AnimationQuery(userID: "ann", after: ids[1], limit: 3))
        #expect(rest?.map(\.attempt.id) == [ids[0]])
        let oldest = try await store.animations(
            AnimationQuery(userID: "ann", isNewestFirst: false, after: ids[0], limit: 9)
        )
        #expect(oldest?.map(\.attempt.id) == [ids[1], ids[2], ids[3]])
        #expect(try await store.animations(AnimationQuery(userID: "ann", after: foreign, limit: 9)) == nil)
        await store.close()
    }

    @Test(arguments: backends)
    func `an animation shows its owner, its run and its cost`(backend: Backend) async throws {
        let store = try await backend.store()
        let order = try await store.order(by: "ann")
        let record = try #require(try await store.animation(order.run.id))
        #expect(record.userID == "ann" && record.kind == .photo && record.attempt == order.attempt)
        #expect(record.run == order.run.glance)
        let run = try #require(
            try await store.claim(ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)).runs.first
        )
        try await store.book(run, cost: 300_000)
        let later = try #require(try await store.animation(order.run.id)?.run)
        #expect(later.state == .generating && later.cost == MicroUSD(300_000) && later.version == 1)
        #expect(later.sentAt != nil)
        #expect(try await store.versions(of: [order.run.id, AnimationID(UUID())]) == [order.run.id: 1])
        #expect(try await store.animations(of: [order.run.jobID]).map(\.attempt.id) == [order.run.id])
        await store.close()
    }

    // MARK: Limits

    @Test(arguments: backends)
    func `limits are counted for each user, and told apart`(backend: Backend) async throws {
        let store = try await backend.store()
        let one = IntakeLimits(active: 1)
        #expect(try await store.tryOrder(by: "ann", within: one) == .accepted)
        #expect(try await store.tryOrder(by: "ann", within: one) == .limited(.active(limit: 1)))
        #expect(try await store.tryOrder(by: "bob", within: one) == .accepted)
        let daily = try await store.tryOrder(by: "ann", within: IntakeLimits(active: 9, daily: 1))
        guard case .limited(.daily(limit: 1, let until)) = daily else {
            Issue.record("\(daily)")
            return
        }
        #expect(until.timeIntervalSince1970.truncatingRemainder(dividingBy: 86_400) == 0 && until > Date())
        // The model costs 0.50 for each animation; one waits already.
        let cost = IntakeLimits(dailyCost: MicroUSD(999_999))
        guard case .limited(.dailyCost) = try await store.tryOrder(by: "ann", within: cost) else {
            Issue.record("the cost of what is waiting was not counted")
            return
        }
        #expect(try await store.tryOrder(by: "ann", within: IntakeLimits(dailyCost: MicroUSD(1_000_000))) == .accepted)
        // Three wait now, of two users.
        guard
            case .limited(.serviceDailyCost) = try await store.tryOrder(
                by: "eve",
                within: IntakeLimits(serviceDailyCost: MicroUSD(1_999_999))
            )
        else {
            Issue.record("the service's budget was not kept")
            return
        }
        await store.close()
    }

    @Test(arguments: [Backend.file, .postgres])
    func `of many orders at once no more than the limit are taken`(backend: Backend) async throws {
        let folder = try TemporaryFolder()
        let (database, store) = try await backend.databaseAndStore(in: folder)
        let outcomes = await withTaskGroup(of: IntakeOutcome?.self) { group in
            for _ in 0..<20 {
                group.addTask { try? await store.tryOrder(by: "ann", within: IntakeLimits(active: 3)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .accepted }.count == 3)
        #expect(outcomes.filter { $0 == .limited(.active(limit: 3)) }.count == 17)
        await store.close()
        await database.close()
    }

    @Test(arguments: backends)
    func `usage is the user's own, by day and month`(backend: Backend) async throws {
        let store = try await backend.store()
        _ = try await store.order(by: "ann")
        _ = try await store.order(by: "ann", age: 40 * 86_400)
        _ = try await store.order(by: "bob")
        let runs = try await store.claim(ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)).runs
        let users = Dictionary(
            uniqueKeysWithValues: try await store.animations(of: runs.map(\.jobID)).map { ($0.attempt.id, $0.userID) }
        )
        let mine = try #require(runs.first { users[$0.id] == "ann" && $0.createdAt > Date() - 86_400 })
        try await store.book(mine, cost: 250_000)
        try await store.end(mine.id, .ready)
        let usage = try await store.usage(of: "ann")
        #expect(usage.active == 1)
        #expect(usage.today == Usage.Tally(animations: 1, ready: 1, failed: 0, seconds: 6, cost: MicroUSD(250_000)))
        #expect(usage.month.animations == 1)
        #expect(try await store.usage(of: "nobody").month.animations == 0)
        await store.close()
    }

    // MARK: Idempotency

    @Test(arguments: backends)
    func `a key that replaces forgets what it stood for`(backend: Backend) async throws {
        let store = try await backend.store()
        func key(_ answer: JSONValue, replaces: Bool) -> IdempotencyKey {
            IdempotencyKey(
                userID: "ann",
                key: "k",
                fingerprint: "f",
                answer: answer,
                expiresAt: Date() + 60,
                replaces: replaces
            )
        }
        #expect(try await store.accept(Intake(job: .sample, idempotency: key("a", replaces: false))) == .accepted)
        #expect(
            try await store.accept(Intake(job: .sample, idempotency: key("b", replaces: false)))
                == .replayed(answer: "a")
        )
        #expect(try await store.accept(Intake(job: .sample, idempotency: key("c", replaces: true))) == .accepted)
        #expect(
            try await store.accept(Intake(job: .sample, idempotency: key("d", replaces: false)))
                == .replayed(answer: "c")
        )
        await store.close()
    }

    // MARK: Deleting

    @Test(arguments: backends)
    func `a job goes with its rows, its runs are cancelled, and its objects are noted`(backend: Backend) async throws {
        let store = try await backend.store()
        let order = try await store.order(by: "ann", callback: "https://example.com/hook")
        let job = order.run.jobID
        let restore = RestoreAttempt(
            id: RestoreID(UUID()),
            jobID: job,
            image: SourceImage(
                key: .restore(job, RestoreID(UUID()), .png),
                contentType: "image/png",
                size: FrameSize(width: 4, height: 3),
                byteCount: 1,
                sha256: ""
            ),
            createdAt: Date()
        )
        #expect(try await store.accept(Intake(restore: restore)) == .accepted)
        let held = try #require(
            try await store.claim(ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9)).runs.first
        )
        #expect(try await !store.erase(job, of: "bob", cancel: cancelled))
        #expect(try await store.job(job) != nil)
        #expect(try await store.erase(job, of: "ann", cancel: cancelled))
        #expect(try await store.job(job) == nil)
        #expect(try await store.restore(restore.id) == nil)
        #expect(try await store.animation(order.run.id) == nil)
        #expect(try await store.run(order.run.id)?.failure?.code == .canceled)
        #expect(try await store.callback(of: order.run.id)?.state == .void)
        // Whoever worked on it has lost it.
        let late = RunChange(run: held, epoch: held.lease.epoch, releasesLease: true)
        #expect(try await store.commit([late], lease: .seconds(60), dailyBudget: nil) == [held.id: .lost])
        #expect(try await !store.erase(job, of: "ann", cancel: cancelled))

        let due = try await store.claimDeletions(9, lease: .seconds(60))
        #expect(
            Set(due.map(\.key)) == [
                order.run.source.key, restore.image.key, .video(job, order.run.id), .hdVideo(job, order.run.id),
                .poster(job, order.run.id),
            ]
        )
        #expect(due.allSatisfy { $0.tries == 1 })
        #expect(try await store.claimDeletions(9, lease: .seconds(60)).isEmpty)
        try await store.finishDeletions(due.dropFirst().map(\.key))
        try await store.postponeDeletion(due[0].key, by: .zero, because: "not now")
        #expect(try await store.claimDeletions(9, lease: .seconds(60)) == [ObjectDeletion(key: due[0].key, tries: 2)])
        #expect(try await store.overview().deletions == 1)
        await store.close()
    }

    @Test(arguments: backends)
    func `one animation goes alone`(backend: Backend) async throws {
        let store = try await backend.store()
        let order = try await store.order(by: "ann")
        let second = try await store.order(again: order)
        #expect(try await !store.erase(second.run.id, of: order.run.jobID, by: "bob", cancel: cancelled))
        #expect(try await !store.erase(second.run.id, of: JobID(UUID()), by: "ann", cancel: cancelled))
        #expect(try await store.erase(second.run.id, of: order.run.jobID, by: "ann", cancel: cancelled))
        #expect(try await store.animations(of: [order.run.jobID]).map(\.attempt.id) == [order.run.id])
        #expect(try await store.run(order.run.id)?.outcome == nil)
        #expect(try await store.claimDeletions(9, lease: .seconds(60)).count == 3)
        await store.close()
    }

    // MARK: Callbacks

    @Test(arguments: backends)
    func `a callback is due with the end of its run, and has one owner at a time`(backend: Backend) async throws {
        let store = try await backend.store()
        let order = try await store.order(by: "ann", callback: "https://example.com/hook")
        #expect(try await store.callback(of: order.run.id)?.state == .waiting)
        #expect(try await store.claimCallbacks(9, lease: .seconds(60)).isEmpty)
        try await store.end(order.run.id, .failed)
        let first = try #require(try await store.claimCallbacks(9, lease: .zero).first)
        #expect(
            first.state == .due && first.tries == 1 && first.url == "https://example.com/hook" && first.userID == "ann"
        )
        #expect(first.endedAt != nil)
        // Its lease is over: somebody else has it, and the first one's news come too late.
        let second = try #require(try await store.claimCallbacks(9, lease: .seconds(60)).first)
        #expect(second.id == first.id && second.tries == 2)
        try await store.settle(first.after(.delivered(status: 200), unit: 0, now: Date()))
        #expect(try await store.callback(of: order.run.id)?.state == .due)
        let now = try await store.nextWake().now
        try await store.settle(second.after(.failed(status: 500, detail: "no", retryAfter: nil), unit: 0, now: now))
        let waiting = try #require(try await store.callback(of: order.run.id))
        #expect(waiting.lastStatus == 500 && waiting.wakeAt == now + .seconds(300))
        #expect(try await store.claimCallbacks(9, lease: .seconds(60)).isEmpty)
        #expect(try await store.overview().callbacks == [.due: 1])
        await store.close()
    }

    @Test(arguments: backends)
    func `a withdrawn video recalls its callback, which then tells the next end under another id`(
        backend: Backend
    ) async throws {
        let store = try await backend.store()
        for wasDelivered in [true, false] {
            let id = try await store.order(by: "ann", callback: "https://example.com/hook").run.id
            try await store.publish(id, edition: 1)
            #expect(try await store.animation(id)?.run?.state == .checking)
            let first = try #require(try await store.claimCallbacks(9, lease: .seconds(60)).first)
            let delivered = first.after(.delivered(status: 200), unit: 0, now: Date())
            if wasDelivered { try await store.settle(delivered) }

            let recall = UUID()
            try await store.withdraw(id, recall: recall)
            #expect(try await store.animation(id)?.attempt.status == .pending)
            let recalled = try #require(try await store.callback(of: id))
            #expect(recalled.id == recall && recalled.state == .waiting && recalled.tries == 0)
            #expect(recalled.endedAt == nil && recalled.lastStatus == nil && recalled.wakeAt == nil)
            // News of the message that was recalled.
            try await store.settle(delivered)
            #expect(try await store.callback(of: id) == recalled)
            #expect(try await store.claimCallbacks(9, lease: .seconds(60)).isEmpty)

            try await store.publish(id, edition: 2)
            let second = try #require(try await store.claimCallbacks(9, lease: .seconds(60)).first)
            #expect(second.id == recall && second.tries == 1 && second.endedAt != nil)
            try await store.settle(second.after(.delivered(status: 200), unit: 0, now: Date()))
        }
        await store.close()
    }

    @Test(arguments: backends)
    func `a callback that nobody wants is not recalled, and one change may recall and end`(backend: Backend)
        async throws
    {
        let store = try await backend.store()
        let id = try await store.order(by: "ann", callback: "https://example.com/hook").run.id
        try await store.publish(id, edition: 1)
        let first = try #require(try await store.claimCallbacks(9, lease: .seconds(60)).first)
        let recall = UUID()
        _ = try await store.amend(id) { run, _ in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            change.run.version += 1
            change.run.state = .compensating
            change.run.outcome = .failed
            change.run.checkAt = nil
            change.recall = recall
            change.attempt = AttemptChange(previewS3Key: AnimationAttempt.failedKey)
            return change
        }
        let failed = try #require(try await store.claimCallbacks(9, lease: .seconds(60)).first)
        #expect(failed.id == recall && failed.id != first.id && failed.tries == 1)
        try await store.settle(failed.after(.gone, unit: 0, now: Date()))
        try await store.withdraw(id, recall: UUID())
        #expect(try await store.callback(of: id)?.state == .void)
        #expect(try await store.callback(of: id)?.id == recall)
        await store.close()
    }

    @Test(arguments: backends)
    func `deleting ends a check, and takes the objects of every edition that callers know`(
        backend: Backend
    ) async throws {
        let store = try await backend.store()
        let run = try await store.order(by: "ann").run
        try await store.publish(run.id, edition: 2)
        #expect(try await store.overview().runs[.checking] == 1)
        let held = try #require(
            try await store.claim(ClaimOrder(owner: "w", lease: .seconds(60), light: 9, heavy: 9, checks: 9)).runs.first
        )
        #expect(held.state == .checking && held.edition == 2)
        let deleted: @Sendable (Run, Date) -> RunChange? = { run, now in
            RunMachine(policy: RunPolicy(), traits: [], chance: .system).decide(run, .deleted, at: now)?.change
        }
        #expect(try await store.erase(run.id, of: run.jobID, by: "ann", cancel: deleted))
        let ended = try #require(try await store.run(run.id))
        #expect(ended.state == .done && ended.checkAt == nil && ended.outcome == .ready)
        let late = RunChange(run: held, epoch: held.lease.epoch, releasesLease: true)
        #expect(try await store.commit([late], lease: .seconds(60), dailyBudget: nil) == [held.id: .lost])
        let keys = try await store.claimDeletions(9, lease: .seconds(60)).map(\.key)
        #expect(
            Set(keys) == [
                .video(run.jobID, run.id), .hdVideo(run.jobID, run.id), .poster(run.jobID, run.id),
                .video(run.jobID, run.id, edition: 2), .poster(run.jobID, run.id, edition: 2),
            ]
        )
        #expect(try await store.overview().runs[.checking] == 0)
        await store.close()
    }

    @Test(arguments: backends)
    func `what is being checked does not expire, and a withdrawn run keeps its place in the store`(
        backend: Backend
    ) async throws {
        let store = try await backend.store()
        let run = try await store.order(by: "ann", age: 90 * 86_400).run
        let cutoff = Date() - 80 * 86_400
        try await store.publish(run.id, edition: 1)
        #expect(try await store.expired(by: cutoff).rows.animations == 0)
        let part = ObjectKey.temporary(run.id, epoch: 0, file: "part-0.mp4")
        #expect(try await store.standing(of: [part]) == [part: .allowed])
        try await store.withdraw(run.id, recall: UUID())
        let next = ObjectKey.video(run.jobID, run.id, edition: 2)
        #expect(try await store.standing(of: [next, part]) == [next: .allowed, part: .allowed])
        let withdrawn = try #require(try await store.run(run.id))
        #expect(withdrawn.state == .finishing && withdrawn.edition == 2 && withdrawn.video == nil)
        try await store.publish(run.id, edition: 2)
        let old = ObjectKey.video(run.jobID, run.id)
        #expect(try await store.standing(of: [next, old]) == [next: .required, old: .unnamed])
        let page = try await store.named(on: .animations, after: nil, limit: 9)
        #expect(page.objects.map(\.key) == [next, .poster(run.jobID, run.id, edition: 2)].sorted { $0.precedes($1) })
        try await store.end(run.id, .ready)
        #expect(try await store.expired(by: cutoff).rows.animations == 1)
        await store.close()
    }

    @Test func `a callback is given up after eight tries, ends at once when it is taken or not wanted`() {
        var callback = Callback(id: UUID(), animationID: AnimationID(UUID()), userID: "a", url: "u", state: .due)
        let now = Date(timeIntervalSince1970: 1_000)
        var waits: [Double] = []
        for number in 1...8 {
            callback.tries = number
            let next = callback.after(.failed(status: nil, detail: "x", retryAfter: nil), unit: 0, now: now)
            if number < 8 {
                #expect(next.state == .due)
                waits.append(next.wakeAt?.timeIntervalSince(now) ?? -1)
            } else {
                #expect(next.state == .exhausted && next.wakeAt == nil && next.lastError == "x")
            }
        }
        #expect(waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000])
        #expect(callback.after(.delivered(status: 204), unit: 0, now: now).state == .delivered)
        #expect(callback.after(.gone, unit: 0, now: now).state == .void)
    }

    // MARK: News

    @Test(arguments: backends)
    func `the end of a run rings for those who wait for news`(backend: Backend) async throws {
        let store = try await backend.store()
        let order = try await store.order(by: "ann")
        let changes = store.changes()
        try await store.end(order.run.id, .ready)
        var isRung = false
        for await _ in changes {
            isRung = true
            break
        }
        #expect(isRung)
        await store.close()
    }

    @Test func `the end of a run rings in another process`() async throws {
        let url = try await TestPostgres.shared().makeDatabase()
        let here = try await SQLRunStore.postgres(url: url, connections: 2, logger: .silent)
        let there = try await SQLRunStore.postgres(url: url, connections: 2, logger: .silent)
        let order = try await here.order(by: "ann")
        var rings = there.changes().makeAsyncIterator()
        // The first ring says that listening has begun.
        await rings.next()
        try await here.end(order.run.id, .ready)
        await rings.next()
        await there.close()
        await here.close()
    }
}

private let cancelled: @Sendable (Run, Date) -> RunChange? = { run, now in
    RunMachine(policy: RunPolicy(), traits: [], chance: .system).decide(run, .cancelRequested, at: now)?.change
}

extension Job {
    fileprivate static func sample(
        of user: String,
        session: String? = nil,
        kind: JobKind = .photo,
        age: Double = 0
    ) -> Job {
        var job = Job.sample
        job.userID = user
        job.sessionID = session
        job.kind = kind
        job.createdAt = (Date() - age).roundedToMilliseconds
        return job
    }
}

extension SQLRunStore {
    /// An animation of a new job, by a model that costs 0.50.
    fileprivate func order(by user: String, age: Double = 0, callback: String? = nil) async throws -> AnimationIntake {
        let job = Job.sample(of: user, age: age)
        let animation = try Self.animation(of: job, callback: callback)
        #expect(try await accept(Intake(job: job, animation: animation)) == .accepted)
        return animation
    }

    fileprivate func order(again first: AnimationIntake) async throws -> AnimationIntake {
        let job = try #require(try await job(first.run.jobID))
        let animation = try Self.animation(of: job, callback: nil)
        #expect(try await accept(Intake(animation: animation)) == .accepted)
        return animation
    }

    fileprivate func tryOrder(by user: String, within limits: IntakeLimits) async throws -> IntakeOutcome {
        let job = Job.sample(of: user)
        let animation = try Self.animation(of: job, callback: nil)
        return try await accept(Intake(job: job, animation: animation, limits: limits))
    }

    private static func animation(of job: Job, callback: String?) throws -> AnimationIntake {
        let id = AnimationID(UUID())
        let model = try #require(ModelCatalogue.builtIn.named("replicate_video_01_live"))
        let run = Run(
            id: id,
            jobID: job.id,
            request: try AnimationRequest(model: model),
            source: job.source,
            onFailure: job.onFailure,
            createdAt: job.createdAt
        )
        return AnimationIntake(
            attempt: AnimationAttempt(id: id, jobID: job.id, model: model.alias, createdAt: job.createdAt),
            run: run,
            userID: job.userID,
            callback: callback.map { Callback(id: UUID(), animationID: id, userID: job.userID, url: $0) }
        )
    }

    /// Pays for a generation of a run in hand.
    fileprivate func book(_ run: Run, cost: Int64) async throws {
        let now = Date().roundedToMilliseconds
        var intent = PaidIntent(
            id: UUID(),
            animationID: run.id,
            part: 0,
            number: 1,
            tag: UUID().uuidString,
            provider: .replicate,
            model: "m",
            priceCap: MicroUSD(cost),
            createdAt: now
        )
        intent.state = .bound
        intent.sentAt = now
        intent.cost = MicroUSD(cost)
        var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
        change.run.state = .generating
        change.run.version += 1
        change.run.intents = [intent]
        change.intents = [intent]
        change.ledger = [LedgerEntry(id: UUID(), intent: intent, kind: .reserve, amount: MicroUSD(cost), at: now)]
        #expect(try await commit([change], lease: .seconds(60), dailyBudget: nil) == [run.id: .landed])
    }

    /// Publishes a run's video, which is then to be checked.
    fileprivate func publish(_ id: AnimationID, edition: Int) async throws {
        _ = try await amend(id) { run, now in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            let video = PublishedVideo(
                previewKey: .video(run.jobID, id, edition: edition),
                posterKey: .poster(run.jobID, id, edition: edition),
                size: FrameSize(width: 16, height: 9),
                seconds: 5,
                framesPerSecond: 30,
                byteCount: 1,
                sha256: "",
                posterByteCount: 1,
                posterSHA256: ""
            )
            change.run.state = .checking
            change.run.outcome = .ready
            change.run.video = video
            change.run.edition = edition
            change.run.wakeAt = nil
            change.run.checkAt = now
            change.run.version += 1
            change.attempt = AttemptChange(
                previewS3Key: video.previewKey.description,
                thumbS3Key: video.posterKey.description
            )
            return change
        }
    }

    /// Takes a published video back.
    fileprivate func withdraw(_ id: AnimationID, recall: UUID) async throws {
        _ = try await amend(id) { run, now in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            change.run.state = .finishing
            change.run.outcome = nil
            change.run.video = nil
            change.run.edition += 1
            change.run.wakeAt = now
            change.run.checkAt = nil
            change.run.version += 1
            change.recall = recall
            change.attempt = AttemptChange(previewS3Key: AnimationAttempt.pendingKey)
            return change
        }
    }

    fileprivate func end(_ id: AnimationID, _ outcome: RunOutcome) async throws {
        _ = try await amend(id) { run, _ in
            var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
            change.run.state = .done
            change.run.outcome = outcome
            change.run.wakeAt = nil
            change.run.checkAt = nil
            change.run.version += 1
            change.attempt = AttemptChange(
                previewS3Key: outcome == .ready ? "animations/x.mp4" : AnimationAttempt.failedKey
            )
            return change
        }
    }
}
