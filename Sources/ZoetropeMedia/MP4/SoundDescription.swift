/// What an MPEG-4 sound track says about itself, from `esds`.
///
/// Source: ISO/IEC 14496-1, clause 7.2.6 (descriptors) and 14496-3, clause 1.6.2.1 (AudioSpecificConfig).
package struct SoundDescription: Sendable, Hashable {
    /// 0x40 is MPEG-4 audio.
    package let objectTypeIndication: UInt8
    /// 2 is AAC-LC; 5 and 29 are HE-AAC; 0 when there is no configuration.
    package private(set) var audioObjectType = 0
    /// High frequencies are synthesised (HE-AAC), also where the object type hides it for old players.
    package private(set) var usesBandReplication = false
    /// Hz.
    package private(set) var sampleRate = 0
    /// 0 when the configuration names none.
    package private(set) var channels = 0

    init(_ content: ByteCursor) throws(MP4Error) {
        var box = content
        _ = try box.versionAndFlags()
        var stream = try box.descriptor(3)
        try stream.skip(2)  // ES_ID
        let flags = try stream.uint8()
        if flags & 0x80 != 0 { try stream.skip(2) }  // depends on another stream
        if flags & 0x40 != 0 { try stream.skip(Int(try stream.uint8())) }  // URL
        if flags & 0x20 != 0 { try stream.skip(2) }  // clock
        var decoder = try stream.descriptor(4)
        objectTypeIndication = try decoder.uint8()
        guard objectTypeIndication == Self.mpeg4Audio else { return }
        try decoder.skip(12)  // stream type, buffer size, bit rates
        let configuration = try decoder.descriptor(5).rest
        var reader = BitReader(Array(configuration), reading: "the sound configuration")
        try readConfiguration(&reader)
    }

    static let mpeg4Audio: UInt8 = 0x40
    static let lowComplexity = 2
    private static let bandReplication = 5
    private static let parametricStereo = 29

    private mutating func readConfiguration(_ reader: inout BitReader) throws(MP4Error) {
        audioObjectType = try Self.readObjectType(&reader)
        sampleRate = try Self.readSampleRate(&reader)
        let configuration = try reader.bits(4)
        channels = configuration == 7 ? 8 : configuration
        if audioObjectType == Self.bandReplication || audioObjectType == Self.parametricStereo {
            usesBandReplication = true
        } else if audioObjectType == Self.lowComplexity {
            _ = try reader.flag()  // frameLengthFlag
            if try reader.flag() { _ = try reader.bits(14) }  // coreCoderDelay
            _ = try reader.flag()  // extensionFlag
            guard reader.bitsLeft >= 17, try reader.bits(11) == 0x2B7 else { return }
            guard try Self.readObjectType(&reader) == Self.bandReplication else { return }
            usesBandReplication = try reader.flag()
        }
    }

    private static func readObjectType(_ reader: inout BitReader) throws(MP4Error) -> Int {
        let type = try reader.bits(5)
        return type == 31 ? 32 + (try reader.bits(6)) : type
    }

    private static let sampleRates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]

    private static func readSampleRate(_ reader: inout BitReader) throws(MP4Error) -> Int {
        let index = try reader.bits(4)
        if index == 15 { return try reader.bits(24) }
        return index < sampleRates.count ? sampleRates[index] : 0
    }
}

extension ByteCursor {
    /// The content of the descriptor that must come next.
    fileprivate mutating func descriptor(_ tag: UInt8) throws(MP4Error) -> ByteCursor {
        let found = try uint8()
        guard found == tag else {
            throw MP4Error(.malformed, "'\(box)' has descriptor \(found) in the place of \(tag)")
        }
        var size = 0
        for _ in 0..<4 {
            let byte = try uint8()
            size = size << 7 | Int(byte & 0x7F)
            if byte & 0x80 == 0 { break }
        }
        return ByteCursor(try take(size), of: box)
    }
}
