import Foundation
import SystemPackage
package import ZoetropeCore
package import ZoetropeWorkflow

/// The pictures and videos of a run, with ffmpeg.
///
/// A cancelled task ends a call with a failure that may be retried, after the children are gone.
package struct FFmpegPipeline: MediaPipeline {
    private let tools: MediaTools
    private let retiming: RetimingPolicy
    private let effort: EncodeEffort
    private let onEvent: @Sendable (MediaEvent) -> Void

    /// - Parameters:
    ///   - tools: The programs.
    ///   - retiming: What is done with a good video that has another frame rate.
    ///   - effort: How hard an encode tries.
    ///   - onEvent: Told what is decided for each video.
    package init(
        tools: MediaTools,
        retiming: RetimingPolicy = .lossless,
        effort: EncodeEffort = .standard,
        onEvent: @escaping @Sendable (MediaEvent) -> Void = { _ in }
    ) {
        self.tools = tools
        self.retiming = retiming
        self.effort = effort
        self.onEvent = onEvent
    }

    package func makeInput(from source: String, _ image: SourceImage, to path: String)
        async throws(MediaFailure)
    {
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
        order: PublishOrder
    ) async throws(MediaFailure) -> PublishableVideo {
        try await MediaFailure.catching {
            let folder = FilePath(folder)
            let names = try parts.map { part throws(MediaFailure) in try Self.name(of: part, in: folder) }
            let maker = ClipMaker(
                tools: tools,
                retiming: retiming,
                effort: effort,
                onEvent: onEvent,
                folder: folder,
                order: names.count == 1 ? order : order.withoutSound
            )
            let whole =
                names.count == 1
                ? try await maker.make(of: names[0], as: Self.video)
                : try await maker.join(names, as: Self.video)
            guard let size = whole.size.preview else {
                return try await published(whole, result: nil, in: folder, seconds: order.seconds)
            }
            let small = try await maker.preview(of: whole, as: "preview.mp4", size: size)
            let result = ResultFile(path: folder.appending(whole.name).string, size: whole.size)
            return try await published(small, result: result, in: folder, seconds: order.seconds)
        }
    }

    /// The bare name of a video that was made here.
    private static let video = "video.mp4"

    /// Decodes the key frames of a finished file; its poster falls off.
    private func published(
        _ video: ClipMaker.Made,
        result: ResultFile?,
        in folder: FilePath,
        seconds: Int
    ) async throws -> PublishableVideo {
        var jpeg = video.poster
        if jpeg == nil {
            jpeg = try await MediaEvent.measuring(.poster, onEvent) {
                try await ClipVerifier(tools: tools).poster(of: video.name, in: folder, video.movie)
            }
        }
        let poster = folder.appending("poster.jpg").string
        try Data(jpeg ?? []).write(to: URL(filePath: poster))
        return PublishableVideo(
            video: folder.appending(video.name).string,
            result: result,
            poster: poster,
            size: video.size,
            seconds: seconds,
            framesPerSecond: MP4Target.frameRate
        )
    }

    package func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure) {
        try await MediaFailure.catching {
            let folder = FilePath(video).removingLastComponent()
            try await ClipVerifier(tools: tools)
                .decodeAll(
                    try Self.name(of: video, in: folder),
                    in: folder,
                    seconds: seconds,
                    allowsSound: allowsSound
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
                FFmpegArguments.lastFrame(
                    of: name,
                    to: output,
                    size: size,
                    isInterlaced: facts.isInterlaced
                ),
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

extension PublishOrder {
    /// The same of a video that is joined: parts are made apart, and their sounds do not meet.
    fileprivate var withoutSound: PublishOrder {
        PublishOrder(
            seconds: seconds,
            wantsSound: false,
            source: source,
            provenance: provenance,
            mayKeepStream: mayKeepStream
        )
    }
}
