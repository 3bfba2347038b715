import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// Decisions that hang together.
@Suite struct ScenarioTests {
    private let table = Table()

    /// Applies events one after the other, each so many seconds after the one before.
    private func play(_ run: inout Run, _ now: inout Date, _ events: [(Double, (Run) -> RunEvent)], _ table: Table)
        throws -> [Decision]
    {
        let machine = table.machine
        return try events.map { seconds, event in
            now += seconds
            let decision = try #require(machine.decide(run, event(run), at: now))
            run = decision.change.run
            return decision
        }
    }

    private let order: [(Double, (Run) -> RunEvent)] = [
        (0, { _ in .begun }),
        (1, { .inputPrepared($0.lastIntent, ProviderInput(url: "u", fileID: "f")) }),
        (1, { .admitted($0.lastIntent) }),
        (1, { .submitted($0.lastIntent, .accepted(.running)) }),
    ]

    @Test func `a generation that times out is cancelled, tried once more, and then fails`() throws {
        var run = try table.newRun()
        var now = Table.start
        for attempt in 1...2 {
            _ = try play(&run, &now, order, table)
            #expect(table.machine.nextStep(for: run, at: now).name == "poll")
            #expect(table.machine.nextStep(for: run, at: now + 598).name == "poll")
            #expect(table.machine.nextStep(for: run, at: now + 599).name == "cancel")
            _ = try play(
                &run,
                &now,
                [
                    (599, { .cancelAnswered($0.lastIntent, .found(.running)) }),
                    (2, { .cancelAnswered($0.lastIntent, .found(.canceled)) }),
                ],
                table
            )
            #expect(run.intents.count == attempt)
        }
        #expect(run.failure?.code == .generationTimeout)
        #expect(run.cost == MicroUSD(1_000_000))
        #expect(run.intents.map(\.state) == [.settled, .settled])
    }

    @Test func `a failure of the provider is worth as many new generations as it says, and no more`() throws {
        var run = try table.newRun()
        var now = Table.start
        for _ in 1...2 {
            _ = try play(&run, &now, order + [(5, { .polled($0.lastIntent, .found(.transient)) })], table)
        }
        #expect(run.failure?.code == .providerUnavailable)
        #expect(run.intents.count == 2)
        #expect(run.cost == .zero)
    }

    @Test func `ten seconds are two parts, the second from the last frame of the first`() throws {
        let table = Table(seconds: 10)
        var (run, now) = try table.run(at: .finishing)
        let machine = table.machine
        let first = try #require(run.intents.first)
        #expect(machine.nextStep(for: run, at: now).name == "keepPart")
        let frame = SourceImage(
            key: .temporary(run.id, epoch: 0, file: "part-0.png"),
            contentType: "image/png",
            size: FrameSize(width: 1, height: 1),
            byteCount: 1,
            sha256: "f"
        )
        let part = KeptPart(clip: .temporary(run.id, epoch: 0, file: "part-0.mp4"), lastFrame: frame)
        let decisions = try play(&run, &now, [(5, { _ in .partKept(part) }), (0, { _ in .begun })], table)
        #expect(decisions.map { $0.then?.name } == ["begin", "prepareInput"])
        let second = try #require(run.openIntent)
        #expect((second.part, second.number, second.tag == first.tag) == (1, 2, false))
        #expect(machine.source(of: second, in: run) == frame)
        #expect(machine.source(of: first, in: run) == run.source)
        #expect(machine.order(second, of: run).part == 1)
        _ = try play(&run, &now, Array(order.dropFirst()), table)
        let done = try play(&run, &now, [(30, { .polled($0.lastIntent, .found(.succeeded)) })], table)
        #expect(done[0].then?.name == "finish")
        _ = try play(&run, &now, [(9, { _ in .finished(.example) })], table)
        // The parts are kept until nothing has to be made anew from them.
        #expect(run.outcome == .ready && machine.nextStep(for: run, at: now) == .check)
        #expect(machine.nextStep(for: run, at: now + 9_999) == .check)
        _ = try play(&run, &now, [(1, { _ in .checked })], table)
        #expect(run.outcome == .ready && machine.nextStep(for: run, at: now).name.hasPrefix("undo"))
        #expect(run.cost == MicroUSD(1_000_000))
        #expect(run.undos.filter { $0.state == .due }.count == 4)
    }

