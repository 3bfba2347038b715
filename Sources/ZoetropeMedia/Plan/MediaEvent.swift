/// What happens while a video is made ready, for those who watch.
package enum MediaEvent: Sendable, Equatable {
    /// This was decided for the file as it is now.
    case decided(MediaPlan)
    /// Why a video is encoded that was to be edited.
    case refused(RetimingRefusal)
    /// A part of the work is done.
    case took(Part, Duration)

    /// What takes time beside the making itself.
    package enum Part: String, Sendable {
        /// A look at the file, before each decision.
        case look
        /// The key frames are decoded; the poster falls off.
        case poster
    }

    /// Does something and tells how long it took.
    static func measuring<Result>(
        _ part: Part,
        _ tell: (MediaEvent) -> Void,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let start = ContinuousClock.now
        let result = try await body()
        tell(.took(part, ContinuousClock.now - start))
        return result
    }
}
