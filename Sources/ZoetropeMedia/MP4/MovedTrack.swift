/// A track as ``MP4Mover`` writes it: all that our reader understood of it, and no byte besides.
///
/// Source: ISO/IEC 14496-12, clause 8, and 14496-15, clause 5.
struct MovedTrack {
    /// Samples that stand in a row.
    struct Chunk {
        /// In the source.
        let source: Range<Int>
        let sampleCount: Int
    }

    let track: MP4Track
    let chunks: [Chunk]
    private let sizes: [Int]
    /// The sample entry.
    private let entry: [UInt8]

    /// Takes a `trak` box; `content` is the box that `track` was read from.
    init(_ track: MP4Track, _ content: ByteCursor, fileSize: Int) throws(MP4Error) {
        let tables = try content.boxes().required(.mdia).boxes().required(.minf).boxes().required(.stbl).boxes()
        try Self.check(track)
        self.track = track
        sizes = try MP4Track.readSizes(tables)
        chunks = try Self.chunks(
            offsets: try MP4Track.readChunkOffsets(tables),
            runs: try MP4Track.readChunkRuns(try tables.required(.stsc)),
            sizes: sizes,
            fileSize: fileSize
        )
        var description = try tables.required(.stsd)
        try description.skip(8)
        guard let box = try description.boxes().first else { throw .unsuitable("there is no sample entry") }
        entry = track.handler == .video ? try Self.pictureEntry(box, track) : try Self.soundEntry(box, track)
    }

    private static func check(_ track: MP4Track) throws(MP4Error) {
        guard track.isSelfContained, track.layout.coversAllSamples, track.layout.liesInMediaData else {
            throw .unsuitable("the samples of track \(track.id) do not lie where media is")
        }
        guard track.sampleEntryCount == 1 else {
            throw .unsuitable("track \(track.id) has \(track.sampleEntryCount) sample entries")
        }
        let count = track.sampleCount
        guard count > 0, track.durations.reduce(0, { $0 + $1.count }) == count else {
            throw .unsuitable("the durations of track \(track.id) do not cover its \(count) samples")
        }
        let offsets = track.compositionOffsets
        guard offsets.isEmpty || offsets.reduce(0, { $0 + $1.count }) == count else {
            throw .unsuitable("the times of track \(track.id) do not cover its \(count) samples")
        }
        if let keys = track.syncSamples {
            guard keys.allSatisfy({ (1...count).contains($0) }), zip(keys, keys.dropFirst()).allSatisfy(<) else {
                throw .unsuitable("the key frames of track \(track.id) are not \(count) at most, in order")
            }
        }
        // Longer ones have another version of their boxes, which nothing of ours needs.
        let times = [track.duration, track.mediaDuration] + track.edits.map(\.segmentDuration)
        guard times.allSatisfy({ ($0 ?? 0) < UInt32.max }),
            track.edits.allSatisfy({ Int32(exactly: $0.mediaTime) != nil })
        else { throw .unsuitable("track \(track.id) is too long") }
    }

    /// Where the chunks lie; that they hold all samples and lie within media is known.
    private static func chunks(
        offsets: [UInt64],
        runs: [ChunkRun],
        sizes: [Int],
        fileSize: Int
    ) throws(MP4Error) -> [Chunk] {
        var chunks: [Chunk] = []
        var (run, sample) = (0, 0)
        for (index, offset) in offsets.enumerated() {
            while run + 1 < runs.count, runs[run + 1].firstChunk <= index + 1 { run += 1 }
            guard run < runs.count, let start = Int(exactly: offset) else { break }
            let count = runs[run].samplesInChunk
            let size = sizes.dropFirst(sample).prefix(count).reduce(0, +)
            guard size > 0, start <= fileSize, size <= fileSize - start else {
                throw .unsuitable("a chunk of \(size) bytes at \(start) of \(fileSize)")
            }
            chunks.append(Chunk(source: start..<start + size, sampleCount: count))
            sample += count
        }
        guard sample == sizes.count else { throw .unsuitable("the chunks hold \(sample) of \(sizes.count) samples") }
        return chunks
    }
}

// MARK: - Boxes

