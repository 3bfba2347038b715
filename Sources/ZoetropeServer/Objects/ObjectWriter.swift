import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// Writes jobs and animations as the API shows them.
struct ObjectWriter: Sendable {
    let service: AnimationService
    let retentionDays: Int

    func objects(_ jobs: [Job], for caller: Caller) async throws -> [JSONValue] {
        var objects: [JSONValue] = []
        for job in jobs {
            do {
                objects.append(try await object(job, for: caller))
            } catch ServiceError.jobNotFound {
                // Deleted since it was listed.
            }
        }
        return objects
    }

    func object(_ job: Job, for caller: Caller) async throws -> JSONValue {
        object(job, animations: try await animations(of: job, for: caller))
    }

    func object(_ job: Job, animations: [JSONValue]) -> JSONValue {
        [
            "id": .string(job.id.description),
            "user_id": .string(job.userID),
            "session_id": .orNull(job.sessionID),
            "kind": .string(job.kind.rawValue),
            "on_failure": .string(job.onFailure.rawValue),
            "source": [
                "s3_key": .string(job.source.key.description),
                "content_type": .string(job.source.contentType),
                "width": .integer(Int64(job.source.size.width)),
                "height": .integer(Int64(job.source.size.height)),
                "byte_count": .integer(Int64(job.source.byteCount)),
                "sha256": .string(job.source.sha256),
            ],
            "created_at": .string(job.createdAt.rfc3339),
            // None can be made yet.
            "restore_attempts": [],
            "animation_attempts": .array(animations),
        ]
    }

    func animations(of job: Job, for caller: Caller) async throws -> [JSONValue] {
        var objects: [JSONValue] = []
        for attempt in try await service.animations(of: job.id, for: caller) {
            objects.append(try await object(attempt, of: job, for: caller))
        }
        return objects
    }

    func object(_ attempt: AnimationAttempt, of job: Job, for caller: Caller) async throws -> JSONValue {
        let run = try await service.run(attempt.id)
        guard attempt.status == .pending, run?.outcome != nil else { return object(attempt, run, of: job) }
        // It ended between the two reads.
        return object(try await service.animation(attempt.id, of: job.id, for: caller), run, of: job)
    }

    /// An animation whose run is nil when the engine does not know it.
    func object(_ attempt: AnimationAttempt, _ run: Run?, of job: Job) -> JSONValue {
        let isDrawnByModel = attempt.params?["provider"]?.string != VideoModel.Provider.local.rawValue
        return [
            "id": .string(attempt.id.description),
            "job_id": .string(attempt.jobID.description),
            "restore_id": .orNull(attempt.restoreID?.description),
            "status": .string(attempt.status.rawValue),
            "step": .string((run?.state ?? (attempt.status == .pending ? .queued : .done)).rawValue),
            "progress": .integer(Int64(Progress.percent(attempt.status, run))),
            "preview_s3_key": .string(attempt.previewS3Key),
            "result_s3_key": .orNull(attempt.resultS3Key),
            "thumb_s3_key": .orNull(attempt.thumbS3Key),
            // There is no signed way to the objects yet.
            "preview_url": .null,
            "result_url": .null,
            "thumb_url": .null,
            "model": .orNull(attempt.model),
            "params": attempt.params ?? .null,
            "ai_generated": .bool(isDrawnByModel),
            "digital_source_type": .string(
                DigitalSourceType(isDrawnByModel: isDrawnByModel, attempt: attempt, kind: job.kind).uri
            ),
            "cost_usd": run.map { .number($0.cost.usd) } ?? attempt.params?["cost_usd"] ?? .null,
            // Before the end it can only be something that the caller sent.
            "error": attempt.status == .failed ? attempt.params?["error"] ?? .null : .null,
            "created_at": .string(attempt.createdAt.rfc3339),
            "provider_done_at": .orNull(run?.providerDoneAt?.rfc3339),
            "playable_at": .orNull(run?.playableAt?.rfc3339),
            "expires_at": .string((attempt.createdAt + Double(retentionDays) * 86_400).rfc3339),
        ]
    }
}

extension JSONValue {
    fileprivate static func orNull(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}
