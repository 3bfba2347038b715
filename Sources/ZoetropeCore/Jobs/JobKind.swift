/// What a job's image is.
package enum JobKind: String, Sendable, CaseIterable {
    /// Somebody's photo, as it was uploaded or restored.
    case photo
    /// A generated HD scene.
    case scene
}