    /// The second generation fails, or the joined clip cannot be made.
    @Test(arguments: [true, false])
    func `the failure of the second part undoes both`(isRejected: Bool) throws {
        let table = Table(seconds: 10)
        var (run, now) = try table.run(at: .finishing)
        let frame = SourceImage(
            key: .temporary(run.id, epoch: 0, file: "part-0.png"),
            contentType: "image/png",
            size: FrameSize(width: 1, height: 1),
            byteCount: 1,
            sha256: "f"
        )
        let part = KeptPart(clip: .temporary(run.id, epoch: 0, file: "part-0.mp4"), lastFrame: frame)
        let way: [(Double, (Run) -> RunEvent)] = [(5, { _ in .partKept(part) })] + order
        _ = try play(&run, &now, way, table)
        if isRejected {
            _ = try play(&run, &now, [(9, { .polled($0.lastIntent, .found(.rejected)) })], table)
        } else {
            let broken = StepFailure.media(MediaFailure(.outputInvalid, "", isRetryable: false))
            _ = try play(
                &run,
                &now,
                [(9, { .polled($0.lastIntent, .found(.succeeded)) }), (5, { _ in .finishFailed(broken) })],
                table
            )
        }
        #expect(run.failure?.code == (isRejected ? .contentRejected : .outputInvalid))
        var objects: Set<ObjectKey> = [part.clip, frame.key]
        if !isRejected {
            objects.formUnion([.video(run.jobID, run.id), .poster(run.jobID, run.id), .hdVideo(run.jobID, run.id)])
        }
        var inputs = 0
        for undo in run.undos {
            #expect(undo.state == .due)
            switch undo.action {
            case .deleteObject(let key): #expect(objects.remove(key) != nil)
            case .deleteInput: inputs += 1
            case .cancelPrediction, .deleteScene: Issue.record("\(undo.action)")
            }
        }
        #expect(objects.isEmpty && inputs == 2)
        #expect(run.intents.allSatisfy { $0.state == .settled })
        // A generation that was rejected costs nothing.
        #expect(run.cost == MicroUSD(isRejected ? 500_000 : 1_000_000))
    }

    @Test func `media work is done three times and not once more`() throws {
        var (run, now) = try table.run(at: .finishing)
        let broken = StepFailure.media(MediaFailure(.outputInvalid, "", isRetryable: true))
        _ = try play(&run, &now, Array(repeating: (5, { _ in .finishFailed(broken) }), count: 2), table)
        #expect(run.outcome == nil)
        _ = try play(&run, &now, [(5, { _ in .finishFailed(broken) })], table)
        #expect(run.failure?.code == .outputInvalid)
    }

    @Test
    func `what is published and damaged is withdrawn, made anew under other keys, and given up after three tries`()
        throws
    {
        var (run, now) = try table.run(at: .finishing)
        let broken = StepFailure.media(MediaFailure(.outputInvalid, "frame 7", isRetryable: true))
        var keys: Set<ObjectKey> = []
        for edition in 1...3 {
            #expect(run.state == .finishing && run.edition == edition)
            var video = PublishedVideo.example
            video.previewKey = .video(run.jobID, run.id, edition: edition)
            video.posterKey = .poster(run.jobID, run.id, edition: edition)
            #expect(keys.isDisjoint(with: video.keys))
            keys.formUnion(video.keys)
            let published = video
            let decisions = try play(
                &run,
                &now,
                [(5, { _ in .finished(published) }), (1, { _ in .checkFailed(broken) })],
                table
            )
            #expect(decisions[0].change.attempt?.previewS3Key == published.previewKey.description)
            #expect(decisions[0].change.recall == nil)
            let change = decisions[1].change
            #expect(change.attempt?.previewS3Key == (edition < 3 ? "pending" : "failed"))
            #expect(change.attempt?.thumbS3Key == nil)
            #expect(change.recall != nil && decisions[1].alerts.map(\.code) == ["video_withdrawn"])
            #expect(run.video == nil && run.playableAt == nil && run.checkAt == nil)
            // They go before anything else.
            guard edition < 3 else { continue }
            for key in published.keys {
                guard case .undo(let undo) = table.machine.nextStep(for: run, at: now) else {
                    Issue.record("\(key) is not deleted")
                    return
                }
                #expect(undo.action == .deleteObject(key))
                _ = try play(&run, &now, [(0, { _ in .undone(undo.id, cost: nil) })], table)
            }
            #expect(table.machine.nextStep(for: run, at: now) == .finish)
        }
        #expect(run.failure?.code == .outputInvalid && run.state == .compensating)
        let last: [ObjectKey] = [
            .video(run.jobID, run.id, edition: 3), .poster(run.jobID, run.id, edition: 3),
        ]
        for key in last {
            #expect(run.undos.contains { $0.action == .deleteObject(key) && $0.state == .due })
        }
    }

