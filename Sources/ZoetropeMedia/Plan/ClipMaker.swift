import Glibc
import SystemPackage
import ZoetropeCore
import ZoetropeWorkflow

/// Carries out what ``MediaPlan`` decides: looks at a video, decides, does it, and looks again where that shows more.
struct ClipMaker: Sendable {
    let tools: MediaTools
    let retiming: RetimingPolicy
    let effort: EncodeEffort
    let onEvent: @Sendable (MediaEvent) -> Void
    /// The folder of work; files are bare names in it.
    let folder: FilePath
    let order: PublishOrder

    /// A published file: of the target, marked, its boxes checked.
    struct Made: Sendable {
        let name: String
        let movie: MP4Movie
        let size: FrameSize
        /// Frame 0, when it was made on the way; then the key frames were decoded, too.
        var poster: [UInt8]?
    }

    /// What plain copies, edits and encodes are called before the mover makes the published file of them.
    private static let (copied, edited, encoded) = ("copied.mp4", "edited.mp4", "encoded.mp4")

    /// Makes the published file of one video.
    func make(of part: String, as target: String) async throws -> Made {
        let wish = MediaPlan.Order(
            seconds: order.seconds,
            wantsSound: order.wantsSound,
            retiming: retiming
        )
        var name = part
        // What could not be decoded after it was published is not kept a second time.
        var gone: Set<MediaPlan.Way> = order.mayKeepStream ? [] : [.move, .edit]
        var isSoundFitted = false
        while true {
            let facts = try await MediaEvent.measuring(.look, onEvent) { [name] in
                try await VideoProbe(tools: tools)
                    .examine(name, in: folder, seconds: order.seconds, allowsSound: order.wantsSound)
            }
            let source = VideoNormaliser.Part(name: name, facts: facts)
            // Each decision but the last ones rules a way out.
            let plan = MediaPlan.decide(facts, wish, gone: gone)
            onEvent(.decided(plan))
            switch plan {
            case .move:
                gone.insert(.move)
                if let made = try await moved(name, to: target) { return made }
            case .copy(let sound):
                gone.insert(.copy)
                if try await copy(source, sound) {
                    name = Self.copied
                    isSoundFitted = sound == .encode && facts.length != nil
                }
            case .edit:
                gone.insert(.edit)
                if let made = try await edit(source, isSoundFitted: isSoundFitted, to: target) {
                    return made
                }
            case .encode(let sound):
                let size = try await VideoNormaliser(tools: tools, effort: effort)
                    .encode(
                        source,
                        to: Self.encoded,
                        in: folder,
                        seconds: order.seconds,
                        colour: try await colour(of: source),
                        keepsSound: sound == .encode
                    )
                return try await finished(
                    Self.encoded,
                    as: target,
                    size: size,
                    keepsSound: sound == .encode
                )
            case .refuse(let error):
                throw error
            }
        }
    }

    /// Makes the published file of several videos.
    func join(_ parts: [String], as target: String) async throws -> Made {
        var examined: [VideoNormaliser.Part] = []
        for name in parts {
            let facts = try await VideoProbe(tools: tools)
                .examine(
                    name,
                    in: folder,
                    seconds: order.seconds
                )
            if case .refuse(let error) = MediaPlan.decidePart(facts) { throw error }
            examined.append(VideoNormaliser.Part(name: name, facts: facts))
        }
        let size = try await VideoNormaliser(tools: tools, effort: effort)
            .join(examined, to: Self.encoded, in: folder, seconds: order.seconds)
        return try await finished(Self.encoded, as: target, size: size, keepsSound: false)
    }

    /// Makes what is played in the place of a large video.
    func preview(of video: Made, as target: String, size: FrameSize) async throws -> Made {
        let name = "small.mp4"
        try await VideoNormaliser(tools: tools, effort: effort)
            .preview(of: video.name, to: name, in: folder, size: size)
        return try await finished(name, as: target, size: size, keepsSound: order.wantsSound)
    }

    // MARK: Ways

    /// - Returns: `nil` when the file is not as simple as its boxes looked.
    private func moved(_ name: String, to target: String) async throws -> Made? {
        do {
            return try await finished(name, as: target, size: nil, keepsSound: order.wantsSound)
        } catch let error as MediaError where error.code == .outputInvalid {
            return nil
        }
    }

