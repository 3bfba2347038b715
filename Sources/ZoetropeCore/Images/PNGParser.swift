/// Walks the chunks of a PNG (W3C PNG, third edition) and copies the ones which make the picture.
///
/// Of an animated PNG the default image remains, which is what viewers without animation show.
struct PNGParser {
    private let file: ByteWindow
    private let limits: ImageLimits
    private var position = ImageFormat.pngSignature.count
    private var pieces: PieceList
    private var header: ImageHeader?
    private var colourType = ColourType.grey
    /// Colours in the palette, once it was read.
    private var paletteCount: Int?
    private var hasTransparency = false
    private var orientation: ImageOrientation?
    private var pictureBytes = 0
    private var data = Data.none

    /// Where the walk stands relative to the picture's data, which must be one run of chunks.
    private enum Data {
        case none
        case running
        case ended
    }

    private enum ColourType: UInt8 {
        case grey = 0
        case rgb = 2
        case palette = 3
        case greyAlpha = 4
        case rgba = 6

        var bitDepths: [UInt8] {
            switch self {
            case .grey: [1, 2, 4, 8, 16]
            case .palette: [1, 2, 4, 8]
            case .rgb, .greyAlpha, .rgba: [8, 16]
            }
        }
    }

    private struct Chunk {
        let type: String
        let payload: ByteWindow
        /// Length, type, payload and checksum as they stand in the file.
        let whole: ByteWindow
    }

    static func parse(_ bytes: ImageBytes, limits: ImageLimits) throws(ImageError) -> StillImage {
        var parser = PNGParser(bytes, limits: limits)
        return try parser.parse()
    }

    private init(_ bytes: ImageBytes, limits: ImageLimits) {
        file = ByteWindow(bytes)
        self.limits = limits
        pieces = PieceList(of: bytes)
        _ = pieces.append(0..<position)
    }

    private mutating func parse() throws(ImageError) -> StillImage {
        try checkSidesEarly()
        while true {
            let chunk = try nextChunk()
            if header == nil, chunk.type != "IHDR" { throw Self.wrongStart(chunk.type) }
            if data == .running, chunk.type != "IDAT" { data = .ended }
            switch chunk.type {
            case "IHDR": try readHeader(chunk)
            case "PLTE": try readPalette(chunk)
            case "tRNS": try readTransparency(chunk)
            case "IDAT": try readData(chunk)
            case "IEND": return try finish(chunk)
            case "eXIf": orientation = orientation ?? .inEXIF(chunk.payload)
            default: try skip(chunk.type)
            }
        }
    }

    private mutating func finish(_ chunk: Chunk) throws(ImageError) -> StillImage {
        guard chunk.payload.count == 0 else { throw .damaged(.png, "its end chunk is malformed") }
        try copy(chunk)
        guard var header, pictureBytes > 0 else { throw .damaged(.png, "it holds no picture") }
        guard colourType != .palette || paletteCount != nil else { throw .damaged(.png, "its palette is missing") }
        header.orientation = orientation ?? .upright
        header.hasAlpha = header.hasAlpha || hasTransparency
        return StillImage(header: header, pieces: pieces)
    }
}

// MARK: - Chunks

