import Foundation
import Logging
import Synchronization
import ZoetropeCore

/// One step of a run: the I/O, and nothing that decides.
extension Worker {
    /// Does a step while its lease is kept alive.
    ///
    /// `markedAt` is the uptime at which the lease was last renewed: when the decision that led to this step began to be
    /// written, such as the mark that precedes a ``Step/post(_:)``. Returns nil for a step that is nothing to do. Throws when it was interrupted: the task was cancelled, or the lease was lost.
    func perform(_ step: Step, of run: Run, markedAt: Duration, _ now: DatabaseTime) async throws -> RunEvent? {
        switch step {
        case .wait: return nil
        case .begin: return .begun
        case .admit(let intent): return try await admit(intent)
        case .post(let intent): return try await post(intent, of: run, markedAt: markedAt)
        default: break
        }
        return try await holding([run.id: run.lease.epoch], since: markedAt) {
            switch step {
            case .prepareInput(let intent):
                return try await self.prepareInput(intent, of: run, isFirst: intent.createdAt >= now.claimedAt)
            case .find(let intent): return await self.find(intent, at: now.date)
            case .poll(let intent): return .polled(intent.id, await self.status(of: intent))
            case .cancel(let intent): return try await self.cancel(intent)
            case .keepPart(let intent): return try await self.keepPart(intent, of: run)
            case .finish: return try await self.finish(run)
            case .check: return try await self.check(run)
            case .undo(let undo): return try await self.undo(undo, of: run)
            case .wait, .begin, .admit, .post: return nil
            }
        }
    }

    /// Told when the outcome of a step is in the database.
    func reached(after step: Step, _ decision: Decision) async throws {
        let point: CrashPoint? =
            switch step {
            case .begin: .intended
            case .prepareInput: .uploaded
            case .admit: decision.then.flatMap { if case .post = $0 { CrashPoint.sent } else { nil } }
            case .post: .bound
            case .finish: decision.change.run.outcome == .ready ? .published : nil
            default: nil
            }
        if let point { try await environment.reached(point) }
    }

