/// The built-in models.
///
/// Inputs, lengths, sizes, frame rates and prices come from the fact sheet's section 5. What it calls unconfirmed is an
/// estimate here, too.
package enum ModelCatalogue {
    package static let all: [VideoModel] = [
        live, wan, wanFast, hailuo02, hailuo02Fast, hailuo23, hailuo23Fast, director, community,
    ]

    private static let byName = Dictionary(all.map { ($0.fullName, $0) }, uniquingKeysWith: { first, _ in first })
    private static let byVersion = Dictionary(all.map { ($0.version, $0) }, uniquingKeysWith: { first, _ in first })

    package static func model(named name: String) -> VideoModel? { byName[name] }
    package static func model(version: String) -> VideoModel? { byVersion[version] }

    /// A deployment's name and the model that it runs.
    package static let deploymentName = "acme/portraits"
    static let deployments: [String: VideoModel] = [deploymentName: community]

    private static let prompt = InputField.required("prompt", .string, "Text prompt for generation")
    private static let optimizer = InputField.optional("prompt_optimizer", .boolean, true, "Use prompt optimizer")

    static let live = VideoModel(
        owner: "minimax",
        name: "video-01-live",
        description: "An image-to-video (I2V) model specifically trained for Live2D and general animation use cases",
        isOfficial: true,
        version: "7574e16b8f1ad52c6332ecb264c0f132e555f46c222255a738131ec1bb614092",
        inputs: [
            prompt,
            .required("first_frame_image", .uri, "First frame image for video generation"),
            optimizer,
        ],
        // 141 frames are the 5.64 s that the 01 series makes of its "6 seconds".
        clip: { _ in VideoRecipe(width: 1280, height: 720, framesPerSecond: 25, frames: 141, hasAudio: false) },
        price: { _ in 0.50 },
        runSeconds: { _ in 150 }
    )

    static let director = VideoModel(
        owner: "minimax",
        name: "video-01-director",
        description: "Generate videos with specific camera movements",
        isOfficial: true,
        version: "2a8f4ef1d9f4a3b1e0c7d6b5a49382716f5e4d3c2b1a09f8e7d6c5b4a3928170",
        inputs: [
            prompt,
            .optional("first_frame_image", .uri, nil, "First frame image for video generation"),
            optimizer,
        ],
        clip: { _ in VideoRecipe(width: 1280, height: 720, framesPerSecond: 25, frames: 141, hasAudio: false) },
        // No price is published: that of its sibling video-01-live.
        price: { _ in 0.50 },
        runSeconds: { _ in 150 }
    )
}
