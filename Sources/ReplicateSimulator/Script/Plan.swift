/// The course of a prediction.
package struct Plan: Sendable, Hashable {
    /// Virtual seconds in `starting`; nil takes the model's.
    package var queueSeconds: Double?
    /// Virtual seconds in `processing`; nil takes the model's.
    package var runSeconds: Double?
    package var result: Result
    package var output: OutputShape
    /// The end comes at the end of the queue, without a start.
    package var endsBeforeStart: Bool
    package var video: VideoOverrides
    /// GET and cancel answer 404 this many seconds after the create.
    package var notFoundFor: Double
    /// The list leaves it out this many seconds after the create.
    package var listedAfter: Double
    /// A cancel takes effect this many seconds after it was asked for.
    package var cancelLag: Double
    /// When a cancel takes effect, the prediction fails with this text instead.
    package var failsOnCancel: String?
    /// The logs at the end; nil takes the model's.
    package var logs: String?
    /// Added to the metrics.
    package var metrics: JSONObject

    /// How it ends.
    package enum Result: Sendable, Hashable {
        case succeeded
        /// With this text as `error`.
        case failed(String)
        /// By the platform.
        case canceled
        case aborted
        case stuckInStarting
        case stuckInProcessing
        /// With a status that nobody knows.
        case status(String)
    }

    /// The JSON type of `output`.
    package enum OutputShape: String, Sendable, Hashable, CaseIterable {
        case string, array, null
        case dataURI = "data_uri"
    }

    /// What differs from the model's own clip.
    package struct VideoOverrides: Sendable, Hashable {
        package var seconds: Double?
        package var width: Int?
        package var height: Int?
        package var framesPerSecond: Int?
        package var hasAudio: Bool?
        /// The bare name of a file that is served as it is; see ``ReplicateSimulator/Configuration/videoFolder``.
        package var file: String?

        package init(
            seconds: Double? = nil,
            width: Int? = nil,
            height: Int? = nil,
            framesPerSecond: Int? = nil,
            hasAudio: Bool? = nil,
            file: String? = nil
        ) {
            self.seconds = seconds
            self.width = width
            self.height = height
            self.framesPerSecond = framesPerSecond
            self.hasAudio = hasAudio
            self.file = file
        }
    }

    package init(
        queueSeconds: Double? = nil,
        runSeconds: Double? = nil,
        result: Result = .succeeded,
        output: OutputShape = .string,
        endsBeforeStart: Bool = false,
        video: VideoOverrides = .init(),
        notFoundFor: Double = 0,
        listedAfter: Double = 0,
        cancelLag: Double = 0,
        failsOnCancel: String? = nil,
        logs: String? = nil,
        metrics: JSONObject = .init()
    ) {
        self.queueSeconds = queueSeconds
        self.runSeconds = runSeconds
        self.result = result
        self.output = output
        self.endsBeforeStart = endsBeforeStart
        self.video = video
        self.notFoundFor = notFoundFor
        self.listedAfter = listedAfter
        self.cancelLag = cancelLag
        self.failsOnCancel = failsOnCancel
        self.logs = logs
        self.metrics = metrics
    }
}

extension Plan.VideoOverrides {
    /// The model's clip with these changes; sizes are made even, as H.264 wants them.
    func applied(to recipe: VideoRecipe) -> VideoRecipe {
        var changed = recipe
        changed.width = (width ?? recipe.width) / 2 * 2
        changed.height = (height ?? recipe.height) / 2 * 2
        changed.framesPerSecond = framesPerSecond ?? recipe.framesPerSecond
        let frames = (seconds ?? recipe.seconds) * Double(changed.framesPerSecond)
        changed.frames = max(1, Int(min(frames, 100_000).rounded()))
        changed.hasAudio = hasAudio ?? recipe.hasAudio
        changed.file = file
        return changed
    }
}