    /// Does something while its leases are renewed, and stops it when one of them is lost or has run out.
    ///
    /// `start` is the uptime from which the leases last at least ``WorkerSettings/lease``.
    func holding<Result: Sendable>(
        _ leases: [AnimationID: Int64],
        since start: Duration,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let end = LeaseEnd(start + settings.lease)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.renew(leases, end)
                return nil
            }
            // Apart from the renewals, which hang with a database that does not answer.
            group.addTask {
                try await self.wait(for: end)
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// Renews leases until one is lost; a database that cannot be asked is not a lost lease.
    private func renew(_ leases: [AnimationID: Int64], _ end: LeaseEnd) async throws {
        while true {
            try await environment.time.sleep(settings.lease / 3)
            try await environment.reached(.renewing)
            let asked = environment.time.uptime()
            guard let kept = try? await environment.store.renew(leases, lease: settings.lease) else { continue }
            guard kept.count == leases.count else { throw CancellationError() }
            end.postpone(to: asked + settings.lease)
        }
    }

    /// Throws when leases have run out without a renewal: others may have the runs by now.
    private func wait(for end: LeaseEnd) async throws {
        var next = end.uptime
        while true {
            try await environment.time.sleep(max(.zero, next - environment.time.uptime()))
            let last = next
            next = end.uptime
            if next == last { break }
        }
        environment.logger.warning("a lease could not be renewed in time; its step is stopped")
        throw CancellationError()
    }

    private func provider(_ name: VideoModel.Provider) throws(ProviderError) -> any GenerationProvider {
        guard let provider = environment.providers[name] else {
            throw ProviderError(.unavailable, "provider \"\(name.rawValue)\" is not configured")
        }
        return provider
    }

    // MARK: Ordering

    /// `isFirst` says that nobody can have uploaded for this intent before.
    private func prepareInput(_ intent: PaidIntent, of run: Run, isFirst: Bool) async throws -> RunEvent {
        let source = machine.source(of: intent, in: run)
        do {
            let input = try await failing {
                try await self.environment.scratch.withFolder(for: run.id, epoch: run.lease.epoch) { folder in
                    let stored = "\(folder)/source"
                    let image = "\(folder)/input.jpg"
                    _ = try await self.environment.objects.get(source.key, to: stored)
                    try await self.places.with {
                        try await self.environment.media.makeInput(from: stored, source, to: image)
                    }
                    return try await self.provider(intent.provider).prepareInput(image, tag: intent.tag)
                }
            }
            // An earlier try may have left a file as well: then the tag finds them all when they are removed.
            return .inputPrepared(intent.id, isFirst ? input : ProviderInput(url: input.url, fileID: nil))
        } catch let failure as StepFailure {
            return .inputFailed(intent.id, failure)
        }
    }

    private func admit(_ intent: PaidIntent) async throws -> RunEvent {
        guard let traits = environment.providers[intent.provider]?.traits else {
            return .heldBack(
                intent.id,
                for: .seconds(30),
                reason: "provider \"\(intent.provider.rawValue)\" is not configured"
            )
        }
        switch await gateKeeper.ask(.admit(intent, traits)) {
        case .success(.held(let wait, let reason)):
            // Spread, so that all who were held back do not come at once.
            let spread = wait * (1 + 0.2 * environment.chance.unit())
            return .heldBack(intent.id, for: max(.milliseconds(50), spread), reason: reason)
        case .success: return .admitted(intent.id)
        case .failure(let error):
            return .heldBack(intent.id, for: .seconds(2), reason: "the shared gates cannot be read: \(error)")
        }
    }

    private func post(_ intent: PaidIntent, of run: Run, markedAt: Duration) async throws -> RunEvent {
        // A mark that took long to write eats up the time in which the call must be over; better not to begin.
        guard environment.time.uptime() - markedAt <= machine.policy.markMargin,
            let provider = environment.providers[intent.provider]
        else { return .notSent(intent.id) }
        try await environment.reached(.halfWritten)
        let order = machine.order(intent, of: run)
        let outcome = await keepingAlive([run.id: run.lease.epoch]) {
            await self.environment.shielded { await provider.submit(order) }
        }
        try await environment.reached(.acceptedUnread)
        try await environment.reached(.readUnbound)
        return .submitted(intent.id, outcome)
    }

    /// Does something while its leases are renewed, and does not stop it whatever becomes of them.
    private func keepingAlive<Result: Sendable>(
        _ leases: [AnimationID: Int64],
        _ body: @escaping @Sendable () async -> Result
    ) async -> Result {
        let beat = settings.lease / 3
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { [environment, settings] in
                while (try? await environment.time.sleep(beat)) != nil {
                    _ = try? await environment.store.renew(leases, lease: settings.lease)
                }
            }
            let result = await body()
            group.cancelAll()
            return result
        }
    }

    func learn(_ outcome: SubmitOutcome, of intent: PaidIntent) async {
        if case .accepted = outcome {
            let key = GatePolicy.createKeys(intent).model
            if closings.open(key) { await environment.resolve("provider_closed", "\(key) takes orders again") }
        }
        // What could not be learnt is learnt from the next call.
        let answer = await environment.shielded { [gateKeeper] in await gateKeeper.ask(.learn(outcome, intent)) }
        guard case .success(.news(let reason)) = answer else { return }
        let key = GatePolicy.createKeys(intent).model
        closings.close(key)
        await environment.alert(Alert(.critical, "provider_closed", "\(key): \(reason)", intent.animationID))
    }

    // MARK: Looking

    private func find(_ intent: PaidIntent, at now: Date) async -> RunEvent {
        do {
            return .found(intent.id, try await provider(intent.provider).find(machine.search(for: intent, at: now)))
        } catch {
            return .lookFailed(intent.id, error)
        }
    }

    private func status(of intent: PaidIntent) async -> StatusOutcome {
        guard let id = intent.predictionID, let provider = environment.providers[intent.provider] else {
            return .failed(ProviderError(.unavailable, "provider \"\(intent.provider.rawValue)\" is not configured"))
        }
        return await provider.status(of: [id])[id] ?? .missing
    }

