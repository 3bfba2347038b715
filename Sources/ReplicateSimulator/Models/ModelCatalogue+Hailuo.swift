extension ModelCatalogue {
    static let hailuo02 = VideoModel(
        owner: "minimax",
        name: "hailuo-02",
        description: "Hailuo 2 is a text-to-video and image-to-video model that can make 6s or 10s videos",
        isOfficial: true,
        version: "c43b610e9d8c7b6a5f4e3d2c1b0a99887766554433221100ffeeddccbbaa9988",
        inputs: [
            .required("prompt", .string, "Text prompt for generation"),
            .optional("first_frame_image", .uri, nil, "First frame image for video generation"),
            .optional("last_frame_image", .uri, nil, "Last frame image for video generation"),
            duration,
            .optional("resolution", .words(["512p", "768p", "1080p"]), "1080p", "Pick between 512p, 768p, or 1080p"),
            .optional("prompt_optimizer", .boolean, true, "Use prompt optimizer"),
        ],
        clip: hailuoClip(defaultResolution: "1080p"),
        price: hailuoPrice,
        runSeconds: hailuoRunSeconds
    )

    static let hailuo02Fast = VideoModel(
        owner: "minimax",
        name: "hailuo-02-fast",
        description: "A low cost and fast version of Hailuo 02",
        isOfficial: true,
        version: "7acaa557f6db5f07372660faaf16007010cf9e24c365a65fee2dc01845e2f82e",
        inputs: [
            .required("prompt", .string, "Text prompt for generation"),
            .required("first_frame_image", .uri, "First frame image for video generation"),
            duration,
            .optional("prompt_optimizer", .boolean, true, "Use prompt optimizer"),
            .optional("go_fast", .boolean, false, "Prioritize speed over quality"),
        ],
        clip: hailuoClip(defaultResolution: "512p"),
        // No price is published, not even by resellers: a third of hailuo-02's.
        price: { $0["duration"]?.int == 10 ? 0.17 : 0.10 },
        runSeconds: { _ in 45 }
    )

    static let hailuo23 = VideoModel(
        owner: "minimax",
        name: "hailuo-2.3",
        description: "A high-fidelity video generation model optimized for realistic human motion",
        isOfficial: true,
        version: "23a02633b5a4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0f1e2d3c4b5a6",
        inputs: hailuo23Inputs(needsImage: false),
        clip: hailuoClip(defaultResolution: "768p"),
        price: hailuoPrice,
        runSeconds: hailuoRunSeconds
    )

    static let hailuo23Fast = VideoModel(
        owner: "minimax",
        name: "hailuo-2.3-fast",
        description: "A lower-latency image-to-video version of Hailuo 2.3",
        isOfficial: true,
        version: "5f0e1d2c3b4a59687786958473625140ffeeddccbbaa99887766554433221100",
        inputs: hailuo23Inputs(needsImage: true),
        clip: hailuoClip(defaultResolution: "768p"),
        // One reseller: $0.24 per video.
        price: { _ in 0.24 },
        runSeconds: { _ in 45 }
    )

    private static let duration = InputField.optional(
        "duration",
        .numbers([6, 10]),
        6,
        "Duration of the video in seconds"
    )

    private static func hailuo23Inputs(needsImage: Bool) -> [InputField] {
        [
            .required("prompt", .string, "Text prompt for generation"),
            InputField(
                name: "first_frame_image",
                kind: .uri,
                isRequired: needsImage,
                description: "First frame image for video generation"
            ),
            duration,
            .optional("resolution", .words(["768p", "1080p"]), "768p", "Pick between 768p or 1080p resolution"),
            .optional("prompt_optimizer", .boolean, true, "Use prompt optimizer"),
        ]
    }

    private static func hailuoClip(defaultResolution: String) -> @Sendable (JSONObject) -> VideoRecipe {
        { input in
            let (width, height) =
                switch input["resolution"]?.string ?? defaultResolution {
                case "512p": (912, 512)
                case "768p": (1366, 768)
                default: (1920, 1080)
                }
            let frames = 24 * (input["duration"]?.int ?? 6)
            return VideoRecipe(width: width, height: height, framesPerSecond: 24, frames: frames, hasAudio: false)
        }
    }

    /// Resellers' middle values; Replicate's own prices were not found: $0.26 and $0.54 for 6 s of 768p and 1080p,
    /// $0.56 for 10 s of 768p.
    private static let hailuoPrice: @Sendable (JSONObject) -> Double = { input in
        if input["duration"]?.int == 10 { return 0.56 }
        return switch input["resolution"]?.string {
        case "512p": 0.10
        case "768p": 0.26
        default: 0.54
        }
    }

    private static let hailuoRunSeconds: @Sendable (JSONObject) -> Double = { input in
        input["duration"]?.int == 10 || input["resolution"]?.string == "1080p" ? 150 : 60
    }
}
