import ArgumentParser
import Foundation
import Logging
import StrictJSON
import Synchronization
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeWorkflow

/// Orders animations as an API server does: each accepted by a transaction of its own.
struct AcceptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Puts jobs with an animation each into the database, as fast as it takes them."
    )

    @Option(help: "The database's URL.")
    var database: String

    @Option(help: "How many.")
    var jobs = 1_000

    @Option(help: "Connections, and orders at a time.")
    var connections = 5

    @Option(help: "The file for a line of each: its id, and when it was accepted for sure.")
    var times: String

    func run() async throws {
        var logger = Logger(label: "race.accept")
        logger.logLevel = .warning
        let store = try await SQLRunStore.postgres(
            url: database,
            migrates: false,
            connections: connections,
            logger: logger
        )
        let clock = ContinuousClock()
        let start = clock.now
        let base = try await store.nextWake().now
        let orders = Orders(jobs)
        try await withThrowingTaskGroup { group in
            for _ in 0..<connections {
                group.addTask {
                    while orders.takeOne() {
                        let now = base.addingTimeInterval(start.duration(to: clock.now) / .seconds(1))
                        let intake = try Self.intake(at: Self.inMilliseconds(now))
                        guard try await store.accept(intake) == .accepted, let id = intake.animation?.run.id else {
                            throw ValidationError("an order was not accepted")
                        }
                        orders.note(id, at: timeOfDay())
                    }
                }
            }
            try await group.waitForAll()
        }
        let lines = orders.accepted.map { "\($0) \($1)\n" }
        try Data(lines.joined().utf8).write(to: URL(filePath: times))
        await store.close()
        let usage = Usage.now
        print(#"{"cpu_seconds": \#(usage.cpuSeconds), "peak_mib": \#(usage.peakMiB)}"#)
    }

    private static func inMilliseconds(_ date: Date) -> Date {
        Date(timeIntervalSince1970: (date.timeIntervalSince1970 * 1_000).rounded(.down) / 1_000)
    }

    /// A photo of a user, and the wish to see it move.
    private static func intake(at now: Date) throws -> Intake {
        guard let model = ModelCatalogue.builtIn.named("replicate_video_01_live") else {
            throw ValidationError("the catalogue has no such model")
        }
        let id = JobID(UUID())
        let job = Job(
            id: id,
            userID: "racer",
            kind: .photo,
            onFailure: .standard(for: .photo),
            source: SourceImage(
                key: .source(id, .jpeg),
                contentType: "image/jpeg",
                size: FrameSize(width: 1_280, height: 720),
                byteCount: 250_000,
                sha256: String(repeating: "0f", count: 32)
            ),
            createdAt: now
        )
        let animation = AnimationID(UUID())
        // Each has a prompt of its own, as callers do.
        let prompt = "The sea is calm on the picture \(animation)."
        let request = try AnimationRequest(model: model, prompt: prompt)
        let attempt = AnimationAttempt(
            id: animation,
            jobID: id,
            model: model.alias,
            params: ["prompt": .string(prompt)],
            createdAt: now
        )
        let run = Run(
            id: animation,
            jobID: id,
            request: request,
            source: job.source,
            onFailure: job.onFailure,
            createdAt: now
        )
        return Intake(job: job, animation: AnimationIntake(attempt: attempt, run: run))
    }
}

/// What is still to be ordered, and what was accepted.
private final class Orders: Sendable {
    private struct State {
        var left: Int
        var accepted: [(AnimationID, Double)] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(left: count)) }

    var accepted: [(AnimationID, Double)] { state.withLock { $0.accepted } }

    /// False when all are taken.
    func takeOne() -> Bool {
        state.withLock { state in
            state.left -= 1
            return state.left >= 0
        }
    }

    func note(_ id: AnimationID, at time: Double) { state.withLock { $0.accepted.append((id, time)) } }
}
