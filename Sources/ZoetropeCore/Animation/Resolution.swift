/// The sizes that callers choose from.
///
/// A name stands for an area, because a clip keeps the aspect of its photo.
package enum Resolution: String, Sendable, CaseIterable {
    case p480 = "480p"
    case p720 = "720p"
    case p1080 = "1080p"

    package static let standard = Resolution.p720

    /// Lines of a 16:9 picture of this resolution.
    package var lines: Int {
        switch self {
        case .p480: 480
        case .p720: 720
        case .p1080: 1080
        }
    }

    /// Pixels of a picture of this resolution in 16:9, with sides that are multiples of 16.
    package var area: Int {
        switch self {
        case .p480: 848 * 480
        case .p720: 1280 * 720
        case .p1080: 1920 * 1088
        }
    }
}
