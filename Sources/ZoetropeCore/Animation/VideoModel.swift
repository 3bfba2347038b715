/// What a user may ask for.
package enum Tier: String, Sendable, CaseIterable {
    case free
    case paid
}

/// One model that makes clips: its name for callers and its limits.
///
/// A new model is one row of ``all``.
package struct VideoModel: Sendable, Equatable {
    package enum Provider: String, Sendable, CaseIterable {
        case local
        case replicate
    }

    /// The name that callers use and that is stored with each animation.
    package var alias: String
    package var provider: Provider
    /// Seconds that everyone may choose, the default first.
    package var durations: [Int]
    /// Seconds that need the paid plan.
    package var paidDurations: [Int]
    /// Resolutions that callers may choose.
    package var resolutions: [Resolution]
    package var requiresPrompt: Bool

    package init(
        alias: String,
        provider: Provider,
        durations: [Int],
        paidDurations: [Int],
        resolutions: [Resolution],
        requiresPrompt: Bool
    ) {
        self.alias = alias
        self.provider = provider
        self.durations = durations
        self.paidDurations = paidDurations
        self.resolutions = resolutions
        self.requiresPrompt = requiresPrompt
    }

    package static let local = VideoModel(
        alias: "local",
        provider: .local,
        durations: [5, 6],
        paidDurations: [10],
        resolutions: Resolution.allCases,
        requiresPrompt: false
    )

    /// Every model that this version can run.
    package static let all = [local]

    package static func named(_ alias: String) -> VideoModel? {
        all.first { $0.alias == alias }
    }
}
