import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// How far a run is, reached by the machine's own decisions.
enum Stage: String, CaseIterable, Sendable {
    case queued, intended, prepared, sent, unknown, bound, canceling, finishing, checking, compensating, done
    /// Failed, because its prediction never showed; it stays on watch.
    case absent

    typealias Way = [(seconds: Double, event: (Run) -> RunEvent)]

    /// The events that lead there, each with the seconds since the one before.
    fileprivate var way: Way {
        let nothing: (Run) -> RunEvent = { .found($0.lastIntent, []) }
        switch self {
        case .queued: return []
        case .intended: return [(0, { _ in .begun })]
        case .prepared:
            let input = ProviderInput(url: "https://in/1", fileID: "file-1")
            return Stage.intended.way + [(1, { .inputPrepared($0.lastIntent, input) })]
        case .sent: return Stage.prepared.way + [(1, { .admitted($0.lastIntent) })]
        case .unknown: return Stage.sent.way + [(1, { .submitted($0.lastIntent, .unknown(detail: "reset")) })]
        case .bound: return Stage.sent.way + [(1, { .submitted($0.lastIntent, .accepted(.waiting)) })]
        case .canceling: return Stage.bound.way + [(599, { .cancelAnswered($0.lastIntent, .found(.running)) })]
        case .finishing: return Stage.bound.way + [(30, { .polled($0.lastIntent, .found(.succeeded)) })]
        case .compensating: return Stage.bound.way + [(5, { _ in .cancelRequested })]
        case .checking: return Stage.finishing.way + [(10, { _ in .finished(.example) })]
        case .done: return Stage.checking.way + [(1, { _ in .checked })]
        case .absent:
            return Stage.unknown.way + [(64, nothing), (30, nothing), (120, nothing), (300, nothing), (900, nothing)]
        }
    }
}

extension Run {
    var lastIntent: PaidIntent.ID { intents.last?.id ?? UUID() }
}

extension Generation {
    static let waiting = Generation.p1(.running(hasStarted: false))
    static let running = Generation.p1(.running(hasStarted: true))
    static let succeeded = Generation.p1(.succeeded(output: "https://out/1"))
    static let canceled = Generation.p1(.canceled(hasStarted: true))
    static let aborted = Generation.p1(.canceled(hasStarted: false))
    static let transient = Generation.p1(
        .failed(.init(code: .providerUnavailable, detail: "", retries: 1, retryDelay: .seconds(20)))
    )
    static let rejected = Generation.p1(
        .failed(.init(code: .contentRejected, detail: "", retries: 0, retryDelay: .zero))
    )

    static func p1(_ state: Generation.State, id: String = "p1") -> Generation {
        Generation(id: id, tag: nil, model: nil, state: state, createdAt: nil, completedAt: nil)
    }
}

extension PublishedVideo {
    static let example = PublishedVideo(
        previewKey: .video(JobID(Table.id(2)), AnimationID(Table.id(1))),
        posterKey: .poster(JobID(Table.id(2)), AnimationID(Table.id(1))),
        size: FrameSize(width: 1280, height: 720),
        seconds: 6,
        framesPerSecond: 30,
        byteCount: 1,
        sha256: "a",
        posterByteCount: 1,
        posterSHA256: "b"
    )
}

/// A machine whose jitter is always the middle, and what its decisions mean in one line.
struct Table: Sendable {
    static let start = Date(timeIntervalSince1970: 1_790_000_000)

    var policy = RunPolicy()
    var isIdempotent = false
    var seconds = 6
    var onFailure = FailurePolicy.keep
    var chance = Chance.halves()

