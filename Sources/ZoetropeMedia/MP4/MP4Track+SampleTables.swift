extension MP4Track {
    mutating func readSampleTables(
        _ tables: [MP4Box],
        mediaData: [MP4Movie.TopLevelBox]
    ) throws(MP4Error) {
        let sizes = try Self.readSizes(tables)
        sampleCount = sizes.count
        sampleBytes = sizes.reduce(0, +)
        emptySampleCount = sizes.count { $0 == 0 }
        durations = try Self.readDurations(try tables.required(.stts))
        if let offsets = try tables.only(.ctts) { compositionOffsets = try Self.readOffsets(offsets) }
        if let numbers = try tables.only(.stss) { syncSamples = try Self.readSyncSamples(numbers) }
        layout = DataLayout(
            sizes: sizes,
            chunkOffsets: try Self.readChunkOffsets(tables),
            runs: try Self.readChunkRuns(try tables.required(.stsc)),
            mediaData: mediaData
        )
    }

    private static func readDurations(_ content: ByteCursor) throws(MP4Error) -> [DurationRun] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: 8, limit: MP4Limits.samples)
        var total = 0
        var runs: [DurationRun] = []
        for _ in 0..<count {
            let run = DurationRun(count: Int(try cursor.uint32()), duration: Int(try cursor.uint32()))
            total = try sum(total, run.count, of: .stts)
            runs.append(run)
        }
        return runs
    }

    private static func readOffsets(_ content: ByteCursor) throws(MP4Error) -> [OffsetRun] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: 8, limit: MP4Limits.samples)
        var total = 0
        var runs: [OffsetRun] = []
        for _ in 0..<count {
            // Version 0 is unsigned by the standard, but writers put negative numbers there and players believe them.
            let run = OffsetRun(count: Int(try cursor.uint32()), offset: Int(try cursor.int32()))
            total = try sum(total, run.count, of: .ctts)
            runs.append(run)
        }
        return runs
    }

    private static func sum(_ total: Int, _ count: Int, of table: FourCC) throws(MP4Error) -> Int {
        guard total + count <= MP4Limits.samples else {
            throw MP4Error(
                .tooLarge,
                "'\(table)' covers \(total + count) samples, at most \(MP4Limits.samples) are read"
            )
        }
        return total + count
    }

    private static func readSyncSamples(_ content: ByteCursor) throws(MP4Error) -> [Int] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: 4, limit: MP4Limits.samples)
        var numbers: [Int] = []
        for _ in 0..<count { numbers.append(Int(try cursor.uint32())) }
        return numbers
    }

    /// The size of each sample, in bytes.
    static func readSizes(_ tables: [MP4Box]) throws(MP4Error) -> [Int] {
        if let compact = try tables.only(.stz2) { return try readCompactSizes(compact) }
        var cursor = try tables.required(.stsz)
        _ = try cursor.versionAndFlags()
        let uniform = Int(try cursor.uint32())
        if uniform > 0 {
            // No table follows, so nothing but our own limit bounds the count.
            let count = try sum(0, Int(try cursor.uint32()), of: .stsz)
            return Array(repeating: uniform, count: count)
        }
        let count = try cursor.entryCount(entrySize: 4, limit: MP4Limits.samples)
        var sizes: [Int] = []
        for _ in 0..<count { sizes.append(Int(try cursor.uint32())) }
        return sizes
    }

    private static func readCompactSizes(_ content: ByteCursor) throws(MP4Error) -> [Int] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        try cursor.skip(3)
        let bits = try cursor.uint8()
        // 4 bits a sample exist too; we have never seen a file that uses them.
        guard bits == 8 || bits == 16 else {
            throw MP4Error(.malformed, "'stz2' has sizes of \(bits) bits, must be 8 or 16")
        }
        let count = try cursor.entryCount(entrySize: Int(bits) / 8, limit: MP4Limits.samples)
        var sizes: [Int] = []
        for _ in 0..<count { sizes.append(bits == 8 ? Int(try cursor.uint8()) : Int(try cursor.uint16())) }
        return sizes
    }

    static func readChunkOffsets(_ tables: [MP4Box]) throws(MP4Error) -> [UInt64] {
        let long = try tables.only(.co64)
        var cursor = if let long { long } else { try tables.required(.stco) }
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: long == nil ? 4 : 8, limit: MP4Limits.samples)
        var offsets: [UInt64] = []
        for _ in 0..<count { offsets.append(long == nil ? UInt64(try cursor.uint32()) : try cursor.uint64()) }
        return offsets
    }

    static func readChunkRuns(_ content: ByteCursor) throws(MP4Error) -> [ChunkRun] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: 12, limit: MP4Limits.samples)
        var runs: [ChunkRun] = []
        for _ in 0..<count {
            runs.append(ChunkRun(firstChunk: Int(try cursor.uint32()), samplesInChunk: Int(try cursor.uint32())))
            try cursor.skip(4)  // which sample entry
        }
        return runs
    }
}

/// Chunks in a row that hold equally many samples.
struct ChunkRun {
    /// From 1 on.
    let firstChunk: Int
    let samplesInChunk: Int
}

extension MP4Track.DataLayout {
    /// Walks through all chunks once and compares them with the places where media may be.
    init(sizes: [Int], chunkOffsets: [UInt64], runs: [ChunkRun], mediaData: [MP4Movie.TopLevelBox]) {
        chunkCount = chunkOffsets.count
        firstChunkOffset = chunkOffsets.min()
        var sample = 0
        var run = 0
        for (index, offset) in chunkOffsets.enumerated() {
            while run + 1 < runs.count, runs[run + 1].firstChunk <= index + 1 { run += 1 }
            guard run < runs.count, runs[run].firstChunk <= index + 1 else { break }
            let end = sample + min(runs[run].samplesInChunk, sizes.count - sample)
            coversAllSamples = coversAllSamples && end - sample == runs[run].samplesInChunk
            let size = sizes[sample..<end].reduce(0, +)
            sample = end
            liesInMediaData = liesInMediaData && Self.holds(offset: offset, size: size, in: mediaData)
        }
        coversAllSamples = coversAllSamples && sample == sizes.count
    }

    /// Whether so many bytes from `offset` on lie within one box.
    ///
    /// The boxes are sorted by offset, as the file has them, so that the search can halve them.
    private static func holds(offset: UInt64, size: Int, in mediaData: [MP4Movie.TopLevelBox]) -> Bool {
        guard let start = Int(exactly: offset) else { return false }
        var (low, high) = (0, mediaData.count)
        while low < high {
            let middle = (low + high) / 2
            if mediaData[middle].offset <= start { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return false }
        let box = mediaData[low - 1]
        let position = start - box.offset
        return position >= box.headerSize && position <= box.size && size <= box.size - position
    }
}
