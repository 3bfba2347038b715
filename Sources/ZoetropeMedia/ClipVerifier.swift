package import SystemPackage
package import ZoetropeCore

/// Proves that a finished file is what the target asks for.
///
/// An encoder's exit code is no evidence: the file is opened again, its boxes are read by our own reader (rules 1–17)
/// and every frame is decoded (rule 19).
package struct ClipVerifier: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// A JPEG of a frame is never larger than this.
    private static let posterLimit = 8 << 20

    /// Checks a file.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - seconds: Length that it must have, to the frame.
    ///   - size: Size that it must have.
    ///   - wantsPoster: Whether frame 0 is wanted as a JPEG; it costs next to nothing here.
    ///   - allowsSound: Whether it may have a sound track, which then must conform, too.
    /// - Returns: The poster; empty if it was not wanted.
    /// - Throws: ``MediaError`` with `output_invalid`, naming the rules that the file breaks.
    package func verify(
        _ name: String,
        in folder: FilePath,
        seconds: Int,
        size: FrameSize,
        wantsPoster: Bool,
        allowsSound: Bool = false
    ) async throws -> [UInt8] {
        let movie: MP4Movie
        do {
            movie = try MP4Movie.read(from: FileByteSource(path: folder.appending(name).string))
        } catch {
            throw MediaError(.outputInvalid, "The video is damaged: \(error.message)", isRetryable: true)
        }
        var findings = MP4Conformance.check(movie, seconds: seconds, allowsSound: allowsSound).map(\.description)
        if let video = movie.videoTrack, video.width != size.width || video.height != size.height {
            findings.append("it is \(video.width) × \(video.height) pixels instead of \(size)")
        }
        guard findings.isEmpty else {
            throw MediaError(
                .outputInvalid,
                "The video is not as it should be: \(findings.joined(separator: "; "))",
                isRetryable: true
            )
        }

        let poster = try AnonymousFile()
        defer { poster.close() }
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodeFully(name, wantsPoster: wantsPoster, withSound: allowsSound),
            limits: .clip,
            deadline: .seconds(60)
        )
        child.output = poster.descriptor
        child.folder = folder
        let outcome = try await tools.run(child)
        let frames = FFmpegArguments.lastFrameCount(in: outcome.standardError)
        guard outcome.succeeded, frames == seconds * MP4Target.frameRate else {
            throw MediaError(
                .outputInvalid,
                "The video cannot be decoded to its end: \(frames ?? 0) of \(seconds * MP4Target.frameRate) frames",
                detail: outcome.detail,
                isRetryable: true
            )
        }
        return try poster.bytes(limit: Self.posterLimit)
    }
}
