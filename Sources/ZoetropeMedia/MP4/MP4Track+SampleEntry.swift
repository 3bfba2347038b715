extension MP4Track {
    mutating func readSampleEntries(_ content: ByteCursor, metadata: inout [MP4Metadata]) throws(MP4Error) {
        var cursor = content
        let (version, _) = try cursor.versionAndFlags()
        sampleEntryCount = try cursor.entryCount(entrySize: 8, limit: MP4Limits.sampleEntries)
        let entries = try cursor.boxes()
        guard entries.count == sampleEntryCount else {
            throw MP4Error(.malformed, "'stsd' promises \(sampleEntryCount) entries and holds \(entries.count)")
        }
        guard let entry = entries.first else { return }
        codec = entry.type
        switch handler {
        case .video: try readPictureEntry(entry, metadata: &metadata)
        case .sound:
            // Old QuickTime layouts fail here. The picture may be good all the same, so this is not an error: a sound
            // track without a description does not conform.
            if let boxes = try? Self.soundBoxes(entry, tableVersion: version) {
                sound = try? boxes.only(.esds).map(SoundDescription.init)
                MP4Metadata.collect(from: boxes, known: MP4Metadata.boxesOfEntry, place: .track, into: &metadata)
            }
        case .other: break
        }
    }

    private mutating func readPictureEntry(_ entry: MP4Box, metadata: inout [MP4Metadata]) throws(MP4Error) {
        var cursor = entry.content
        try cursor.skip(24)
        width = Int(try cursor.uint16())
        height = Int(try cursor.uint16())
        try cursor.skip(14)
        try cursor.skip(1)  // the length of the name; what stands behind it counts too
        let name = ByteCursor(try cursor.take(31), of: entry.type).text()
        MP4Metadata.appendField(name, as: MP4Metadata.compressorKey, place: .track, into: &metadata)
        try cursor.skip(4)
        let boxes = try cursor.boxes()
        if let configuration = try boxes.only(.avcC) { avc = try AVCConfiguration(configuration) }
        if var pixel = try boxes.only(.pasp) {
            pixelAspectRatio = .init(horizontal: Int(try pixel.uint32()), vertical: Int(try pixel.uint32()))
        }
        if var field = try boxes.only(.fiel) { fieldCount = Int(try field.uint8()) }
        try readColour(boxes.filter { $0.type == .colr })
        MP4Metadata.collect(from: boxes, known: MP4Metadata.boxesOfEntry, place: .track, into: &metadata)
    }

    /// Keeps the `colr` box that gives code points: `nclx` beside an ICC profile is legal.
    private mutating func readColour(_ boxes: [MP4Box]) throws(MP4Error) {
        for box in boxes {
            var cursor = box.content
            let type = try cursor.fourCC()
            let found: ColourBox
            if type == .nclx || type == .nclc {
                let description = ColourDescription(
                    primaries: Int(try cursor.uint16()),
                    transfer: Int(try cursor.uint16()),
                    matrix: Int(try cursor.uint16())
                )
                let isFullRange = type == .nclx ? try cursor.uint8() & 0x80 != 0 : nil
                found = ColourBox(type: type, colour: description, isFullRange: isFullRange)
            } else {
                found = ColourBox(type: type, colour: nil, isFullRange: nil)
            }
            if colour?.colour == nil { colour = found }
        }
    }

    /// The boxes of a sound entry.
    ///
    /// A version of 1 or 2 means QuickTime's longer layout, unless `stsd` has version 1 itself.
    private static func soundBoxes(_ entry: MP4Box, tableVersion: UInt8) throws(MP4Error) -> [MP4Box] {
        guard entry.type == .mp4a else { return [] }
        var cursor = entry.content
        try cursor.skip(8)
        let version = try cursor.uint16()
        try cursor.skip(18)
        if tableVersion == 0, version == 1 { try cursor.skip(16) }
        if tableVersion == 0, version == 2 { try cursor.skip(36) }
        return try cursor.boxes()
    }
}
