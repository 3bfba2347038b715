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
        let size = facts.size.publishable
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.normalise(
                input,
                to: output,
                size: size,
                isInterlaced: facts.isInterlaced,
                frames: seconds * MP4Target.frameRate
            ),
            limits: .clip,
            deadline: .seconds(300)
        )
        child.folder = folder
        child.folderAccess = .readWrite
        let outcome = try await tools.run(child)
        guard outcome.succeeded else {
            let error = MediaError.ofEncoder(outcome)
            throw error.code == .storageUnavailable
                ? error : MediaError(.outputInvalid, "The model's video cannot be decoded", detail: outcome.detail)
        }
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
}

extension FrameSize {
    /// This size with even sides, shrunk into what may be published.
    package var publishable: FrameSize {
        let shrink = min(1, (Double(MP4Target.maxPixels) / Double(pixels)).squareRoot())
        func even(_ side: Int) -> Int { max(MP4Target.minSide, Int(Double(side) * shrink / 2) * 2) }
        return FrameSize(width: even(width), height: even(height))
    }
}