extension PNGParser {
    private mutating func nextChunk() throws(ImageError) -> Chunk {
        guard let length = file.uint32(at: position, .big), let name = file.part(from: position + 4, count: 4) else {
            throw .cutOff(.png, after: file.count)
        }
        let isLetters = name.allSatisfy { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
        guard isLetters, length <= Int(Int32.max) else {
            throw .damaged(.png, "the chunk at byte \(position) is malformed")
        }
        guard let whole = file.part(from: position, count: length + 12),
            let payload = whole.part(from: 8, count: length)
        else { throw .cutOff(.png, after: file.count) }
        position += length + 12
        return Chunk(type: name.text, payload: payload, whole: whole)
    }

    /// Copies a chunk whose checksum is right.
    private mutating func copy(_ chunk: Chunk) throws(ImageError) {
        let length = chunk.payload.count
        guard let checked = chunk.whole.part(from: 4, count: length + 4),
            chunk.whole.uint32(at: length + 8, .big) == Int(checked.withSpan(CRC32.checksum))
        else { throw .damaged(.png, "the checksum of chunk \(chunk.type) is wrong") }
        // A palette, its transparency and the data, which is one run: there is no room for more.
        guard pieces.append(chunk.whole.range) else { throw .damaged(.png, "its chunks are in no order") }
    }

    /// A capital first letter marks a chunk without which the picture is not right.
    private func skip(_ type: String) throws(ImageError) {
        guard type.utf8.first.map({ $0 & 0x20 != 0 }) ?? false else {
            throw .variant(.png, "needs the unknown chunk \(type)", remedy: "save it again as an ordinary PNG")
        }
    }

    private static func wrongStart(_ type: String) -> ImageError {
        type == "CgBI"
            ? .variant(.png, "is in Apple's private form", remedy: "save it again as an ordinary PNG")
            : .damaged(.png, "it begins with chunk \(type) in place of IHDR")
    }
}

// MARK: - What the chunks say

extension PNGParser {
    /// The size has to be refused before the first checksum, and also when nothing follows it.
    private func checkSidesEarly() throws(ImageError) {
        guard file.starts(with: "IHDR", at: position + 4), let width = file.uint32(at: position + 8, .big),
            let height = file.uint32(at: position + 12, .big)
        else { return }
        guard max(width, height) <= Int(Int32.max) else { throw .damaged(.png, "its size is malformed") }
        try limits.checkSides(.png, width: width, height: height)
    }

    private mutating func readHeader(_ chunk: Chunk) throws(ImageError) {
        let payload = chunk.payload
        guard header == nil else { throw .damaged(.png, "it has two headers") }
        guard payload.count == 13, let width = payload.uint32(at: 0, .big), let height = payload.uint32(at: 4, .big),
            let depth = payload[8], let colour = payload[9].flatMap(ColourType.init(rawValue:)),
            colour.bitDepths.contains(depth), payload[10] == 0, payload[11] == 0, payload[12] ?? 2 <= 1
        else { throw .damaged(.png, "its header is malformed") }
        colourType = colour
        header = ImageHeader(
            format: .png,
            width: width,
            height: height,
            hasAlpha: colour == .greyAlpha || colour == .rgba,
            bitDepth: colour == .palette ? 8 : Int(depth),
            isGreyscale: colour == .grey || colour == .greyAlpha
        )
        try copy(chunk)
    }

    private mutating func readPalette(_ chunk: Chunk) throws(ImageError) {
        let (count, rest) = chunk.payload.count.quotientAndRemainder(dividingBy: 3)
        guard paletteCount == nil, data == .none, rest == 0, (1...256).contains(count) else {
            throw .damaged(.png, "its palette is malformed")
        }
        paletteCount = count
        // With other colour types it is a hint for screens of 256 colours.
        if colourType == .palette { try copy(chunk) }
    }

    private mutating func readTransparency(_ chunk: Chunk) throws(ImageError) {
        let isLegal: Bool
        switch colourType {
        case .grey: isLegal = chunk.payload.count == 2
        case .rgb: isLegal = chunk.payload.count == 6
        case .palette: isLegal = (1...256).contains(chunk.payload.count) && chunk.payload.count <= paletteCount ?? 0
        // Has no meaning beside an alpha channel.
        case .greyAlpha, .rgba: return
        }
        guard isLegal, !hasTransparency, data == .none else { throw .damaged(.png, "its transparency is malformed") }
        hasTransparency = true
        try copy(chunk)
    }

    private mutating func readData(_ chunk: Chunk) throws(ImageError) {
        guard data != .ended else { throw .damaged(.png, "its picture is not in one piece") }
        data = .running
        pictureBytes += chunk.payload.count
        try copy(chunk)
    }
}
