import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

extension RunStoreBench {
    // MARK: Ringing

    /// A run that waits, with an intent that waits, too.
    private func waitingRun(tag: String, until wakeAt: Date?) async throws -> Run {
        let run = try await claimedRun()
        let change = RunChange(run, releases: true) { change in
            change.run.wakeAt = wakeAt
            var intent = PaidIntent(of: run, tag: tag)
            intent.wakeAt = wakeAt
            change.add(intent, at: run.createdAt)
        }
        #expect(try await commit(change) == .landed)
        return change.run
    }

    func ringWhileWaiting() async throws {
        #expect(try await store.wake(tag: "nobody") == false)
        let run = try await waitingRun(tag: "t1", until: Self.date(3_600))
        let done = try await waitingRun(tag: "t2", until: nil)
        #expect(try await claim().isEmpty)
        #expect(try await store.wake(tag: "t1"))
        #expect(try await store.wake(tag: "t2"))
        let claimed = try await claim()
        #expect(Set(claimed.map(\.id)) == [run.id, done.id])
        for run in claimed {
            #expect(try #require(run.wakeAt).timeIntervalSinceNow < 1)
            #expect(run.version == 1)
        }
        // A ring does not make anything later.
        let early = try await claimedRun()
        let change = RunChange(early, releases: true) { change in
            change.add(PaidIntent(of: early, tag: "t3"), at: early.createdAt)
            change.run.wakeAt = Self.date(-50)
        }
        #expect(try await commit(change) == .landed)
        #expect(try await store.wake(tag: "t3"))
        #expect(try await store.run(early.id)?.wakeAt == change.run.wakeAt)
    }

    /// An intent that is searched for, watched or cancelled becomes due with its run.
    func ringOfIntents() async throws {
        let (past, later) = (Self.date(-5), Self.date(3_600))
        for state in IntentState.allCases {
            for wakeAt in [nil, past, later] {
                let run = try await claimedRun()
                let tag = "\(state) \(wakeAt?.description ?? "")"
                var intent = PaidIntent(of: run, tag: tag)
                (intent.state, intent.wakeAt) = (state, wakeAt)
                let change = RunChange(run) { $0.add(intent, at: run.createdAt) }
                #expect(try await commit(change) == .landed)
                #expect(try await store.wake(tag: tag))
                let rung = try await store.run(run.id)?.intents.first?.wakeAt
                let isRung = [.sent, .unknown, .absent, .late].contains(state) && wakeAt != past
                if isRung {
                    #expect(abs(try #require(rung).timeIntervalSinceNow) < 5)
                } else {
                    #expect(rung == wakeAt)
                }
            }
        }
    }

    func ringDuringStep() async throws {
        let waiting = try await waitingRun(tag: "t", until: Self.date(-1))
        let run = try #require(try await claim().first)
        #expect(run.id == waiting.id)
        let later = Self.date(3_600)
        // The ring outlives a write that keeps the lease, and makes the one that releases it due.
        #expect(try await store.wake(tag: "t"))
        #expect(try await commit(RunChange(run) { $0.run.wakeAt = later }) == .landed)
        #expect(try await claim().isEmpty)
        #expect(try await commit(RunChange(run, releases: true) { $0.run.wakeAt = later }) == .landed)
        let again = try #require(try await claim(by: "w2").first)
        // It has been heard.
        #expect(try await commit(RunChange(again, releases: true) { $0.run.wakeAt = later }) == .landed)
        #expect(try await store.run(run.id)?.wakeAt == later)
        #expect(try await claim().isEmpty)
        // Who takes the run over has heard it, too.
        #expect(try await store.wake(tag: "t"))
        let holder = try #require(try await claim(lease: .milliseconds(20)).first)
        #expect(try await store.wake(tag: "t"))
        let heir = try await eventually { try await claim(by: "w2").first }
        #expect(heir.lease.epoch == holder.lease.epoch + 1)
        #expect(try await commit(RunChange(heir, releases: true) { $0.run.wakeAt = later }) == .landed)
        #expect(try await claim().isEmpty)
        // Nor is it lost on a run that would not want attention any more.
        #expect(try await store.wake(tag: "t"))
        let last = try #require(try await claim().first)
        #expect(try await store.wake(tag: "t"))
        #expect(try await commit(RunChange(last, releases: true) { $0.run.wakeAt = nil }) == .landed)
        let rung = try #require(try await claim().first)
        #expect(try await commit(RunChange(rung, releases: true) { $0.run.wakeAt = nil }) == .landed)
        #expect(try await claim().isEmpty)
    }

