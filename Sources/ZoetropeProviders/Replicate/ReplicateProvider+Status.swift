import Foundation
import Replicate
import Synchronization
package import ZoetropeWorkflow

extension ReplicateProvider {
    /// So many predictions are asked for one by one, and so many at a time.
    private static let fewIDs = 8
    private static let pageSize = 100

    /// Calls that ``status(of:)`` will need, at least for as long as the account's list looks as it did at the last sweep.
    ///
    /// A few are asked for singly. More are looked for in the list: one call for 100 if they lie close together there, and up to
    /// 5/4 of their number if other software uses the account, too.
    package func callsForStatus(of count: Int) -> Int {
        guard count > Self.fewIDs else { return count }
        let calls = Double(Self.fullPages(count)) * sweepCost.withLock { $0 }
        return min(Int(calls.rounded(.up)), count + Self.mostPages(count))
    }

    private static func fullPages(_ count: Int) -> Int { (count + pageSize - 1) / pageSize }

    /// Pages that a sweep may take: those that bring nothing cost a quarter more at most.
    private static func mostPages(_ count: Int) -> Int { count / 4 }

    package func status(of ids: [String]) async -> [String: StatusOutcome] {
        let wanted = Set(ids)
        guard wanted.count > Self.fewIDs else { return await statusSingly(wanted.sorted()) }
        var sweep = Sweep(wanted: wanted)
        do {
            sweeping: for stretch in stretches(of: wanted) {
                for try await page in client.predictions(createdBefore: stretch.end) {
                    sweep.take(page)
                    guard sweep.pages < Self.mostPages(wanted.count) else { break sweeping }
                    guard !sweep.unseen.isDisjoint(with: stretch.ids) else { break }
                }
            }
        } catch {
            sweep.pages += 1
            let error = (error as? ReplicateError).map(ProviderError.init) ?? ProviderError(.unavailable, "\(error)")
            // A list that is out of order must not hide what single calls tell.
            if error.kind != .unavailable {
                return sweep.answers.merging(sweep.rest.map { ($0, .failed(error)) }) { first, _ in first }
            }
        }
        remember(sweep.answers.values.compactMap { if case .found(let generation) = $0 { generation } else { nil } })
        let rest = sweep.rest
        let calls = Double(sweep.pages + rest.count) / Double(Self.fullPages(wanted.count))
        sweepCost.withLock { $0 = calls }
        return sweep.answers.merging(await statusSingly(rest)) { first, _ in first }
    }

    // MARK: Where predictions lie in the list

    /// Creations that are remembered at most; what is forgotten is looked for from the list's beginning.
    private static let mostCreations = 100_000
    /// Times of one prediction may be rounded in different ways.
    private static let rounding: TimeInterval = 0.01

    /// Notes when predictions were created, and forgets those that nobody will ask for any more.
    func remember(_ generations: [Generation]) {
        creations.withLock { creations in
            for generation in generations {
                creations[generation.id] = generation.state.isTerminal ? nil : generation.createdAt
            }
            if creations.count > Self.mostCreations { creations = [:] }
        }
    }

    /// A part of the list in which wanted predictions lie; it begins after the newest of them, or at the list's own beginning.
    private typealias Stretch = (ids: [String], end: Date?)

    /// Where to look for predictions, newest first: between two stretches lies more than a page that nobody asked for.
    private func stretches(of wanted: Set<String>) -> [Stretch] {
        creations.withLock { creations in
            var places: [(id: String, date: Date)] = []
            for id in wanted {
                guard let createdAt = creations[id] else { return [(Array(wanted), nil)] }
                places.append((id, createdAt))
            }
            places.sort { $0.date > $1.date }
            let (oldest, newest) = creations.values.reduce((Date.distantFuture, Date.distantPast)) { ends, date in
                (min(ends.0, date), max(ends.1, date))
            }
            // How long a page takes to fill, as far as this account is ours.
            let page = newest.timeIntervalSince(oldest) * Double(Self.pageSize) / Double(max(1, creations.count))
            var stretches: [Stretch] = []
            var last = Date.distantFuture
            for (id, date) in places {
                if last.timeIntervalSince(date) > page {
                    stretches.append(([id], date + Self.rounding))
                } else {
                    stretches[stretches.count - 1].ids.append(id)
                }
                last = date
            }
            return stretches
        }
    }

    /// What was seen of the wanted predictions in the list, newest first.
    private struct Sweep {
        var unseen: Set<String>
        var doubtful: Set<String> = []
        var answers: [String: StatusOutcome] = [:]
        var pages = 0

        init(wanted: Set<String>) { unseen = wanted }

        /// Those that must be asked for singly.
        var rest: [String] { unseen.union(doubtful).sorted() }

        mutating func take(_ page: Page<Prediction>) {
            pages += 1
            for prediction in page.elements where unseen.remove(prediction.id.rawValue) != nil {
                let generation = Generation(prediction)
                switch generation.state {
                case .running, .succeeded: answers[generation.id] = .found(generation)
                // The list need not show everything, and a failure is final: ask for the prediction itself.
                case .failed, .canceled: doubtful.insert(generation.id)
                }
            }
        }
    }

    /// Asks one by one; when the last eight calls all failed, the others are taken to fail, too.
    private func statusSingly(_ ids: [String]) async -> [String: StatusOutcome] {
        await withTaskGroup(of: (String, StatusOutcome).self) { group in
            for id in ids.prefix(Self.fewIDs) {
                group.addTask { (id, await self.status(of: id)) }
            }
            var waiting = ids.dropFirst(Self.fewIDs)
            var answers: [String: StatusOutcome] = [:]
            var failuresInARow = 0
            while let (id, outcome) = await group.next() {
                answers[id] = outcome
                if case .failed = outcome { failuresInARow += 1 } else { failuresInARow = 0 }
                if failuresInARow >= Self.fewIDs {
                    for id in waiting { answers[id] = outcome }
                    waiting = []
                }
                if let next = waiting.popFirst() {
                    group.addTask { (next, await self.status(of: next)) }
                }
            }
            return answers
        }
    }

    private func status(of id: String) async -> StatusOutcome {
        do throws(ProviderError) {
            return .found(
                try await ProviderError.sorting {
                    Generation(try await client.prediction(Prediction.ID(rawValue: id)))
                }
            )
        } catch {
            return error.kind == .missing ? .missing : .failed(error)
        }
    }
}
