/// The stream with its copies, checked by decoding its headers once more.
struct EditedStream: Sendable {
    /// A picture in decoding order.
    private struct Entry {
        /// In the source: the picture itself, or the one that is copied.
        let picture: Int
        /// 0 is the picture itself, 1 its first copy.
        let copy: Int
        let slot: Int
        /// Of a copy.
        var unit: [UInt8] = []
    }

    private let stream: VideoStream
    private let timeline: DecodingTimeline
    private let sequence: SequenceSyntax
    private let entries: [Entry]

    init(
        _ stream: VideoStream,
        _ timeline: DecodingTimeline,
        _ places: [RepeatPlace],
        _ cadence: Cadence,
        colour: ColourDescription
    ) throws(RetimingRefusal) {
        (self.stream, self.timeline) = (stream, timeline)
        var sequence = try Self.adapted(stream.sets.sequence, colour)
        var entries = Self.entries(timeline, places, cadence)
        try Self.writeCopies(&entries, stream, timeline, sequence)
        let result = try Self.decoded(entries, stream, sequence)
        try Self.check(result, entries, timeline)
        try Self.settleBuffer(&sequence, result)
        (self.entries, self.sequence) = (entries, sequence)
    }

    /// `avcC`, ISO/IEC 14496-15, clause 5.3.3.1.
    func configuration(lengthSize: Int) throws(RetimingRefusal) -> [UInt8] {
        let set = try sequence.unit()
        guard try SequenceSyntax(unit: set) == sequence else {
            throw RetimingRefusal(.parameterSets, "the new sequence parameter set reads differently")
        }
        func sized(_ unit: [UInt8]) -> [UInt8] {
            [UInt8(unit.count >> 8 & 255), UInt8(unit.count & 255)] + unit
        }
        let bytes = [
            1, sequence.profile, sequence.constraints, sequence.level, 0xFC | lengthSize - 1, 0xE1,
        ]
        let pictureSets = stream.sets.pictureUnits
        // 4:2:0 in 8 bits, no extensions.
        let format: [UInt8] = sequence.profile == 100 ? [0xFD, 0xF8, 0xF8, 0] : []
        return bytes.map { UInt8($0 & 255) } + sized(set) + [UInt8(pictureSets.count & 255)]
            + pictureSets.flatMap(sized) + format
    }

    func pictures(lengthSize: Int) throws(RetimingRefusal) -> [RetimedMovie.Picture] {
        var pictures: [RetimedMovie.Picture] = []
        for entry in entries {
            var pieces = stream.samples[entry.picture]
            if entry.copy > 0 {
                // Unit 9 says which slices follow: I and P.
                let delimiter = stream.hasDelimiters ? LengthPrefix.framed([0x09, 0x30], lengthSize) : []
                guard let delimiter, let unit = LengthPrefix.framed(entry.unit, lengthSize) else {
                    throw RetimingRefusal(.malformed, "\(entry.unit.count) bytes do not fit their length")
                }
                pieces = [.bytes(delimiter + unit)]
            }
            let isKeyFrame = entry.copy == 0 && timeline.headers[entry.picture].isKeyFrame
            pictures.append(
                RetimedMovie.Picture(pieces: pieces, slot: entry.slot, isKeyFrame: isKeyFrame)
            )
        }
        return pictures
    }

    /// The parameter set at 30 frames a second, but for the depth of the buffer.
    private static func adapted(
        _ source: SequenceSyntax,
        _ colour: ColourDescription
    ) throws(RetimingRefusal) -> SequenceSyntax {
        var set = source
        let old = try Level(of: source)
        let new = try old.raised(for: source.macroblocks)
        if new.number != old.number { set.level = new.number }
        // Level 1b has no level 1.1 that it could become while the constraint says 1b.
        if set.profile != 100, set.constraints & 0x10 != 0, new.number != old.number {
            throw RetimingRefusal(.level, "level 1b is too low for \(source.macroblocks) macroblocks")
        }
        // In High, the constraint says that all pictures are intra ones, and copies are not.
        if set.profile == 100 { set.constraints &= ~0x10 }
        set.maxReferenceFrames = max(1, set.maxReferenceFrames)
        set.hasUsability = true
        set.usability.hasSignal = true
        set.usability.hasColour = true
        set.usability.colour = [colour.primaries, colour.transfer, colour.matrix]
        set.usability.hasTiming = true
        set.usability.unitsInTick = 1
        set.usability.timeScale = 2 * MP4Target.frameRate
        set.usability.isFixedRate = true
        set.usability.removeTimingModels()
        return set
    }

