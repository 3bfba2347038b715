import Foundation
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeWorkflow

extension RunStoreBench {
    func everyColumn() async throws {
        let run = try await claimedRun()
        let odd = "ä 👩‍👩‍👧 ' \" \\ \u{1} \n $1 ? %s \u{2028}"
        var intent = PaidIntent(of: run, cap: MicroUSD(500_000), tag: odd)
        let change = RunChange(run) { change in
            change.run.state = .finishing
            change.run.part = 1
            change.run.regenerations = 2
            change.run.tries = 3
            change.run.polls = 4
            change.run.wakeAt = Self.date(77)
            change.run.providerDoneAt = Self.date(-3)
            // Withdrawn once, and not yet made anew.
            change.run.edition = 2
            change.run.parts = [
                KeptPart(clip: .hdVideo(run.jobID, run.id), lastFrame: Self.image(.poster(run.jobID, run.id)))
            ]
            change.add(intent, at: run.createdAt)
            change.undos = [UndoRecord(of: run, .deleteInput(provider: .replicate, tag: odd, fileID: odd), .due)]
            change.run.undos = change.undos
            change.attempt = AttemptChange(previewS3Key: "pending")
        }
        #expect(try await commit(change) == .landed)
        #expect(try await store.run(run.id) == change.stored(try await store.run(run.id)))
        #expect(try await store.ledger(of: run.id, since: .distantPast) == change.ledger)
        #expect(try await store.attempt(run.id)?.previewS3Key == "pending")

        // Everything that can change, changes.
        intent.state = .bound
        intent.input = ProviderInput(url: "https://x/\(odd)", fileID: odd)
        intent.sentAt = Self.date(-2)
        intent.predictionID = odd
        intent.looks = 5
        intent.wakeAt = Self.date(9)
        intent.cancelRequestedAt = Self.date(-1)
        intent.output = "https://y"
        intent.cost = MicroUSD(123)
        let next = RunChange(change.run, releases: true) { next in
            next.run.state = .done
            next.run.outcome = .failed
            next.run.failure = RunFailure(.outputInvalid, odd)
            next.run.wakeAt = nil
            next.run.playableAt = Self.date()
            next.run.video = PublishedVideo(
                previewKey: .video(run.jobID, run.id),
                result: StoredResult(
                    key: .hdVideo(run.jobID, run.id),
                    size: FrameSize(width: 1_920, height: 1_080),
                    byteCount: 6_000_000_000,
                    sha256: String(repeating: "1", count: 64)
                ),
                posterKey: .poster(run.jobID, run.id),
                size: FrameSize(width: 1_280, height: 720),
                seconds: 5,
                framesPerSecond: 30,
                byteCount: 5_000_000_000,
                sha256: String(repeating: "0", count: 64),
                posterByteCount: 1,
                posterSHA256: String(repeating: "f", count: 64)
            )
            next.run.edition = 3
            next.run.parts = []
            next.run.intents = [intent]
            next.intents = [intent]
            var undo = next.run.undos[0]
            undo.action = .deleteInput(provider: .replicate, tag: odd, fileID: nil)
            undo.tries = 6
            undo.wakeAt = Self.date(5)
            undo.lastError = odd
            next.run.undos = [undo]
            next.undos = [undo]
            next.attempt = AttemptChange(previewS3Key: "a/b.mp4", resultS3Key: "c", thumbS3Key: "d")
            next.ledger = LedgerEntry.Kind.allCases.filter { $0 != .reserve }
                .map { kind in
                    LedgerEntry(id: UUID(), intent: intent, kind: kind, amount: MicroUSD(-7), at: Self.date())
                }
        }
        #expect(try await commit(next) == .landed)
        let stored = try #require(try await store.run(run.id))
        #expect(stored == next.stored(stored))
        #expect(stored.lease == Lease(epoch: 1))
        #expect(try await store.ledger(of: run.id, since: .distantPast) == change.ledger + next.ledger)
        #expect(try await store.ledger(of: nil, since: Self.date(-5)) == next.ledger)
        #expect(try await store.ledger(of: AnimationID(UUID()), since: .distantPast).isEmpty)
        #expect(try await store.intents(since: .distantPast) == [intent])
        #expect(try await store.intents(since: Self.date()).isEmpty)
        let attempt = try #require(try await store.attempt(run.id))
        #expect(attempt.previewS3Key == "a/b.mp4" && attempt.resultS3Key == "c" && attempt.thumbS3Key == "d")
    }

