/// A sequence parameter set that can be written again.
///
/// Pictures of fields, other samples than 4:2:0 in 8 bits and picture order type 1 are refused. Source: ITU-T H.264,
/// clauses 7.3.2.1.1, E.1.1 and E.1.2.
package struct SequenceSyntax: Sendable, Equatable {
    var profile = 0
    /// `constraint_set0_flag` is the highest bit.
    var constraints = 0
    /// Ten times the level.
    var level = 0
    var id = 0
    private var bypassesTransform = false
    private var hasScaling = false
    /// The differences of each list that is there.
    private var scaling = [[Int]](repeating: [], count: 8)
    private var hasScalingList = [Bool](repeating: false, count: 8)
    private var frameNumberBitsMinus4 = 0
    /// 0 or 2.
    var orderType = 0
    private var orderBitsMinus4 = 0
    package var maxReferenceFrames = 0
    private var allowsGaps = false
    private var columnsMinus1 = 0
    private var rowsMinus1 = 0
    private var infersDirect8x8 = false
    private var isCropped = false
    private var crop = [0, 0, 0, 0]
    var hasUsability = false
    package var usability = Usability()

    /// The usability information.
    package struct Usability: Sendable, Equatable {
        fileprivate var hasAspect = false
        fileprivate var aspect = 0
        fileprivate var aspectWidth = 0
        fileprivate var aspectHeight = 0
        fileprivate var hasOverscan = false
        fileprivate var overscan = false
        var hasSignal = false
        var videoFormat = 5
        var isFullRange = false
        var hasColour = false
        /// Primaries, transfer, matrix.
        var colour = [2, 2, 2]
        fileprivate var hasChromaPlace = false
        fileprivate var chromaPlace = [0, 0]
        var hasTiming = false
        var unitsInTick = 0
        var timeScale = 0
        var isFixedRate = false
        var hasUnitBuffer = false
        var hasSliceBuffer = false
        fileprivate var isLowDelay = false
        var hasPictureStructure = false
        var hasRestriction = false
        fileprivate var crossesEdges = true
        /// Of the bytes of a picture, the bits of a macroblock (0 is none), and the lengths of vectors.
        fileprivate var limits = [0, 0, 15, 15]
        package var maxReorderFrames = 0
        package var maxBufferedFrames = 0
    }

    var maxFrameNumber: Int { 1 << (frameNumberBitsMinus4 + 4) }
    package var frameNumberBits: Int { frameNumberBitsMinus4 + 4 }
    package var orderBits: Int { orderBitsMinus4 + 4 }
    /// Macroblocks of a picture.
    var macroblocks: Int { (columnsMinus1 + 1) * (rowsMinus1 + 1) }

    package init(unit: [UInt8]) throws(RetimingRefusal) {
        guard let header = unit.first, header & 0x9F == 7 else {
            throw RetimingRefusal(.parameterSets, "a sequence parameter set is of another type")
        }
        var reader = SyntaxReader(UnitPayload.unescaped(unit[...]))
        try visit(&reader)
        guard reader.isAtTrailingBits else {
            throw RetimingRefusal(.parameterSets, "a sequence parameter set goes on after its end")
        }
    }

    /// The unit, its header included.
    package func unit() throws(RetimingRefusal) -> [UInt8] {
        var (copy, writer) = (self, SyntaxWriter())
        try copy.visit(&writer)
        writer.putTrailingBits()
        return UnitPayload.unit(header: 0x67, writer.payload)
    }

    private mutating func visit(_ syntax: inout some BitSyntax) throws(RetimingRefusal) {
        try syntax.bits(8, &profile)
        try syntax.bits(8, &constraints)
        try syntax.bits(8, &level)
        try syntax.exponential(&id, atMost: 31)
        guard [66, 77, 100].contains(profile) else {
            throw RetimingRefusal(.picture, "profile \(profile), must be 66, 77 or 100")
        }
        if profile == 100 { try visitFormat(&syntax) }
        try syntax.exponential(&frameNumberBitsMinus4, atMost: 12)
        try syntax.exponential(&orderType, atMost: 2)
        guard orderType != 1 else { throw RetimingRefusal(.pictureOrderType, "picture order type 1") }
        if orderType == 0 { try syntax.exponential(&orderBitsMinus4, atMost: 12) }
        try syntax.exponential(&maxReferenceFrames, atMost: 16)
        try syntax.flag(&allowsGaps)
        try visitSize(&syntax)
        try syntax.flag(&hasUsability)
        if hasUsability { try usability.visit(&syntax) }
    }

    private mutating func visitFormat(_ syntax: inout some BitSyntax) throws(RetimingRefusal) {
        var (chroma, luma8, chroma8) = (1, 0, 0)
        try syntax.exponential(&chroma, atMost: 3)
        guard chroma == 1 else { throw RetimingRefusal(.picture, "chroma format \(chroma), must be 1") }
        try syntax.exponential(&luma8, atMost: 6)
        try syntax.exponential(&chroma8, atMost: 6)
        guard luma8 == 0, chroma8 == 0 else {
            throw RetimingRefusal(.picture, "\(8 + luma8) and \(8 + chroma8) bits a sample, must be 8")
        }
        try syntax.flag(&bypassesTransform)
        try syntax.flag(&hasScaling)
        guard hasScaling else { return }
        for list in 0..<8 {
            try syntax.flag(&hasScalingList[list])
            if hasScalingList[list] { try visitScaling(&syntax, list, size: list < 6 ? 16 : 64) }
        }
    }

    private mutating func visitScaling(
        _ syntax: inout some BitSyntax,
        _ list: Int,
        size: Int
    ) throws(RetimingRefusal) {
        var last = 8
        for index in 0..<size {
            if index == scaling[list].count { scaling[list].append(0) }
            try syntax.signed(&scaling[list][index], within: 128)
            let next = (last + scaling[list][index]) & 255
            if next == 0 { return }
            last = next
        }
    }

    private mutating func visitSize(_ syntax: inout some BitSyntax) throws(RetimingRefusal) {
        try syntax.exponential(&columnsMinus1, atMost: 1_023)
        try syntax.exponential(&rowsMinus1, atMost: 1_023)
        var isFrameOnly = true
        try syntax.flag(&isFrameOnly)
        guard isFrameOnly else { throw RetimingRefusal(.interlaced, "pictures may be made of fields") }
        try syntax.flag(&infersDirect8x8)
        try syntax.flag(&isCropped)
        guard isCropped else { return }
        for side in crop.indices { try syntax.exponential(&crop[side], atMost: 16_384) }
    }
}

