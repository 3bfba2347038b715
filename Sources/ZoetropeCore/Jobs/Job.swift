package import FoundationEssentials

/// One image of one user, with what shall become of it.
package struct Job: Sendable, Hashable {
    package var id: JobID
    /// The `sub` of the caller's token; only this user sees the job.
    package var userID: String
    /// The `sid` of the caller's token; nil when it had none.
    package var sessionID: String?
    package var kind: JobKind
    package var onFailure: FailurePolicy
    package var source: SourceImage
    package var createdAt: Date

    package init(
        id: JobID,
        userID: String,
        sessionID: String? = nil,
        kind: JobKind,
        onFailure: FailurePolicy,
        source: SourceImage,
        createdAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.sessionID = sessionID
        self.kind = kind
        self.onFailure = onFailure
        self.source = source
        self.createdAt = createdAt
    }
}
