extension MP4Movie {
    /// Reads the box headers, `ftyp`, `moov` and small metadata boxes; of the media itself not a byte.
    ///
    /// Time and memory grow linearly with `moov`, which ``MP4Limits`` bounds. Throws for what is no MP4, contradicts
    /// itself, is larger than the limits, or cannot be fetched. A fragmented or truncated file is no error as long as
    /// its `moov` is whole.
    package static func read(from source: some ByteSource) throws(MP4Error) -> MP4Movie {
        let boxes = try topLevelBoxes(of: source)
        var movie = MP4Movie(fileSize: source.byteCount, boxes: boxes)
        if let brands = boxes.first(where: { $0.type == .ftyp }) { try movie.readBrands(brands, from: source) }
        guard let box = boxes.first(where: { $0.type == .moov }) else {
            throw MP4Error(.malformed, "'moov' is missing: the file is cut short or was never finished")
        }
        try movie.readMovie(try content(of: box, limit: MP4Limits.movieBytes, from: source))
        if boxes.contains(where: { $0.type == .moof }) { movie.isFragmented = true }
        let known = MP4Metadata.boxesOfFile.union(movie.isFragmented ? MP4Metadata.boxesOfFragments : [])
        var budget = MP4Limits.allMetadataBytes
        for box in boxes where !known.contains(box.type) {
            try movie.readMetadata(box, from: source, budget: &budget)
        }
        return movie
    }

    /// What an MP4 or QuickTime file may begin with; everything else is another kind of file.
    private static let firstBoxes: Set<FourCC> = [
        .ftyp, .moov, .mdat, .free, .skip, .wide, .uuid, .moof, FourCC("styp"), FourCC("sidx"), FourCC("pnot"),
    ]

    static func topLevelBoxes(of source: some ByteSource) throws(MP4Error) -> [TopLevelBox] {
        var boxes: [TopLevelBox] = []
        var offset = 0
        let end = source.byteCount
        while end - offset >= 8 {
            guard boxes.count < MP4Limits.topLevelBoxes else {
                throw MP4Error(.tooLarge, "the file has more than \(MP4Limits.topLevelBoxes) boxes")
            }
            let box = try topLevelBox(of: source, at: offset)
            boxes.append(box)
            guard box.size <= end - offset else { break }
            offset += box.size
        }
        guard !boxes.isEmpty else { throw MP4Error(.notMP4, "the file is too short to be an MP4: \(end) bytes") }
        return boxes
    }

    private static func topLevelBox(of source: some ByteSource, at offset: Int) throws(MP4Error) -> TopLevelBox {
        let available = source.byteCount - offset
        let header = try source.bytes(at: offset, count: min(16, available))
        var cursor = ByteCursor(header[...], of: FourCC("file"))
        let shortSize = try cursor.uint32()
        let type = try cursor.fourCC()
        guard offset > 0 || firstBoxes.contains(type) else {
            throw MP4Error(.notMP4, "the file does not begin like an MP4")
        }
        let headerSize = shortSize == 1 ? 16 : 8
        let size =
            switch shortSize {
            case 0: UInt64(available)
            case 1: try cursor.uint64()
            default: UInt64(shortSize)
            }
        guard let size = Int(exactly: size), size >= headerSize else {
            throw MP4Error(.malformed, "'\(type)' claims \(size) bytes")
        }
        return TopLevelBox(type: type, offset: offset, size: size, headerSize: headerSize)
    }

    /// What stands behind the header of a box, all of it.
    static func content(
        of box: TopLevelBox,
        limit: Int,
        from source: some ByteSource
    ) throws(MP4Error) -> ByteCursor {
        guard box.size <= source.byteCount - box.offset else {
            throw MP4Error(.malformed, "'\(box.type)' reaches beyond the end: the file is cut short")
        }
        guard box.size <= limit else {
            throw MP4Error(.tooLarge, "'\(box.type)' has \(box.size) bytes, at most \(limit) are read")
        }
        let bytes = try source.bytes(at: box.offset + box.headerSize, count: box.size - box.headerSize)
        return ByteCursor(bytes[...], of: box.type)
    }

    private mutating func readBrands(_ box: TopLevelBox, from source: some ByteSource) throws(MP4Error) {
        var cursor = try Self.content(of: box, limit: MP4Limits.brandBytes, from: source)
        majorBrand = try cursor.fourCC()
        try cursor.skip(4)
        while cursor.rest.count >= 4 { compatibleBrands.append(try cursor.fourCC()) }
    }

    private mutating func readMovie(_ content: ByteCursor) throws(MP4Error) {
        let children = try content.boxes()
        try readHeader(try children.required(.mvhd))
        isFragmented = try children.only(.mvex) != nil
        let mediaData = boxes.filter { $0.type == .mdat }
        for child in children where child.type == .trak {
            guard tracks.count < MP4Limits.tracks else {
                throw MP4Error(.tooLarge, "the file has more than \(MP4Limits.tracks) tracks")
            }
            tracks.append(try MP4Track.read(child.content, mediaData: mediaData, metadata: &metadata))
        }
        MP4Metadata.collect(from: children, known: MP4Metadata.boxesOfMovie, place: .movie, into: &metadata)
    }

    private mutating func readHeader(_ content: ByteCursor) throws(MP4Error) {
        var cursor = content
        let (version, _) = try cursor.versionAndFlags()
        try MP4Metadata.readCreationTime(&cursor, version: version, place: .movie, into: &metadata)
        timeScale = try cursor.uint32()
        guard timeScale > 0 else { throw MP4Error(.malformed, "'mvhd' has a time scale of 0") }
        duration = try cursor.duration(version: version)
        try cursor.skip(16)  // rate, volume, reserved
        matrix = try MP4Matrix(&cursor)
    }

    /// Keeps a box that carries neither media nor structure, or its start.
    private mutating func readMetadata(
        _ box: TopLevelBox,
        from source: some ByteSource,
        budget: inout Int
    ) throws(MP4Error) {
        let available = min(box.size, fileSize - box.offset)
        let count = min(available, MP4Limits.metadataBytes, budget)
        budget -= count
        let bytes = try source.bytes(at: box.offset, count: count)
        let found = MP4Box(type: box.type, content: ByteCursor(bytes.dropFirst(box.headerSize), of: box.type))
        if count == available {
            MP4Metadata.collect(from: [found], known: [], place: .file, into: &metadata)
        } else {
            MP4Metadata.append(found, isWhole: false, place: .file, into: &metadata)
        }
    }
}
