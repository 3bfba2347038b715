package import ZoetropeCore

/// Images and their jobs.
extension AnimationService {
    /// Stores an image and its job.
    ///
    /// Only the picture is kept: no EXIF, GPS or other metadata reaches the store.
    ///
    /// - Parameters:
    ///   - image: The file as it came.
    ///   - caller: Whose it is.
    ///   - kind: A photo, or a generated scene.
    ///   - onFailure: What becomes of it when its animation fails for good; nil for the kind's own way.
    ///   - id: The job's identifier; nil for a new one.
    ///   - limits: What images are taken.
    /// - Returns: The job.
    /// - Throws: ``ImageError``, ``StorageError``, ``RunStoreError``.
    package func createJob(
        _ image: [UInt8],
        for caller: Caller,
        kind: JobKind,
        onFailure: FailurePolicy? = nil,
        id: JobID? = nil,
        limits: ImageLimits = .standard
    ) async throws -> Job {
        let still = try StillImage(parsing: image, limits: limits)
        let id = id ?? JobID(chance.uuid())
        let source = try await store(still, at: .source(id, still.header.format))
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
    package func createRestore(_ image: [UInt8], of job: JobID, for caller: Caller) async throws -> RestoreAttempt {
        _ = try await self.job(job, for: caller)
        let still = try StillImage(parsing: image)
        let id = RestoreID(chance.uuid())
        let restore = RestoreAttempt(
            id: id,
            jobID: job,
            image: try await store(still, at: .restore(job, id, still.header.format)),
            createdAt: try await stamp()
        )
        let outcome = try await accept(Intake(restore: restore)) { try await store.restore(id) != nil }
        guard outcome == .accepted else { throw ServiceError.jobNotFound }
        return restore
    }

    private func store(_ still: StillImage, at key: ObjectKey) async throws -> SourceImage {
        let contentType = still.header.format.mediaType
        let facts = try await scratch.withFolder(for: AnimationID(chance.uuid()), epoch: 0) { folder in
            try write(still.bytes, "\(folder)/source")
            return try await objects.put("\(folder)/source", at: key, contentType: contentType).facts
        }
        try await reached(.sceneStored)
        return SourceImage(
            key: key,
            contentType: contentType,
            size: FrameSize(width: still.header.displayWidth, height: still.header.displayHeight),
            orientation: still.header.orientation,
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
