package import ZoetropeCore

/// What is done to pictures and videos on the way.
///
/// All paths are files in the run's own scratch folder.
package protocol MediaPipeline: Sendable {
    /// Turns the stored source image into what providers take: upright JPEG, at most 2,000 pixels a side, no metadata.
    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure)

    /// Makes the published files of a fetched result and opens them again.
    ///
    /// What it returns is as players need it, its key frames can be decoded, and it has a poster. Whether every frame can
    /// be decoded is not known before ``check(_:seconds:allowsSound:)``.
    ///
    /// - Parameters:
    ///   - parts: The fetched results in order; more than one are joined without a doubled frame.
    ///   - folder: Where the files are made.
    ///   - order: What they must be.
    /// - Returns: The files; the video may be the part itself when nothing had to be changed.
    /// - Throws: ``MediaFailure``.
    func publishable(from parts: [String], in folder: String, order: PublishOrder)
        async throws(MediaFailure) -> PublishableVideo

    /// Decodes every frame of a published file.
    ///
    /// - Parameters:
    ///   - video: The file.
    ///   - seconds: Length that it must have, to the frame.
    ///   - allowsSound: Whether it may have a sound track.
    /// - Throws: ``MediaFailure`` with `output_invalid` when the file is at fault, with another code when this machine is.
    func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure)

    /// Writes the last frame of a part as an image from which the next part starts.
    ///
    /// - Returns: Its size.
    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize
}

/// What published files must be.
package struct PublishOrder: Sendable, Equatable {
    /// Length of the video, to the frame.
    package let seconds: Int
    /// Whether a sound track is kept.
    package let wantsSound: Bool
    /// The image that was animated, to compare colours with; nil when it is not at hand.
    package let source: Photo?
    /// What the files say of how they were made.
    package let provenance: Provenance
    /// Whether the provider's stream may be kept, as it is or edited; else it is encoded anew.
    ///
    /// False once a file of this result was published and turned out to be damaged.
    package let mayKeepStream: Bool

    package init(
        seconds: Int,
        wantsSound: Bool,
        source: Photo? = nil,
        provenance: Provenance,
        mayKeepStream: Bool = true
    ) {
        self.seconds = seconds
        self.wantsSound = wantsSound
        self.source = source
        self.provenance = provenance
        self.mayKeepStream = mayKeepStream
    }

    package struct Photo: Sendable, Equatable {
        /// A file in the folder.
        package let path: String
        package let orientation: ImageOrientation

        package init(path: String, orientation: ImageOrientation) {
            self.path = path
            self.orientation = orientation
        }
    }
}

/// Files to be published, not yet stored.
package struct PublishableVideo: Sendable, Equatable {
    /// The video to play.
    package let video: String
    /// The HD result, when it is another file than the video.
    package let result: ResultFile?
    /// A JPEG of frame 0.
    package let poster: String
    /// Of the video to play.
    package let size: FrameSize
    package let seconds: Int
    package let framesPerSecond: Int

    package init(
        video: String,
        result: ResultFile? = nil,
        poster: String,
        size: FrameSize,
        seconds: Int,
        framesPerSecond: Int
    ) {
        self.video = video
        self.result = result
        self.poster = poster
        self.size = size
        self.seconds = seconds
        self.framesPerSecond = framesPerSecond
    }
}

/// The HD result of a model that gave more than what is played by default.
package struct ResultFile: Sendable, Equatable {
    package let path: String
    package let size: FrameSize

    package init(path: String, size: FrameSize) {
        self.path = path
        self.size = size
    }
}

/// Media work that failed.
package struct MediaFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: FailureCode
    /// For operators; bounded.
    package let detail: String
    /// Whether the same work may succeed if it is done again.
    package let isRetryable: Bool

    package init(_ code: FailureCode, _ detail: String, isRetryable: Bool) {
        self.code = code
        self.detail = detail.asDetail
        self.isRetryable = isRetryable
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}

/// Folders in which steps work.
package protocol Scratch: Sendable {
    /// Runs `body` with the path of a new, empty folder that is removed afterwards, also when `body` throws.
    ///
    /// What a killed process left of the same run is removed first.
    func withFolder<Result: Sendable>(
        for run: AnimationID,
        epoch: Int64,
        _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result
}
