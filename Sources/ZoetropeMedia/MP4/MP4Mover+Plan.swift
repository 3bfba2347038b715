package import ZoetropeCore

extension MP4Mover {
    /// Finds out what the new file is made of.
    ///
    /// Reads the box headers and `moov`, of the samples not a byte; ``MP4Limits`` bounds time and memory.
    /// - Parameters:
    ///   - source: The video.
    ///   - provenance: What the mark says.
    ///   - keepsSound: Whether a sound track is taken along, if there is one.
    /// - Returns: The plan.
    /// - Throws: ``MP4MoveError``.
    package static func plan(
        _ source: some ByteSource,
        marking provenance: Provenance,
        keepsSound: Bool
    ) throws(MP4MoveError) -> Plan {
        do throws(MP4Error) {
            let movie = try MP4Movie.read(from: source)
            return try NewFile(movie, try trackBoxes(of: movie, in: source), provenance, keepsSound: keepsSound).plan()
        } catch {
            throw MP4MoveError(error)
        }
    }

    /// The `trak` boxes, in the order of the movie's tracks.
    private static func trackBoxes(of movie: MP4Movie, in source: some ByteSource) throws(MP4Error) -> [ByteCursor] {
        let boxes = movie.boxes.filter { $0.type == .moov }
        guard boxes.count == 1 else { throw .unsuitable("there are \(boxes.count) 'moov' boxes") }
        return try MP4Movie.content(of: boxes[0], limit: MP4Limits.movieBytes, from: source)
            .boxes().filter { $0.type == .trak }.map(\.content)
    }
}

extension MP4Error {
    /// A file that can be read, but of which it is not certain that it would mean the same after a move.
    static func unsuitable(_ message: String) -> MP4Error { MP4Error(.malformed, message) }
}

/// The file that is written.
private struct NewFile {
    private let movie: MP4Movie
    private let tracks: [MovedTrack]
    private let provenance: Provenance
    /// The samples, as parts of the source: sorted, apart from each other.
    private let media: [Range<Int>]
    /// How many bytes of ``media`` stand before each of its ranges, and before its end.
    private let places: [Int]

    init(
        _ movie: MP4Movie,
        _ boxes: [ByteCursor],
        _ provenance: Provenance,
        keepsSound: Bool
    ) throws(MP4Error) {
        guard !movie.isFragmented else { throw .unsuitable("the file is fragmented") }
        let all = Array(zip(movie.tracks, boxes))
        let pictures = all.filter { $0.0.handler == .video }
        let sounds = keepsSound ? all.filter { $0.0.handler == .sound } : []
        guard pictures.count == 1, sounds.count <= 1 else {
            throw .unsuitable("there are \(pictures.count) video tracks and \(sounds.count) sound tracks")
        }
        var tracks: [MovedTrack] = []
        for (track, content) in pictures + sounds {
            tracks.append(try MovedTrack(track, content, fileSize: movie.fileSize))
        }
        self.movie = movie
        self.tracks = tracks
        self.provenance = provenance
        media = Self.merged(tracks.flatMap { $0.chunks.map(\.source) })
        places = media.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    }

    /// Ranges that touch become one: what lies between those that do not is left out.
    private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    func plan() -> MP4Mover.Plan {
        let mediaBytes = places.last ?? 0
        let isLong = mediaBytes + 8 > UInt32.max
        let mediaHeader =
            isLong
            ? [UInt8].words(1, FourCC.mdat.code) + UInt64(mediaBytes + 16).bigEndianBytes
            : .words(UInt32(mediaBytes + 8), FourCC.mdat.code)
        let brands = [UInt8]
            .box(.ftyp, .text("isom"), .words(0x200), .text("isom"), .text("iso2"), .text("avc1"), .text("mp41"))
        let mark = [UInt8].box(.uuid, XMPPacket.boxID, XMPPacket(provenance).bytes)
        let others = brands.count + mark.count + mediaHeader.count
        // Offsets have the same length whatever they are, except that beyond 4 GiB all of them are longer.
        var start = others + movieBox(mediaStart: 0, hasLongOffsets: false).count
        let hasLongOffsets = start + mediaBytes > UInt32.max
        if hasLongOffsets { start = others + movieBox(mediaStart: 0, hasLongOffsets: true).count }
        let head = brands + movieBox(mediaStart: start, hasLongOffsets: hasLongOffsets) + mark + mediaHeader
        return MP4Mover.Plan(head: head, media: media)
    }

    private func movieBox(mediaStart: Int, hasLongOffsets: Bool) -> [UInt8] {
        // Without a longer track that was left out, the movie is as long as those that stayed.
        let durations = tracks.map { $0.track.duration ?? .max }
        let header = [UInt8]
            .fullBox(
                .mvhd,
                .words(0, 0, movie.timeScale, MovedTrack.word(durations.max()), 1 << 16),
                .halves(0x100),
                .zeros(10),
                movie.matrix.bytes,
                .zeros(24),
                .words(UInt32(tracks.count + 1))
            )
        var boxes = header
        for (index, track) in tracks.enumerated() {
            let offsets = track.chunks.map { mediaStart + place(of: $0.source.lowerBound) }
            boxes += track.box(id: UInt32(index + 1), offsets: offsets, hasLongOffsets: hasLongOffsets)
        }
        return .box(.moov, boxes, tagsBox)
    }

    /// Where a byte of the source stands among the samples that are written.
    private func place(of offset: Int) -> Int {
        var (low, high) = (0, media.count)
        while low < high {
            let middle = (low + high) / 2
            if media[middle].lowerBound <= offset { low = middle + 1 } else { high = middle }
        }
        return places[low - 1] + offset - media[low - 1].lowerBound
    }

    /// Title and comment, as players and file managers show them.
    private var tagsBox: [UInt8] {
        func tag(_ name: String, _ text: String) -> [UInt8] {
            .box(FourCC(name), .box(.data, .words(1, 0), .text(text)))
        }
        let handler = [UInt8].fullBox(.hdlr, .words(0), .text("mdirappl"), .zeros(9))
        let tags = tag("©nam", MP4Target.title) + tag("©cmt", MP4Target.comment(provenance.source))
        return .box(.udta, .fullBox(.meta, handler, .box(.ilst, tags)))
    }
}

extension MP4Matrix {
    var bytes: [UInt8] { values.flatMap(\.bigEndianBytes) }
}
