package import FoundationEssentials

/// The id of an animation attempt.
package struct AnimationID: StoredID {
    package let uuid: UUID

    package init(_ uuid: UUID) {
        self.uuid = uuid
    }
}
