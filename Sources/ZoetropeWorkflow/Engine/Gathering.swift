import Synchronization

/// Makes one call of what many ask for at about the same time.
///
/// Whoever comes first calls at once; those who come meanwhile wait, and then go together. So a call that costs the same
/// for one and for a hundred, such as a commit that is flushed to disk, is made as often as it can be and no more.
final class Gathering<Question: Sendable, Answer: Sendable>: Sendable {
    private enum Turn: Sendable {
        case leads
        case answered(Answer)
    }

    private struct State {
        var calls = 0
        var waiting: [(question: Question, turn: CheckedContinuation<Turn, Never>)] = []
    }

    private let mostCalls: Int
    private let mostQuestions: Int
    private let call: @Sendable ([Question]) async -> [Answer]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - mostCalls: Calls at a time.
    ///   - mostQuestions: Questions in a call.
    ///   - call: Returns an answer for each question, in their order; must return although its task is cancelled.
    init(mostCalls: Int, mostQuestions: Int, call: @escaping @Sendable ([Question]) async -> [Answer]) {
        self.mostCalls = mostCalls
        self.mostQuestions = mostQuestions
        self.call = call
    }

    func ask(_ question: Question) async -> Answer {
        let turn = await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                guard state.calls >= mostCalls else {
                    state.calls += 1
                    return true
                }
                state.waiting.append((question, continuation))
                return false
            }
            if leads { continuation.resume(returning: Turn.leads) }
        }
        if case .answered(let answer) = turn { return answer }
        let others = state.withLock { state in
            let count = min(state.waiting.count, mostQuestions - 1)
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting[..<count])
        }
        let answers = await call([question] + others.map(\.question))
        precondition(answers.count == others.count + 1, "\(answers.count) answers to \(others.count + 1) questions")
        for (other, answer) in zip(others, answers.dropFirst()) { other.turn.resume(returning: .answered(answer)) }
        let next = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.calls -= 1
                return nil as CheckedContinuation<Turn, Never>?
            }
            return state.waiting.removeFirst().turn
        }
        next?.resume(returning: .leads)
        return answers[0]
    }
}
