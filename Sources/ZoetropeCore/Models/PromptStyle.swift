/// How the caller's prompt and the words for motion and camera make one prompt.
package enum PromptStyle: String, Sendable, CaseIterable {
    /// Our words for motion and camera first, the caller's appended.
    case composed
    /// The caller's words first; ours follow if there is room.
    case caller

    /// The longest prompt that is sent, in Unicode code points.
    package var maxCodePoints: Int {
        switch self {
        case .composed: 2_000
        case .caller: 800
        }
    }
}
