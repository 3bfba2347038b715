import Foundation
import ZoetropeCore

/// What the steps of many runs ask the database for together.
extension Worker {
    typealias Commits = Gathering<RunChange, Result<CommitOutcome, CommitFailure>>
    typealias Looks = Gathering<[String], [String: StatusOutcome]?>
    typealias Gates = Gathering<GateQuestion, Result<GateAnswer, RunStoreError>>

    /// One transaction for the decisions of a moment.
    static func commits(_ environment: WorkerEnvironment, _ settings: WorkerSettings) -> Commits {
        Commits(mostCalls: settings.commits, mostQuestions: settings.batch) { changes in
            var answers = [Result<CommitOutcome, CommitFailure>](repeating: .success(.lost), count: changes.count)
            for places in rounds(changes) {
                do throws(RunStoreError) {
                    let outcomes = try await environment.store.commit(
                        places.map { changes[$0] },
                        lease: settings.lease,
                        dailyBudget: settings.dailyBudget
                    )
                    for place in places { answers[place] = .success(outcomes[changes[place].run.id] ?? .lost) }
                } catch {
                    let failure = CommitFailure(error: error, wasAlone: places.count == 1)
                    for place in places { answers[place] = .failure(failure) }
                }
            }
            return answers
        }
    }

    /// The places of changes, in as many transactions as it takes for each to name a run once.
    ///
    /// A worker that was frozen for longer than its lease may have claimed a run anew while a step under the old lease is
    /// still under way: what becomes of the one change says nothing about the other.
    private static func rounds(_ changes: [RunChange]) -> [[Int]] {
        var rounds: [[Int]] = []
        var seen: [AnimationID: Int] = [:]
        for (place, change) in changes.enumerated() {
            let round = seen[change.run.id, default: 0]
            seen[change.run.id] = round + 1
            if round == rounds.count { rounds.append([]) }
            rounds[round].append(place)
        }
        return rounds
    }

    /// One look at the predictions that many batches wait for: a sweep of a list costs the same for few and for many.
    static func looks(_ environment: WorkerEnvironment, _ settings: WorkerSettings) -> [VideoModel.Provider: Looks] {
        environment.providers.mapValues { provider in
            Looks(mostCalls: settings.looks, mostQuestions: settings.batch) { lists in
                let answers = await provider.status(of: lists.flatMap(\.self))
                // What a look says that was broken off is not what the provider says.
                return lists.map { _ in Task.isCancelled ? nil : answers }
            }
        }
    }

    /// How predictions are; nothing when the task was cancelled.
    func look(at ids: [String], of provider: VideoModel.Provider) async -> [String: StatusOutcome] {
        while !Task.isCancelled, let looks = looks[provider] {
            if let answers = await looks.ask(ids) { return answers }
        }
        return [:]
    }

    /// One look at the shared gates for the creates of a moment.
    static func gateKeeper(_ environment: WorkerEnvironment, _ settings: WorkerSettings, _ policy: GatePolicy) -> Gates
    {
        // One at a time: others would only wait for the locks of the first.
        Gates(mostCalls: 1, mostQuestions: settings.batch) { questions in
            let keys = Set(questions.flatMap(\.keys)).sorted()
            do throws(RunStoreError) {
                return try await environment.store.amendGates(keys) { all, now in
                    questions.map { .success($0.answer(policy, &all, at: now)) }
                }
            } catch {
                return questions.map { _ in .failure(error) }
            }
        }
    }
}

/// Why a change was not written, as far as anybody knows.
struct CommitFailure: Error {
    let error: RunStoreError
    /// Whether no other change was in the transaction: then the error is this one's.
    let wasAlone: Bool
}

/// What the account's gates are asked or told.
enum GateQuestion: Sendable {
    case admit(PaidIntent, ProviderTraits)
    case learn(SubmitOutcome, PaidIntent)

    var keys: [String] {
        switch self {
        case .admit(let intent, _), .learn(_, let intent):
            let keys = GatePolicy.createKeys(intent)
            return [keys.account, keys.model]
        }
    }

    fileprivate func answer(
        _ policy: GatePolicy,
        _ gates: inout [String: ProviderGate],
        at now: Date
    ) -> GateAnswer {
        switch self {
        case .admit(let intent, let traits):
            policy.admitCreate(intent, traits, &gates, at: now).map { .held(wait: $0.wait, reason: $0.reason) } ?? .open
        case .learn(let outcome, let intent):
            policy.learn(outcome, of: intent, &gates, at: now).map { .news($0) } ?? .open
        }
    }
}

enum GateAnswer: Sendable {
    case open
    case held(wait: Duration, reason: String)
    /// For operators.
    case news(String)
}
