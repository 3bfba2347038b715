import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

extension RunStoreBench {
    func claimOrder() async throws {
        let intakes = try await accept(6)
        // The last two are finishing, and one of the others waits for long.
        for run in try await claim() {
            let place = intakes.firstIndex { $0.run.id == run.id } ?? 0
            let change = RunChange(run, releases: true) { change in
                change.run.wakeAt = place == 1 ? Self.date(3_600) : Self.date(-50 - Double(place))
                if place >= 4 { change.run.state = .finishing }
            }
            #expect(try await commit(change) == .landed)
        }
        let ids = intakes.map(\.run.id)
        #expect(try await claim(2, heavy: 1).map(\.id) == [ids[3], ids[2], ids[5]])
        #expect(try await claim(0, heavy: 0).isEmpty)
        #expect(try await claim(9, heavy: 0).map(\.id) == [ids[0]])
        #expect(try await claim(9, heavy: 9).map(\.id) == [ids[4]])
        #expect(try await claim(9, heavy: 9).isEmpty)
    }

    func leased() async throws {
        let intake = try await accept()[0]
        let claim = try await store.claim(ClaimOrder(owner: "w1", lease: .seconds(60), light: 5, heavy: 5))
        #expect(abs(claim.now.timeIntervalSinceNow) < 5)
        let run = try #require(claim.runs.first)
        var expected = intake.run
        expected.lease = Lease(epoch: 1, owner: "w1", expiresAt: run.lease.expiresAt)
        #expect(abs(try #require(run.lease.expiresAt).timeIntervalSince(claim.now) - 60) < 0.001)
        #expect(run == expected)
        #expect(try await store.run(run.id) == expected)
        #expect(try await self.claim(by: "w2").isEmpty)
        #expect(try await self.claim(by: "w1").isEmpty)
    }

    func takenOver() async throws {
        try await accept()
        let first = try #require(try await claim(lease: .milliseconds(20)).first)
        let second = try await eventually { try await claim(by: "w2").first }
        #expect(second.id == first.id)
        #expect(second.lease.epoch == first.lease.epoch + 1)
        #expect(second.lease.owner == "w2")
        #expect(try await commit(RunChange(first)) == .lost)
        #expect(try await store.renew([first.id: first.lease.epoch], lease: .seconds(60)) == [])
        #expect(try await commit(RunChange(second)) == .landed)
    }

    func deadBeforeBacklog() async throws {
        let dead = try await accept(4).map(\.run.id)
        for run in try await claim() where run.id == dead[2] || run.id == dead[3] {
            #expect(try await commit(RunChange(run) { $0.run.state = .finishing }) == .landed)
        }
        let backlog = try await accept(6).map(\.run.id)
        for run in try await claim(by: "w2") {
            let isHeavy = backlog.dropFirst(3).contains(run.id)
            let change = RunChange(run, releases: true) { if isHeavy { $0.run.state = .finishing } }
            #expect(try await commit(change) == .landed)
        }
        let leases = Dictionary(uniqueKeysWithValues: dead.map { ($0, Int64(1)) })
        #expect(try await store.renew(leases, lease: .milliseconds(1)) == Set(dead))
        let end = try #require(try await store.run(dead[0])?.lease.expiresAt)
        try await eventually { Date() > end + 0.005 ? true : nil }
        #expect(try await claim(1, heavy: 1, by: "w3").map(\.id) == [dead[0], dead[2]])
        let second = try await claim(2, heavy: 2, by: "w3").map(\.id)
        #expect(Set(second) == [dead[1], backlog[0], dead[3], backlog[3]])
        let rest = Set(backlog).subtracting([backlog[0], backlog[3]])
        #expect(try await Set(claim(by: "w3").map(\.id)) == rest)
    }

