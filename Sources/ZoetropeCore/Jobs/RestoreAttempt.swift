package import FoundationEssentials

/// A restored version of a job's photo.
package struct RestoreAttempt: Sendable, Hashable {
    package var id: RestoreID
    package var jobID: JobID
    /// The restored image.
    package var image: SourceImage
    package var createdAt: Date

    package init(id: RestoreID, jobID: JobID, image: SourceImage, createdAt: Date) {
        self.id = id
        self.jobID = jobID
        self.image = image
        self.createdAt = createdAt
    }
}
