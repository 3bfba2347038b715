/// The decoder configuration of an H.264 track, `avcC`.
///
/// Source: ISO/IEC 14496-15, clause 5.3.3.1.
package struct AVCConfiguration: Sendable, Equatable {
    /// As the box says it for players that look no further; the sequence parameter set is what counts.
    package let profile: Int
    package let profileCompatibility: UInt8
    package let level: Int
    /// Bytes before each unit that say its length: 1, 2 or 4.
    package let lengthSize: Int
    package let sequenceParameterSetCount: Int
    package let pictureParameterSetCount: Int
    /// The first one, `nil` when there is none.
    package let sequenceParameterSet: SequenceParameterSet?

    init(_ content: ByteCursor) throws(MP4Error) {
        var cursor = content
        let version = try cursor.uint8()
        guard version == 1 else { throw MP4Error(.malformed, "'avcC' has version \(version), must be 1") }
        profile = Int(try cursor.uint8())
        profileCompatibility = try cursor.uint8()
        level = Int(try cursor.uint8())
        lengthSize = Int(try cursor.uint8() & 0b11) + 1
        sequenceParameterSetCount = Int(try cursor.uint8() & 0b1_1111)
        var first: SequenceParameterSet?
        for index in 0..<sequenceParameterSetCount {
            let unit = try cursor.take(Int(try cursor.uint16()))
            if index == 0 { first = try SequenceParameterSet(nalUnit: unit) }
        }
        sequenceParameterSet = first
        pictureParameterSetCount = Int(try cursor.uint8())
        for _ in 0..<pictureParameterSetCount { try cursor.skip(Int(try cursor.uint16())) }
        // What may follow (chroma format and bit depths) repeats the sequence parameter set.
    }
}
