/// Walks a JPEG (ITU-T T.81, annex B) from SOI to EOI and copies what decoding needs.
struct JPEGParser {
    private let file: ByteWindow
    private let limits: ImageLimits
    private var position = 2
    private var pieces: PieceList
    private var frame: Frame?
    private var orientation: ImageOrientation?
    private var hasJFIF = false
    /// The first twelve bytes of the Adobe marker, the last of which is the colour transform.
    private var adobe: ByteWindow?
    private var scans = 0

    /// More than any encoder writes; each scan costs the decoder a pass over the whole picture.
    static let maxScans = 200

    private struct Frame {
        var width: Int
        var height: Int
        var isProgressive: Bool
        var components: [UInt8]
        var missing: Set<UInt8>
    }

    static func parse(_ bytes: ImageBytes, limits: ImageLimits) throws(ImageError) -> StillImage {
        var parser = JPEGParser(bytes, limits: limits)
        return try parser.parse()
    }

    private init(_ bytes: ImageBytes, limits: ImageLimits) {
        file = ByteWindow(bytes)
        self.limits = limits
        pieces = PieceList(of: bytes)
        _ = pieces.append(0..<position)
    }

    private mutating func parse() throws(ImageError) -> StillImage {
        while true {
            let marker = try nextMarker()
            if marker == Marker.endOfImage { return try finish() }
            if let variant = Self.variant(marker) {
                throw .variant(.jpeg, variant, remedy: "save it again as an ordinary JPEG or as PNG")
            }
            switch marker {
            case Marker.baselineFrame...Marker.progressiveFrame: try readFrame(marker)
            case Marker.huffmanTables: try copy(checkedHuffmanTables())
            case Marker.quantisationTables: try copy(checkedQuantisationTables())
            case Marker.restartInterval:
                let payload = try segment()
                guard payload.count == 2 else { throw .damaged(.jpeg, "its restart interval is malformed") }
                try copy(payload)
            case Marker.scan: try readScan()
            case Marker.app0: readJFIF(try segment())
            case Marker.app1: readEXIF(try segment())
            case Marker.app14: readAdobe(try segment())
            case Marker.app0...Marker.app15, Marker.comment: _ = try segment()
            default: throw .damaged(.jpeg, "marker 0x\(String(marker, radix: 16, uppercase: true)) is out of place")
            }
        }
    }

    /// What a file with this marker does that we do not take; `nil` for all others.
    private static func variant(_ marker: UInt8) -> String? {
        switch marker {
        case 0xC3: "is lossless"
        case 0xC5...0xC7, 0xDE, 0xDF: "is hierarchical"
        case 0xC9...0xCF: "uses arithmetic coding"
        case 0xDC: "gives its height after the first scan"
        case 0xF7, 0xF8: "is a JPEG-LS file"
        case 0xC8, 0xF0...0xFD: "uses extensions"
        default: nil
        }
    }

    private mutating func finish() throws(ImageError) -> StillImage {
        guard let frame, scans > 0, frame.missing.isEmpty else {
            throw .damaged(.jpeg, "it ends before all of its picture has come")
        }
        let header = ImageHeader(
            format: .jpeg,
            width: frame.width,
            height: frame.height,
            orientation: orientation ?? .upright,
            isGreyscale: frame.components.count == 1
        )
        pieces.append([0xFF, Marker.endOfImage])
        return StillImage(header: header, pieces: pieces)
    }
}

// MARK: - Markers and segments

extension JPEGParser {
    private enum Marker {
        static let baselineFrame: UInt8 = 0xC0
        static let progressiveFrame: UInt8 = 0xC2
        static let huffmanTables: UInt8 = 0xC4
        static let restarts: ClosedRange<UInt8> = 0xD0...0xD7
        static let endOfImage: UInt8 = 0xD9
        static let scan: UInt8 = 0xDA
        static let quantisationTables: UInt8 = 0xDB
        static let restartInterval: UInt8 = 0xDD
        static let app0: UInt8 = 0xE0
        static let app1: UInt8 = 0xE1
        static let app14: UInt8 = 0xEE
        static let app15: UInt8 = 0xEF
        static let comment: UInt8 = 0xFE
    }

