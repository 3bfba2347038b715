package import FoundationEssentials

/// The id of a restored version of a job's photo.
package struct RestoreID: StoredID {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }
}
