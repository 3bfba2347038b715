/// A validated wish for one clip.
///
/// It exists only if the model can fulfil it.
package struct AnimationRequest: Sendable, Equatable {
    package let model: VideoModel
    package let motion: Motion
    package let camera: Camera
    package let resolution: Resolution
    /// Length of the clip in seconds.
    package let seconds: Int
    /// Trimmed, 1–500 code points; nil when the caller gave none.
    package let prompt: String?
    /// Chooses among equally good random details (the phase of an unsteady hand).
    ///
    /// Same seed, same clip.
    package let seed: UInt64

    /// Prompts longer than this are refused.
    ///
    /// Unicode code points, as OpenAPI's `maxLength` and SQL's `length` count.
    package static let maxPromptCodePoints = 500

    /// Validates a wish.
    ///
    /// The error names every rule that it breaks.
    ///
    /// `resolution` is as callers write it: `480p`, `720p` (nil) or `1080p`; without `seconds` the model's default is taken.
    package init(
        model: VideoModel = .local,
        motion: Motion = .standard,
        camera: Camera = .standard,
        resolution: String? = nil,
        seconds: Int? = nil,
        tier: Tier = .free,
        prompt: String? = nil,
        seed: UInt64 = 0
    ) throws(RequestError) {
        var problems: [RequestError.Problem] = []

        let resolutionValue = resolution.map(Resolution.init(rawValue:)) ?? Resolution.standard
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

        let trimmed = prompt.map(Self.trimmed)
        let length = trimmed?.unicodeScalars.count ?? 0
        if length > Self.maxPromptCodePoints || (length == 0 && model.requiresPrompt) {
            problems.append(.init(field: "prompt", rule: .prompt))
        }

        guard problems.isEmpty, let resolutionValue else { throw RequestError(problems: problems) }
        self.model = model
        self.motion = motion
        self.camera = camera
        self.resolution = resolutionValue
        self.seconds = secondsValue
        self.prompt = length > 0 ? trimmed : nil
        self.seed = seed
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars.drop { $0.properties.isWhitespace }
        let end = scalars.lastIndex { !$0.properties.isWhitespace }
        return end.map { String(String.UnicodeScalarView(scalars[...$0])) } ?? ""
    }
}

/// Everything that is wrong with a request, with the messages that callers rely on.
package struct RequestError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Rule: Sendable, Equatable {
        case prompt
        case resolution
        case duration(offered: [Int])
        case paidPlan(seconds: Int)
    }

    package struct Problem: Sendable, Equatable {
        package let field: String
        package let rule: Rule

        package var message: String {
            switch rule {
            case .prompt:
                "Prompt is required (max \(AnimationRequest.maxPromptCodePoints) characters)"
            case .resolution:
                "Invalid resolution. Choose 480p, 720p, or 1080p"
            case .duration(let offered):
                "Invalid duration. Choose \(Self.list(offered)) seconds"
            case .paidPlan(let seconds):
                "\(seconds)-second animations are available on the paid plan"
            }
        }

        /// "6", "6 or 10", "5, 6, or 10".
        private static func list(_ numbers: [Int]) -> String {
            let words = numbers.map(String.init)
            return switch words.count {
            case ...1: words.joined()
            case 2: words.joined(separator: " or ")
            default: words.dropLast().joined(separator: ", ") + ", or " + words[words.count - 1]
            }
        }
    }

    package let problems: [Problem]

    package var description: String { problems.map(\.message).joined(separator: "; ") }
}
