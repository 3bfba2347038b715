extension ModelCatalogue {
    static let wan = VideoModel(
        owner: "wan-video",
        name: "wan-2.5-i2v",
        description: "Alibaba Wan 2.5 Image to video generation with background audio",
        isOfficial: true,
        version: "1b29bbbbfdbc25bba2294de3acd2b58b82e5b623f183880cdb37d76133d80f00",
        inputs: wanInputs(resolutions: ["480p", "720p", "1080p"]),
        clip: wanClip,
        price: { input in
            let perSecond = ["480p": 0.05, "720p": 0.10, "1080p": 0.15][input["resolution"]?.string ?? ""] ?? 0.10
            return perSecond * Double(input["duration"]?.int ?? 5)
        },
        // Measured: 105 s for 5 s of 720p; longer or larger clips: "plan for 5 minutes".
        runSeconds: { $0["duration"]?.int == 10 || $0["resolution"]?.string == "1080p" ? 240 : 105 }
    )

    static let wanFast = VideoModel(
        owner: "wan-video",
        name: "wan-2.5-i2v-fast",
        description: "Wan 2.5 image-to-video, optimized for speed",
        isOfficial: true,
        version: "66226b38d223f8ac7a81aa33b8519759e300c2f9818a215e32900827ad6d2db5",
        inputs: wanInputs(resolutions: ["720p", "1080p"]),
        clip: wanClip,
        price: { input in
            (input["resolution"]?.string == "1080p" ? 0.102 : 0.068) * Double(input["duration"]?.int ?? 5)
        },
        runSeconds: { _ in 60 }
    )

    private static func wanInputs(resolutions: [String]) -> [InputField] {
        [
            .required("image", .uri, "Input image for video generation"),
            .required("prompt", .string, "Text prompt for video generation"),
            .optional("negative_prompt", .string, "", "Negative prompt to avoid certain elements"),
            .optional("audio", .uri, nil, "Audio file (wav/mp3, 3-30s, ≤15MB) for voice/music synchronization"),
            .optional("resolution", .words(resolutions), "720p", "Video resolution"),
            .optional("duration", .numbers([5, 10]), 5, "Duration of the generated video in seconds"),
            .optional("enable_prompt_expansion", .boolean, true, "Whether to enable the prompt optimizer"),
            .optional("seed", .integer(nil), nil, "Random seed for reproducible generation"),
        ]
    }

    private static let wanClip: @Sendable (JSONObject) -> VideoRecipe = { input in
        let (width, height) =
            switch input["resolution"]?.string {
            case "480p": (832, 480)
            case "1080p": (1920, 1080)
            default: (1280, 720)
            }
        let frames = 24 * (input["duration"]?.int ?? 5)
        return VideoRecipe(width: width, height: height, framesPerSecond: 24, frames: frames, hasAudio: true)
    }
}
