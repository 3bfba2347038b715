import Foundation
import SystemPackage
package import ZoetropeCore
package import ZoetropeWorkflow

/// The pictures and videos of a run, with ffmpeg.
///
/// A cancelled task ends a call with a failure that may be retried, after the children are gone.
package struct FFmpegPipeline: MediaPipeline {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    package func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        try await MediaFailure.catching {
            let photo = try StillImage(reading: source, orientation: image.orientation)
            let bytes = try await InputImage(of: photo.header.uprightSize)
                .jpeg(of: photo, with: PhotoDecoder(tools: tools))
            try Data(bytes).write(to: URL(filePath: path))
        }
    }

    package func publishable(
        from parts: [String],
        in folder: String,
        seconds: Int,
        wantsSound: Bool
    ) async throws(MediaFailure) -> PublishableVideo {
        try await MediaFailure.catching {
            let folder = FilePath(folder)
            let keepsSound = wantsSound && parts.count == 1
            var examined: [VideoNormaliser.Part] = []
            for part in parts {
                let name = try Self.name(of: part, in: folder)
                let facts = try await VideoProbe(tools: tools)
                    .examine(name, in: folder, seconds: seconds, allowsSound: keepsSound)
                examined.append(VideoNormaliser.Part(name: name, facts: facts))
            }
            var (name, size) = (examined[0].name, examined[0].facts.size)
            // What is already right is not encoded again, which would only cost time and sharpness.
            if examined.count > 1 || !examined[0].facts.findings.isEmpty {
                name = "video.mp4"
                size = try await VideoNormaliser(tools: tools)
                    .encode(examined, to: name, in: folder, seconds: seconds, wantsSound: keepsSound)
            }
            let jpeg = try await ClipVerifier(tools: tools)
                .verify(
                    name,
                    in: folder,
                    seconds: seconds,
                    size: size,
                    wantsPoster: true,
                    allowsSound: keepsSound
                )
            let poster = folder.appending("poster.jpg").string
            try Data(jpeg).write(to: URL(filePath: poster))
            return PublishableVideo(
                video: folder.appending(name).string,
                poster: poster,
                size: size,
                seconds: seconds,
                framesPerSecond: MP4Target.frameRate
            )
        }
    }

    package func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize {
        try await MediaFailure.catching {
            let folder = FilePath(part).removingLastComponent()
            let name = try Self.name(of: part, in: folder)
            let output = try Self.name(of: path, in: folder)
            // Its length does not matter here.
            let facts = try await VideoProbe(tools: tools).examine(name, in: folder, seconds: 0)
            let size = facts.size.publishable
            var child = ChildProcess(
                tools.ffmpeg,
                FFmpegArguments.lastFrame(of: name, to: output, size: size, isInterlaced: facts.isInterlaced),
                limits: .clip,
                deadline: .seconds(120)
            )
            child.folder = folder
            child.folderAccess = .readWrite
            let outcome = try await tools.run(child)
            guard outcome.succeeded, let frame = try? StillImage(reading: path, orientation: .upright),
                frame.header.uprightSize == size
            else {
                let error = MediaError.ofEncoder(outcome)
                guard error.code != .storageUnavailable else { throw error }
                throw MediaError(
                    .outputInvalid,
                    "The model's video cannot be decoded to its end",
                    detail: outcome.detail,
                    isRetryable: true
                )
            }
            return size
        }
    }

    /// The bare name of a file that must lie in `folder`, the only one that a child sees.
    private static func name(of path: String, in folder: FilePath) throws(MediaFailure) -> String {
        let path = FilePath(path)
        guard path.removingLastComponent() == folder, let name = path.lastComponent?.string else {
            throw MediaFailure(.internal, "\"\(path)\" must lie in \"\(folder)\"", isRetryable: false)
        }
        return name
    }
}

extension StillImage {
    /// Reads a stored image.
    init(reading path: String, orientation: ImageOrientation) throws {
        try self.init(stored: [UInt8](Data(contentsOf: URL(filePath: path))), orientation: orientation)
    }
}