    @Test func `an edition that fails to be made counts with those that were withdrawn`() throws {
        var (run, now) = try table.run(at: .checking)
        let broken = StepFailure.media(MediaFailure(.outputInvalid, "", isRetryable: true))
        _ = try play(&run, &now, [(1, { _ in .checkFailed(broken) }), (5, { _ in .finishFailed(broken) })], table)
        #expect(run.outcome == nil)
        _ = try play(&run, &now, [(5, { _ in .finishFailed(broken) })], table)
        #expect(run.failure?.code == .outputInvalid)
    }

    @Test func `a check that this machine cannot do is tried again, reported once, and withdraws nothing`() throws {
        var (run, now) = try table.run(at: .checking)
        let down = StepFailure.storage(StorageError(.unavailable, "x"))
        var alerts: [String] = []
        var waits: [Double] = []
        for _ in 1...12 {
            let decisions = try play(&run, &now, [(1, { _ in .checkFailed(down) })], table)
            alerts += decisions.flatMap(\.alerts).map(\.code)
            let checkAt = try #require(run.checkAt)
            waits.append(checkAt.timeIntervalSince(now))
            #expect(table.machine.nextStep(for: run, at: now) == .wait(until: nil))
            #expect(table.machine.nextStep(for: run, at: checkAt) == .check)
        }
        #expect(run.outcome == .ready && run.state == .checking && run.edition == 1 && run.wakeAt == nil)
        #expect(alerts == ["check_stuck"])
        #expect(waits.prefix(3) == [7.5, 12.5, 22.5] && waits.last == 1_802.5)
        _ = try play(&run, &now, [(1, { _ in .checked })], table)
        #expect(run.state == .done)
    }

    @Test func `a duplicate is cancelled while the check waits`() throws {
        var (run, now) = try table.run(at: .unknown)
        let two: [Generation] = [.succeeded, .p1(.running(hasStarted: true), id: "p2")]
        _ = try play(&run, &now, [(1, { .found($0.lastIntent, two) })], table)
        let undo = try #require(run.undos.first { if case .cancelPrediction = $0.action { true } else { false } })
        _ = try play(&run, &now, [(1, { _ in .finished(.example) })], table)
        let down = StepFailure.storage(StorageError(.unavailable, ""))
        #expect(table.machine.nextStep(for: run, at: now).name == "undo-cancel-p2")
        _ = try play(&run, &now, [(1, { _ in .checkFailed(down) })], table)
        #expect(run.wakeAt == undo.wakeAt)
        #expect(table.machine.nextStep(for: run, at: now).name == "undo-cancel-p2")
    }

    @Test func `rings do not shorten the search`() throws {
        var (run, now) = try table.run(at: .unknown)
        let sent = try #require(run.openIntent?.sentAt)
        var looks = 0
        // Rung for every ten seconds, it looks every ten seconds, and gives up no earlier for it.
        while run.outcome == nil, looks < 1_000 {
            _ = try play(&run, &now, [(10, { .found($0.lastIntent, []) })], table)
            looks += 1
        }
        #expect(run.failure?.code == .providerOutcomeUnknown)
        #expect(now.timeIntervalSince(sent) >= 65 + 30 + 120 + 300 + 900)
    }

    @Test func `an order that is never taken ends after fifty intents`() throws {
        var run = try table.newRun()
        var now = Table.start
        var count = 0
        while run.outcome == nil, count < 100 {
            let refusal = SubmitOutcome.refused(ProviderError(.unavailable, "x"))
            _ = try play(&run, &now, Array(order.dropLast()) + [(1, { .submitted($0.lastIntent, refusal) })], table)
            if run.outcome == nil, run.intents.count == table.policy.intentsPerPart {
                _ = try play(&run, &now, [(1, { _ in .begun })], table)
            }
            count += 1
        }
        #expect(run.failure?.code == .providerUnavailable)
        #expect(run.intents.count == table.policy.intentsPerPart)
    }

