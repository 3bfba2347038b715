package import FoundationEssentials

/// The id of a job.
package struct JobID: StoredID {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }
}
