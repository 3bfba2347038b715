/// Sample entries.
///
/// Boxes in them can change how the pictures look, so one that we do not know is a reason to encode.
extension MovedTrack {
    static func pictureEntry(_ box: MP4Box, _ track: MP4Track) throws(MP4Error) -> [UInt8] {
        guard box.type == .avc1, let set = track.avc?.sequenceParameterSet,
            let width = UInt16(exactly: track.width), let height = UInt16(exactly: track.height)
        else { throw .unsuitable("the pictures are '\(box.type)', must be 'avc1' with their parameters") }
        var content = box.content
        try content.skip(78)
        let boxes = try content.boxes()
        try check(boxes, known: [.avcC, .colr, .pasp, .fiel, FourCC("btrt")])
        if let pixel = track.pixelAspectRatio, pixel.horizontal != pixel.vertical {
            throw .unsuitable("pixels are \(pixel.horizontal):\(pixel.vertical)")
        }
        guard track.fieldCount ?? 1 == 1 else { throw .unsuitable("pictures are made of fields") }
        return .box(
            .avc1,
            .zeros(6),
            .halves(1),
            .zeros(16),
            .halves(width, height),
            .words(72 << 16, 72 << 16, 0),
            .halves(1),
            .zeros(32),
            .halves(24, .max),
            .box(.avcC, try configuration(try boxes.required(.avcC), set)),
            try colour(boxes, track, set)
        )
    }

    static func soundEntry(_ box: MP4Box, _ track: MP4Track) throws(MP4Error) -> [UInt8] {
        let findings = MP4Conformance.soundCodec(track)
        guard box.type == .mp4a, findings.isEmpty, let sound = track.sound,
            let channels = UInt16(exactly: sound.channels), let rate = UInt16(exactly: sound.sampleRate)
        else { throw .unsuitable(findings.first ?? "sound must be 'mp4a', got '\(box.type)'") }
        var content = box.content
        try content.skip(8)
        guard try content.uint16() == 0 else { throw .unsuitable("the sound entry has QuickTime's layout") }
        try content.skip(18)
        let boxes = try content.boxes()
        try check(boxes, known: [.esds, FourCC("btrt"), FourCC("chan"), FourCC("srat")])
        let description = Array(try boxes.required(.esds).rest)
        // One that is longer than this has more in it than the sound.
        guard description.count <= 256 else { throw .unsuitable("'esds' has \(description.count) bytes") }
        return .box(
            .mp4a,
            .zeros(6),
            .halves(1),
            .zeros(8),
            .halves(channels, 16, 0, 0, rate, 0),
            .box(.esds, description)
        )
    }

    private static func check(_ boxes: [MP4Box], known: Set<FourCC>) throws(MP4Error) {
        for box in boxes where !known.contains(box.type) {
            throw .unsuitable("a sample entry has '\(box.type)' in it")
        }
    }

    /// The content of `avcC` without what may stand behind it.
    private static func configuration(
        _ content: ByteCursor,
        _ set: SequenceParameterSet
    ) throws(MP4Error) -> [UInt8] {
        var cursor = content
        try cursor.skip(5)
        let setCount = Int(try cursor.uint8() & 0b1_1111)
        for _ in 0..<setCount { try cursor.skip(Int(try cursor.uint16())) }
        let pictureSetCount = try cursor.uint8()
        for _ in 0..<pictureSetCount { try cursor.skip(Int(try cursor.uint16())) }
        let sets = Array(content.rest.dropLast(cursor.rest.count))
        // Clause 5.3.3.1.2: from High on, chroma and depths follow.
        guard ![66, 77, 88].contains(set.profile) else { return sets }
        guard set.chromaFormat == MP4Target.chromaFormat, set.lumaBitDepth == 8, set.chromaBitDepth == 8 else {
            throw .unsuitable("the pictures are not 4:2:0 with 8 bits")
        }
        return sets + [0xFD, 0xF8, 0xF8, 0]
    }

    /// The `colr` box, which repeats what the pictures say, if they say it.
    private static func colour(
        _ boxes: [MP4Box],
        _ track: MP4Track,
        _ set: SequenceParameterSet
    ) throws(MP4Error) -> [UInt8] {
        guard boxes.count(where: { $0.type == .colr }) <= 1 else { throw .unsuitable("there are several 'colr' boxes") }
        if let box = track.colour {
            guard box.type == .nclx || box.type == .nclc, box.colour == set.colour,
                (box.isFullRange ?? set.isFullRange) == set.isFullRange
            else { throw .unsuitable("'colr' does not agree with the pictures") }
        }
        guard let colour = set.colour, let isFullRange = set.isFullRange else { return [] }
        return .box(
            .colr,
            .text("nclx"),
            .halves(UInt16(colour.primaries), UInt16(colour.transfer), UInt16(colour.matrix)),
            [isFullRange ? 0x80 : 0]
        )
    }
}