    func webhooks() async throws {
        let run = try await waitingRun(tag: "t", until: Self.date(3_600))
        func webhook(_ id: String, _ tag: String, _ provider: VideoModel.Provider = .replicate) -> ReceivedWebhook {
            ReceivedWebhook(id: id, provider: provider, tag: tag, receivedAt: Self.date())
        }
        #expect(try await store.receive(webhook("a", "unknown")) == .unknownTag)
        #expect(try await claim().isEmpty)
        let outcomes = try await withThrowingTaskGroup(of: WebhookOutcome.self) { group in
            for _ in 0..<8 { group.addTask { try await store.receive(webhook("a", "t")) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .applied }.count == 1)
        #expect(outcomes.filter { $0 == .duplicate }.count == 7)
        let claimed = try #require(try await claim().first)
        #expect(try await commit(RunChange(claimed, releases: true) { $0.run.wakeAt = Self.date(3_600) }) == .landed)
        #expect(try await store.receive(webhook("a", "t")) == .duplicate)
        #expect(try await claim().isEmpty)
        #expect(try await store.receive(webhook("a", "t", .cog)) == .applied)
        #expect(try await claim().map(\.id) == [run.id])
    }

    func doorbell() async throws {
        let bell = store.doorbell()
        let rings = Rings()
        let listener = Task {
            for await _ in bell { await rings.add() }
        }
        /// Whether something makes it ring, this time or the next: PostgreSQL needs a moment to begin to listen.
        func rang(_ body: () async throws -> Void) async throws {
            let before = await rings.count
            try await eventually {
                try await body()
                for _ in 0..<20 {
                    if await rings.count > before { return true }
                    try await Task.sleep(for: .milliseconds(1))
                }
                return nil
            }
        }
        try await rang { try await accept() }
        let run = try await waitingRun(tag: "t", until: Self.date(3_600))
        try await rang { _ = try await store.wake(tag: "t") }
        try await rang {
            _ = try await store.receive(
                ReceivedWebhook(id: UUID().uuidString, provider: .replicate, tag: "t", receivedAt: Self.date())
            )
        }
        let claimed = try #require(try await claim().first { $0.id == run.id })
        try await rang {
            try await commit(RunChange(claimed, releases: true) { $0.run.wakeAt = Self.date(-1) })
        }
        await store.close()
        await listener.value
    }

    private actor Rings {
        var count = 0
        func add() { count += 1 }
    }

    // MARK: Gates

    func gates() async throws {
        let date = Self.date(-1.5)
        let until = Self.date(60)
        let missing = try await store.amendGates(["a", "b"]) { gates, now in
            let count = gates.count
            var gate = ProviderGate(key: "a", tokens: 0.1, refilledAt: date)
            gate.closedUntil = until
            gate.reason = "ä"
            gate.failures = 3
            gates["a"] = gate
            return count
        }
        #expect(missing == 0)
        let (first, second) = try await store.amendGates(["b", "a"]) { gates, now in
            defer { gates["a"] = nil }
            return (gates["a"], gates["b"])
        }
        #expect(first?.tokens == 0.1 && first?.refilledAt == date && first?.failures == 3)
        #expect(first?.closedUntil == until && first?.reason == "ä" && second == nil)
        #expect(try await store.amendGates(["a"]) { gates, _ in gates["a"] } == nil)

        // Many at once, in any order of keys, also when the gates do not exist yet.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<30 {
                group.addTask {
                    try await store.amendGates(number.isMultiple(of: 2) ? ["x", "y"] : ["y", "x"]) { gates, now in
                        for key in ["x", "y"] {
                            var gate = gates[key] ?? ProviderGate(key: key, tokens: 0, refilledAt: now)
                            gate.tokens += 1
                            gates[key] = gate
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let tokens = try await store.amendGates(["x", "y", "a"]) { gates, _ in [gates["x"]?.tokens, gates["y"]?.tokens]
        }
        #expect(tokens == [30, 30])
    }

    // MARK: Rolling a scene back

    func condemned() async throws {
        let job = Self.job()
        let image = Self.image(.restore(job.id, RestoreID(UUID()), .png))
        let restore = RestoreAttempt(id: RestoreID(UUID()), jobID: job.id, image: image, createdAt: Self.date())
        let animation = try Self.animation(of: job)
        #expect(try await store.accept(Intake(job: job, animation: animation)) == .accepted)
        #expect(try await store.accept(Intake(restore: restore)) == .accepted)
        let run = try #require(try await claim().first)
        #expect(
            try await commit(RunChange(run) { $0.add(PaidIntent(of: run, cap: MicroUSD(5)), at: run.createdAt) })
                == .landed
        )
        let keys = try await store.condemn(job.id, sparing: run.id)
        let expected: Set<ObjectKey> = [
            job.source.key, restore.image.key, .video(job.id, run.id), .hdVideo(job.id, run.id),
            .poster(job.id, run.id),
        ]
        #expect(keys.map { Set($0) } == expected)
        #expect(try await store.job(job.id) == nil)
        #expect(try await store.jobs(of: job.userID, limit: 10).isEmpty)
        #expect(try await store.accept(Intake(animation: try Self.animation(of: job))) == .jobMissing)
        // The objects' deletion may be repeated until the rows are gone.
        #expect(try await store.condemn(job.id, sparing: run.id) == keys)
        try await store.remove(job.id)
        try await store.remove(job.id)
        #expect(try await store.condemn(job.id, sparing: run.id) == [])
        #expect(try await store.attempt(run.id) == nil)
        #expect(try await store.restore(restore.id) == nil)
        #expect(try await store.run(run.id)?.intents.count == 1)
        #expect(try await store.ledger(of: run.id, since: .distantPast).count == 1)
        #expect(try await store.condemn(JobID(UUID()), sparing: run.id) == [])
    }

    func spared() async throws {
        let job = Self.job()
        let animations = [try Self.animation(of: job), try Self.animation(of: job)]
        #expect(try await store.accept(Intake(job: job, animation: animations[0])) == .accepted)
        #expect(try await store.accept(Intake(animation: animations[1])) == .accepted)
        let (failing, other) = (animations[0].run.id, animations[1].run.id)
        #expect(try await store.condemn(job.id, sparing: failing) == nil)
        for key in ["pending", "a.mp4"] {
            _ = try await store.amend(other) { row, _ in
                RunChange(row) { $0.attempt = AttemptChange(previewS3Key: key) }
            }
            #expect(try await store.condemn(job.id, sparing: failing) == nil)
        }
        try await store.remove(job.id)
        #expect(try await store.job(job.id) == job)
        _ = try await store.amend(other) { row, _ in
            RunChange(row) { $0.attempt = AttemptChange(previewS3Key: AnimationAttempt.failedKey) }
        }
        #expect(try await store.condemn(job.id, sparing: failing)?.count == 7)
    }

    func condemnedOrAccepted() async throws {
        for _ in 0..<20 {
            let job = Self.job()
            let first = try Self.animation(of: job)
            let second = try Self.animation(of: job)
            #expect(try await store.accept(Intake(job: job, animation: first)) == .accepted)
            async let keys = store.condemn(job.id, sparing: first.run.id)
            async let outcome = store.accept(Intake(animation: second))
            let (isCondemned, isAccepted) = (try await keys != nil, try await outcome == .accepted)
            #expect(isCondemned != isAccepted)
        }
    }
}
