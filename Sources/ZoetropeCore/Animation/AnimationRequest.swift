/// A validated wish for one clip.
///
/// It exists only if the model can fulfil it.
package struct AnimationRequest: Sendable, Hashable {
    package let model: VideoModel
    package let motion: Motion
    package let camera: Camera
    package let resolution: Resolution
    /// Length of the clip in seconds.
    package let seconds: Int
    /// Trimmed, 1–500 code points and so at most 2,000 bytes of UTF-8; nil when the caller gave none.
    package let prompt: String?
    /// Whether the published video keeps the model's sound track, if it makes one.
    package let audio: Bool
    /// The seed that the caller chose; nil leaves the choice to the model.
    package let chosenSeed: UInt64?

    /// Chooses among equally good random details (the phase of an unsteady hand).
    ///
    /// Same seed, same clip.
    package var seed: UInt64 { chosenSeed ?? 0 }

    /// Prompts longer than this are refused.
    ///
    /// Unicode code points, as OpenAPI's `maxLength` and SQL's `length` count.
    package static let maxPromptCodePoints = 500

    /// Validates a wish.
    ///
    /// The error names every rule that it breaks, in the order prompt, resolution, duration.
    ///
    /// `resolution` is as callers write it: `480p`, `720p` or `1080p`; nil takes ``VideoModel/standardResolution``. Without
    /// `seconds` the model's default is taken.
    package init(
        model: VideoModel = .local,
        motion: Motion = .standard,
        camera: Camera = .standard,
        resolution: String? = nil,
        seconds: Int? = nil,
        tier: Tier = .free,
        prompt: String? = nil,
        audio: Bool = false,
        seed: UInt64? = nil
    ) throws(RequestError) {
        var problems: [RequestError.Problem] = []

        let trimmed = prompt.map(Self.trimmed)
        let length = trimmed?.unicodeScalars.count ?? 0
        if length > Self.maxPromptCodePoints || (length == 0 && model.requiresPrompt) {
            problems.append(.init(field: "prompt", rule: .prompt))
        }

        let resolutionValue = resolution.map(Resolution.init(rawValue:)) ?? model.standardResolution
        if resolutionValue.map(model.resolutions.contains) != true {
            problems.append(.init(field: "resolution", rule: .resolution))
        }

        let secondsValue = seconds ?? model.durations[0]
        if !model.durations.contains(secondsValue) {
            let isPaid = model.paidDurations.contains(secondsValue)
            if !isPaid {
                problems.append(
                    .init(field: "duration", rule: .duration(offered: model.durations + model.paidDurations))
                )
            } else if tier != .paid {
                problems.append(.init(field: "duration", rule: .paidPlan(seconds: secondsValue)))
            }
        }

        guard problems.isEmpty, let resolutionValue else { throw RequestError(problems: problems) }
        self.init(
            accepted: model,
            motion: motion,
            camera: camera,
            resolution: resolutionValue,
            seconds: secondsValue,
            prompt: length > 0 ? trimmed : nil,
            audio: audio,
            chosenSeed: seed
        )
    }

    /// Takes what was validated before.
    init(
        accepted model: VideoModel,
        motion: Motion,
        camera: Camera,
        resolution: Resolution,
        seconds: Int,
        prompt: String?,
        audio: Bool,
        chosenSeed: UInt64?
    ) {
        self.model = model
        self.motion = motion
        self.camera = camera
        self.resolution = resolution
        self.seconds = seconds
        self.prompt = prompt
        self.audio = audio
        self.chosenSeed = chosenSeed
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars.drop { $0.properties.isWhitespace }
        let end = scalars.lastIndex { !$0.properties.isWhitespace }
        return end.map { String(String.UnicodeScalarView(scalars[...$0])) } ?? ""
    }
}