    func oldEpoch() async throws {
        let run = try await claimedRun()
        let before = try await store.run(run.id)
        let attempt = try await store.attempt(run.id)
        for epoch in [run.lease.epoch - 1, run.lease.epoch + 1] {
            var change = RunChange(run: run, epoch: epoch, releasesLease: true)
            change.run.state = .done
            change.add(PaidIntent(of: run, cap: MicroUSD(5)), at: run.createdAt)
            change.undos = [UndoRecord(of: run, .deleteScene(run.jobID), .due)]
            change.attempt = AttemptChange(previewS3Key: "failed", params: ["fps": 30])
            #expect(try await commit(change) == .lost)
        }
        #expect(try await store.run(run.id) == before)
        #expect(try await store.attempt(run.id) == attempt)
        #expect(try await store.undos(of: run.id).isEmpty)
        #expect(try await store.ledger(of: nil, since: .distantPast).isEmpty)
        #expect(try await store.intents(since: .distantPast).isEmpty)
        let nobody = try Self.animation(of: Self.job()).run
        #expect(try await commit(RunChange(nobody)) == .lost)
    }

    func twiceInBatch() async throws {
        let run = try await claimedRun()
        var old = RunChange(run: run, epoch: run.lease.epoch - 1, releasesLease: true)
        old.run.version += 1
        var new = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
        new.run.version += 1
        // Outcomes are told by run: that of the one would be taken for that of the other.
        let error = await #expect(throws: RunStoreError.self) { try await commit([old, new]) }
        #expect(error?.code == .internal)
        #expect(try await store.run(run.id)?.version == run.version)
    }

    func batch() async throws {
        try await accept(40)
        let runs = try await claim()
        // Every fourth belongs to somebody else by now.
        let changes = runs.enumerated()
            .map { place, run in
                var change = RunChange(
                    run: run,
                    epoch: place.isMultiple(of: 4) ? 99 : run.lease.epoch,
                    releasesLease: place.isMultiple(of: 2)
                )
                change.run.version += 1
                change.run.polls = place
                change.run.wakeAt = Self.date(Double(place) + 100)
                change.add(PaidIntent(of: run, cap: MicroUSD(Int64(place + 1))), at: run.createdAt)
                change.undos = [UndoRecord(of: run, .deleteScene(run.jobID), .due)]
                change.run.undos = change.undos
                change.attempt = AttemptChange(previewS3Key: "k\(place)")
                return change
            }
        let outcomes = try await commit(changes)
        #expect(outcomes.count == 40)
        for (place, change) in changes.enumerated() {
            let hasLanded = !place.isMultiple(of: 4)
            #expect(outcomes[change.run.id] == (hasLanded ? .landed : .lost))
            let stored = try #require(try await store.run(change.run.id))
            #expect(stored == (hasLanded ? change.stored(stored) : runs[place]))
            #expect(stored.lease.owner == (hasLanded && place.isMultiple(of: 2) ? nil : "w1"))
            let key = try await store.attempt(change.run.id)?.previewS3Key
            #expect(key == (hasLanded ? "k\(place)" : ""))
        }
        let ledger = try await store.ledger(of: nil, since: .distantPast)
        #expect(ledger.count == 30)
        #expect(try await commit([]) == [:])
    }

    func keepingAndReleasing() async throws {
        let run = try await claimedRun()
        #expect(try await commit(RunChange(run), lease: .seconds(500)) == .landed)
        let kept = try #require(try await store.run(run.id))
        #expect(kept.lease.owner == "w1" && kept.lease.epoch == run.lease.epoch)
        #expect(try #require(kept.lease.expiresAt).timeIntervalSinceNow > 400)
        #expect(try await claim().isEmpty)
        #expect(try await commit(RunChange(kept, releases: true)) == .landed)
        let free = try #require(try await store.run(run.id))
        #expect(free.lease == Lease(epoch: run.lease.epoch))
        #expect(try await claim(by: "w2").map(\.lease.epoch) == [run.lease.epoch + 1])
    }

