package import SystemPackage
package import ZoetropeCore

/// Proves that a finished file is what the target asks for.
///
/// An encoder's exit code is no evidence: the file is opened again, its boxes are read by our own reader (rules 1–18)
/// and its frames are decoded (rule 19), the key frames before it is published and all of them after.
package struct ClipVerifier: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// A JPEG of a frame is never larger than this.
    private static let posterLimit = 8 << 20

    /// Checks the boxes of a file.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - seconds: Length that it must have, to the frame.
    ///   - size: Size that it must have; nil for any.
    ///   - allowsSound: Whether it may have a sound track, which then must conform, too.
    ///   - provenance: What its mark must say; nil for a file that is not marked yet.
    /// - Returns: What the boxes say.
    /// - Throws: ``MediaError`` with `output_invalid`, naming the rules that the file breaks.
    @discardableResult
    package func checkBoxes(
        _ name: String,
        in folder: FilePath,
        seconds: Int,
        size: FrameSize? = nil,
        allowsSound: Bool = false,
        marking provenance: Provenance? = nil
    ) throws -> MP4Movie {
        let movie = try Self.movie(name, in: folder)
        var findings =
            MP4Conformance.check(
                movie,
                seconds: seconds,
                allowsSound: allowsSound,
                marking: provenance
            )
            .map(\.description)
        if let size, let video = movie.videoTrack,
            video.width != size.width || video.height != size.height
        {
            findings.append("it is \(video.width) × \(video.height) pixels instead of \(size)")
        }
        guard findings.isEmpty else {
            throw MediaError(
                .outputInvalid,
                "The video is not as it should be: \(findings.joined(separator: "; "))",
                isRetryable: true
            )
        }
        return movie
    }

    /// Decodes the key frames of a file whose boxes are right.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - movie: What its boxes say.
    /// - Returns: Frame 0 as a JPEG, at most ``MP4Target/posterWidth`` wide.
    /// - Throws: ``MediaError`` with `output_invalid` when one of them cannot be decoded; `CancellationError`.
    package func poster(of name: String, in folder: FilePath, _ movie: MP4Movie) async throws -> [UInt8] {
        let poster = try AnonymousFile()
        defer { poster.close() }
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodeKeyFrames(name, posterSize: movie.posterSize),
            limits: .clip,
            deadline: .seconds(60)
        )
        child.folder = folder
        child.output = poster.descriptor
        try await decode(child, frames: movie.keyFrameCount, "key frames")
        return try poster.bytes(limit: Self.posterLimit)
    }

    /// Decodes the key frames of a file whose colours are a guess, and finds out what they mean.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work, in which posters are left.
    ///   - movie: What its boxes say.
    ///   - photo: What it was made from.
    /// - Returns: The colours, and frame 0 as a JPEG in them.
    /// - Throws: ``MediaError`` with `output_invalid` when a key frame cannot be decoded; `CancellationError`.
    package func poster(
        of name: String,
        in folder: FilePath,
        _ movie: MP4Movie,
        judgedBy photo: StillImage
    ) async throws -> (jpeg: [UInt8], colour: ColourDescription) {
        let input = try AnonymousFile()
        defer { input.close() }
        let pictures = try AnonymousFile()
        defer { pictures.close() }
        try input.fill(photo.bytes)
        let posters = [("601.jpg", MP4Target.colour601), ("709.jpg", MP4Target.colour709)]
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodeKeyFrames(
                name,
                beside: photo.header,
                posterSize: movie.posterSize,
                posters: posters
            ),
            limits: .photo,
            deadline: .seconds(60)
        )
        child.folder = folder
        child.folderAccess = .readWrite
        child.input = input.descriptor
        child.output = pictures.descriptor
        do {
            try await decode(child, frames: movie.keyFrameCount, "key frames")
            if let colour = ColourJudge.meaning(try pictures.bytes(limit: ColourJudge.byteCount + 1)),
                let poster = posters.first(where: { $0.1 == colour })
            {
                let file = try FileByteSource(path: folder.appending(poster.0).string)
                return (try file.bytes(at: 0, count: min(file.byteCount, Self.posterLimit)), colour)
            }
        } catch let error as MediaError where error.code == .outputInvalid {
            // It may be the photo that cannot be decoded.
        }
        return (try await poster(of: name, in: folder, movie), MP4Target.colour601)
    }

    /// Decodes every frame of a file and counts them.
    ///
    /// - Parameters:
    ///   - name: Bare name of the file in `folder`.
    ///   - folder: The folder of work.
    ///   - seconds: Length that it must have, to the frame.
    ///   - allowsSound: Whether it may have a sound track, which then is decoded, too.
    /// - Throws: ``MediaError`` with `output_invalid` when the file is at fault, else with another code;
    ///   `CancellationError`.
    package func decodeAll(_ name: String, in folder: FilePath, seconds: Int, allowsSound: Bool)
        async throws
    {
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.decodeFully(name, withSound: allowsSound),
            limits: .clip,
            deadline: .seconds(60)
        )
        child.folder = folder
        try await decode(child, frames: seconds * MP4Target.frameRate, "frames")
    }

    private func decode(_ child: ChildProcess, frames wanted: Int, _ kind: String) async throws {
        let outcome = try await tools.run(child)
        let frames = FFmpegArguments.lastFrameCount(in: outcome.standardError) ?? 0
        guard !outcome.succeeded || frames != wanted else { return }
        // A decoder that was killed, or could not start, has learnt nothing of the file.
        guard outcome.isVerdict else {
            throw MediaError(.toolFailed, "The video could not be checked", detail: outcome.detail, isRetryable: true)
        }
        throw MediaError(
            .outputInvalid,
            "The video cannot be decoded to its end: \(frames) of \(wanted) \(kind)",
            detail: outcome.detail,
            isRetryable: true
        )
    }

    private static func movie(_ name: String, in folder: FilePath) throws -> MP4Movie {
        do throws(MP4Error) {
            return try MP4Movie.read(from: FileByteSource(path: folder.appending(name).string))
        } catch {
            guard error.code != .unreadable else {
                throw MediaError(
                    .storageUnavailable,
                    "The video cannot be read: \(error.message)",
                    isRetryable: true
                )
            }
            throw MediaError(.outputInvalid, "The video is damaged: \(error.message)", isRetryable: true)
        }
    }
}

extension MP4Movie {
    fileprivate var keyFrameCount: Int { videoTrack.map { $0.syncSamples?.count ?? $0.sampleCount } ?? 0 }
    fileprivate var posterSize: FrameSize {
        FrameSize(width: videoTrack?.width ?? 0, height: videoTrack?.height ?? 0).poster
    }
}
