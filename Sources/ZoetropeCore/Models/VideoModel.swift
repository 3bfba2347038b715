import StrictJSON

/// One model that makes clips: its name for callers, its limits, its price and how to ask it.
///
/// A new model is one row of ``ModelCatalogue/builtIn`` or of the models file.
package struct VideoModel: Sendable, Hashable {
    package enum Provider: String, Sendable, CaseIterable {
        case local
        case replicate
        /// A self-hosted model server; it serves one model.
        case cog
        /// A server that speaks OpenAI's Videos interface, such as vLLM-Omni, SGLang or LiteLLM.
        case openAIVideos = "openai-videos"
    }

    /// The name that callers use and that is stored with each animation.
    package var alias: String
    package var provider: Provider
    /// `owner/name` on Replicate; for ``Provider/openAIVideos`` the model that is asked for, empty for the server's own; empty
    /// for ``Provider/local`` and ``Provider/cog``.
    package var name: String
    /// Seconds that everyone may choose, the default first.
    package var durations: [Int]
    /// Seconds that need the paid plan.
    package var paidDurations: [Int]
    /// Resolutions that callers may choose.
    package var resolutions: [Resolution]
    package var requiresPrompt: Bool
    /// Seconds that one generation always makes; nil for a model that makes what it is asked for.
    package var generatedSeconds: Int?
    package var price: Price
    package var inputs: InputNames
    package var promptStyle: PromptStyle

    package init(
        alias: String,
        provider: Provider,
        name: String = "",
        durations: [Int],
        paidDurations: [Int] = [],
        resolutions: [Resolution] = Resolution.allCases,
        requiresPrompt: Bool = false,
        generatedSeconds: Int? = nil,
        price: Price = .free,
        inputs: InputNames = InputNames(),
        promptStyle: PromptStyle = .composed
    ) {
        self.alias = alias
        self.provider = provider
        self.name = name
        self.durations = durations
        self.paidDurations = paidDurations
        self.resolutions = resolutions
        self.requiresPrompt = requiresPrompt
        self.generatedSeconds = generatedSeconds
        self.price = price
        self.inputs = inputs
        self.promptStyle = promptStyle
    }
}

extension VideoModel {
    /// The resolution of callers who name none: 720p, or the model's first where it does not make that.
    package var standardResolution: Resolution {
        resolutions.contains(.standard) ? .standard : resolutions.first ?? .standard
    }

    /// The number of generations that a clip of `seconds` is joined from: 1, or 2 for a clip longer than what one generation makes.
    package func parts(seconds: Int) -> Int {
        guard let generatedSeconds, seconds > generatedSeconds else { return 1 }
        return 2
    }

    /// The price of each of the ``parts(seconds:)`` of a clip.
    package func pricePerPart(resolution: Resolution, seconds: Int) -> MicroUSD {
        price.one(resolution: resolution, seconds: generatedSeconds ?? seconds)
    }

    /// The price of a clip, all its parts together.
    package func price(resolution: Resolution, seconds: Int) -> MicroUSD {
        let part = pricePerPart(resolution: resolution, seconds: seconds)
        return MicroUSD(part.microDollars * Int64(parts(seconds: seconds)))
    }
}

extension VideoModel {
    package static let local = VideoModel(
        alias: "local",
        provider: .local,
        durations: [5, 6],
        paidDurations: [10]
    )

    /// 720p class in the photo's aspect, 25 fps, about 6 s, no sound; it has no input for any of these.
    static let videoLive = VideoModel(
        alias: "replicate_video_01_live",
        provider: .replicate,
        name: "minimax/video-01-live",
        durations: [6],
        paidDurations: [10],
        resolutions: [.p720],
        generatedSeconds: 6,
        price: .perVideo(MicroUSD(500_000)),
        inputs: InputNames(image: "first_frame_image", fixed: ["prompt_optimizer": false])
    )

    /// Makes its own sound track when it gets no `audio`; the input is a file to follow, so it is never sent.
    static let wan = VideoModel(
        alias: "replicate_wan",
        provider: .replicate,
        name: "wan-video/wan-2.5-i2v",
        durations: [5],
        requiresPrompt: true,
        price: .perSecond([.p480: MicroUSD(50_000), .p720: MicroUSD(100_000), .p1080: MicroUSD(150_000)]),
        inputs: InputNames(
            resolution: "resolution",
            duration: "duration",
            seed: "seed",
            fixed: ["enable_prompt_expansion": false, "negative_prompt": ""]
        ),
        promptStyle: .caller
    )
}
