package import ZoetropeCore

/// What is done to pictures and videos on the way.
///
/// All paths are files in the run's own scratch folder.
package protocol MediaPipeline: Sendable {
    /// Turns the stored source image into what providers take: upright JPEG, at most 2,000 pixels a side, no metadata.
    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure)

    /// Makes the published files of a fetched result and verifies them by opening them again.
    ///
    /// - Parameters:
    ///   - parts: The fetched results in order; more than one are joined without a doubled frame.
    ///   - folder: Where the files are made.
    ///   - seconds: Length of the video, to the frame.
    ///   - wantsSound: Whether a sound track is kept.
    /// - Returns: The files; the video may be the part itself when nothing had to be changed.
    /// - Throws: ``MediaFailure``.
    func publishable(from parts: [String], in folder: String, seconds: Int, wantsSound: Bool)
        async throws(MediaFailure) -> PublishableVideo

    /// Writes the last frame of a part as an image from which the next part starts.
    ///
    /// - Returns: Its size.
    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize
}

/// Verified files, not yet stored.
package struct PublishableVideo: Sendable, Equatable {
    package let video: String
    /// A JPEG of frame 0.
    package let poster: String
    package let size: FrameSize
    package let seconds: Int
    package let framesPerSecond: Int

    package init(video: String, poster: String, size: FrameSize, seconds: Int, framesPerSecond: Int) {
        self.video = video
        self.poster = poster
        self.size = size
        self.seconds = seconds
        self.framesPerSecond = framesPerSecond
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
