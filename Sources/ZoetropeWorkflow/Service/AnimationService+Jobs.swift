package import ZoetropeCore

/// Reads an image file and writes its picture, as `StillImage` has it, to a new file; returns what its head says.
///
/// Throws ``ImageError`` for a file that is refused, and ``StorageError``.
package typealias ImageReduction =
    @Sendable (_ file: String, _ limits: ImageLimits, _ target: String) async throws -> ImageHeader

/// Images and their jobs.
extension AnimationService {
    /// Runs `body` with a new, empty folder for a file that is to become a job or a restored version.
    package func withUploadFolder<Result: Sendable>(
        _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        try await scratch.withFolder(for: AnimationID(chance.uuid()), epoch: 0, body)
    }

    /// Stores an image and its job.
    ///
    /// Only the picture is kept: no EXIF, GPS or other metadata reaches the store.
    ///
    /// - Parameters:
    ///   - image: The file as it came, in the folder of ``withUploadFolder(_:)``.
    ///   - caller: Whose it is.
    ///   - kind: A photo, or a generated scene.
    ///   - onFailure: What becomes of it when its animation fails for good; nil for the kind's own way.
    ///   - id: The job's identifier; nil for a new one.
    ///   - limits: What images are taken.
    /// - Returns: The job.
    /// - Throws: ``ImageError``, ``StorageError``, ``RunStoreError``.
    package func createJob(
        _ image: String,
        for caller: Caller,
        kind: JobKind,
        onFailure: FailurePolicy? = nil,
        id: JobID? = nil,
        limits: ImageLimits = .standard
    ) async throws -> Job {
        let id = id ?? JobID(chance.uuid())
        let source = try await store(image, limits) { .source(id, $0) }
        let job = Job(
            id: id,
            userID: caller.userID,
            sessionID: caller.sessionID,
            kind: kind,
            onFailure: onFailure ?? .standard(for: kind),
            source: source,
            createdAt: try await stamp()
        )
        _ = try await accept(Intake(job: job)) { try await store.job(id) != nil }
        return job
    }

    /// Stores a restored version of a job's photo.
    ///
    /// Throws as ``createJob(_:for:kind:onFailure:id:limits:)``, and ``ServiceError/jobNotFound``.
    package func createRestore(_ image: String, of job: JobID, for caller: Caller) async throws -> RestoreAttempt {
        _ = try await self.job(job, for: caller)
        let id = RestoreID(chance.uuid())
        let restore = RestoreAttempt(
            id: id,
            jobID: job,
            image: try await store(image, .standard) { .restore(job, id, $0) },
            createdAt: try await stamp()
        )
        let outcome = try await accept(Intake(restore: restore)) { try await store.restore(id) != nil }
        guard outcome == .accepted else { throw ServiceError.jobNotFound }
        return restore
    }

    func store(
        _ image: String,
        _ limits: ImageLimits,
        at place: (ImageFormat) -> ObjectKey
    ) async throws -> SourceImage {
        let picture = "\(image).picture"
        let header = try await reduce(image, limits, picture)
        let key = place(header.format)
        let contentType = header.format.mediaType
        let facts = try await objects.put(picture, at: key, contentType: contentType).facts
        try await reached(.sceneStored)
        return SourceImage(
            key: key,
            contentType: contentType,
            size: FrameSize(width: header.displayWidth, height: header.displayHeight),
            orientation: header.orientation,
            byteCount: Int(facts.byteCount),
            sha256: facts.sha256
        )
    }

    /// A job of the caller's own; another user's is not there.
    package func job(_ id: JobID, for caller: Caller) async throws -> Job {
        guard let job = try await store.job(id), job.userID == caller.userID else { throw ServiceError.jobNotFound }
        return job
    }

    package func jobs(of caller: Caller, limit: Int) async throws -> [Job] {
        try await store.jobs(of: caller.userID, limit: limit)
    }
}
