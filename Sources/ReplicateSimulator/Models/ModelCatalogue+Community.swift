extension ModelCatalogue {
    /// A model of the community: it is only created by version, or through a deployment, and is priced by time.
    static let community = VideoModel(
        owner: "acme",
        name: "still-walker",
        description: "Walks into a still image",
        isOfficial: false,
        version: "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa",
        inputs: [
            .required("image", .uri, "Input image"),
            .optional("prompt", .string, "", "What should happen"),
            .optional("frames", .integer(8...96), 48, "How many frames to make"),
            .optional("fps", .integer(4...30), 12, "Frames per second"),
        ],
        clip: { input in
            VideoRecipe(
                width: 640,
                height: 360,
                framesPerSecond: input["fps"]?.int ?? 12,
                frames: input["frames"]?.int ?? 48,
                hasAudio: false
            )
        },
        // 40 s on a GPU of $0.000725 per second.
        price: { _ in 0.029 },
        runSeconds: { _ in 40 }
    )
}
