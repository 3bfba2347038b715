package import SystemPackage
package import ZoetropeCore

/// Turns any video that a model may send into the file of the target, by one encode with the standard chain.
package struct VideoNormaliser: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// Encodes `input` to `output`, both bare names in `folder`, and verifies the result.
    ///
    /// The picture keeps its aspect; sides become even, and larger pictures than the target's shrink to it. A video that
    /// is up to a second too short holds its last frame, a longer one is cut.
    /// - Parameters:
    ///   - input: The video from outside; see ``VideoProbe``.
    ///   - output: The file to make.
    ///   - folder: The folder of work.
    ///   - seconds: Length of the result.
    /// - Returns: Size of the result.
    /// - Throws: ``MediaError`` with `output_invalid` when the video is damaged or shorter; `CancellationError`.
    package func normalise(_ input: String, to output: String, in folder: FilePath, seconds: Int) async throws
        -> FrameSize
    {
        let facts = try await VideoProbe(tools: tools).examine(input, in: folder, seconds: seconds)
        let size = try await encode([Part(name: input, facts: facts)], to: output, in: folder, seconds: seconds)
        _ = try await ClipVerifier(tools: tools)
            .verify(
                output,
                in: folder,
                seconds: seconds,
                size: size,
                wantsPoster: false
            )
        return size
    }

    /// A video from outside in the folder of work, already examined.
    package struct Part: Sendable {
        package let name: String
        package let facts: VideoFacts

        package init(name: String, facts: VideoFacts) {
            self.name = name
            self.facts = facts
        }
    }

    /// Encodes one part, or joins several, without verifying the result.
    ///
    /// A part after the first begins with the last frame of the one before, which is dropped. Sound is kept where there
    /// is one part: parts are made apart, and their sounds do not meet.
    /// - Parameters:
    ///   - parts: In order; the first one's size counts.
    ///   - output: The file to make.
    ///   - folder: The folder of work.
    ///   - seconds: Length of the result.
    ///   - wantsSound: Whether the sound of a single part is kept, if it has any.
    /// - Returns: Size of the result.
    /// - Throws: ``MediaError`` with `output_invalid` when the video is damaged; `CancellationError`.
    package func encode(
        _ parts: [Part],
        to output: String,
        in folder: FilePath,
        seconds: Int,
        wantsSound: Bool = false
    ) async throws -> FrameSize {
        let first = parts[0]
        let size = first.facts.size.publishable
        let frames = seconds * MP4Target.frameRate
        let words =
            parts.count == 1
            ? FFmpegArguments.normalise(
                first.name,
                to: output,
                size: size,
                isInterlaced: first.facts.isInterlaced,
                frames: frames,
                keepsSound: wantsSound && first.facts.hasSound
            )
            : FFmpegArguments.join(
                parts.map { ($0.name, $0.facts.isInterlaced) },
                to: output,
                size: size,
                frames: frames
            )
        var child = ChildProcess(tools.ffmpeg, words, limits: .clip, deadline: .seconds(300))
        child.folder = folder
        child.folderAccess = .readWrite
        let outcome = try await tools.run(child)
        guard outcome.succeeded else {
            let error = MediaError.ofEncoder(outcome)
            guard error.code != .storageUnavailable else { throw error }
            // Whether it arrived damaged or was made so cannot be told, and to fetch it again costs nothing.
            throw MediaError(
                .outputInvalid,
                "The model's video cannot be decoded",
                detail: outcome.detail,
                isRetryable: true
            )
        }
        return size
    }
}

extension FrameSize {
    /// This size with even sides, shrunk into what may be published.
    package var publishable: FrameSize {
        let shrink = min(1, (Double(MP4Target.maxPixels) / Double(pixels)).squareRoot())
        func even(_ side: Int) -> Int { max(MP4Target.minSide, Int(Double(side) * shrink / 2) * 2) }
        return FrameSize(width: even(width), height: even(height))
    }
}
