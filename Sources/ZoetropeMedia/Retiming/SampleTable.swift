/// Where each sample of a track lies and when it is shown.
struct SampleTable: Sendable, Equatable {
    /// In the file.
    let ranges: [Range<Int>]
    /// In the track's time scale.
    let durations: [Int]
    /// In the track's time scale, before the edit list.
    let presentations: [Int]
    /// The time of all samples in a row.
    let totalDuration: Int

    /// Reads what `track` leaves out; `content` is its `stbl` box.
    init(_ content: ByteCursor, of track: MP4Track, fileSize: Int) throws {
        let boxes = try content.boxes()
        let sizes = try MP4Track.readSizes(boxes)
        let chunks = try MP4Track.readChunkOffsets(boxes)
        let runs = try MP4Track.readChunkRuns(try boxes.required(.stsc))
        guard sizes.count == track.sampleCount, track.layout.coversAllSamples,
            track.layout.liesInMediaData
        else {
            throw RetimingRefusal(.malformed, "samples do not lie where media is")
        }
        // Samples that share their bytes could make a small file a large one.
        guard track.sampleBytes <= fileSize else {
            throw RetimingRefusal(
                .malformed,
                "\(track.sampleBytes) bytes of samples in a file of \(fileSize)"
            )
        }
        ranges = try Self.ranges(sizes, chunks, runs, fileSize: fileSize)
        var durations: [Int] = []
        for run in track.durations { durations += Array(repeating: run.duration, count: run.count) }
        var offsets: [Int] = []
        for run in track.compositionOffsets {
            offsets += Array(repeating: run.offset, count: run.count)
        }
        guard durations.count == sizes.count, offsets.isEmpty || offsets.count == sizes.count else {
            throw RetimingRefusal(.malformed, "'stts' or 'ctts' do not cover the \(sizes.count) samples")
        }
        var (time, presentations): (Int, [Int]) = (0, [])
        for (index, duration) in durations.enumerated() {
            presentations.append(time + (offsets.isEmpty ? 0 : offsets[index]))
            time += duration
        }
        (self.durations, self.presentations, totalDuration) = (durations, presentations, time)
    }

    private static func ranges(
        _ sizes: [Int],
        _ chunks: [UInt64],
        _ runs: [ChunkRun],
        fileSize: Int
    ) throws(RetimingRefusal) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var run = 0
        for (index, chunk) in chunks.enumerated() {
            while run + 1 < runs.count, runs[run + 1].firstChunk <= index + 1 { run += 1 }
            guard run < runs.count, var offset = Int(exactly: chunk) else { break }
            for size in sizes.dropFirst(ranges.count).prefix(runs[run].samplesInChunk) {
                guard size > 0, offset <= fileSize, size <= fileSize - offset else {
                    throw RetimingRefusal(.malformed, "a sample of \(size) bytes at \(offset) of \(fileSize)")
                }
                ranges.append(offset..<offset + size)
                offset += size
            }
        }
        guard ranges.count == sizes.count else {
            throw RetimingRefusal(.malformed, "the chunks hold \(ranges.count) of \(sizes.count) samples")
        }
        return ranges
    }
}
