import Crypto
import Foundation
import Glibc
import Logging
import StrictJSON
import SystemPackage
import ZoetropeCore
import ZoetropeMedia
import ZoetropeWorkflow

/// What `animate` made.
struct FinishedAnimation {
    let video: PublishedVideo
    let cost: MicroUSD
}

/// One animation in one process: the engine on a SQLite file in a folder beside the video.
///
/// With a paid model that folder outlives an interruption, and the same command goes on where it stopped.
struct OneAnimation {
    let settings: Settings
    let request: AnimationRequest
    let tier: Tier
    let photo: [UInt8]
    let limits: ImageLimits

    private static let caller = "local"

    /// Makes the video and puts it in its place.
    ///
    /// - Parameters:
    ///   - targets: Where it goes.
    ///   - progress: Told how far it is.
    /// - Returns: What was made.
    /// - Throws: ``CommandFailure``.
    func run(to targets: OutputTargets, _ progress: ProgressPrinter) async throws -> FinishedAnimation {
        guard request.model.provider != .local else {
            let scratch: ScratchFolder
            do {
                scratch = try ScratchFolder(in: targets.folder)
            } catch {
                throw CommandFailure.failed(error.message)
            }
            defer { scratch.remove() }
            do {
                return try await make(in: scratch.path, targets, progress)
            } catch AnimationEnd.failed(let sentence, _) {
                throw CommandFailure.failed(sentence)
            } catch is AnimationEnd {
                throw CancellationError()
            }
        }
        let folder = try ResumeFolder(in: targets.folder, fingerprint: fingerprint(of: targets))
        do {
            let finished = try await make(in: folder.path, targets, progress)
            folder.remove()
            return finished
        } catch let end as AnimationEnd {
            switch end {
            case .failed(let sentence, isTidy: true):
                folder.remove()
                throw CommandFailure.failed(sentence)
            case .failed(let sentence, isTidy: false):
                throw CommandFailure.failed(
                    "\(sentence) What is left at the provider is looked after when the same command is given again."
                )
            case .interrupted(mayBePaid: false):
                folder.remove()
                throw CancellationError()
            case .interrupted(mayBePaid: true):
                throw CommandFailure.interrupted(
                    "Interrupted. The same command goes on from here, without paying again; results are kept for an hour."
                )
            }
        } catch let failure as CommandFailure where failure.exitCode == ExitCodes.failed {
            // Whatever was paid for is still known in the folder.
            throw CommandFailure.failed("\(failure.message); the same command goes on from here")
        }
    }

    /// How a run ended without a video.
    private enum AnimationEnd: Error {
        /// For good; `isTidy` when nothing of it can cost money or be found any more.
        case failed(String, isTidy: Bool)
        /// `mayBePaid` when a prediction may have been ordered.
        case interrupted(mayBePaid: Bool)
    }

    /// The same for the same command: image, request, account and target, however its path is spelt.
    private func fingerprint(of targets: OutputTargets) throws -> String {
        let folder = realpath(targets.folder.string, nil)
        defer { free(folder) }
        let stored =
            try JSONValue.object([
                "request": request.stored,
                "provider": .string(
                    settings.replicate?.baseURL ?? settings.cogURL ?? settings.openAIVideos?.baseURL ?? ""
                ),
                "folder": .string(folder.map { String(cString: $0) } ?? targets.folder.string),
                "video": .string(targets.video.lastComponent?.string ?? ""),
            ])
            .encoded()
        var hash = SHA256()
        hash.update(data: stored)
        hash.update(data: photo)
        hash.update(data: Array((settings.replicate?.token ?? "").utf8))
        return hash.finalize().hexadecimal
    }

    private func make(in folder: FilePath, _ targets: OutputTargets, _ progress: ProgressPrinter) async throws
        -> FinishedAnimation
    {
        var settings = settings
        settings.dataFolder = folder.string
        settings.database = .sqlite(path: "\(folder)/run.sqlite")
        settings.storage = .folder("\(folder)/objects")
        var logger = Logger(label: "zoetrope") { StreamLogHandler.standardError(label: $0) }
        // What the user must know is in the one sentence of a failure.
        logger.logLevel = .critical
        let isLocal = request.model.provider == .local
        let engine = try await Engine(settings, logger: logger) { step in
            if isLocal { progress.show(step.step.rawValue, step.fraction) }
        }
        do {
            let finished = try await make(with: engine, in: folder, targets, progress)
            await engine.close()
            return finished
        } catch {
            let runs = try? await engine.environment.store.runs(in: nil, limit: 1)
            await engine.close()
            switch error {
            case is CancellationError:
                // When the database does not say, it may have been.
                throw AnimationEnd.interrupted(
                    mayBePaid: runs?.contains { $0.intents.contains { $0.sentAt != nil } } ?? true
                )
            case is CommandFailure, is AnimationEnd: throw error
            default: throw CommandFailure.failed("the video could not be made: \(error)")
            }
        }
    }

