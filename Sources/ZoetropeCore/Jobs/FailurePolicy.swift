/// What happens to a job's image when its animation fails.
package enum FailurePolicy: String, Sendable, CaseIterable {
    /// The image and its objects stay.
    case keep
    /// The image and its objects are deleted, as if it had never been made.
    case rollback

    /// The policy of a job that names none.
    ///
    /// A photo is irreplaceable; a scene was only made for its animation.
    package static func standard(for kind: JobKind) -> FailurePolicy {
        switch kind {
        case .photo: .keep
        case .scene: .rollback
        }
    }
}
