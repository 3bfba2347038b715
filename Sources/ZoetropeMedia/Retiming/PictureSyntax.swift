/// What a picture parameter set says about the headers of slices.
///
/// Source: ITU-T H.264, clause 7.3.2.2.
struct PictureSyntax: Sendable, Equatable {
    let id: Int
    let sequenceID: Int
    let isArithmetic: Bool
    let hasBottomOrder: Bool
    /// Of list 0 and list 1.
    let referenceCounts: [Int]
    let weighsForward: Bool
    /// 0 none, 1 explicit, 2 by distance.
    let weighsBoth: Int
    let quantiser: Int
    let controlsDeblocking: Bool
    let hasRedundantCount: Bool

    init(unit: [UInt8]) throws(RetimingRefusal) {
        guard let header = unit.first, header & 0x9F == 8 else {
            throw RetimingRefusal(.parameterSets, "a picture parameter set is of another type")
        }
        var reader = SyntaxReader(UnitPayload.unescaped(unit[...]))
        id = try reader.exponential(atMost: 255)
        sequenceID = try reader.exponential(atMost: 31)
        isArithmetic = try reader.flag()
        hasBottomOrder = try reader.flag()
        guard try reader.exponential(atMost: 7) == 0 else {
            throw RetimingRefusal(.sliceGroups, "pictures have several slice groups")
        }
        referenceCounts = [
            try reader.exponential(atMost: 15) + 1, try reader.exponential(atMost: 15) + 1,
        ]
        weighsForward = try reader.flag()
        weighsBoth = try reader.bits(2)
        quantiser = 26 + (try reader.signed(within: 26))
        _ = try reader.signed(within: 26)  // pic_init_qs_minus26
        _ = try reader.signed(within: 12)  // chroma_qp_index_offset
        controlsDeblocking = try reader.flag()
        _ = try reader.flag()  // constrained_intra_pred_flag
        hasRedundantCount = try reader.flag()
    }
}