    /// - Returns: Whether there is a copy.
    private func copy(_ source: VideoNormaliser.Part, _ sound: MediaPlan.Sound) async throws -> Bool {
        do {
            try await VideoNormaliser(tools: tools)
                .copy(source, to: Self.copied, in: folder, seconds: order.seconds, sound: sound)
            return true
        } catch let error as MediaError where error.code == .outputInvalid {
            return false
        }
    }

    /// - Returns: `nil` when it must be encoded.
    private func edit(_ source: VideoNormaliser.Part, isSoundFitted: Bool, to target: String) async throws -> Made? {
        do {
            var made = try await edited(source, isSoundFitted: isSoundFitted, to: target)
            if source.facts.colour == .untagged, let photo {
                // Both readings differ in three bytes: the picture tells which is right.
                let (poster, colour) = try await MediaEvent.measuring(.poster, onEvent) { [made] in
                    try await ClipVerifier(tools: tools)
                        .poster(of: made.name, in: folder, made.movie, judgedBy: photo)
                }
                if colour != MP4Target.colour601 {
                    unlink(folder.appending(target).string)
                    made = try await edited(source, isSoundFitted: isSoundFitted, untagged: colour, to: target)
                }
                made.poster = poster
            }
            return made
        } catch let refusal as RetimingRefusal {
            onEvent(.refused(refusal))
        } catch let error as MediaError where error.code == .outputInvalid {
            unlink(folder.appending(target).string)
            onEvent(.refused(RetimingRefusal(.target, error.message)))
        }
        return nil
    }

    private func edited(
        _ source: VideoNormaliser.Part,
        isSoundFitted: Bool,
        untagged: ColourDescription = MP4Target.colour601,
        to target: String
    ) async throws -> Made {
        let paths = (
            source: folder.appending(source.name).string, target: folder.appending(Self.edited).string
        )
        let wish = Retiming.Wish(
            frames: order.seconds * MP4Target.frameRate,
            keepsSound: order.wantsSound,
            isSoundFitted: isSoundFitted,
            untaggedColour: untagged
        )
        let clip = try await BlockingWork.run { () throws(RetimingRefusal) in
            try RetimedClip.make(from: paths.source, to: paths.target, wish)
        }
        let size = FrameSize(width: clip.width, height: clip.height)
        return try await finished(Self.edited, as: target, size: size, keepsSound: order.wantsSound)
    }

    /// What the colours of a video mean that does not say it; nil for one that does.
    private func colour(of source: VideoNormaliser.Part) async throws -> ColourDescription? {
        guard source.facts.colour == .untagged else { return nil }
        return try await ColourJudge(tools: tools).meaning(of: source.name, in: folder, photo: photo)
    }

    /// What was animated, when it is at hand and can be read.
    private var photo: StillImage? {
        order.source.flatMap { try? StillImage(reading: $0.path, orientation: $0.orientation) }
    }

    /// Moves a file into its published form, and opens that again.
    private func finished(_ name: String, as target: String, size: FrameSize?, keepsSound: Bool)
        async throws -> Made
    {
        let paths = (source: folder.appending(name), target: folder.appending(target))
        let (provenance, seconds) = (order.provenance, order.seconds)
        let verifier = ClipVerifier(tools: tools)
        let movie = try await BlockingWork.run {
            do {
                try MP4Mover.move(
                    from: paths.source,
                    to: paths.target,
                    marking: provenance,
                    keepsSound: keepsSound
                )
                return try verifier.checkBoxes(
                    target,
                    in: paths.target.removingLastComponent(),
                    seconds: seconds,
                    size: size,
                    allowsSound: keepsSound,
                    marking: provenance
                )
            } catch let error as MP4MoveError {
                throw MediaError(
                    error.code == .storage ? .storageUnavailable : .outputInvalid,
                    "The video cannot be finished: \(error.message)",
                    isRetryable: true
                )
            } catch {
                unlink(paths.target.string)
                throw error
            }
        }
        guard let track = movie.videoTrack else { throw MediaError.damaged("it has no picture") }
        return Made(
            name: target,
            movie: movie,
            size: FrameSize(width: track.width, height: track.height)
        )
    }
}
