package import ZoetropeCore

/// What was seen of a video from outside, as far as it decides what is done with it.
package struct VideoFacts: Sendable, Equatable {
    /// How the pictures are stored.
    package enum Codec: Sendable, Equatable {
        /// H.264 as it is published: the parameter sets stand in the head.
        case h264
        /// H.264 whose parameter sets stand between the pictures (`avc3`).
        case h264InBand
        case other
    }

    /// What the numbers of the pictures mean.
    package enum Colour: Sendable, Equatable {
        case known(ColourDescription)
        /// The file does not say it.
        case untagged
        /// Not what we publish: other matrices, full range, wide gamuts.
        case foreign
    }

    package enum Sound: Sendable, Equatable {
        case none
        /// AAC-LC that begins with the picture.
        case lowComplexity
        case other
    }

    package var codec: Codec
    /// As it is shown: rotation and pixel aspect applied.
    package var size: FrameSize
    package var isInterlaced = false
    /// The tables that tell the rest are spread over the file.
    package var isFragmented = false
    /// Bytes are missing at the end.
    package var isCutShort = false
    /// All media lies in the file itself.
    package var isSelfContained = true
    /// Of the picture, in seconds; nil when the head does not tell.
    package var length: Double?
    /// 0 when the head does not tell.
    package var frameCount = 0
    package var colour: Colour
    package var sound: Sound
    /// The rules 1–17 of the target that it breaks, for the length and sound that were ordered.
    package var brokenRules: Set<Int>

    package init(
        codec: Codec = .h264,
        size: FrameSize,
        length: Double?,
        colour: Colour = .known(MP4Target.colour709),
        sound: Sound = .none,
        brokenRules: Set<Int> = []
    ) {
        (self.codec, self.size, self.length) = (codec, size, length)
        (self.colour, self.sound, self.brokenRules) = (colour, sound, brokenRules)
    }
}

extension VideoFacts {
    /// What the boxes tell; `nil` without a picture.
    init?(_ movie: MP4Movie, seconds: Int, allowsSound: Bool) {
        guard let track = movie.videoTrack, track.width > 0, track.height > 0 else { return nil }
        let set = track.avc?.sequenceParameterSet
        codec =
            if track.codec == .avc1, set != nil {
                .h264
            } else if track.codec == .avc1 || track.codec == FourCC("avc3") {
                .h264InBand
            } else {
                .other
            }
        size = FrameSize(width: set?.width ?? track.width, height: set?.height ?? track.height)
        isInterlaced = set?.isFrameOnly == false || (track.fieldCount ?? 1) != 1
        isFragmented = movie.isFragmented
        isCutShort = movie.boxes.last.map { $0.size > movie.fileSize - $0.offset } ?? true
        isSelfContained = movie.tracks.allSatisfy(\.isSelfContained)
        length = Self.length(track, in: movie)
        frameCount = track.sampleCount
        colour = Colour(of: track)
        sound = Self.sound(in: movie)
        brokenRules = Set(
            MP4Conformance.check(movie, seconds: seconds, allowsSound: allowsSound).map(\.rule)
        )
    }

    /// How long the picture is shown.
    private static func length(_ track: MP4Track, in movie: MP4Movie) -> Double? {
        guard !movie.isFragmented, let timing = MP4FrameTiming(track), timing.totalDuration > 0 else {
            return nil
        }
        let all = Double(timing.totalDuration) / Double(track.timeScale)
        let shown = track.edits.filter { !$0.isEmpty }.reduce(0.0) { $0 + Double($1.segmentDuration) }
        // Some writers say 0 where all is shown.
        return shown > 0 ? min(all, shown / Double(movie.timeScale)) : all
    }

    private static func sound(in movie: MP4Movie) -> Sound {
        let tracks = movie.tracks.filter { $0.handler == .sound }
        guard let track = tracks.first else { return .none }
        let isPlain =
            tracks.count == 1 && MP4Conformance.soundCodec(track).isEmpty && track.sampleEntryCount == 1
            && track.edits.count <= 1
            && track.edits.allSatisfy { !$0.isEmpty && $0.rate == MP4Track.Edit.normalRate }
            && (movie.isFragmented || track.sampleCount > 0)
        return isPlain ? .lowComplexity : .other
    }
}

extension VideoFacts.Colour {
    /// What the pictures of a track mean, by what the stream and the box say of it.
    ///
    /// The matrix alone decides, since it is all that a conversion of ours would change: files often name one and leave
    /// primaries and transfer open, or name those of sRGB.
    package init(of track: MP4Track) {
        let set = track.avc?.sequenceParameterSet
        let said = [set?.colour, track.colour?.colour].compactMap { $0 }
        let isICC = track.colour.map { $0.colour == nil } ?? false
        let isFull = set?.isFullRange == true || track.colour?.isFullRange == true
        guard !isICC, !isFull, !said.contains(where: { [16, 18].contains($0.transfer) }) else {
            self = .foreign
            return
        }
        switch Set(said.map(\.matrix)).subtracting([2]) {
        case []: self = .untagged
        case [1]: self = .known(MP4Target.colour709)
        case [5], [6], [5, 6]: self = .known(MP4Target.colour601)
        default: self = .foreign
        }
    }
}
