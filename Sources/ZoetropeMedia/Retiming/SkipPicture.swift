/// A picture that repeats a reference picture exactly: one slice whose macroblocks are all skipped.
///
/// It is no reference itself, so nothing else in the stream changes. Why the copy is exact: the first macroblock has no
/// neighbours, hence the vector 0 (clause 8.4.1.1), and every further one inherits it; the weight is the default one,
/// there is no residual, and the deblocking filter finds nothing to do.
package struct SkipPicture: Sendable {
    /// The reference that is repeated, and those beside it where the copy is decoded.
    let source: ReferenceMarking.Frame
    let references: [ReferenceMarking.Frame]
    let frameNumber: Int
    let order: Int

    /// The NAL unit.
    ///
    /// `data` is what ``data(macroblocks:_:)`` gives for the same picture parameter set.
    func unit(_ sequence: SequenceSyntax, _ set: PictureSyntax, data: [UInt8]) -> [UInt8] {
        var writer = SyntaxWriter()
        writer.put(exponential: 0)  // first_mb_in_slice
        writer.put(exponential: 5)  // slice_type: P throughout
        writer.put(exponential: set.id)
        writer.put(frameNumber, bits: sequence.frameNumberBits)
        if sequence.orderType == 0 {
            writer.put(order & (1 << sequence.orderBits - 1), bits: sequence.orderBits)
            if set.hasBottomOrder { writer.put(signed: 0) }
        }
        if set.hasRedundantCount { writer.put(exponential: 0) }
        let changesCount = set.referenceCounts[0] != 1
        writer.put(changesCount)
        if changesCount { writer.put(exponential: 0) }
        putListModification(&writer, sequence)
        if set.weighsForward {
            for _ in 0..<2 { writer.put(exponential: 0) }
            for _ in 0..<2 { writer.put(false) }
        }
        if set.isArithmetic { writer.put(exponential: 0) }  // cabac_init_idc
        writer.put(signed: 0)  // slice_qp_delta
        if set.controlsDeblocking { writer.put(exponential: 1) }
        if set.isArithmetic {
            writer.align(with: 1)
            writer.append(data)
        } else {
            writer.put(exponential: sequence.macroblocks)  // mb_skip_run
            writer.putTrailingBits()
        }
        return UnitPayload.unit(header: 0x01, writer.payload)
    }

    /// Makes the repeated picture the first of the list, unless it is already.
    private func putListModification(_ writer: inout SyntaxWriter, _ sequence: SequenceSyntax) {
        func number(_ frame: ReferenceMarking.Frame) -> Int {
            ReferenceMarking.number(of: frame, seenFrom: frameNumber, sequence.maxFrameNumber)
        }
        let newest = references.filter { $0.longTermIndex == nil }.max { number($0) < number($1) }
        let longTerm = references.min { ($0.longTermIndex ?? .max) < ($1.longTermIndex ?? .max) }
        let isFirst = source == newest ?? longTerm
        writer.put(!isFirst)
        guard !isFirst else { return }
        if let index = source.longTermIndex {
            writer.put(exponential: 2)
            writer.put(exponential: index)
        } else {
            writer.put(exponential: 0)
            writer.put(exponential: frameNumber - number(source) - 1)
        }
        writer.put(exponential: 3)
    }

    /// The bytes after the header of an arithmetically coded slice: so many skipped macroblocks.
    ///
    /// No neighbour is coded, so a single context is used: 11 (clauses 9.3.1.1, 9.3.3.1.1.1). For `cabac_init_idc` 0.
    package static func data(macroblocks: Int, quantiser: Int) -> [UInt8] {
        var encoder = ArithmeticEncoder(quantiser: quantiser)
        for left in stride(from: macroblocks - 1, through: 0, by: -1) {
            encoder.putSkip()
            encoder.putEnd(left == 0)
        }
        return encoder.finish()
    }
}

/// CABAC for one context whose bins are all 1, clause 9.3.4.
private struct ArithmeticEncoder {
    private var writer = SyntaxWriter()
    private var (low, range) = (0, 510)
    private var isFirstBit = true
    private var outstanding = 0
    private var state: Int
    private var likely: Int

