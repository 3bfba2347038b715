import Foundation
import Glibc
package import SystemPackage
package import ZoetropeCore

/// Where an animation stands, for people who wait.
package struct AnimationProgress: Sendable, Equatable {
    package enum Step: String, Sendable, CaseIterable {
        case reading = "reading the photo"
        case rendering
        case checking = "checking the video"
    }

    package let step: Step
    /// Share of the whole work that is done, 0…1.
    package let fraction: Double
}

/// A finished and verified clip, not yet published.
package struct RenderedClip: Sendable {
    /// The file in the folder of work.
    package let file: FilePath
    package let size: FrameSize
    package let seconds: Int
    package let framesPerSecond = MP4Target.frameRate
}

/// Makes a clip from a photo with the local renderer: decode, render into the encoder, verify.
package struct PhotoAnimator: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// Bands of a frame that are rendered at a time.
    ///
    /// Beyond eight, starting them costs more than they save.
    private static let renderThreads = min(8, ProcessInfo.processInfo.activeProcessorCount)

    /// How long an encoder may take: a hundred times what it usually takes, so that only a hang ends it.
    private static let encodeDeadline = Duration.seconds(300)

    /// Makes one clip.
    ///
    /// `folder` is a folder of work for this animation alone, which the caller removes. `onProgress` is called often, from
    /// any thread, with rising fractions. Throws a ``MediaError``, or a `CancellationError` after the children are gone.
    package func animate(
        _ photo: StillImage,
        _ request: AnimationRequest,
        in folder: FilePath,
        onProgress: @escaping @Sendable (AnimationProgress) -> Void
    ) async throws -> RenderedClip {
        onProgress(AnimationProgress(step: .reading, fraction: 0))
        let upright = photo.header.uprightSize
        let size = FrameSize.ofClip(for: upright, resolution: request.resolution)
        let crop = upright.crop(toAspectOf: size)
        let picture = try await PhotoDecoder(tools: tools)
            .decode(
                photo,
                crop: crop,
                size: FrameRenderer.sourceSize(for: size, crop: crop.size)
            )

        let path = CameraPath(
            motion: request.motion,
            camera: request.camera,
            seconds: request.seconds,
            size: size,
            seed: request.seed
        )
        let renderer = FrameRenderer(photo: picture, path: path, size: size)
        let name = "clip.mp4"
        try await encode(renderer, in: folder, name: name) { frames in
            // Decoding the photo and checking the clip take about a tenth of the time each.
            let done = Double(frames) / Double(path.frameCount)
            onProgress(AnimationProgress(step: .rendering, fraction: 0.1 + 0.8 * done))
        }

        onProgress(AnimationProgress(step: .checking, fraction: 0.9))
        // Its frames are decoded where it is published.
        try ClipVerifier(tools: tools)
            .checkBoxes(
                name,
                in: folder,
                seconds: request.seconds,
                size: size
            )
        return RenderedClip(
            file: folder.appending(name),
            size: size,
            seconds: request.seconds
        )
    }

    private func encode(
        _ renderer: FrameRenderer,
        in folder: FilePath,
        name: String,
        onFrame: @escaping @Sendable (Int) -> Void
    ) async throws {
        let pipe = try Self.largePipe()
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.encodeFrames(
                size: renderer.size,
                frames: renderer.path.frameCount,
                output: name
            ),
            limits: .clip,
            deadline: Self.encodeDeadline
        )
        child.input = pipe.readEnd
        child.folder = folder
        child.folderAccess = .readWrite

        let pump = FramePump(renderer: renderer, threads: Self.renderThreads)
        // Owned by this call: every way out of it awaits the task.
        let frames = Task { try await pump.run(into: pipe.writeEnd, onFrame: onFrame) }
        let outcome: ChildProcess.Outcome
        do {
            outcome = try await tools.run(child)
        } catch {
            // The reader is gone, so a write that waits for it ends, too.
            try? pipe.readEnd.close()
            pump.stop()
            _ = try? await frames.value
            throw error
        }
        try? pipe.readEnd.close()
        let written = try await frames.value
        guard outcome.succeeded, written == renderer.path.frameCount else {
            throw MediaError.ofEncoder(outcome)
        }
    }

    /// A pipe that holds most of a frame, so that renderer and encoder seldom wait for each other.
    private static func largePipe() throws -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
        let pipe = try FileDescriptor.pipe(options: .closeOnExec)
        // F_SETPIPE_SZ; one MiB is what Linux grants to everyone. With less it only goes slower.
        _ = fcntl(pipe.writeEnd.rawValue, 1031, 1 << 20)
        return pipe
    }
}

extension MediaError {
    /// What an encoder's end means: a full disk is the operator's to mend, all else is ours.
    package static func ofEncoder(_ outcome: ChildProcess.Outcome) -> MediaError {
        if outcome.standardError.contains("No space left on device") {
            return MediaError(
                .storageUnavailable,
                "There is no space left for the video; free some and try again",
                detail: outcome.detail,
                isRetryable: true
            )
        }
        return MediaError(
            .toolFailed,
            "The video could not be encoded",
            detail: outcome.detail,
            isRetryable: true
        )
    }
}