    @Test func `a retry waits longer each time, up to two minutes`() throws {
        var (run, now) = try table.run(at: .finishing)
        var waits: [Double] = []
        for _ in 1...8 {
            let down = StepFailure.storage(StorageError(.unavailable, ""))
            _ = try play(&run, &now, [(1, { _ in .finishFailed(down) })], table)
            waits.append((try #require(run.wakeAt).timeIntervalSince(now) * 10).rounded() / 10)
        }
        #expect(waits == [3, 5, 9, 17, 33, 61, 61, 61])
    }

    @Test func `every failure code that the engine can give is given by some row`() throws {
        var seen: Set<String> = []
        for row in Decisions.ordering + Decisions.submitting + Decisions.searching + Decisions.watching
            + Decisions.finishing + Decisions.canceling
        {
            let line = try row.table.line(row.stage, after: row.seconds, row.event)
            for code in FailureCode.allCases where line.contains("(\(code.rawValue))") { seen.insert(code.rawValue) }
        }
        // The one that takes two generations has a test of its own.
        let missing = Set(FailureCode.allCases.map(\.rawValue)).subtracting(seen)
        #expect(missing == [FailureCode.generationTimeout.rawValue])
    }

    @Test func `what is left to do comes in its order, and waits when nothing is due`() throws {
        let (run, now) = try table.run(at: .compensating)
        #expect(table.machine.nextStep(for: run, at: now).name == "cancel")
        var settled = run
        settled.intents[0].state = .settled
        settled.intents[0].wakeAt = nil
        #expect(table.machine.nextStep(for: settled, at: now).name == "wait")
        #expect(table.machine.nextStep(for: settled, at: now + 60).name == "undo-input-file-1")
        settled.undos = []
        #expect(table.machine.nextStep(for: settled, at: now) == .wait(until: nil))
    }

    @Test func `an undo that fails is tried for days and then reported, and never forgotten`() throws {
        var (run, now) = try table.run(at: .done)
        let undo = try #require(run.undos.first?.id)
        var tries = 0
        var alerts: [String] = []
        while now < Table.start + 8 * 86_400 {
            let decisions = try play(&run, &now, [(3_600, { _ in .undoFailed(undo, detail: "x") })], table)
            alerts += decisions.flatMap(\.alerts).map(\.code)
            tries += 1
        }
        #expect(run.undos.map(\.tries) == [tries])
        #expect(alerts.isEmpty == false && Set(alerts) == ["undo_stuck"])
        _ = try play(&run, &now, [(1, { _ in .undone(undo, cost: nil) })], table)
        #expect(run.undos.isEmpty && run.wakeAt == nil && run.state == .done)
    }

    @Test func `a second prediction that was cancelled is booked when it had started`() throws {
        var (run, now) = try table.run(at: .unknown)
        let two: [Generation] = [.running, .p1(.running(hasStarted: false), id: "p2")]
        _ = try play(&run, &now, [(1, { .found($0.lastIntent, two) })], table)
        let undo = try #require(run.undos.first { if case .cancelPrediction = $0.action { true } else { false } })
        let decisions = try play(&run, &now, [(1, { _ in .undone(undo.id, cost: MicroUSD(500_000)) })], table)
        #expect(decisions[0].change.ledger.map(\.kind) == [.late])
        #expect(run.intents[0].cost == MicroUSD(500_000))
    }

    @Test func `a second prediction that cannot be cancelled yet is tried again, and one that is gone is booked`()
        throws
    {
        var (run, now) = try table.run(at: .unknown)
        let two: [Generation] = [.running, .p1(.running(hasStarted: false), id: "p2")]
        _ = try play(&run, &now, [(1, { .found($0.lastIntent, two) })], table)
        let undo = try #require(run.undos.first { if case .cancelPrediction = $0.action { true } else { false } })
        let early = try play(&run, &now, [(1, { _ in .undoMissing(undo.id) })], table)
        #expect(early[0].change.ledger.isEmpty && run.undos.contains { $0.id == undo.id && $0.tries == 1 })
        let late = try play(&run, &now, [(60, { _ in .undoMissing(undo.id) })], table)
        #expect(late[0].change.ledger.map(\.kind) == [.late] && late[0].alerts.map(\.code) == ["prediction_vanished"])
        #expect(!run.undos.contains { $0.id == undo.id })
    }

    @Test func `without its provider a run fails, and says so`() throws {
        let machine = RunMachine(policy: RunPolicy(), traits: [], chance: .halves())
        let decision = try #require(machine.decide(try table.newRun(), .begun, at: Table.start))
        #expect(decision.change.run.failure?.code == .providerUnavailable)
        #expect(decision.change.ledger.isEmpty)
    }
}