    func oneOpenIntent() async throws {
        let run = try await claimedRun()
        let first = RunChange(run) { $0.add(PaidIntent(of: run, cap: MicroUSD(3)), at: run.createdAt) }
        #expect(try await commit(first) == .landed)
        let second = RunChange(first.run) { change in
            change.run.state = .submitting
            change.add(PaidIntent(of: change.run, cap: MicroUSD(3)), at: run.createdAt)
        }
        let refused = await code { try await commit(second) }
        #expect(refused == .constraint)
        #expect(try await store.run(run.id)?.state == .queued)
        #expect(try await store.ledger(of: run.id, since: .distantPast).count == 1)
        // The new one before the old one: the order of a change's intents does not matter.
        for state in [IntentState.settled, .refused, .absent, .late] {
            let now = try #require(try await store.run(run.id))
            let change = RunChange(now) { change in
                var old = now.intents[now.intents.count - 1]
                old.state = state
                change.run.intents[now.intents.count - 1] = old
                change.add(PaidIntent(of: change.run), at: run.createdAt)
                change.intents.append(old)
            }
            #expect(try await commit(change) == .landed)
        }
        let states = try await store.run(run.id)?.intents.map(\.state)
        #expect(states == [.settled, .refused, .absent, .late, .intended])
    }

    func onePrediction() async throws {
        try await accept(2)
        let runs = try await claim()
        func bound(_ run: Run) -> RunChange {
            RunChange(run) { change in
                var intent = PaidIntent(of: run)
                (intent.state, intent.predictionID) = (.bound, "p1")
                change.add(intent, at: run.createdAt)
            }
        }
        #expect(try await commit(bound(runs[0])) == .landed)
        let refused = await code { try await commit(bound(runs[1])) }
        #expect(refused == .constraint)
        #expect(try await store.run(runs[1].id) == runs[1])
    }

    func mergedParams() async throws {
        let run = try await claimedRun()
        let first = AttemptChange(previewS3Key: "pending", params: ["provider": "replicate", "prompt": "other"])
        #expect(try await commit(RunChange(run) { $0.attempt = first }) == .landed)
        let error: JSONValue = ["code": "internal", "message": "ä"]
        let second = AttemptChange(previewS3Key: "failed", params: ["error": error, "fps": 30])
        #expect(try await commit(RunChange(run) { $0.attempt = second }) == .landed)
        let attempt = try #require(try await store.attempt(run.id))
        #expect(
            attempt.params == [
                "prompt": "sea", "own": [1, nil, 2.5, true], "duration": 5, "provider": "replicate", "error": error,
                "fps": 30,
            ]
        )
        #expect(attempt.status == .failed)
        #expect(attempt.createdAt == run.createdAt)
    }

    func attemptGone() async throws {
        let run = try await claimedRun()
        _ = try await store.condemn(run.jobID, sparing: run.id)
        try await store.remove(run.jobID)
        let change = RunChange(run) { change in
            change.run.state = .done
            change.attempt = AttemptChange(previewS3Key: "failed", params: ["fps": 30])
        }
        #expect(try await commit(change) == .landed)
        #expect(try await store.attempt(run.id) == nil)
        #expect(try await store.run(run.id)?.state == .done)
    }

    func amending() async throws {
        let run = try await claimedRun()
        let amended = try await store.amend(run.id) { row, now in
            RunChange(row) { change in
                change.run.failure = RunFailure(.canceled)
                change.run.wakeAt = now
                change.undos = [UndoRecord(of: row, .deleteScene(row.jobID), .due)]
                change.attempt = AttemptChange(previewS3Key: "failed")
            }
        }
        let stored = try #require(try await store.run(run.id))
        #expect(amended == stored)
        #expect(stored.failure?.code == .canceled && stored.undos.count == 1)
        #expect(stored.lease == Lease(epoch: run.lease.epoch + 1))
        #expect(try await store.attempt(run.id)?.status == .failed)
        #expect(try await commit(RunChange(run)) == .lost)
        #expect(try await claim(by: "w2").map(\.id) == [run.id])

        let unchanged = try await store.run(run.id)
        #expect(try await store.amend(run.id) { _, _ in nil } == unchanged)
        #expect(try await store.run(run.id) == unchanged)
        #expect(try await store.amend(AnimationID(UUID())) { row, _ in RunChange(row) } == nil)
    }

    func manyAmendments() async throws {
        let id = try await accept()[0].run.id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    _ = try await store.amend(id) { row, _ in RunChange(row, releases: true) { $0.run.tries += 1 } }
                }
            }
            try await group.waitForAll()
        }
        let run = try #require(try await store.run(id))
        #expect(run.tries == 20 && run.version == 20 && run.lease.epoch == 20)
    }
}

extension RunChange {
    /// The run as it must be in the store, but for its lease, which is the store's affair.
    func stored(_ row: Run?) -> Run {
        var run = run
        if let row { run.lease = row.lease }
        return run
    }
}
