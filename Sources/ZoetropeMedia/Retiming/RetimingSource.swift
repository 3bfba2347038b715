/// A file whose picture may be retimed: tables, parameter sets and every slice header, checked.
struct RetimingSource: Sendable {
    let movie: MP4Movie
    let video: SampleTable
    let sound: Sound?
    let stream: VideoStream
    /// Bytes before each unit that say its length.
    let lengthSize: Int

    /// A sound track as it is copied.
    struct Sound: Sendable {
        let track: MP4Track
        let samples: SampleTable
        /// The content of its `esds` box.
        let description: [UInt8]
    }

    /// A clip of a minute at the highest bit rate that is published is smaller.
    static let maxBytes = 128 << 20
    /// Two minutes at 30 frames a second.
    static let maxSamples = 3_600

    init(_ file: [UInt8], keepsSound: Bool) throws {
        guard file.count <= Self.maxBytes else {
            throw RetimingRefusal(.tooLarge, "\(file.count) bytes, at most \(Self.maxBytes)")
        }
        let movie = try MP4Movie.read(from: MemoryByteSource(file))
        guard !movie.isFragmented else { throw RetimingRefusal(.fragmented, "the file is fragmented") }
        let videos = movie.tracks.indices.filter { movie.tracks[$0].handler == .video }
        let sounds = movie.tracks.indices.filter { movie.tracks[$0].handler == .sound }
        guard videos.count == 1 else { throw RetimingRefusal(.tracks, "\(videos.count) video tracks") }
        guard movie.boxes.count(where: { $0.type == .moov }) == 1 else {
            throw RetimingRefusal(.malformed, "there are several 'moov' boxes")
        }
        let boxes = try Self.trackBoxes(file, movie)
        let track = movie.tracks[videos[0]]
        try Self.check(track, in: movie)
        video = try Self.samples(of: track, boxes[videos[0]], fileSize: file.count)
        guard let configuration = try Self.entryBox(.avcC, headerBytes: 78, in: boxes[videos[0]]) else {
            throw RetimingRefusal(.parameterSets, "there is no 'avcC'")
        }
        let sets = try ParameterSets(configuration)
        lengthSize = sets.lengthSize
        stream = try VideoStream(file, video.ranges, sets)
        if keepsSound {
            guard sounds.count <= 1 else { throw RetimingRefusal(.sound, "\(sounds.count) sound tracks") }
            sound = try sounds.first.map {
                try Self.sound(movie.tracks[$0], boxes[$0], in: movie, fileSize: file.count)
            }
        } else {
            sound = nil
        }
        self.movie = movie
    }

    /// What must be right before anything is looked at: the rules about pictures that an edit cannot mend.
    private static func check(_ track: MP4Track, in movie: MP4Movie) throws(RetimingRefusal) {
        guard track.sampleEntryCount == 1 else {
            throw RetimingRefusal(.sampleDescriptions, "\(track.sampleEntryCount) sample descriptions")
        }
        guard track.isEnabled, track.isSelfContained else {
            throw RetimingRefusal(.tracks, "the video track is disabled or lies in another file")
        }
        guard track.sampleCount > 1, track.sampleCount <= maxSamples else {
            throw RetimingRefusal(.tooLarge, "\(track.sampleCount) frames, must be 2 to \(maxSamples)")
        }
        if let set = track.avc?.sequenceParameterSet, !set.isFrameOnly {
            throw RetimingRefusal(.interlaced, "pictures may be made of fields")
        }
        let findings =
            MP4Conformance.codec(track) + MP4Conformance.profile(track) + MP4Conformance.pixels(track)
            + MP4Conformance.size(track, in: movie)
        guard findings.isEmpty else {
            throw RetimingRefusal(.picture, findings.joined(separator: "; "))
        }
    }

    private static func sound(
        _ track: MP4Track,
        _ content: ByteCursor,
        in movie: MP4Movie,
        fileSize: Int
    ) throws -> Sound {
        guard track.sampleEntryCount == 1,
            let description = try entryBox(.esds, headerBytes: 28, in: content),
            track.isSelfContained, track.sampleCount > 0
        else { throw RetimingRefusal(.sound, "a sound track without a description that is understood") }
        let findings = MP4Conformance.soundCodec(track)
        guard findings.isEmpty else { throw RetimingRefusal(.sound, findings.joined(separator: "; ")) }
        guard track.edits.count <= 1,
            track.edits.allSatisfy({ !$0.isEmpty && $0.rate == MP4Track.Edit.normalRate })
        else {
            throw RetimingRefusal(.sound, "the sound track has more than one edit, or an odd one")
        }
        let samples = try samples(of: track, content, fileSize: fileSize)
        guard track.compositionOffsets.isEmpty, samples.totalDuration <= Int(Int32.max),
            track.edits.allSatisfy({ $0.mediaTime < Int64(samples.totalDuration) })
        else { throw RetimingRefusal(.sound, "the times of the sound are odd") }
        return Sound(
            track: track,
            samples: samples,
            description: Array(description.rest)
        )
    }

    /// The `trak` boxes, in the order of the movie's tracks.
    private static func trackBoxes(_ file: [UInt8], _ movie: MP4Movie) throws -> [ByteCursor] {
        guard let box = movie.boxes.first(where: { $0.type == .moov }) else { return [] }
        let content = file[box.offset + box.headerSize..<box.offset + box.size]
        let boxes = try ByteCursor(content, of: .moov).boxes().filter { $0.type == .trak }
            .map(
                \.content
            )
        guard boxes.count == movie.tracks.count else {
            throw RetimingRefusal(.malformed, "tracks differ")
        }
        return boxes
    }

    private static func tables(_ track: ByteCursor) throws -> ByteCursor {
        let media = try track.boxes().required(.mdia)
        return try media.boxes().required(.minf).boxes().required(.stbl)
    }

    private static func samples(of track: MP4Track, _ content: ByteCursor, fileSize: Int) throws
        -> SampleTable
    {
        try SampleTable(try tables(content), of: track, fileSize: fileSize)
    }

    /// The content of a box in the first sample entry, behind its fields.
    private static func entryBox(_ type: FourCC, headerBytes: Int, in track: ByteCursor) throws
        -> ByteCursor?
    {
        var cursor = try tables(track).boxes().required(.stsd)
        try cursor.skip(8)
        guard var entry = try cursor.boxes().first?.content else { return nil }
        try entry.skip(headerBytes)
        return try entry.boxes().only(type)
    }
}