extension MovedTrack {
    /// A time of 32 bits; all ones for those that are not known.
    static func word(_ time: UInt64?) -> UInt32 { time.map { UInt32(clamping: $0) } ?? .max }

    /// The `trak` box; `offsets` are those of the chunks in the new file.
    func box(id: UInt32, offsets: [Int], hasLongOffsets: Bool) -> [UInt8] {
        let isSound = track.handler == .sound
        let header = [UInt8]
            .fullBox(
                .tkhd,
                flags: track.isEnabled ? 3 : 2,
                .words(0, 0, id, 0, Self.word(track.duration)),
                .zeros(8),
                .halves(0, isSound ? 1 : 0, isSound ? 0x100 : 0, 0),
                track.matrix.bytes,
                .words(track.displayWidth, track.displayHeight)
            )
        let mediaHeader = [UInt8]
            .fullBox(
                .mdhd,
                .words(0, 0, track.timeScale, Self.word(track.mediaDuration)),
                .halves(0x55C4, 0)  // the language «und»
            )
        let handler = [UInt8]
            .fullBox(
                .hdlr,
                .words(0, (isSound ? FourCC.soun : .vide).code),
                .zeros(12),
                .text(isSound ? "SoundHandler" : "VideoHandler"),
                .zeros(1)
            )
        let kind: [UInt8] =
            isSound ? .fullBox(FourCC("smhd"), .zeros(4)) : .fullBox(FourCC("vmhd"), flags: 1, .zeros(8))
        let here = [UInt8].box(.dinf, .fullBox(.dref, .words(1), .fullBox(.url, flags: 1)))
        let tables = tables(offsets, hasLongOffsets: hasLongOffsets)
        let information = [UInt8].box(.minf, kind, here, tables)
        return .box(.trak, header, editBox, .box(.mdia, mediaHeader, handler, information))
    }

    private var editBox: [UInt8] {
        if track.edits.isEmpty { return [] }
        var entries: [UInt8] = []
        for edit in track.edits {
            entries += [UInt8].words(Self.word(edit.segmentDuration))
            entries += Int32(truncatingIfNeeded: edit.mediaTime).bigEndianBytes + edit.rate.bigEndianBytes
        }
        return .box(.edts, .fullBox(.elst, .words(UInt32(track.edits.count)), entries))
    }

    private func tables(_ offsets: [Int], hasLongOffsets: Bool) -> [UInt8] {
        let durations = track.durations.filter { $0.count > 0 }
        let times = track.compositionOffsets.filter { $0.count > 0 }
        var groups: [(first: Int, count: Int)] = []
        for (index, chunk) in chunks.enumerated() where groups.last?.count != chunk.sampleCount {
            groups.append((index + 1, chunk.sampleCount))
        }
        let places =
            hasLongOffsets
            ? table(.co64, offsets) { UInt64($0).bigEndianBytes }
            // While only the size of the box is wanted, offsets that do not fit do not matter.
            : table(.stco, offsets) { UInt32(truncatingIfNeeded: $0).bigEndianBytes }
        return .box(
            .stbl,
            .fullBox(.stsd, .words(1), entry),
            table(.stts, durations) { .words(UInt32($0.count), UInt32($0.duration)) },
            // Version 1 has signed times.
            times.isEmpty
                ? []
                : table(.ctts, version: times.contains { $0.offset < 0 } ? 1 : 0, times) {
                    .words(UInt32($0.count), UInt32(truncatingIfNeeded: $0.offset))
                },
            track.syncSamples.map { table(.stss, $0) { UInt32($0).bigEndianBytes } } ?? [],
            table(.stsc, groups) { .words(UInt32($0.first), UInt32($0.count), 1) },
            .fullBox(.stsz, .words(0, UInt32(sizes.count)), sizes.flatMap { UInt32($0).bigEndianBytes }),
            places
        )
    }

    private func table<Row>(_ type: FourCC, version: UInt8 = 0, _ rows: [Row], _ bytes: (Row) -> [UInt8]) -> [UInt8] {
        .fullBox(type, version: version, .words(UInt32(rows.count)), rows.flatMap(bytes))
    }
}
