package import FoundationEssentials
package import StrictJSON

/// One row of `animation_attempts`, the table that callers know; names and meanings are fixed.
package struct AnimationAttempt: Sendable, Hashable {
    /// What callers are told; derived, never stored.
    package enum Status: String, Sendable, CaseIterable {
        case pending
        case ready
        case failed
    }

    package var id: AnimationID
    package var jobID: JobID
    /// The restored version that is animated; nil for the job's own image.
    package var restoreID: RestoreID?
    /// `""` or ``pendingKey`` while it runs, ``failedKey``, or the path of the video to play.
    package var previewS3Key: String
    /// The HD result, when it differs from the preview.
    package var resultS3Key: String?
    /// The poster, a JPEG.
    package var thumbS3Key: String?
    /// The alias of the model.
    package var model: String?
    package var params: JSONValue?
    package var createdAt: Date

    /// The ``previewS3Key`` of an animation that is being made.
    package static let pendingKey = "pending"
    /// The ``previewS3Key`` of an animation that failed or was cancelled.
    package static let failedKey = "failed"

    package init(
        id: AnimationID,
        jobID: JobID,
        restoreID: RestoreID? = nil,
        previewS3Key: String = "",
        resultS3Key: String? = nil,
        thumbS3Key: String? = nil,
        model: String? = nil,
        params: JSONValue? = nil,
        createdAt: Date
    ) {
        self.id = id
        self.jobID = jobID
        self.restoreID = restoreID
        self.previewS3Key = previewS3Key
        self.resultS3Key = resultS3Key
        self.thumbS3Key = thumbS3Key
        self.model = model
        self.params = params
        self.createdAt = createdAt
    }

    package var status: Status {
        switch previewS3Key {
        case "", Self.pendingKey: .pending
        case Self.failedKey: .failed
        default: .ready
        }
    }
}
