/// Reads a WebP container (RFC 9649) and writes it again with nothing but the picture.
struct WebPParser {
    private let bytes: ImageBytes
    private let file: ByteWindow
    private let limits: ImageLimits
    private var canvas: Size?
    private var alpha: ByteWindow?
    private var picture: Picture?
    private var orientation: ImageOrientation?

    private struct Size: Equatable {
        var width: Int
        var height: Int
    }

    /// The one chunk that holds the picture: `VP8 ` or `VP8L`.
    private struct Picture {
        var name: String
        var payload: ByteWindow
        var size: Size
        var hasAlpha: Bool
    }

    static func parse(_ bytes: ImageBytes, limits: ImageLimits) throws(ImageError) -> StillImage {
        var parser = WebPParser(bytes, limits: limits)
        return try parser.parse()
    }

    private init(_ bytes: ImageBytes, limits: ImageLimits) {
        self.bytes = bytes
        file = ByteWindow(bytes)
        self.limits = limits
    }

    private mutating func parse() throws(ImageError) -> StillImage {
        try checkSidesEarly()
        guard let size = file.uint32(at: 4, .little), let riff = file.part(from: 8, count: size) else {
            throw .cutOff(.webp, after: file.count)
        }
        var position = 4
        while position + 8 <= riff.count {
            guard let name = riff.part(from: position, count: 4), let length = riff.uint32(at: position + 4, .little),
                let payload = riff.part(from: position + 8, count: length)
            else { throw .damaged(.webp, "the chunk at byte \(position + 8) is longer than the file") }
            try read(name.text, payload, isFirst: position == 4)
            position += 8 + length + length % 2
        }
        return try finish()
    }

    private func finish() throws(ImageError) -> StillImage {
        guard let picture else { throw .damaged(.webp, "it holds no picture") }
        guard canvas == nil || canvas == picture.size else {
            throw .damaged(.webp, "its canvas and its picture differ in size")
        }
        let header = ImageHeader(
            format: .webp,
            width: picture.size.width,
            height: picture.size.height,
            orientation: orientation ?? .upright,
            hasAlpha: picture.hasAlpha || alpha != nil
        )
        return StillImage(header: header, pieces: pieces(picture))
    }
}

// MARK: - Chunks

extension WebPParser {
    private mutating func read(_ name: String, _ payload: ByteWindow, isFirst: Bool) throws(ImageError) {
        switch name {
        case "VP8 ", "VP8L":
            guard isFirst || canvas != nil, picture == nil else { throw .damaged(.webp, "it holds two pictures") }
            let read = try Self.picture(name, payload)
            try limits.checkSides(.webp, width: read.size.width, height: read.size.height)
            picture = read
            // Lossless data has an alpha channel of its own, beside which decoders ignore this chunk.
            if name == "VP8L" { alpha = nil }
        case "VP8X":
            guard isFirst, payload.count == 10, let flags = payload[0], let size = Self.size(name, payload) else {
                throw .damaged(.webp, "its header is malformed")
            }
            guard flags & Flag.animation == 0 else { throw Self.animated }
            canvas = size
        case "ANIM", "ANMF":
            throw Self.animated
        case "ALPH" where canvas != nil && picture == nil:
            // The low bits tell the compression: 0 is none, 1 is lossless.
            guard alpha == nil, payload.count >= 2, let head = payload[0], head & 3 <= 1 else {
                throw .damaged(.webp, "its alpha channel is malformed")
            }
            alpha = payload
        case "EXIF" where canvas != nil:
            orientation = orientation ?? .inEXIF(payload)
        default:
            guard !isFirst else { throw .damaged(.webp, "it begins with neither a picture nor a header") }
        }
    }

    private static let animated = ImageError.variant(.webp, "is animated", remedy: "send a still image")

    /// The size has to be refused also when the rest of the file is missing.
    private func checkSidesEarly() throws(ImageError) {
        guard let name = file.part(from: 12, count: 4), let payload = file.part(from: 20),
            let size = Self.size(name.text, payload)
        else { return }
        try limits.checkSides(.webp, width: size.width, height: size.height)
    }

    /// The size which the head of a chunk gives; `nil` for chunks without one, and for heads against the rules.
    private static func size(_ name: String, _ payload: ByteWindow) -> Size? {
        switch name {
        case "VP8 ":
            // RFC 6386, 9.1: a key frame of version 0…3 which is to be shown; two bits of scaling follow each side.
            guard let tag = payload.uint24(at: 0, .little), tag & 1 == 0, tag >> 1 & 7 <= 3, tag >> 4 & 1 == 1,
                payload.starts(with: [0x9D, 0x01, 0x2A], at: 3), let width = payload.uint16(at: 6, .little),
                let height = payload.uint16(at: 8, .little)
            else { return nil }
            return Size(width: width & 0x3FFF, height: height & 0x3FFF)
        case "VP8L":
            // RFC 9649, 3.4: each side less one in 14 bits, whether alpha is used in one, the version in three.
            guard payload[0] == 0x2F, let bits = payload.uint32(at: 1, .little), bits >> 29 == 0 else { return nil }
            return Size(width: bits & 0x3FFF + 1, height: bits >> 14 & 0x3FFF + 1)
        case "VP8X":
            guard let width = payload.uint24(at: 4, .little), let height = payload.uint24(at: 7, .little) else {
                return nil
            }
            return Size(width: width + 1, height: height + 1)
        default:
            return nil
        }
    }

    private static func picture(_ name: String, _ payload: ByteWindow) throws(ImageError) -> Picture {
        guard let size = size(name, payload) else { throw .damaged(.webp, "the head of its picture is malformed") }
        if name == "VP8L" {
            let usesAlpha = payload[4].map { $0 & 0x10 != 0 } ?? false
            return Picture(name: name, payload: payload, size: size, hasAlpha: usesAlpha)
        }
        guard let tag = payload.uint24(at: 0, .little), 10 + tag >> 5 <= payload.count else {
            throw .damaged(.webp, "its picture is shorter than it says")
        }
        return Picture(name: name, payload: payload, size: size, hasAlpha: false)
    }
}

// MARK: - Writing

extension WebPParser {
    private enum Flag {
        static let animation: UInt8 = 0x02
        static let alpha: UInt8 = 0x10
    }

    /// The simple form; with a separate alpha channel the extended form, whose only flag is alpha.
    private func pieces(_ picture: Picture) -> PieceList {
        var chunks: [(head: [UInt8], payload: ByteWindow)] = []
        var extended: [UInt8] = []
        if let alpha {
            let sides =
                Self.number(picture.size.width - 1, bytes: 3) + Self.number(picture.size.height - 1, bytes: 3)
            extended = Self.head("VP8X", count: 10) + [Flag.alpha, 0, 0, 0] + sides
            chunks.append((Self.head("ALPH", count: alpha.count), alpha))
        }
        chunks.append((Self.head(picture.name, count: picture.payload.count), picture.payload))
        let count = chunks.reduce(4 + extended.count) { $0 + 8 + $1.payload.count + $1.payload.count % 2 }
        var pieces = PieceList(of: bytes)
        pieces.append(Self.head("RIFF", count: count) + Array("WEBP".utf8) + extended)
        for chunk in chunks {
            pieces.append(chunk.head)
            _ = pieces.append(chunk.payload.range)
            if !chunk.payload.count.isMultiple(of: 2) { pieces.append([0]) }
        }
        return pieces
    }

    private static func head(_ name: String, count: Int) -> [UInt8] {
        Array(name.utf8) + number(count, bytes: 4)
    }

    private static func number(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