    func manyClaims() async throws {
        try await accept(60)
        let claimed = try await withThrowingTaskGroup(of: [AnimationID].self) { group in
            for number in 0..<12 {
                group.addTask { try await claim(9, by: "w\(number)").map(\.id) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(claimed).count == claimed.count)
        #expect(claimed.count == 60)
    }

    func checks() async throws {
        let ids = try await accept(5).map(\.run.id)
        func order(_ owner: String, light: Int = 0, checks: Int, lease: Duration = .seconds(60)) -> ClaimOrder {
            ClaimOrder(owner: owner, lease: lease, light: light, heavy: 9, checks: checks)
        }
        // The first is to be checked later, the fourth has something else to do as well, and the last is done.
        let due = [3_600.0, -30, -40, -50]
        for run in try await claim() {
            let place = ids.firstIndex(of: run.id) ?? 0
            let change = RunChange(run, releases: true) { change in
                change.run.state = place < 4 ? .checking : .done
                change.run.outcome = .ready
                change.run.wakeAt = place == 3 ? Self.date(-20) : nil
                change.run.checkAt = place < 4 ? Self.date(due[place]) : nil
            }
            #expect(try await commit(change) == .landed)
            #expect(try await store.run(run.id) == change.stored(try await store.run(run.id)))
        }
        #expect(try await Set(store.runs(in: .checking, limit: 9).map(\.id)) == Set(ids[..<4]))
        #expect(try await store.runs(in: .done, limit: 9).map(\.id) == [ids[4]])
        #expect(try await store.claim(order("w1", checks: 0)).runs.isEmpty)
        #expect(try await store.claim(order("w1", light: 9, checks: 0)).runs.map(\.id) == [ids[3]])
        let first = try await store.claim(order("w1", checks: 1, lease: .milliseconds(1))).runs
        #expect(first.map(\.id) == [ids[2]] && first[0].state == .checking && first[0].outcome == .ready)
        #expect(try await store.claim(order("w2", light: 9, checks: 1)).runs.count == 1)
        try await eventually { Date() > (first[0].lease.expiresAt ?? .distantFuture) + 0.005 ? true : nil }
        let rest = try await store.claim(order("w2", light: 9, checks: 9)).runs
        #expect(rest.count == 1 && Set(rest.map(\.id)).isSubset(of: [ids[1], ids[2]]))
        #expect(try await store.claim(order("w2", light: 9, checks: 9)).runs.isEmpty)
        let last = try #require(rest.first)
        // Another try has a time of its own; then it is over.
        let later = Self.date(77)
        #expect(try await commit(RunChange(last, releases: true) { $0.run.checkAt = later }) == .landed)
        #expect(try await store.run(last.id)?.checkAt == later)
        #expect(try await store.claim(order("w2", light: 9, checks: 9)).runs.isEmpty)
    }

    func claimBrings() async throws {
        let run = try await claimedRun()
        let tag = "tag"
        let undos = [
            UndoRecord(of: run, .deleteInput(provider: .replicate, tag: tag, fileID: nil), .due),
            UndoRecord(of: run, .deleteObject(.video(run.jobID, run.id)), .armed),
            UndoRecord(of: run, .deleteObject(.poster(run.jobID, run.id)), .void),
            UndoRecord(of: run, .deleteScene(run.jobID), .done),
            UndoRecord(of: run, .cancelPrediction(intentID: UUID(), provider: .cog, id: "p 1"), .due),
        ]
        var closed = PaidIntent(of: run)
        closed.state = .refused
        let change = RunChange(run, releases: true) { change in
            change.add(closed, at: run.createdAt)
            change.add(PaidIntent(of: change.run, tag: tag), at: run.createdAt)
            change.undos = undos
        }
        #expect(try await commit(change) == .landed)
        try await accept(2)
        let again = try #require(try await claim().first { $0.id == run.id })
        #expect(again.intents == change.run.intents)
        #expect(again.undos == [undos[0], undos[1], undos[4]])
        #expect(try await store.run(run.id) == again)
        #expect(try await store.undos(of: run.id) == undos)
    }

    func renewing() async throws {
        let ids = try await accept(3).map(\.run.id)
        let runs = try await claim(lease: .seconds(30))
        let released = try #require(runs.first { $0.id == ids[0] })
        #expect(try await commit(RunChange(released, releases: true) { $0.run.wakeAt = Self.date(600) }) == .landed)
        let leases = [ids[0]: Int64(1), ids[1]: 1, ids[2]: 0, AnimationID(UUID()): 1]
        #expect(try await store.renew(leases, lease: .seconds(600)) == [ids[1]])
        #expect(try await store.renew([:], lease: .seconds(600)) == [])
        let ends = try await [ids[1], ids[2]]
            .asyncMap { id in
                try #require(try await store.run(id)?.lease.expiresAt).timeIntervalSinceNow
            }
        #expect(ends[0] > 500 && ends[0] <= 601)
        #expect(ends[1] < 31)
        // A lease that is over, but that nobody has taken, is still its holder's.
        let late = try #require(try await store.run(ids[1]))
        #expect(try await commit(RunChange(late), lease: .milliseconds(1)) == .landed)
        try await eventually { Date() > (late.lease.expiresAt ?? .distantPast) - 599 ? true : nil }
        #expect(try await store.renew([ids[1]: 1], lease: .seconds(60)) == [ids[1]])
        #expect(try await claim().isEmpty)
    }

    func nextWakes() async throws {
        let empty = try await store.nextWake()
        #expect(empty.wakeAt == nil)
        #expect(abs(empty.now.timeIntervalSinceNow) < 5)
        let intakes = try await accept(3)
        #expect(try await store.nextWake().wakeAt == intakes[0].run.wakeAt)
        let runs = try await claim(lease: .seconds(500))
        let lease = try #require(runs[0].lease.expiresAt)
        #expect(try await store.nextWake().wakeAt == lease)
        let wake = Self.date(100)
        #expect(try await commit(RunChange(runs[0], releases: true) { $0.run.wakeAt = wake }) == .landed)
        let heavy = RunChange(runs[1], releases: true) { change in
            change.run.state = .finishing
            change.run.wakeAt = Self.date(101)
        }
        #expect(try await commit(heavy) == .landed)
        #expect(try await store.nextWake().wakeAt == wake)
        let asleep = RunChange(runs[2], releases: true) { $0.run.wakeAt = nil }
        #expect(try await commit(asleep) == .landed)
        #expect(try await store.nextWake().wakeAt == wake)
        let check = Self.date(50)
        let late = try #require(try await store.run(runs[2].id))
        _ = try await store.amend(late.id) { run, _ in
            RunChange(run, releases: true) { change in
                change.run.state = .checking
                change.run.checkAt = check
            }
        }
        #expect(try await store.nextWake().wakeAt == check)
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
