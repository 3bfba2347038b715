/// The four bytes that name a box, a brand, a codec or a handler.
package struct FourCC: Sendable, Hashable, CustomStringConvertible {
    package let code: UInt32

    package init(code: UInt32) {
        self.code = code
    }

    /// - Parameter name: four Latin-1 characters, so that "©nam" is the byte A9 and three letters.
    package init(_ name: String) {
        precondition(name.unicodeScalars.count == 4, "a four-character code has four characters, got \(name)")
        code = name.unicodeScalars.reduce(0) { $0 << 8 | ($1.value & 0xFF) }
    }

    /// The four characters; all of it in hexadecimal when one of them could not be printed in a log line.
    package var description: String {
        let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> $0) }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0xA9 }) else {
            let digits = String(code, radix: 16)
            return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
        }
        return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}

extension FourCC {
    // The file.
    static let ftyp = FourCC("ftyp")
    static let moov = FourCC("moov")
    static let mdat = FourCC("mdat")
    static let moof = FourCC("moof")
    static let free = FourCC("free")
    static let skip = FourCC("skip")
    static let wide = FourCC("wide")
    static let uuid = FourCC("uuid")

    // The movie and its tracks.
    static let mvhd = FourCC("mvhd")
    static let mvex = FourCC("mvex")
    static let trak = FourCC("trak")
    static let tkhd = FourCC("tkhd")
    static let edts = FourCC("edts")
    static let elst = FourCC("elst")
    static let mdia = FourCC("mdia")
    static let mdhd = FourCC("mdhd")
    static let hdlr = FourCC("hdlr")
    static let minf = FourCC("minf")
    static let dinf = FourCC("dinf")
    static let dref = FourCC("dref")
    static let url = FourCC("url ")
    static let vide = FourCC("vide")
    static let soun = FourCC("soun")

    // The sample tables.
    static let stbl = FourCC("stbl")
    static let stsd = FourCC("stsd")
    static let stts = FourCC("stts")
    static let ctts = FourCC("ctts")
    static let stss = FourCC("stss")
    static let stsc = FourCC("stsc")
    static let stsz = FourCC("stsz")
    static let stz2 = FourCC("stz2")
    static let stco = FourCC("stco")
    static let co64 = FourCC("co64")

    // The sample entries.
    static let avc1 = FourCC("avc1")
    static let avcC = FourCC("avcC")
    static let colr = FourCC("colr")
    static let nclx = FourCC("nclx")
    static let nclc = FourCC("nclc")
    static let pasp = FourCC("pasp")
    static let fiel = FourCC("fiel")
    static let mp4a = FourCC("mp4a")
    static let esds = FourCC("esds")

    // The metadata.
    static let udta = FourCC("udta")
    static let meta = FourCC("meta")
    static let ilst = FourCC("ilst")
    static let keys = FourCC("keys")
    static let data = FourCC("data")
    static let mean = FourCC("mean")
    static let name = FourCC("name")
    static let freeform = FourCC("----")
}
