extension MP4Metadata {
    static let handlerKey = "hdlr"
    static let keysKey = "keys"
    static let compressorKey = "compressorname"
    static let creationTimeKey = "creation_time"

    /// Boxes that carry structure; what is not listed is taken for metadata, since it may be anything.
    static let boxesOfFile: Set<FourCC> = [.ftyp, .moov, .mdat]
    static let boxesOfFragments: Set<FourCC> = [
        .moof, FourCC("styp"), FourCC("sidx"), FourCC("ssix"), FourCC("mfra"), FourCC("prft"), FourCC("emsg"),
    ]
    static let boxesOfMovie: Set<FourCC> = [.mvhd, .trak, .mvex, FourCC("iods")]
    static let boxesOfTrack: Set<FourCC> = [
        .tkhd, .edts, .mdia, FourCC("tref"), FourCC("load"), FourCC("tapt"), FourCC("trgr"),
    ]
    /// Of `mdia`, `minf` and `stbl`.
    static let boxesOfMedia: Set<FourCC> = [
        .mdhd, .hdlr, .minf, FourCC("elng"),
        .dinf, .stbl, FourCC("vmhd"), FourCC("smhd"), FourCC("hmhd"), FourCC("nmhd"), FourCC("sthd"), FourCC("gmhd"),
        .stsd, .stts, .ctts, .stss, .stsc, .stsz, .stz2, .stco, .co64, FourCC("cslg"), FourCC("stps"), FourCC("stsh"),
        FourCC("sdtp"), FourCC("sbgp"), FourCC("sgpd"), FourCC("subs"), FourCC("saiz"), FourCC("saio"), FourCC("padb"),
        FourCC("stdp"),
    ]
    /// Of a sample entry.
    static let boxesOfEntry: Set<FourCC> = [
        .avcC, .colr, .pasp, .fiel, .esds, FourCC("btrt"), FourCC("clap"), FourCC("chan"), FourCC("srat"),
    ]

    /// Adds what the boxes carry, from `udta`, `meta` (iTunes and QuickTime keys), `uuid` and boxes of unknown kinds.
    ///
    /// Boxes of the `known` kinds are passed over. A list that cannot be taken apart is added as one piece: that it is
    /// there is what matters.
    static func collect(from boxes: [MP4Box], known: Set<FourCC>, place: Place, into metadata: inout [MP4Metadata]) {
        for box in boxes {
            do throws(MP4Error) {
                switch box.type {
                case .udta: collect(from: try box.content.boxes(), known: [], place: place, into: &metadata)
                case .meta: try collectMeta(box.content, place: place, into: &metadata)
                case let type where known.contains(type): continue
                default: append(box, place: place, into: &metadata)
                }
            } catch {
                append(box, place: place, into: &metadata)
            }
        }
    }

    /// Adds a field that every file has, unless it is empty.
    static func appendField(
        _ value: some Collection<UInt8>,
        as key: String,
        place: Place,
        into metadata: inout [MP4Metadata]
    ) {
        if !value.isEmpty { append(value, as: key, place: place, into: &metadata) }
    }

    private static func append(
        _ value: some Collection<UInt8>,
        as key: String,
        place: Place,
        into metadata: inout [MP4Metadata]
    ) {
        guard metadata.count < MP4Limits.metadata else { return }
        metadata.append(MP4Metadata(place: place, key: key, value: Array(value)))
    }

    /// Adds a box as it is, except for padding that is known to be nothing but zeros.
    static func append(_ box: MP4Box, isWhole: Bool = true, place: Place, into metadata: inout [MP4Metadata]) {
        let content = box.content.rest
        let isPadding = box.type == .free || box.type == .skip || box.type == .wide
        if isPadding, isWhole, content.allSatisfy({ $0 == 0 }) { return }
        if box.type == .uuid, content.count >= 16 {
            let name = content.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            append(content.dropFirst(16), as: "uuid \(name)", place: place, into: &metadata)
        } else {
            append(content, as: box.type.description, place: place, into: &metadata)
        }
    }

    /// The creation time is when the photo was taken, if somebody copied it; 0 is «not said».
    static func readCreationTime(
        _ cursor: inout ByteCursor,
        version: UInt8,
        place: Place,
        into metadata: inout [MP4Metadata]
    ) throws(MP4Error) {
        for _ in ["creation", "modification"] {
            let time = try cursor.take(version == 1 ? 8 : 4)
            if time.contains(where: { $0 != 0 }) { append(time, as: creationTimeKey, place: place, into: &metadata) }
        }
    }

    private static func collectMeta(
        _ content: ByteCursor,
        place: Place,
        into metadata: inout [MP4Metadata]
    ) throws(MP4Error) {
        var cursor = content
        // QuickTime's «meta» begins with its first box, ISO's with a version.
        if !cursor.rest.dropFirst(4).starts(with: "hdlr".utf8), !cursor.isAtEnd { try cursor.skip(4) }
        let boxes = try cursor.boxes()
        let names = if let keys = try boxes.only(.keys) { try readKeys(keys) } else { [String]() }
        // A name is a piece of metadata too, whether or not a value follows.
        for name in names { append(name.utf8, as: keysKey, place: place, into: &metadata) }
        for box in boxes {
            switch box.type {
            case .keys: continue
            case .hdlr:
                var handler = box.content
                try handler.skip(24)
                appendField(handler.text(), as: handlerKey, place: place, into: &metadata)
            case .ilst:
                for item in try box.content.boxes() {
                    try appendItem(item, names: names, place: place, into: &metadata)
                }
            default: append(box, place: place, into: &metadata)
            }
        }
    }

    /// The names that items refer to by number.
    private static func readKeys(_ content: ByteCursor) throws(MP4Error) -> [String] {
        var cursor = content
        _ = try cursor.versionAndFlags()
        let count = try cursor.entryCount(entrySize: 8, limit: MP4Limits.metadata)
        var names: [String] = []
        for _ in 0..<count {
            let size = Int(try cursor.uint32())
            try cursor.skip(4)
            names.append(String(decoding: try cursor.take(size - 8), as: UTF8.self))
        }
        return names
    }

    private static func appendItem(
        _ item: MP4Box,
        names: [String],
        place: Place,
        into metadata: inout [MP4Metadata]
    ) throws(MP4Error) {
        let parts = try item.content.boxes()
        let values = parts.filter { $0.type == .data }
        let key = Self.key(of: item, parts: parts, names: names)
        // An item without a value is kept whole: that is nothing a player would show, but something is there.
        if values.isEmpty { append(item.content.rest, as: key, place: place, into: &metadata) }
        // The first eight bytes of a value say its type and language.
        for value in values { append(value.content.rest.dropFirst(8), as: key, place: place, into: &metadata) }
    }

    private static func key(of item: MP4Box, parts: [MP4Box], names: [String]) -> String {
        if item.type == .freeform {
            let words = parts.filter { $0.type == .mean || $0.type == .name }
            return words.map { String(decoding: $0.content.rest.dropFirst(4), as: UTF8.self) }.joined(separator: ":")
        }
        let index = Int(item.type.code)
        return index >= 1 && index <= names.count ? names[index - 1] : item.type.description
    }
}
