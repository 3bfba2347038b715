import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

extension RunStoreBench {
    /// A change that reserves an amount.
    private func reserving(_ run: Run, _ amount: Int64, at date: Date = date()) -> RunChange {
        RunChange(run) { $0.add(PaidIntent(of: run, cap: MicroUSD(amount)), at: date) }
    }

    func budget() async throws {
        try await accept(6)
        let runs = try await claim()
        #expect(try await commit(reserving(runs[0], 100), budget: MicroUSD(99)) == .overBudget)
        #expect(try await store.run(runs[0].id) == runs[0])
        #expect(try await store.ledger(of: nil, since: .distantPast).isEmpty)
        let first = reserving(runs[0], 60)
        #expect(try await commit(first, budget: MicroUSD(100)) == .landed)
        // Of a batch, what fits.
        let batch = [reserving(runs[1], 41), reserving(runs[2], 40), RunChange(runs[3])]
        let outcomes = try await commit(batch, budget: MicroUSD(100))
        #expect(outcomes == [runs[1].id: .overBudget, runs[2].id: .landed, runs[3].id: .landed])
        #expect(try await commit(reserving(runs[4], 1), budget: MicroUSD(100)) == .overBudget)
        // What costs less than reserved makes room.
        let settled = RunChange(first.run) { change in
            change.run.intents[0].state = .settled
            change.intents = change.run.intents
            change.ledger = [
                LedgerEntry(
                    id: UUID(),
                    intent: first.run.intents[0],
                    kind: .settle,
                    amount: MicroUSD(-10),
                    at: Self.date()
                )
            ]
        }
        #expect(try await commit(settled, budget: MicroUSD(100)) == .landed)
        #expect(try await commit(reserving(runs[4], 11), budget: MicroUSD(100)) == .overBudget)
        #expect(try await commit(reserving(runs[4], 10), budget: MicroUSD(100)) == .landed)
        // Whoever has lost the run has lost it, whatever it costs; and without a budget there is no limit.
        var lost = runs[5]
        lost.lease.epoch = 99
        #expect(try await commit(reserving(lost, 1_000), budget: MicroUSD(100)) == .lost)
        #expect(try await commit(reserving(runs[5], 1_000)) == .landed)
    }

    func manyReservations() async throws {
        try await accept(16)
        let runs = try await claim()
        let outcomes = try await withThrowingTaskGroup(of: CommitOutcome?.self) { group in
            for run in runs {
                group.addTask { try await commit(reserving(run, 20), budget: MicroUSD(100)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .landed }.count == 5)
        #expect(outcomes.filter { $0 == .overBudget }.count == 11)
        let ledger = try await store.ledger(of: nil, since: .distantPast)
        #expect(ledger.reduce(MicroUSD.zero) { $0 + $1.amount } == MicroUSD(100))
    }

    func chargedDay() async throws {
        try await accept(3)
        let runs = try await claim()
        // Reserved two days ago; what is booked for it today is not today's money.
        let old = reserving(runs[0], 1_000, at: Self.date(-172_800))
        #expect(try await commit(old, budget: MicroUSD(1_000)) == .landed)
        let late = RunChange(old.run) { change in
            change.ledger = [
                LedgerEntry(
                    id: UUID(),
                    intent: old.run.intents[0],
                    kind: .late,
                    amount: MicroUSD(500),
                    at: Self.date()
                )
            ]
        }
        #expect(try await commit(late, budget: MicroUSD(100)) == .landed)
        #expect(try await commit(reserving(runs[1], 100), budget: MicroUSD(100)) == .landed)
        #expect(try await commit(reserving(runs[2], 1), budget: MicroUSD(100)) == .overBudget)
    }
}
