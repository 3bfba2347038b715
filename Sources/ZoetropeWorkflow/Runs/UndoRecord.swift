package import Foundation
package import ZoetropeCore

/// Something that must be undone, written before it is done.
///
/// Each undo may be repeated: what is not there any more counts as undone. It is tried for days and visible until done.
package struct UndoRecord: Sendable, Equatable, Identifiable {
    package let id: UUID
    package let animationID: AnimationID
    package var action: UndoAction
    package let createdAt: Date
    package var state: UndoState
    package var tries: Int
    /// When it wants to be tried next; meaningless unless ``state`` is due.
    package var wakeAt: Date
    /// Why the last try failed; for operators.
    package var lastError: String?

    package init(id: UUID, animationID: AnimationID, action: UndoAction, createdAt: Date, state: UndoState) {
        self.id = id
        self.animationID = animationID
        self.action = action
        self.createdAt = createdAt
        self.state = state
        tries = 0
        wakeAt = createdAt
    }
}

/// Stored: never rename a raw value.
package enum UndoState: String, Sendable, CaseIterable {
    /// Written, and to be done only if the run fails.
    case armed
    /// To be done, however the run ends.
    case due
    case done
    /// What it would undo was published, or never came to be.
    case void

    package var isPending: Bool { self == .armed || self == .due }
}

/// What an undo does.
package enum UndoAction: Sendable, Equatable {
    /// Cancels a prediction that a search found beside the one that was bound to the intent, and books its cost.
    case cancelPrediction(intentID: UUID, provider: VideoModel.Provider, id: String)
    /// Deletes the uploaded input image of an intent; without a file id it is looked up by the tag.
    case deleteInput(provider: VideoModel.Provider, tag: String, fileID: String?)
    case deleteObject(ObjectKey)
    /// Deletes the scene, its rows and its objects, unless another animation of it is alive or ready.
    case deleteScene(JobID)
}
