/// The pictures of a track: what is kept of each sample, and the header of its first slice.
struct VideoStream: Sendable {
    let sets: ParameterSets
    /// By decoding order.
    let headers: [SliceHeader]
    /// The bytes of each picture, by decoding order.
    let samples: [[Piece]]
    /// Pictures begin with an access unit delimiter.
    let hasDelimiters: Bool

    /// A stretch of bytes of a result.
    enum Piece: Sendable, Equatable {
        /// Of the source.
        case copy(Range<Int>)
        case bytes([UInt8])

        var count: Int {
            switch self {
            case .copy(let range): range.count
            case .bytes(let bytes): bytes.count
            }
        }
    }

    init(_ file: [UInt8], _ ranges: [Range<Int>], _ sets: ParameterSets) throws(RetimingRefusal) {
        let usability = sets.sequence.usability
        let removesTiming =
            usability.hasUnitBuffer || usability.hasSliceBuffer || usability.hasPictureStructure
        var (headers, samples): ([SliceHeader], [[Piece]]) = ([], [])
        var hasDelimiters = false
        for range in ranges {
            var sample = Sample(sets, removesTiming: removesTiming && sets.sequence.hasUsability)
            try sample.read(file[range])
            guard let header = sample.header else {
                throw RetimingRefusal(.sliceOrder, "sample \(headers.count) has no picture")
            }
            headers.append(header)
            samples.append(sample.pieces)
            hasDelimiters = hasDelimiters || sample.hasDelimiter
        }
        (self.sets, self.headers, self.samples, self.hasDelimiters) = (
            sets, headers, samples, hasDelimiters
        )
    }
}

/// One sample on its way through the checks.
private struct Sample {
    private let sets: ParameterSets
    private let removesTiming: Bool
    private(set) var header: SliceHeader?
    private(set) var pieces: [VideoStream.Piece] = []
    private(set) var hasDelimiter = false
    private var lastMacroblock = -1

    init(_ sets: ParameterSets, removesTiming: Bool) {
        (self.sets, self.removesTiming) = (sets, removesTiming)
    }

    mutating func read(_ sample: ArraySlice<UInt8>) throws(RetimingRefusal) {
        var start = sample.startIndex
        while start < sample.endIndex {
            guard sets.lengthSize <= sample.endIndex - start else {
                throw RetimingRefusal(.malformed, "a sample ends within a length")
            }
            let begin = start + sets.lengthSize
            let length = sample[start..<begin].reduce(0) { $0 << 8 | Int($1) }
            guard length > 0, length <= sample.endIndex - begin else {
                throw RetimingRefusal(
                    .malformed,
                    "a unit of \(length) bytes, \(sample.endIndex - begin) are left"
                )
            }
            try read(unit: sample[begin..<begin + length], from: start)
            start = begin + length
        }
    }

    private mutating func read(unit: ArraySlice<UInt8>, from start: Int) throws(RetimingRefusal) {
        let type = unit[unit.startIndex] & 0x1F
        switch type {
        case 1, 5:
            try readSlice(unit)
            keep(start..<unit.endIndex)
        case 6:
            guard removesTiming else { return keep(start..<unit.endIndex) }
            guard let rest = try SupplementalInformation.withoutTiming(unit) else { return }
            guard let framed = LengthPrefix.framed(rest, sets.lengthSize) else {
                throw RetimingRefusal(.malformed, "a unit of \(rest.count) bytes does not fit its length")
            }
            pieces.append(.bytes(framed))
        case 7, 8:
            let known = type == 7 ? [sets.sequenceUnit] : sets.pictureUnits
            guard known.contains(ParameterSets.trimmed(unit)) else {
                throw RetimingRefusal(
                    .changedParameterSets,
                    "a sample brings a parameter set that 'avcC' lacks"
                )
            }
        case 9:
            hasDelimiter = true
            keep(start..<unit.endIndex)
        case 12: keep(start..<unit.endIndex)
        default: throw RetimingRefusal(.unitType, "a unit of type \(type)")
        }
    }

    private mutating func readSlice(_ unit: ArraySlice<UInt8>) throws(RetimingRefusal) {
        let slice = try SliceHeader(unit: unit, sets.sequence, sets.pictures)
        guard slice.firstMacroblock > lastMacroblock, header != nil || slice.firstMacroblock == 0 else {
            throw RetimingRefusal(.sliceOrder, "slices do not follow each other")
        }
        lastMacroblock = slice.firstMacroblock
        guard let header else {
            header = slice
            return
        }
        guard slice.belongsTogether(with: header) else {
            throw RetimingRefusal(.sliceOrder, "a sample holds slices of several pictures")
        }
    }

    private mutating func keep(_ range: Range<Int>) {
        if case .copy(let last)? = pieces.last, last.upperBound == range.lowerBound {
            pieces[pieces.count - 1] = .copy(last.lowerBound..<range.upperBound)
        } else {
            pieces.append(.copy(range))
        }
    }
}

/// Units as MP4 stores them: each behind its length.
enum LengthPrefix {
    /// - Returns: `nil` when the length does not fit in so many bytes.
    static func framed(_ unit: [UInt8], _ size: Int) -> [UInt8]? {
        guard unit.count >> (8 * size) == 0 else { return nil }
        return stride(from: 8 * (size - 1), through: 0, by: -8)
            .map {
                UInt8(truncatingIfNeeded: unit.count >> $0)
            } + unit
    }
}

/// Supplemental enhancement information, clause 7.3.2.3.
enum SupplementalInformation {
    /// The unit without buffering periods and picture timing, which tell times of the old frame rate.
    ///
    /// - Returns: `nil` when nothing is left.
    static func withoutTiming(_ unit: ArraySlice<UInt8>) throws(RetimingRefusal) -> [UInt8]? {
        let payload = ParameterSets.trimmed(UnitPayload.unescaped(unit)[...])
        guard payload.last == 0x80, let header = unit.first else {
            throw RetimingRefusal(.malformed, "supplemental information without an end")
        }
        var (kept, place, hasTiming): ([UInt8], Int, Bool) = ([], 0, false)
        while place < payload.count - 1 {
            let start = place
            let type = try number(payload, &place)
            let size = try number(payload, &place)
            guard size <= payload.count - 1 - place else {
                throw RetimingRefusal(.malformed, "supplemental information of \(size) bytes")
            }
            place += size
            if type <= 1 { hasTiming = true } else { kept += payload[start..<place] }
        }
        if !hasTiming { return Array(unit) }
        return kept.isEmpty ? nil : UnitPayload.unit(header: header, kept + [0x80])
    }

    private static func number(_ payload: [UInt8], _ place: inout Int) throws(RetimingRefusal) -> Int {
        var number = 0
        while place < payload.count {
            let byte = payload[place]
            place += 1
            number += Int(byte)
            if byte != 255 { return number }
        }
        throw RetimingRefusal(.malformed, "supplemental information ends too early")
    }
}