    /// How long calls must wait for the account's budget; nil when they may go.
    func readsHeldBack(_ traits: ProviderTraits, calls: Int) async -> Duration? {
        guard traits.readsPerMinute != nil else { return nil }
        let key = GatePolicy.readsKey(traits)
        return
            (try? await environment.store.amendGates([key]) { [gates] all, now in
                gates.take(calls, of: key, perMinute: traits.readsPerMinute, &all, at: now)
            }) ?? nil
    }

    private func cancel(_ intent: PaidIntent) async throws -> RunEvent {
        try await environment.reached(.beforeCancel)
        let outcome: StatusOutcome
        do {
            outcome = .found(try await provider(intent.provider).cancel(intent.predictionID ?? ""))
        } catch {
            outcome = error.kind == .missing ? .missing : .failed(error)
        }
        try await environment.reached(.canceledUnrecorded)
        return .cancelAnswered(intent.id, outcome)
    }

    // MARK: Files

    private func fetch(_ intent: PaidIntent, of run: Run, to file: String) async throws {
        try await environment.reached(.downloading)
        try await provider(intent.provider).fetch(intent.output ?? "", of: machine.order(intent, of: run), to: file)
        try await environment.reached(.downloaded)
    }

    private func intent(of run: Run) throws(StepFailure) -> PaidIntent {
        guard let intent = run.intents.last(where: { $0.part == run.part && $0.output != nil }) else {
            throw .machine("there is no result to fetch")
        }
        return intent
    }

    private func keepPart(_ intent: PaidIntent, of run: Run) async throws -> RunEvent {
        do {
            let part = try await failing {
                try await self.environment.scratch.withFolder(for: run.id, epoch: run.lease.epoch) { folder in
                    let clip = "\(folder)/part.mp4"
                    let frame = "\(folder)/frame.png"
                    try await self.fetch(try self.intent(of: run), of: run, to: clip)
                    let size = try await self.environment.media.lastFrame(of: clip, to: frame)
                    let clipKey = KeptPart.clipKey(of: run)
                    let frameKey = KeptPart.frameKey(of: run)
                    _ = try await self.environment.objects.put(clip, at: clipKey, contentType: "video/mp4")
                    let facts = try await self.environment.objects.put(frame, at: frameKey, contentType: "image/png")
                        .facts
                    return KeptPart(
                        clip: clipKey,
                        lastFrame: SourceImage(
                            key: frameKey,
                            contentType: facts.contentType,
                            size: size,
                            byteCount: Int(facts.byteCount),
                            sha256: facts.sha256
                        )
                    )
                }
            }
            return .partKept(part)
        } catch let failure as StepFailure {
            return .finishFailed(failure)
        }
    }

    private func finish(_ run: Run) async throws -> RunEvent {
        do {
            let video = try await failing {
                try await self.environment.scratch.withFolder(for: run.id, epoch: run.lease.epoch) { folder in
                    async let source = self.photo(of: run, in: folder)
                    var clips: [String] = []
                    for (number, part) in run.parts.enumerated() {
                        clips.append("\(folder)/part-\(number).mp4")
                        _ = try await self.environment.objects.get(part.clip, to: clips[number])
                    }
                    let last = "\(folder)/part-\(run.parts.count).mp4"
                    clips.append(last)
                    try await self.measured(part: "finish_fetch") {
                        try await self.fetch(try self.intent(of: run), of: run, to: last)
                    }
                    try await self.environment.reached(.transcoding)
                    let order = PublishOrder(
                        seconds: run.request.seconds,
                        wantsSound: run.request.audio,
                        source: try await source,
                        provenance: try await self.provenance(of: run),
                        mayKeepStream: run.edition == 1
                    )
                    let made = try await self.measured(part: "finish_media") { [clips] in
                        try await self.environment.media.publishable(from: clips, in: folder, order: order)
                    }
                    if run.edition > 1 {
                        // The one before was damaged: this one is decoded before callers see it.
                        for file in [made.video, made.result?.path].compactMap(\.self) {
                            try await self.decode(file, of: run)
                        }
                    }
                    try await self.environment.reached(.verified)
                    return try await self.measured(part: "finish_store") { try await self.store(made, of: run) }
                }
            }
            return .finished(video)
        } catch let failure as StepFailure {
            return .finishFailed(failure)
        }
    }

