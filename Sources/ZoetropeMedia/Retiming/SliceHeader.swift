/// The header of a slice, as far as it concerns the order and the marking of pictures.
///
/// Source: ITU-T H.264, clause 7.3.3.
struct SliceHeader: Sendable, Equatable {
    /// What becomes of the reference pictures, clause 7.4.3.3.
    enum Marking: Sendable, Equatable {
        /// The current picture is none.
        case none
        case keyFrame(isLongTerm: Bool)
        case slidingWindow
        case operations([Operation])
    }

    enum Operation: Sendable, Equatable {
        case forgetShortTerm(differenceMinus1: Int)
        case forgetLongTerm(Int)
        case makeLongTerm(differenceMinus1: Int, index: Int)
        case limitLongTerm(count: Int)
        case keepAsLongTerm(index: Int)
    }

    let isKeyFrame: Bool
    let isReference: Bool
    let firstMacroblock: Int
    let pictureSetID: Int
    let frameNumber: Int
    private(set) var keyFrameID = 0
    private(set) var orderBits = 0
    private(set) var bottomOrderDifference = 0
    private(set) var marking = Marking.none

    /// So much of a slice is looked at; the longest header that is legal is shorter.
    static let limit = 2_048

    init(
        unit: ArraySlice<UInt8>,
        _ sequence: SequenceSyntax,
        _ pictureSets: [Int: PictureSyntax]
    ) throws(RetimingRefusal) {
        guard let header = unit.first, header & 0x80 == 0 else {
            throw RetimingRefusal(.malformed, "a slice without a header")
        }
        isKeyFrame = header & 0x1F == 5
        isReference = header & 0x60 != 0
        guard isReference || !isKeyFrame else {
            throw RetimingRefusal(.malformed, "a key frame that is no reference")
        }
        var reader = SyntaxReader(UnitPayload.unescaped(unit, limit: Self.limit))
        firstMacroblock = try reader.exponential(atMost: sequence.macroblocks - 1)
        let type = try reader.exponential(atMost: 9) % 5
        guard type <= 2 else { throw RetimingRefusal(.switchingSlices, "a slice of type \(type)") }
        let (isForward, isBoth) = (type == 0, type == 1)
        pictureSetID = try reader.exponential(atMost: 255)
        guard let set = pictureSets[pictureSetID] else {
            throw RetimingRefusal(.parameterSets, "a slice names picture parameter set \(pictureSetID)")
        }
        frameNumber = try reader.bits(sequence.frameNumberBits)
        if isKeyFrame { keyFrameID = try reader.exponential(atMost: 65_535) }
        if sequence.orderType == 0 {
            orderBits = try reader.bits(sequence.orderBits)
            if set.hasBottomOrder { bottomOrderDifference = try reader.signed(within: 1 << 20) }
        }
        if set.hasRedundantCount, try reader.exponential(atMost: 127) != 0 {
            throw RetimingRefusal(.redundantPictures, "a slice of a redundant picture")
        }
        if isBoth { _ = try reader.flag() }  // direct_spatial_mv_pred_flag
        if isForward || isBoth {
            var counts = set.referenceCounts
            if try reader.flag() {
                for list in 0...(isBoth ? 1 : 0) { counts[list] = 1 + (try reader.exponential(atMost: 15)) }
            }
            let lists = counts.prefix(isBoth ? 2 : 1)
            for _ in lists { try Self.skipListModification(&reader) }
            if isForward ? set.weighsForward : set.weighsBoth == 1 {
                try Self.skipWeights(&reader, lists)
            }
        }
        if isReference { marking = try Self.readMarking(&reader, isKeyFrame: isKeyFrame) }
    }

    /// The slices of one picture agree in these (clause 7.4.1.2.4) and in what becomes of the references.
    func belongsTogether(with other: SliceHeader) -> Bool {
        isKeyFrame == other.isKeyFrame && isReference == other.isReference
            && frameNumber == other.frameNumber
            && keyFrameID == other.keyFrameID && orderBits == other.orderBits
            && bottomOrderDifference == other.bottomOrderDifference && marking == other.marking
    }

    private static func skipListModification(_ reader: inout SyntaxReader) throws(RetimingRefusal) {
        guard try reader.flag() else { return }
        // One for each entry of the list, and the end.
        for _ in 0...32 {
            guard try reader.exponential(atMost: 3) != 3 else { return }
            _ = try reader.exponential(atMost: 1 << 17)
        }
        throw RetimingRefusal(.malformed, "a reference list is changed without end")
    }

    private static func skipWeights(
        _ reader: inout SyntaxReader,
        _ counts: ArraySlice<Int>
    ) throws(RetimingRefusal) {
        for _ in 0..<2 { _ = try reader.exponential(atMost: 7) }
        for count in counts {
            for _ in 0..<count {
                if try reader.flag() { for _ in 0..<2 { _ = try reader.signed(within: 128) } }
                if try reader.flag() { for _ in 0..<4 { _ = try reader.signed(within: 128) } }
            }
        }
    }

    private static func readMarking(
        _ reader: inout SyntaxReader,
        isKeyFrame: Bool
    ) throws(RetimingRefusal) -> Marking {
        if isKeyFrame {
            guard try !reader.flag() else {
                throw RetimingRefusal(
                    .suppressedOutput,
                    "a key frame takes pictures before it from the screen"
                )
            }
            return .keyFrame(isLongTerm: try reader.flag())
        }
        guard try reader.flag() else { return .slidingWindow }
        var operations: [Operation] = []
        while operations.count <= 64 {
            switch try reader.exponential(atMost: 6) {
            case 0: return .operations(operations)
            case 1:
                operations.append(
                    .forgetShortTerm(differenceMinus1: try reader.exponential(atMost: 1 << 17))
                )
            case 2: operations.append(.forgetLongTerm(try reader.exponential(atMost: 32)))
            case 3:
                let difference = try reader.exponential(atMost: 1 << 17)
                operations.append(
                    .makeLongTerm(differenceMinus1: difference, index: try reader.exponential(atMost: 15))
                )
            case 4: operations.append(.limitLongTerm(count: try reader.exponential(atMost: 16)))
            case 5: throw RetimingRefusal(.markingReset, "a picture forgets all others (operation 5)")
            default: operations.append(.keepAsLongTerm(index: try reader.exponential(atMost: 15)))
            }
        }
        throw RetimingRefusal(.malformed, "more than 64 marking operations")
    }
}