    private static func entries(
        _ timeline: DecodingTimeline,
        _ places: [RepeatPlace],
        _ cadence: Cadence
    ) -> [Entry] {
        var slot = 0
        var originals = [Entry?](repeating: nil, count: timeline.headers.count)
        // By the picture they stand before; the order on the screen among those that stand together.
        var copies = [[Entry]](repeating: [], count: timeline.headers.count + 1)
        for (picture, count) in zip(timeline.shown, cadence.counts) {
            if count > 0 { originals[picture] = Entry(picture: picture, copy: 0, slot: slot) }
            for copy in stride(from: 1, to: count, by: 1) {
                copies[places[picture].position]
                    .append(
                        Entry(picture: picture, copy: copy, slot: slot + copy)
                    )
            }
            slot += count
        }
        return zip(copies, originals + [nil])
            .flatMap { copies, original in
                copies + (original.map { [$0] } ?? [])
            }
    }

    private static func writeCopies(
        _ entries: inout [Entry],
        _ stream: VideoStream,
        _ timeline: DecodingTimeline,
        _ sequence: SequenceSyntax
    ) throws(RetimingRefusal) {
        var data: [Int: [UInt8]] = [:]
        // The last picture of the source before each entry.
        var before = 0
        for index in entries.indices {
            let entry = entries[index]
            guard entry.copy > 0 else {
                before = entry.picture
                continue
            }
            let references = timeline.references[before]
            guard let set = stream.sets.pictures[timeline.headers[entry.picture].pictureSetID],
                let source = references.first(where: { $0.picture == entry.picture })
            else { throw RetimingRefusal(.marking, "picture \(entry.picture) is gone before its copy") }
            if set.isArithmetic, data[set.id] == nil {
                data[set.id] = SkipPicture.data(macroblocks: sequence.macroblocks, quantiser: set.quantiser)
            }
            let copy = SkipPicture(
                source: source,
                references: references,
                frameNumber: timeline.nextFrameNumbers[before],
                order: timeline.orders[entry.picture] + entry.copy
            )
            entries[index].unit = copy.unit(sequence, set, data: data[set.id] ?? [])
        }
    }

    private static func decoded(
        _ entries: [Entry],
        _ stream: VideoStream,
        _ sequence: SequenceSyntax
    ) throws(RetimingRefusal) -> DecodingTimeline {
        var headers: [SliceHeader] = []
        for entry in entries {
            headers.append(
                entry.copy == 0
                    ? stream.headers[entry.picture]
                    : try SliceHeader(unit: entry.unit[...], sequence, stream.sets.pictures)
            )
        }
        return try DecodingTimeline(headers, sequence)
    }

    /// The pictures of the source must be where they were, and everything appears as planned.
    private static func check(
        _ result: DecodingTimeline,
        _ entries: [Entry],
        _ source: DecodingTimeline
    ) throws(RetimingRefusal) {
        for (index, entry) in entries.enumerated() {
            let isRight =
                entry.copy == 0
                ? result.orders[index] == source.orders[entry.picture]
                : result.headers[index].marking == .none
                    && result.periods[index] == source.periods[entry.picture]
            guard isRight else {
                throw RetimingRefusal(.resultBuffer, "picture \(entry.picture) changes its order")
            }
        }
        guard result.shown.map({ entries[$0].slot }) == Array(entries.indices) else {
            throw RetimingRefusal(.resultBuffer, "the copies do not appear as planned")
        }
    }

    /// Keeps what the source promises of its buffer, or says what the result needs.
    private static func settleBuffer(
        _ sequence: inout SequenceSyntax,
        _ result: DecodingTimeline
    ) throws(RetimingRefusal) {
        let most = try Level(of: sequence).bufferedFrames(of: sequence.macroblocks)
        let depth = result.reorderDepth
        if sequence.usability.hasRestriction {
            sequence.usability.maxBufferedFrames = max(1, sequence.usability.maxBufferedFrames)
            guard depth <= sequence.usability.maxReorderFrames,
                sequence.usability.maxBufferedFrames <= most,
                sequence.maxReferenceFrames <= sequence.usability.maxBufferedFrames,
                result.fits(sequence.usability.maxBufferedFrames)
            else {
                throw RetimingRefusal(.resultBuffer, "the copies need more room than the stream promises")
            }
            return
        }
        let least = max(sequence.maxReferenceFrames, depth)
        guard least <= most, let capacity = (least...most).first(where: result.fits) else {
            throw RetimingRefusal(
                .resultBuffer,
                "the copies need more room than level \(sequence.level) has"
            )
        }
        sequence.usability.promise(reorder: depth, buffer: capacity)
    }
}