    init(quantiser: Int) {
        let start = min(max((23 * min(max(quantiser, 0), 51)) >> 4 + 33, 1), 126)
        likely = start > 63 ? 1 : 0
        state = start > 63 ? start - 64 : 63 - start
    }

    mutating func putSkip() {
        let part = Self.leastLikelyRange[state][range >> 6 & 3]
        range -= part
        if likely == 1 {
            state = min(state + 1, 62)
        } else {
            low += range
            range = part
            if state == 0 { likely = 1 }
            state = Self.afterLeastLikely[state]
        }
        renormalise()
    }

    mutating func putEnd(_ isEnd: Bool) {
        range -= 2
        if isEnd {
            low += range
            range = 2
        }
        renormalise()
        guard isEnd else { return }
        put(low >> 9 & 1)
        // The last of these is the stop bit of the payload.
        writer.put(low >> 7 & 3 | 1, bits: 2)
    }

    mutating func finish() -> [UInt8] {
        writer.align(with: 0)
        return writer.payload
    }

    private mutating func renormalise() {
        while range < 256 {
            if low < 256 {
                put(0)
            } else if low >= 512 {
                low -= 512
                put(1)
            } else {
                low -= 256
                outstanding += 1
            }
            range <<= 1
            low <<= 1
        }
    }

    private mutating func put(_ bit: Int) {
        if isFirstBit { isFirstBit = false } else { writer.put(bit, bits: 1) }
        for _ in 0..<outstanding { writer.put(1 - bit, bits: 1) }
        outstanding = 0
    }

    /// Table 9-44.
    private static let leastLikelyRange: [[Int]] = [
        [128, 176, 208, 240], [128, 167, 197, 227], [128, 158, 187, 216], [123, 150, 178, 205],
        [116, 142, 169, 195], [111, 135, 160, 185],
        [105, 128, 152, 175], [100, 122, 144, 166], [95, 116, 137, 158], [90, 110, 130, 150],
        [85, 104, 123, 142], [81, 99, 117, 135],
        [77, 94, 111, 128], [73, 89, 105, 122], [69, 85, 100, 116], [66, 80, 95, 110],
        [62, 76, 90, 104], [59, 72, 86, 99],
        [56, 69, 81, 94], [53, 65, 77, 89], [51, 62, 73, 85], [48, 59, 69, 80], [46, 56, 66, 76],
        [43, 53, 63, 72],
        [41, 50, 59, 69], [39, 48, 56, 65], [37, 45, 54, 62], [35, 43, 51, 59], [33, 41, 48, 56],
        [32, 39, 46, 53],
        [30, 37, 43, 50], [29, 35, 41, 48], [27, 33, 39, 45], [26, 31, 37, 43], [24, 30, 35, 41],
        [23, 28, 33, 39],
        [22, 27, 32, 37], [21, 26, 30, 35], [20, 24, 29, 33], [19, 23, 27, 31], [18, 22, 26, 30],
        [17, 21, 25, 28],
        [16, 20, 23, 27], [15, 19, 22, 25], [14, 18, 21, 24], [14, 17, 20, 23], [13, 16, 19, 22],
        [12, 15, 18, 21],
        [12, 14, 17, 20], [11, 14, 16, 19], [11, 13, 15, 18], [10, 12, 15, 17], [10, 12, 14, 16],
        [9, 11, 13, 15],
        [9, 11, 12, 14], [8, 10, 12, 14], [8, 9, 11, 13], [7, 9, 11, 12], [7, 9, 10, 12],
        [7, 8, 10, 11],
        [6, 8, 9, 11], [6, 7, 9, 10], [6, 7, 8, 9], [2, 2, 2, 2],
    ]

    /// `transIdxLPS` of table 9-45, as far as a bin of 1 can be the unlikely one: no quantiser starts beyond.
    private static let afterLeastLikely = [
        0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12, 13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21,
        21, 22, 22, 23,
    ]
}
