import SystemPackage

/// Draws frames of a published video side by side into one JPEG.
package struct SpritesheetMaker: Sendable {
    private let tools: MediaTools

    /// Frames in a row, and rows.
    static let columns = 5
    static let rows = 4
    /// The longer side of a frame in pixels.
    static let side = 320

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// Makes the sheet.
    ///
    /// - Parameters:
    ///   - video: A published MP4.
    ///   - seconds: Its length.
    ///   - target: The JPEG to make, in the same folder.
    /// - Throws: ``MediaError``; `CancellationError`.
    package func make(of video: String, seconds: Int, to target: String) async throws {
        let (video, target) = (FilePath(video), FilePath(target))
        let folder = video.removingLastComponent()
        guard let input = video.lastComponent?.string, let output = target.lastComponent?.string,
            target.removingLastComponent() == folder
        else { throw MediaError(.toolFailed, "A sheet is made beside its video", detail: "\(video), \(target)") }
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.spritesheet(of: input, seconds: seconds, to: output),
            limits: .clip,
            deadline: .seconds(60)
        )
        child.folder = folder
        child.folderAccess = .readWrite
        let outcome = try await tools.run(child)
        guard outcome.succeeded else { throw MediaError.ofEncoder(outcome) }
    }
}

extension FFmpegArguments {
    /// Spreads as many frames as a sheet holds over a video of so many seconds.
    ///
    /// Files are bare names in the folder of work.
    static func spritesheet(of input: String, seconds: Int, to output: String) -> [String] {
        let count = SpritesheetMaker.columns * SpritesheetMaker.rows
        let side = SpritesheetMaker.side
        let filters = [
            "fps=\(count)/\(seconds)",
            "scale=\(side):\(side):force_original_aspect_ratio=decrease:force_divisible_by=2\(intoJPEGColour)",
            "format=\(jpegPixelFormat)", "tile=\(SpritesheetMaker.columns)x\(SpritesheetMaker.rows)",
        ]
        return strict + videoInput(input) + [
            "-map", "0:v:0", "-an", "-sn", "-dn", "-y", "-vf", filters.joined(separator: ","), "-frames:v", "1",
        ] + jpegEncoder(quantiser: 4) + ["-f", "image2", "-update", "1", "file:\(output)"]
    }
}
