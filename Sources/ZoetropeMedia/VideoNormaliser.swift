package import SystemPackage
package import ZoetropeCore

/// The steps by which a video from outside becomes the file of the target, one ffmpeg each.
///
/// None of them verifies its result.
package struct VideoNormaliser: Sendable {
    private let tools: MediaTools
    private let effort: EncodeEffort

    package init(tools: MediaTools, effort: EncodeEffort = .standard) {
        (self.tools, self.effort) = (tools, effort)
    }

    /// A video from outside in the folder of work, already examined.
    package struct Part: Sendable {
        /// Bare name of the file.
        package let name: String
        package let facts: VideoFacts

        package init(name: String, facts: VideoFacts) {
            (self.name, self.facts) = (name, facts)
        }
    }

    /// Encodes a video.
    ///
    /// The picture keeps its aspect; sides become even, and larger pictures than the target's shrink to it. Its frames are
    /// spread evenly over the length that is wanted.
    /// - Parameters:
    ///   - part: What is encoded.
    ///   - output: Bare name of the file to make.
    ///   - folder: The folder of work.
    ///   - seconds: Length of the result.
    ///   - colour: What its colours mean; nil to go by what it says.
    ///   - keepsSound: Whether its sound is kept; it must have one.
    /// - Returns: Size of the result.
    /// - Throws: ``MediaError`` with `output_invalid` when the video is damaged; `CancellationError`.
    package func encode(
        _ part: Part,
        to output: String,
        in folder: FilePath,
        seconds: Int,
        colour: ColourDescription? = nil,
        keepsSound: Bool = false
    ) async throws -> FrameSize {
        let size = part.facts.size.publishable
        var order = FFmpegArguments.Encode(
            part.name,
            to: output,
            size: size,
            frames: seconds * MP4Target.frameRate
        )
        order.isInterlaced = part.facts.isInterlaced
        order.stretch = part.facts.length.map { Double(seconds) / $0 } ?? 1
        order.colour = colour
        order.keepsSound = keepsSound
        order.effort = effort
        try await run(FFmpegArguments.encode(order), in: folder)
        return size
    }

    /// Joins several videos by one encode, without sound: parts are made apart, and their sounds do not meet.
    ///
    /// A part after the first begins with the last frame of the one before, which is dropped. What is too short by up to a
    /// tenth is spread, what is too long is cut.
    /// - Parameters:
    ///   - parts: In order; the first one's size counts.
    ///   - output: Bare name of the file to make.
    ///   - folder: The folder of work.
    ///   - seconds: Length of the result.
    /// - Returns: Size of the result.
    /// - Throws: ``MediaError`` with `output_invalid` when a video is damaged or they are too short; `CancellationError`.
    package func join(_ parts: [Part], to output: String, in folder: FilePath, seconds: Int)
        async throws -> FrameSize
    {
        let size = parts[0].facts.size.publishable
        let lengths = parts.enumerated()
            .map { index, part in
                let length = part.facts.length ?? 0
                return index == 0 ? length : length * (1 - 1 / Double(max(1, part.facts.frameCount)))
            }
        let stretch = max(1, Double(seconds) / lengths.reduce(0, +))
        guard stretch <= Retiming.stretch.upperBound else {
            throw MediaError(
                .outputInvalid,
                "The model's videos last \(lengths.reduce(0, +).rounded3) s together instead of \(seconds) s"
            )
        }
        let words = FFmpegArguments.join(
            parts.map { ($0.name, $0.facts.isInterlaced) },
            to: output,
            size: size,
            stretch: stretch,
            frames: seconds * MP4Target.frameRate,
            effort: effort
        )
        try await run(words, in: folder)
        return size
    }

    /// Copies the picture of a video into a plain file, and copies, encodes or drops its sound.
    ///
    /// - Parameters:
    ///   - part: What is copied.
    ///   - output: Bare name of the file to make.
    ///   - folder: The folder of work.
    ///   - seconds: Length of the published video.
    ///   - sound: What becomes of its sound.
    /// - Throws: ``MediaError`` with `output_invalid` when that cannot be done; `CancellationError`.
    package func copy(
        _ part: Part,
        to output: String,
        in folder: FilePath,
        seconds: Int,
        sound: MediaPlan.Sound
    ) async throws {
        let words = FFmpegArguments.copy(
            part.name,
            to: output,
            isH264: part.facts.codec != .other,
            sound: sound,
            stretch: part.facts.length.map { Double(seconds) / $0 } ?? 1,
            seconds: Double(seconds)
        )
        try await run(words, in: folder)
    }

    /// Makes the smaller version of a file of the target.
    ///
    /// - Parameters:
    ///   - input: Bare name of the file.
    ///   - output: Bare name of the file to make.
    ///   - folder: The folder of work.
    ///   - size: That of the result.
    /// - Throws: ``MediaError`` with `output_invalid` when the file is damaged; `CancellationError`.
    package func preview(of input: String, to output: String, in folder: FilePath, size: FrameSize)
        async throws
    {
        try await run(
            FFmpegArguments.preview(of: input, to: output, size: size, effort: effort),
            in: folder
        )
    }

    private func run(_ words: [String], in folder: FilePath) async throws {
        var child = ChildProcess(tools.ffmpeg, words, limits: .clip, deadline: .seconds(300))
        child.folder = folder
        child.folderAccess = .readWrite
        let outcome = try await tools.run(child)
        guard !outcome.succeeded else { return }
        let error = MediaError.ofEncoder(outcome)
        guard error.code != .storageUnavailable, outcome.isVerdict else { throw error }
        // Whether it arrived damaged or was made so cannot be told, and to fetch it again costs nothing.
        throw MediaError(
            .outputInvalid,
            "The model's video cannot be decoded",
            detail: outcome.detail,
            isRetryable: true
        )
    }
}