    /// The code after one 0xFF, or several, which may pad.
    private mutating func nextMarker() throws(ImageError) -> UInt8 {
        guard let first = file[position] else { throw .cutOff(.jpeg, after: file.count) }
        guard first == 0xFF else { throw .damaged(.jpeg, "there are stray bytes between its segments") }
        while let byte = file[position] {
            position += 1
            if byte != 0xFF { return byte }
        }
        throw .cutOff(.jpeg, after: file.count)
    }

    /// The payload of the segment whose marker was just read; moves behind it.
    private mutating func segment() throws(ImageError) -> ByteWindow {
        guard let length = file.uint16(at: position, .big) else { throw .cutOff(.jpeg, after: file.count) }
        guard length >= 2 else { throw .damaged(.jpeg, "a segment has the length \(length)") }
        guard let payload = file.part(from: position + 2, count: length - 2) else {
            throw .cutOff(.jpeg, after: file.count)
        }
        position += length
        return payload
    }

    /// Copies a segment of the file by its payload, before which stand 0xFF, the marker and the length.
    private mutating func copy(_ payload: ByteWindow) throws(ImageError) {
        try copy(payload.range.lowerBound - 4..<payload.range.upperBound)
    }

    private mutating func copy(_ range: Range<Int>) throws(ImageError) {
        guard pieces.append(range) else {
            throw .variant(
                .jpeg,
                "is cut up by more than \(PieceList.mostPieces) other segments",
                remedy: "save it again as an ordinary JPEG or as PNG"
            )
        }
    }

    /// Tables must fill their segment exactly, as in libjpeg, or other bytes could ride along.
    private mutating func checkedQuantisationTables() throws(ImageError) -> ByteWindow {
        let payload = try segment()
        var offset = 0
        while let head = payload[offset] {
            guard head >> 4 <= 1, head & 15 <= 3 else { break }
            offset += head >> 4 == 0 ? 65 : 129
        }
        guard offset == payload.count else { throw .damaged(.jpeg, "its quantisation tables are malformed") }
        return payload
    }

    private mutating func checkedHuffmanTables() throws(ImageError) -> ByteWindow {
        let payload = try segment()
        var offset = 0
        while let head = payload[offset], let lengths = payload.part(from: offset + 1, count: 16) {
            let symbols = lengths.withSpan { lengths in lengths.indices.reduce(0) { $0 + Int(lengths[$1]) } }
            guard head >> 4 <= 1, head & 15 <= 3, symbols <= 256 else { break }
            offset += 17 + symbols
        }
        guard offset == payload.count else { throw .damaged(.jpeg, "its Huffman tables are malformed") }
        return payload
    }
}

// MARK: - Application segments

extension JPEGParser {
    /// Keeps a JFIF marker that was there, as a minimal one with square pixels and no thumbnail.
    ///
    /// Without it and Adobe's, a decoder guesses from the component ids whether the file holds RGB.
    private mutating func readJFIF(_ payload: ByteWindow) {
        guard payload.count >= 14, payload.starts(with: "JFIF\0"), !hasJFIF, frame == nil else { return }
        hasJFIF = true
        pieces.append([0xFF, Marker.app0, 0, 16] + Array("JFIF\0".utf8) + [1, 1, 0, 0, 1, 0, 1, 0, 0])
    }

    private mutating func readEXIF(_ payload: ByteWindow) {
        guard orientation == nil, payload.starts(with: "Exif\0") else { return }
        orientation = .inEXIF(payload)
    }

    /// Decoders agree that the last one before the frame header counts; a later one is dropped.
    private mutating func readAdobe(_ payload: ByteWindow) {
        guard payload.starts(with: "Adobe"), frame == nil, let known = payload.part(from: 0, count: 12) else { return }
        adobe = known
    }
}

// MARK: - Frame and scans

