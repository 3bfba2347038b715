/// The parameter sets of an `avcC` box, as bytes and as values.
struct ParameterSets: Sendable {
    /// Bytes before each unit that say its length: 1, 2 or 4.
    let lengthSize: Int
    let sequenceUnit: [UInt8]
    let pictureUnits: [[UInt8]]
    let sequence: SequenceSyntax
    /// By their ids.
    let pictures: [Int: PictureSyntax]

    init(_ content: ByteCursor) throws {
        var cursor = content
        try cursor.skip(4)
        lengthSize = Int(try cursor.uint8() & 0b11) + 1
        let sequences = Int(try cursor.uint8() & 0b1_1111)
        guard lengthSize != 3, sequences == 1 else {
            throw RetimingRefusal(
                .parameterSets,
                "\(sequences) sequence parameter sets, lengths of \(lengthSize) bytes"
            )
        }
        sequenceUnit = Self.trimmed(try cursor.take(Int(try cursor.uint16())))
        sequence = try SequenceSyntax(unit: sequenceUnit)
        var (units, sets): ([[UInt8]], [Int: PictureSyntax]) = ([], [:])
        for _ in 0..<Int(try cursor.uint8()) {
            let unit = Self.trimmed(try cursor.take(Int(try cursor.uint16())))
            let set = try PictureSyntax(unit: unit)
            guard set.sequenceID == sequence.id, sets.updateValue(set, forKey: set.id) == nil else {
                throw RetimingRefusal(
                    .parameterSets,
                    "picture parameter set \(set.id) is there twice or lacks its sequence"
                )
            }
            units.append(unit)
        }
        (pictureUnits, pictures) = (units, sets)
    }

    /// A unit without the zero bytes that some writers put behind it.
    static func trimmed(_ unit: ArraySlice<UInt8>) -> [UInt8] {
        Array(unit.prefix(upTo: unit.lastIndex { $0 != 0 }.map { $0 + 1 } ?? unit.startIndex))
    }
}
