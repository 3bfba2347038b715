extension MP4Track {
    /// Reads a `trak` box; `mediaData` are the `mdat` boxes, in the order of the file.
    static func read(
        _ content: ByteCursor,
        mediaData: [MP4Movie.TopLevelBox],
        metadata: inout [MP4Metadata]
    ) throws(MP4Error) -> MP4Track {
        var track = MP4Track()
        let boxes = try content.boxes()
        try track.readHeader(try boxes.required(.tkhd), metadata: &metadata)
        if let edits = try boxes.only(.edts) { try track.readEdits(edits) }
        let media = try boxes.required(.mdia).boxes()
        try track.readMediaHeader(try media.required(.mdhd), metadata: &metadata)
        try track.readHandler(try media.required(.hdlr), metadata: &metadata)
        let information = try media.required(.minf).boxes()
        let tables = try information.required(.stbl).boxes()
        try track.readSampleEntries(try tables.required(.stsd), metadata: &metadata)
        if case .other = track.handler {
        } else {
            try track.readDataReferences(try information.required(.dinf))
            try track.readSampleTables(tables, mediaData: mediaData)
        }
        MP4Metadata.collect(from: boxes, known: MP4Metadata.boxesOfTrack, place: .track, into: &metadata)
        MP4Metadata.collect(
            from: media + information + tables,
            known: MP4Metadata.boxesOfMedia,
            place: .track,
            into: &metadata
        )
        return track
    }

    private mutating func readHeader(_ content: ByteCursor, metadata: inout [MP4Metadata]) throws(MP4Error) {
        var cursor = content
        let (version, flags) = try cursor.versionAndFlags()
        isEnabled = flags & 1 == 1
        try MP4Metadata.readCreationTime(&cursor, version: version, place: .track, into: &metadata)
        id = try cursor.uint32()
        try cursor.skip(4)
        duration = try cursor.duration(version: version)
        try cursor.skip(16)  // reserved, layer, alternate group, volume
        matrix = try MP4Matrix(&cursor)
        displayWidth = try cursor.uint32()
        displayHeight = try cursor.uint32()
    }

    private mutating func readEdits(_ content: ByteCursor) throws(MP4Error) {
        guard var cursor = try content.boxes().only(.elst) else { return }
        let (version, _) = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: version == 1 ? 20 : 12, limit: MP4Limits.edits)
        for _ in 0..<count {
            let duration = version == 1 ? try cursor.uint64() : UInt64(try cursor.uint32())
            let time = version == 1 ? Int64(bitPattern: try cursor.uint64()) : Int64(try cursor.int32())
            edits.append(Edit(segmentDuration: duration, mediaTime: time, rate: try cursor.int32()))
        }
    }

    private mutating func readMediaHeader(_ content: ByteCursor, metadata: inout [MP4Metadata]) throws(MP4Error) {
        var cursor = content
        let (version, _) = try cursor.versionAndFlags()
        try MP4Metadata.readCreationTime(&cursor, version: version, place: .track, into: &metadata)
        timeScale = try cursor.uint32()
        guard timeScale > 0 else { throw MP4Error(.malformed, "'mdhd' has a time scale of 0") }
        mediaDuration = try cursor.duration(version: version)
    }

    private mutating func readHandler(_ content: ByteCursor, metadata: inout [MP4Metadata]) throws(MP4Error) {
        var cursor = content
        try cursor.skip(8)
        handler =
            switch try cursor.fourCC() {
            case .vide: .video
            case .soun: .sound
            case let other: .other(other)
            }
        try cursor.skip(12)
        MP4Metadata.appendField(cursor.text(), as: MP4Metadata.handlerKey, place: .track, into: &metadata)
    }

    private mutating func readDataReferences(_ content: ByteCursor) throws(MP4Error) {
        var cursor = try content.boxes().required(.dref)
        try cursor.skip(8)  // version, flags, count: the boxes themselves are what counts
        for reference in try cursor.boxes() {
            var entry = reference.content
            let (_, flags) = try entry.versionAndFlags()
            if reference.type != .url || flags & 1 == 0 { isSelfContained = false }
        }
    }
}

extension ByteCursor {
    /// 32 or 64 bits by the version of the box; `nil` for all ones, which means «not known».
    mutating func duration(version: UInt8) throws(MP4Error) -> UInt64? {
        if version == 1 {
            let value = try uint64()
            return value == .max ? nil : value
        }
        let value = try uint32()
        return value == .max ? nil : UInt64(value)
    }
}