    /// The image that a model animated, whose colours its video should have.
    private func photo(of run: Run, in folder: String) async throws -> PublishOrder.Photo? {
        guard run.request.model.provider != .local else { return nil }
        let path = "\(folder)/photo"
        _ = try await environment.objects.get(run.source.key, to: path)
        return PublishOrder.Photo(path: path, orientation: run.source.orientation)
    }

    /// How the video came to be, as the API says it, too.
    private func provenance(of run: Run) async throws -> Provenance {
        let model = run.request.model
        guard model.provider == .local else {
            let source = DigitalSourceType(provider: model.provider, restoreID: nil, kind: .photo)
            return Provenance(source: source, system: model.name.isEmpty ? nil : model.name)
        }
        // A row that is gone was deleted, and nobody will see the file.
        let restoreID = try await environment.store.attempt(run.id)?.restoreID
        let kind = try await environment.store.job(run.jobID)?.kind ?? .photo
        let source = DigitalSourceType(provider: .local, restoreID: restoreID, kind: kind)
        return Provenance(source: source, system: nil)
    }

    /// Puts the files under their final keys.
    ///
    /// A key that has an object already got it from a worker that had verified its files, too, and died or lost the run
    /// before it could say so: what is there is taken. So no epoch ever replaces or removes what another may have
    /// published (docs/decisions/0009).
    private func store(_ made: PublishableVideo, of run: Run) async throws -> PublishedVideo {
        let videoKey = ObjectKey.video(run.jobID, run.id, edition: run.edition)
        let resultKey = ObjectKey.hdVideo(run.jobID, run.id, edition: run.edition)
        let posterKey = ObjectKey.poster(run.jobID, run.id, edition: run.edition)
        try await environment.reached(.midPut)
        let video = try await environment.objects.put(made.video, at: videoKey, contentType: "video/mp4").facts
        try await environment.reached(.videoStored)
        var result: StoredResult?
        if let file = made.result {
            let facts = try await environment.objects.put(file.path, at: resultKey, contentType: "video/mp4").facts
            result = StoredResult(
                key: resultKey,
                size: file.size,
                byteCount: facts.byteCount,
                sha256: facts.sha256
            )
        }
        let poster = try await environment.objects.put(made.poster, at: posterKey, contentType: "image/jpeg").facts
        try await environment.reached(.posterStored)
        return PublishedVideo(
            previewKey: videoKey,
            result: result,
            posterKey: posterKey,
            size: made.size,
            seconds: made.seconds,
            framesPerSecond: made.framesPerSecond,
            byteCount: video.byteCount,
            sha256: video.sha256,
            posterByteCount: poster.byteCount,
            posterSHA256: poster.sha256
        )
    }

    /// Opens what callers get: the stored objects, not the files that they were made from.
    private func check(_ run: Run) async throws -> RunEvent {
        guard let video = run.video else { return .checked }
        try await environment.reached(.checking)
        do {
            try await failing {
                try await self.environment.scratch.withFolder(for: run.id, epoch: run.lease.epoch) { folder in
                    let file = "\(folder)/video.mp4"
                    try await self.get(video.previewKey, video.byteCount, video.sha256, to: file)
                    try await self.decode(file, of: run)
                    if let result = video.result {
                        let file = "\(folder)/result.mp4"
                        try await self.get(result.key, result.byteCount, result.sha256, to: file)
                        try await self.decode(file, of: run)
                    }
                }
            }
        } catch let failure as StepFailure {
            return .checkFailed(failure)
        }
        try await environment.reached(.checked)
        return .checked
    }

    /// Fetches an object that must be what was stored.
    private func get(_ key: ObjectKey, _ byteCount: Int64, _ sha256: String, to file: String) async throws {
        do throws(StorageError) {
            let facts = try await environment.objects.get(key, to: file)
            if facts.byteCount == byteCount, facts.sha256 == sha256 { return }
        } catch  where error.code != .missing && error.code != .corrupt {
            throw error
        } catch {
            throw MediaFailure(.outputInvalid, "\(key) is not what was stored: \(error)", isRetryable: true)
        }
        throw MediaFailure(.outputInvalid, "\(key) is not what was stored", isRetryable: true)
    }