    static func id(_ number: UInt8) -> UUID {
        UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number))
    }

    var machine: RunMachine {
        let traits = ProviderTraits(
            provider: .replicate,
            isIdempotentByTag: isIdempotent,
            wantsInput: true,
            submitTimeout: .seconds(60),
            createsPerMinute: 600,
            readsPerMinute: 3_000
        )
        return RunMachine(policy: policy, traits: [traits], chance: chance)
    }

    func newRun() throws -> Run {
        let model = try #require(ModelCatalogue.builtIn.named("replicate_video_01_live"))
        let job = JobID(Self.id(2))
        return Run(
            id: AnimationID(Self.id(1)),
            jobID: job,
            request: try AnimationRequest(model: model, seconds: seconds, tier: .paid),
            source: SourceImage(
                key: .source(job, .jpeg),
                contentType: "image/jpeg",
                size: FrameSize(width: 1280, height: 720),
                byteCount: 1,
                sha256: "c"
            ),
            onFailure: onFailure,
            createdAt: Self.start
        )
    }

    /// A run at a stage, and the time at which it got there.
    func run(at stage: Stage) throws -> (run: Run, now: Date) {
        var run = try newRun()
        run.lease = Lease(epoch: 1, owner: "w", expiresAt: Self.start + 30)
        var now = Self.start
        let machine = machine
        for (seconds, event) in stage.way {
            now += seconds
            let decision = try #require(machine.decide(run, event(run), at: now))
            run = decision.change.run
        }
        return (run, now)
    }

    /// What an event means for a run at a stage; "nothing" when it means nothing.
    func line(_ stage: Stage, after seconds: Double, _ event: (Run) -> RunEvent) throws -> String {
        let (run, reached) = try run(at: stage)
        let now = reached + seconds
        guard let decision = machine.decide(run, event(run), at: now) else { return "nothing" }
        return decision.line(at: now)
    }
}

extension Decision {
    /// State, end, intents, what is booked, what is to be undone, when it wakes, what comes next, and alerts.
    func line(at now: Date) -> String {
        let run = change.run
        var words = [run.state.rawValue]
        if let outcome = run.outcome { words.append(run.failure.map { "(\($0.code.rawValue))" } ?? "(\(outcome))") }
        words.append("[\(run.intents.map(\.state.rawValue).joined(separator: " "))]")
        words += change.ledger.map { "\($0.kind.rawValue) \($0.amount)" }
        words += change.undos.map { "\($0.action.name):\($0.state.rawValue)" }
        if change.releasesLease {
            let wait = run.wakeAt.map { String(format: "%.1f", $0.timeIntervalSince(now)) }
            words.append("wake \(wait ?? "never")")
            if let checkAt = run.checkAt { words.append(String(format: "check %.1f", checkAt.timeIntervalSince(now))) }
        }
        if let then { words.append("then \(then.name)") }
        words += alerts.map { "!\($0.code)" }
        return words.joined(separator: " ")
    }
}

extension UndoAction {
    fileprivate var name: String {
        switch self {
        case .cancelPrediction(_, _, let id): "cancel-\(id)"
        case .deleteInput(_, _, let fileID): "input-\(fileID ?? "?")"
        case .deleteObject(let key): "object-\(key.ending)"
        case .deleteScene: "scene"
        }
    }
}

extension ObjectKey {
    /// What sets it apart from the others of its animation.
    fileprivate var ending: String {
        guard animation != nil else { return String(description.split(separator: ".").last ?? "") }
        let rest = description.split(separator: "/")[2].dropFirst(36)
        return String(rest.drop { "-.".contains($0) }).replacing("hd.mp4", with: "hd")
    }
}

extension Step {
    var name: String {
        switch self {
        case .begin: "begin"
        case .prepareInput: "prepareInput"
        case .admit: "admit"
        case .post: "post"
        case .find: "find"
        case .poll: "poll"
        case .cancel: "cancel"
        case .keepPart: "keepPart"
        case .finish: "finish"
        case .check: "check"
        case .undo(let undo): "undo-\(undo.action.name)"
        case .wait: "wait"
        }
    }
}

extension Chance {
    /// Always the middle of a range, and yet never the same identifier twice.
    static func halves() -> Chance {
        let count = Count()
        return Chance { 1 << 63 + count.next() }
    }
}

private final class Count: Sendable {
    private let value = Mutex<UInt64>(0)

    func next() -> UInt64 {
        value.withLock { value in
            value += 1
            return value
        }
    }
}