    private func make(
        with engine: Engine,
        in folder: FilePath,
        _ targets: OutputTargets,
        _ progress: ProgressPrinter
    ) async throws -> FinishedAnimation {
        let id = try await accepted(engine)
        let (run, isTidy) = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await engine.worker(concurrency: 1).run()
            }
            defer { group.cancelAll() }
            return try await watch(id, engine, progress)
        }
        guard let video = run.video, run.outcome == .ready else {
            throw AnimationEnd.failed(Self.sentence(run), isTidy: isTidy)
        }
        try Task.checkCancellation()
        let file = folder.appending("video.mp4")
        let poster = folder.appending("poster.jpg")
        // Left by an earlier try that was interrupted here.
        for old in [file, poster] { try? FileManager.default.removeItem(atPath: old.string) }
        do throws(StorageError) {
            _ = try await engine.environment.objects.get(video.previewKey, to: file.string)
            _ = try await engine.environment.objects.get(video.posterKey, to: poster.string)
        } catch {
            throw CommandFailure.failed("the finished video cannot be read: \(error.detail)")
        }
        try targets.publish(file, poster: poster)
        return FinishedAnimation(video: video, cost: run.cost)
    }

    /// The run of this command: one that was begun before, or a new one.
    private func accepted(_ engine: Engine) async throws -> AnimationID {
        do {
            if let run = try await engine.environment.store.runs(in: nil, limit: 1).first {
                // Whoever held it is dead, for we hold the folder.
                _ = try await engine.environment.store.amend(run.id) { run, now in
                    guard run.wakeAt != nil || run.checkAt != nil, run.lease.owner != nil else { return nil }
                    var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
                    change.run.wakeAt = run.wakeAt.map { min($0, now) }
                    return change
                }
                return run.id
            }
            let caller = Caller(userID: Self.caller, tier: tier)
            if let job = try await engine.service.jobs(of: caller, limit: 1).first {
                // Interrupted between the two; anything else is a run that cannot be read, and may have been paid for.
                guard try await engine.environment.store.attempts(of: job.id).isEmpty else {
                    throw CommandFailure.failed("what an earlier zoetrope kept of this animation cannot be read")
                }
                return try await engine.service.accept(request, of: job)
            }
            try await engine.checkAccount()
            let job = try await engine.service.withUploadFolder { folder in
                try Data(photo).write(to: URL(filePath: "\(folder)/photo"))
                return try await engine.service.createJob(
                    "\(folder)/photo",
                    for: caller,
                    kind: .photo,
                    limits: limits
                )
            }
            return try await engine.service.accept(request, of: job)
        } catch let error as StorageError {
            throw CommandFailure.failed("the image cannot be stored: \(error.detail)")
        } catch let error as RunStoreError {
            throw CommandFailure.failed("the animation cannot be started: \(error.detail)")
        }
    }

    /// Waits until the run is at its end, and a little for what must be tidied up.
    ///
    /// - Returns: The run, and whether nothing of it can cost money or be found any more.
    private func watch(_ id: AnimationID, _ engine: Engine, _ progress: ProgressPrinter) async throws -> (Run, Bool) {
        let clock = ContinuousClock()
        var tidyingSince: ContinuousClock.Instant?
        while true {
            let run = try await engine.environment.store.run(id)
            guard let run else { throw CommandFailure.failed("the animation vanished from its database") }
            // Until it is checked, a video may be withdrawn and made anew.
            if run.outcome != nil, run.state != .checking {
                let since = tidyingSince ?? clock.now
                tidyingSince = since
                let isQuiet = run.undos.isEmpty && run.intents.allSatisfy { !$0.state.isOpen && $0.state != .late }
                if isQuiet || clock.now - since > .seconds(run.outcome == .ready ? 10 : 60) {
                    return (run, isQuiet && run.wakeAt == nil)
                }
            }
            if request.model.provider != .local { progress.show(run.state.words, run.glance.progress(at: Date())) }
            try await clock.sleep(for: .milliseconds(50))
        }
    }

    private static func sentence(_ run: Run) -> String {
        guard let failure = run.failure else { return "The animation failed." }
        return failure.detail.isEmpty ? failure.code.message : "\(failure.code.message) (\(failure.detail))"
    }
}

extension RunState {
    /// For people who wait.
    var words: String {
        switch self {
        case .queued, .submitting: "ordering"
        case .generating: "generating"
        case .finishing: "finishing"
        case .checking: "checking"
        case .compensating: "undoing"
        case .done: "done"
        }
    }
}
