package import ZoetropeCore

/// What callers see of their own jobs and animations, and delete of them; another user's are not there.
package struct AnimationLibrary: Sendable {
    private let store: any ServiceStore
    private let service: AnimationService

    package init(_ store: any ServiceStore, _ service: AnimationService) {
        self.store = store
        self.service = service
    }

    // MARK: Jobs

    /// Throws ``ServiceError/jobNotFound``.
    package func job(_ id: JobID, for caller: Caller) async throws -> JobEntry {
        let job = try await service.job(id, for: caller)
        return JobEntry(
            job: job,
            restores: try await store.restores(of: [id]),
            animations: try await store.animations(of: [id])
        )
    }

    /// A page of a user's jobs, newest first, and where the next one begins; nil at the end.
    package func jobs(_ query: JobQuery) async throws -> (jobs: [JobEntry], next: PagePlace?) {
        var query = query
        let limit = query.limit
        query.limit += 1
        var jobs = try await store.jobs(query)
        let hasMore = jobs.count > limit
        jobs = Array(jobs.prefix(limit))
        let ids = jobs.map(\.id)
        let restores = Dictionary(grouping: try await store.restores(of: ids), by: \.jobID)
        let animations = Dictionary(grouping: try await store.animations(of: ids), by: \.attempt.jobID)
        return (
            jobs.map {
                JobEntry(job: $0, restores: restores[$0.id] ?? [], animations: animations[$0.id] ?? [])
            },
            hasMore ? jobs.last.map { PagePlace(createdAt: $0.createdAt, id: $0.id.uuid) } : nil
        )
    }

    /// Deletes a job with everything of it; its objects follow.
    ///
    /// Throws ``ServiceError/jobNotFound``.
    package func delete(_ job: JobID, for caller: Caller) async throws {
        guard try await store.erase(job, of: caller.userID, cancel: service.deletion) else {
            throw ServiceError.jobNotFound
        }
    }

    // MARK: Animations

    /// Throws ``ServiceError/jobNotFound`` and ``ServiceError/animationNotFound``.
    package func animation(_ id: AnimationID?, of job: JobID, for caller: Caller) async throws -> AnimationRecord {
        if let id, let record = try await store.animation(id), record.userID == caller.userID,
            record.attempt.jobID == job
        {
            return record
        }
        _ = try await service.job(job, for: caller)
        throw ServiceError.animationNotFound
    }

    /// An animation of the caller's, whatever its job; throws ``ServiceError/animationNotFound``.
    package func animation(_ id: AnimationID, for caller: Caller) async throws -> AnimationRecord {
        guard let record = try await store.animation(id), record.userID == caller.userID else {
            throw ServiceError.animationNotFound
        }
        return record
    }

    /// Oldest first; throws ``ServiceError/jobNotFound``.
    package func animations(of job: JobID, for caller: Caller) async throws -> [AnimationRecord] {
        _ = try await service.job(job, for: caller)
        return try await store.animations(of: [job])
    }

    /// A page of a user's animations, and whether there are more; nil when ``AnimationQuery/after`` is not the user's.
    package func animations(_ query: AnimationQuery) async throws -> (records: [AnimationRecord], hasMore: Bool)? {
        var query = query
        let limit = query.limit
        query.limit += 1
        guard let records = try await store.animations(query) else { return nil }
        return (Array(records.prefix(limit)), records.count > limit)
    }

    /// Deletes an animation; one that is under way is cancelled.
    ///
    /// Throws ``ServiceError/jobNotFound`` and ``ServiceError/animationNotFound``.
    package func delete(_ id: AnimationID?, of job: JobID, for caller: Caller) async throws {
        if let id,
            try await store.erase(id, of: job, by: caller.userID, cancel: service.deletion)
        {
            return
        }
        _ = try await service.job(job, for: caller)
        throw ServiceError.animationNotFound
    }

    package func usage(of caller: Caller) async throws -> Usage { try await store.usage(of: caller.userID) }

    /// Whether an object is part of a row that is still there.
    package func isPublished(_ key: ObjectKey) async throws -> Bool {
        let parts = key.description.split(separator: "/").map(String.init)
        guard parts.count == 3, let job = JobID(parts[1]) else { return false }
        let name = parts[2].prefix { $0 != "." }
        switch parts[0] {
        case "animations":
            guard let id = key.animation, let attempt = try await store.animation(id)?.attempt
            else { return false }
            return attempt.jobID == job
                && [attempt.previewS3Key, attempt.resultS3Key, attempt.thumbS3Key].contains(key.description)
        case "uploads": return try await store.job(job)?.source.key == key
        case "restores":
            guard let id = RestoreID(String(name)) else { return false }
            return try await store.restore(id)?.image.key == key
        default: return false
        }
    }
}

/// A job with what was made of it, each oldest first.
package struct JobEntry: Sendable, Equatable {
    package let job: Job
    package let restores: [RestoreAttempt]
    package let animations: [AnimationRecord]

    package init(job: Job, restores: [RestoreAttempt] = [], animations: [AnimationRecord] = []) {
        self.job = job
        self.restores = restores
        self.animations = animations
    }
}
