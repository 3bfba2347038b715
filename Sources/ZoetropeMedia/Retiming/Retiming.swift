/// Changes the frame rate of an H.264 video by repeating or leaving out frames in the stream itself.
///
/// Nothing is decoded or encoded: every picture of the source keeps its bytes, and a repeated frame is one picture of a
/// few bytes that copies a reference picture exactly (``SkipPicture``). Whatever is unusual or in doubt is refused by name,
/// and the video is then encoded anew. `docs/media.md` tells the whole story.
package enum Retiming {
    /// What is wanted.
    package struct Wish: Sendable {
        /// Of the result, at the frame rate of the target.
        package let frames: Int
        package let keepsSound: Bool
        /// The sound has the length of the result, whatever that of the picture.
        package let isSoundFitted: Bool
        /// What the colours of a video mean that does not say it.
        package let untaggedColour: ColourDescription

        /// Untagged colours are taken for BT.601 of 60 Hz, as ffmpeg takes them.
        package init(
            frames: Int,
            keepsSound: Bool,
            isSoundFitted: Bool = false,
            untaggedColour: ColourDescription = MP4Target.colour601
        ) {
            (self.frames, self.keepsSound, self.isSoundFitted) = (frames, keepsSound, isSoundFitted)
            self.untaggedColour = untaggedColour
        }
    }

    /// How much longer or shorter than asked for a video may be, as a part of the whole: frames are then spread evenly.
    static let stretch = 0.9...1.1
    /// Seconds that pictures and sound may be apart at the end.
    static let maxSoundDrift = 0.05
    /// Seconds that a video without an edit list may keep its first frame back.
    static let maxDelay = 0.25

    /// Finds out how `file` becomes the video that is wished for.
    ///
    /// - Parameters:
    ///   - file: The whole source.
    ///   - wish: What it is to become.
    /// - Returns: The edit. Its result conforms to rules 1–17 of the target; only that all pictures can be decoded is
    ///   not known, since none has been.
    /// - Throws: ``RetimingRefusal``, the reason for encoding it anew.
    package static func plan(_ file: [UInt8], _ wish: Wish) throws(RetimingRefusal) -> RetimedClip {
        do {
            return try edit(file, wish)
        } catch let refusal as RetimingRefusal {
            throw refusal
        } catch let error as MP4Error {
            switch error.code {
            case .tooLarge: throw RetimingRefusal(.tooLarge, error.message)
            case .unreadable: throw RetimingRefusal(.unreadable, error.message)
            case .malformed, .notMP4: throw RetimingRefusal(.malformed, error.message)
            }
        } catch {
            throw RetimingRefusal(.malformed, "\(error)")
        }
    }

    private static func edit(_ file: [UInt8], _ wish: Wish) throws -> RetimedClip {
        guard (1...RetimingSource.maxSamples).contains(wish.frames) else {
            throw RetimingRefusal(
                .tooLarge,
                "\(wish.frames) frames are wanted, at most \(RetimingSource.maxSamples)"
            )
        }
        let source = try RetimingSource(file, keepsSound: wish.keepsSound)
        guard let track = source.movie.videoTrack else {
            throw RetimingRefusal(.tracks, "there is no video track")
        }
        let sequence = source.stream.sets.sequence
        let timeline = try DecodingTimeline(source.stream.headers, sequence)
        try checkBuffer(timeline, sequence)
        let colour = try Self.colour(of: track, untagged: wish.untaggedColour)
        let ideals = try ideals(source, track, timeline, wish)
        let places = RepeatPlace.all(in: timeline, sequence)
        let cadence = try cadence(timeline, places, ideals, slots: wish.frames)
        let edited = try EditedStream(source.stream, timeline, places, cadence, colour: colour)
        let movie = RetimedMovie(
            pictures: try edited.pictures(lengthSize: source.lengthSize),
            sound: source.sound,
            width: track.width,
            height: track.height,
            configuration: try edited.configuration(lengthSize: source.lengthSize),
            colour: colour
        )
        let (head, media) = movie.build()
        let clip = RetimedClip(
            shownFrames: cadence.counts.enumerated().flatMap { Array(repeating: $0, count: $1) },
            worstError: cadence.worstError,
            width: track.width,
            height: track.height,
            pieces: [.bytes(head)] + media
        )
        try check(clip, head, wish)
        return clip
    }

    /// The source must keep its own promises; that the result does is checked by ``EditedStream``.
    private static func checkBuffer(
        _ timeline: DecodingTimeline,
        _ sequence: SequenceSyntax
    ) throws(RetimingRefusal) {
        var capacity = try Level(of: sequence).bufferedFrames(of: sequence.macroblocks)
        if sequence.hasUsability, sequence.usability.hasRestriction {
            guard timeline.reorderDepth <= sequence.usability.maxReorderFrames else {
                throw RetimingRefusal(
                    .sourceBuffer,
                    "\(timeline.reorderDepth) frames are reordered, more than promised"
                )
            }
            capacity = min(capacity, sequence.usability.maxBufferedFrames)
        }
        guard timeline.fits(max(1, capacity)) else {
            throw RetimingRefusal(
                .sourceBuffer,
                "a buffer of \(capacity) frames is too small for the source"
            )
        }
    }

    private static func colour(
        of track: MP4Track,
        untagged: ColourDescription
    ) throws(RetimingRefusal) -> ColourDescription {
        switch VideoFacts.Colour(of: track) {
        case .known(let colour): return colour
        case .untagged: return untagged
        case .foreign: throw RetimingRefusal(.colour, "the colours are not what may be published")
        }
    }

    /// When each frame should appear, in frames of the result and by the order on the screen.
    private static func ideals(
        _ source: RetimingSource,
        _ track: MP4Track,
        _ timeline: DecodingTimeline,
        _ wish: Wish
    ) throws(RetimingRefusal) -> [Double] {
        let times = timeline.shown.map { source.video.presentations[$0] }
        for (time, next) in zip(times, times.dropFirst()) where time >= next {
            throw RetimingRefusal(.timeOrder, "the stream shows frames in another order than the file")
        }
        guard let first = times.first, let last = times.last else { return [] }
        let timeScale = Double(track.timeScale)
        let length = Double(max(source.video.totalDuration, last - first + 1)) / timeScale
        try checkEdits(
            track,
            in: source.movie,
            first: first,
            length: length,
            keepsSound: source.sound != nil
        )
        let wanted = Double(wish.frames) / Double(MP4Target.frameRate)
        guard stretch.contains(wanted / length) else {
            throw RetimingRefusal(
                .length,
                "\(length.rounded3) s cannot be spread over \(wanted.rounded3) s"
            )
        }
        if source.sound != nil, !wish.isSoundFitted, abs(wanted - length) > maxSoundDrift {
            throw RetimingRefusal(.sound, "\(length.rounded3) s of sound do not fit \(wanted.rounded3) s")
        }
        return times.map { Double($0 - first) / timeScale / length * Double(wish.frames) }
    }

    /// An edit list may hide the delay of reordering, and nothing else.
    private static func checkEdits(
        _ track: MP4Track,
        in movie: MP4Movie,
        first: Int,
        length: Double,
        keepsSound: Bool
    ) throws(RetimingRefusal) {
        guard track.edits.count <= 1,
            track.edits.allSatisfy({ !$0.isEmpty && $0.rate == MP4Track.Edit.normalRate })
        else {
            throw RetimingRefusal(.editList, "the edit list does more than hide a delay")
        }
        let start = track.edits.first?.mediaTime ?? 0
        let delay = (Double(first) - Double(start)) / Double(track.timeScale)
        guard delay >= 0, delay <= (keepsSound ? MP4Target.maxSoundDelay : maxDelay) else {
            throw RetimingRefusal(.editList, "the first frame is shown at \(delay.rounded3) s")
        }
        guard let edit = track.edits.first else { return }
        let shown = Double(edit.segmentDuration) / Double(movie.timeScale)
        guard shown >= length - MP4Target.lengthTolerance else {
            throw RetimingRefusal(
                .editList,
                "the edit list shows \(shown.rounded3) of \(length.rounded3) s"
            )
        }
    }

    private static func cadence(
        _ timeline: DecodingTimeline,
        _ places: [RepeatPlace],
        _ ideals: [Double],
        slots: Int
    ) throws(RetimingRefusal) -> Cadence {
        let mayDrop = slots < ideals.count
        let frames = zip(timeline.shown, ideals)
            .map { picture, ideal in
                let isReference = timeline.headers[picture].isReference
                let most = mayDrop ? 1 : 1 + places[picture].capacity
                return Cadence.Frame(ideal: ideal, counts: (mayDrop && !isReference ? 0 : 1)...most)
            }
        guard frames.reduce(0, { $0 + $1.counts.upperBound }) >= slots else {
            throw RetimingRefusal(.tooFewRepeats, "too few frames can be repeated to fill \(slots)")
        }
        guard frames.reduce(0, { $0 + $1.counts.lowerBound }) <= slots else {
            throw RetimingRefusal(.tooFewDrops, "too few frames can be left out to leave \(slots)")
        }
        guard let cadence = Cadence.even(frames, slots: slots) else {
            throw RetimingRefusal(
                .uneven,
                "frames would be more than \(Cadence.limit) frame off their times"
            )
        }
        return cadence
    }

    /// Reads the result as anybody else would.
    private static func check(_ clip: RetimedClip, _ head: [UInt8], _ wish: Wish) throws {
        let movie = try MP4Movie.read(from: HeadSource(head: head, byteCount: clip.byteCount))
        let seconds = wish.frames % MP4Target.frameRate == 0 ? wish.frames / MP4Target.frameRate : nil
        let findings = MP4Conformance.check(movie, seconds: seconds, allowsSound: wish.keepsSound)
        guard findings.isEmpty else {
            throw RetimingRefusal(.target, findings.map(\.description).joined(separator: "; "))
        }
    }
}

/// A file of which only the head exists yet; nobody reads the media.
private struct HeadSource: ByteSource {
    let head: [UInt8]
    let byteCount: Int

    func bytes(at offset: Int, count: Int) throws(MP4Error) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= head.count, count <= byteCount - offset,
            count <= 1 << 23
        else {
            throw MP4Error(.unreadable, "\(count) bytes at \(offset) are not within the head")
        }
        let known = head[offset..<min(head.count, offset + count)]
        return known + [UInt8](repeating: 0, count: count - known.count)
    }
}