    private func decode(_ file: String, of run: Run) async throws {
        try await environment.media.check(file, seconds: run.request.seconds, allowsSound: run.request.audio)
    }

    /// Somebody else owns the run.
    ///
    /// If it is over meanwhile, or what we made was withdrawn, its undos may have been done before our files came: they go. As
    /// long as it is alive they are the owner's, and so is the video of a run that is ready.
    func lost(_ run: Run, after step: Step) async {
        environment.logger.info("the run belongs to somebody else now", metadata: .of(run.id))
        switch step {
        case .prepareInput, .keepPart, .finish: break
        default: return
        }
        await environment.shielded { [environment] in
            guard let row = try? await environment.store.run(run.id) else { return }
            switch step {
            case .prepareInput(let intent) where row.outcome != nil:
                try? await environment.providers[intent.provider]?.removeInput(tag: intent.tag, fileID: nil)
            case .keepPart where row.outcome != nil && row.state != .checking:
                for key in KeptPart.keys(of: run) { try? await environment.objects.delete(key) }
            case .finish where row.outcome == .failed || row.edition > run.edition:
                for key in PublishedVideo.keys(of: run) { try? await environment.objects.delete(key) }
            default: break
            }
        }
    }

    // MARK: Undoing

    private func undo(_ undo: UndoRecord, of run: Run) async throws -> RunEvent {
        do {
            var cost: MicroUSD?
            switch undo.action {
            case .cancelPrediction(let intentID, let name, let id):
                try await environment.reached(.beforeCancel)
                let generation = try await provider(name).cancel(id)
                try await environment.reached(.canceledUnrecorded)
                guard generation.state.isTerminal else {
                    return .undoFailed(undo.id, detail: "prediction \(id) has not stopped yet")
                }
                cost = run.intents.first { $0.id == intentID }.map { RunMachine.cost(of: generation, $0) }
            case .deleteInput(let name, let tag, let fileID):
                try await provider(name).removeInput(tag: tag, fileID: fileID)
            case .deleteObject(let key):
                try await environment.objects.delete(key)
            case .deleteScene(let job):
                guard let keys = try await environment.store.condemn(job, sparing: run.id) else { break }
                for key in keys { try await environment.objects.delete(key) }
                try await environment.reached(.deletedUnrecorded)
                try await environment.store.remove(job)
            }
            try await environment.reached(.undoneUnmarked)
            return .undone(undo.id, cost: cost)
        } catch let error as ProviderError where error.kind == .missing {
            if case .cancelPrediction = undo.action { return .undoMissing(undo.id) }
            return .undone(undo.id, cost: nil)
        } catch let error as any Error & CustomStringConvertible
            where error is ProviderError || error is StorageError || error is RunStoreError
        {
            return .undoFailed(undo.id, detail: error.description)
        }
    }

    // MARK: Failures

    /// Runs a step's work and sorts what it throws: a ``StepFailure`` for everything but an interruption.
    private func failing<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as any Interruption {
            throw error
        } catch  where Task.isCancelled {
            // What an interrupted tool or call says of itself is not what is wrong with it.
            throw CancellationError()
        } catch let error as ProviderError {
            throw StepFailure.provider(error)
        } catch let error as MediaFailure {
            throw StepFailure.media(error)
        } catch let error as StorageError {
            throw StepFailure.storage(error)
        } catch let error as StepFailure {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw StepFailure.machine("\(error)")
        }
    }
}

/// When leases run out, in uptime.
private final class LeaseEnd: Sendable {
    private let end: Mutex<Duration>

    init(_ uptime: Duration) { end = Mutex(uptime) }

    var uptime: Duration { end.withLock { $0 } }

    func postpone(to uptime: Duration) { end.withLock { $0 = max($0, uptime) } }
}

/// An error that ends a worker's step without an outcome, such as a test's staged death.
package protocol Interruption: Error {}

extension Logger.Metadata {
    static func of(_ id: AnimationID) -> Logger.Metadata { Logger.Metadata([.animationID: "\(id)"]) }

    static func of(_ error: any Error, _ id: AnimationID? = nil) -> Logger.Metadata {
        var metadata = Logger.Metadata([.error: "\(error)"])
        if let id { metadata[.animationID] = "\(id)" }
        return metadata
    }
}