extension SequenceSyntax.Usability {
    /// Takes out what speaks of the times at which pictures leave the buffer.
    mutating func removeTimingModels() {
        (hasUnitBuffer, hasSliceBuffer, isLowDelay, hasPictureStructure) = (false, false, false, false)
    }

    /// Says how many frames are reordered and held back; decoders otherwise wait for as many as the level allows.
    package mutating func promise(reorder: Int, buffer: Int) {
        (hasRestriction, crossesEdges, limits) = (true, true, [0, 0, 15, 15])
        (maxReorderFrames, maxBufferedFrames) = (reorder, buffer)
    }

    fileprivate mutating func visit(_ syntax: inout some BitSyntax) throws(RetimingRefusal) {
        try syntax.flag(&hasAspect)
        if hasAspect {
            try syntax.bits(8, &aspect)
            if aspect == 255 {
                try syntax.bits(16, &aspectWidth)
                try syntax.bits(16, &aspectHeight)
            }
        }
        try syntax.flag(&hasOverscan)
        if hasOverscan { try syntax.flag(&overscan) }
        try syntax.flag(&hasSignal)
        if hasSignal {
            try syntax.bits(3, &videoFormat)
            try syntax.flag(&isFullRange)
            try syntax.flag(&hasColour)
            if hasColour { for index in colour.indices { try syntax.bits(8, &colour[index]) } }
        }
        try syntax.flag(&hasChromaPlace)
        if hasChromaPlace {
            for index in chromaPlace.indices { try syntax.exponential(&chromaPlace[index], atMost: 5) }
        }
        try syntax.flag(&hasTiming)
        if hasTiming {
            try syntax.bits(32, &unitsInTick)
            try syntax.bits(32, &timeScale)
            try syntax.flag(&isFixedRate)
        }
        try syntax.flag(&hasUnitBuffer)
        if hasUnitBuffer { try Self.skipBufferModel(&syntax) }
        try syntax.flag(&hasSliceBuffer)
        if hasSliceBuffer { try Self.skipBufferModel(&syntax) }
        if hasUnitBuffer || hasSliceBuffer { try syntax.flag(&isLowDelay) }
        try syntax.flag(&hasPictureStructure)
        try syntax.flag(&hasRestriction)
        guard hasRestriction else { return }
        try syntax.flag(&crossesEdges)
        for index in limits.indices { try syntax.exponential(&limits[index], atMost: 16) }
        try syntax.exponential(&maxReorderFrames, atMost: 16)
        try syntax.exponential(&maxBufferedFrames, atMost: 16)
    }

    /// Its removal times are those of the old frame rate, so it is never written again.
    private static func skipBufferModel(_ syntax: inout some BitSyntax) throws(RetimingRefusal) {
        var (countMinus1, ignored, isConstant) = (0, 0, false)
        try syntax.exponential(&countMinus1, atMost: 31)
        try syntax.bits(8, &ignored)
        for _ in 0...countMinus1 {
            try syntax.exponential(&ignored)
            try syntax.exponential(&ignored)
            try syntax.flag(&isConstant)
        }
        try syntax.bits(20, &ignored)
    }
}