extension JPEGParser {
    private mutating func readFrame(_ marker: UInt8) throws(ImageError) {
        let payload = try segment()
        guard frame == nil else { throw .damaged(.jpeg, "it has two frame headers") }
        guard let depth = payload[0], let height = payload.uint16(at: 1, .big),
            let width = payload.uint16(at: 3, .big), let count = payload[5]
        else { throw .damaged(.jpeg, "its frame header is too short") }
        try limits.checkSides(.jpeg, width: width, height: height)
        guard depth == 8 else {
            throw .variant(.jpeg, "has \(depth) bits per sample", remedy: "save it again with 8 bits per sample")
        }
        guard [1, 3, 4].contains(count) else {
            throw .variant(.jpeg, "has \(count) colour components", remedy: "save it again in RGB or greyscale")
        }
        // Without the marker nobody knows whether the inks are inverted; ffmpeg takes the black ink for transparency.
        guard count != 4 || adobe?[11] == 0 || adobe?[11] == 2 else {
            throw .variant(.jpeg, "is in CMYK without Adobe's marker", remedy: "save it again in RGB")
        }
        guard payload.count == 6 + 3 * Int(count) else { throw .damaged(.jpeg, "its frame header is malformed") }
        var components: [UInt8] = []
        for offset in stride(from: 6, to: payload.count, by: 3) {
            guard let id = payload[offset], let sampling = payload[offset + 1], let table = payload[offset + 2],
                !components.contains(id), (1...4).contains(sampling >> 4), (1...4).contains(sampling & 15), table <= 3
            else { throw .damaged(.jpeg, "its colour components are malformed") }
            components.append(id)
        }
        frame = Frame(
            width: width,
            height: height,
            isProgressive: marker == Marker.progressiveFrame,
            components: components,
            missing: Set(components)
        )
        if let adobe {
            pieces.append([0xFF, Marker.app14, 0, 14])
            try copy(adobe.range)
        }
        try copy(payload)
    }

    private mutating func readScan() throws(ImageError) {
        let payload = try segment()
        guard var frame else { throw .damaged(.jpeg, "its picture comes before its frame header") }
        scans += 1
        guard scans <= Self.maxScans else {
            throw .variant(
                .jpeg,
                "has more than \(Self.maxScans) scans",
                remedy: "save it again as an ordinary JPEG or as PNG"
            )
        }
        guard let count = payload[0], (1...4).contains(count), payload.count == 4 + 2 * Int(count) else {
            throw .damaged(.jpeg, "the header of scan \(scans) is malformed")
        }
        for offset in stride(from: 1, to: 1 + 2 * Int(count), by: 2) {
            guard let id = payload[offset], let tables = payload[offset + 1], frame.components.contains(id),
                tables >> 4 <= 3, tables & 15 <= 3
            else { throw .damaged(.jpeg, "scan \(scans) names a component that does not exist") }
            // A sequential frame codes each component once. Only a progressive one comes back to refine it.
            guard frame.missing.remove(id) != nil || frame.isProgressive else {
                throw .damaged(.jpeg, "scan \(scans) repeats a component")
            }
        }
        self.frame = frame
        try copy(payload)
        try copyEntropyCodedData()
    }

    /// Copies up to the next marker that is neither a stuffed zero nor a restart.
    private mutating func copyEntropyCodedData() throws(ImageError) {
        guard let count = file.part(from: position)?.withSpan(Self.lengthOfEntropyCodedData) ?? nil else {
            throw .cutOff(.jpeg, after: file.count)
        }
        guard count > 0 else { throw .damaged(.jpeg, "scan \(scans) is empty") }
        try copy(position..<position + count)
        position += count
    }

    private static func lengthOfEntropyCodedData(_ bytes: Span<UInt8>) -> Int? {
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 0xFF else {
                index += 1
                continue
            }
            var code = index + 1
            while code < bytes.count, bytes[code] == 0xFF { code += 1 }
            guard code < bytes.count else { return nil }
            guard bytes[code] == 0 || Marker.restarts.contains(bytes[code]) else { return index }
            index = code + 1
        }
        return nil
    }
}
