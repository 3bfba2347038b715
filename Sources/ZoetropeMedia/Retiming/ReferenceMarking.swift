/// The pictures that later ones may refer to, as decoding goes on.
///
/// Source: ITU-T H.264, clauses 8.2.4.1 and 8.2.5, for frames.
struct ReferenceMarking: Sendable {
    struct Frame: Sendable, Equatable {
        /// Which picture, counted in decoding order.
        let picture: Int
        let frameNumber: Int
        /// `nil` for a short-term reference.
        var longTermIndex: Int?
    }

    private(set) var frames: [Frame] = []
    private var longTermCount = 0
    private let capacity: Int
    private let maxFrameNumber: Int

    init(_ sequence: SequenceSyntax) {
        capacity = max(1, sequence.maxReferenceFrames)
        maxFrameNumber = sequence.maxFrameNumber
    }

    /// `PicNum` of a short-term reference for a picture with this frame number: smaller is older.
    static func number(of frame: Frame, seenFrom frameNumber: Int, _ maxFrameNumber: Int) -> Int {
        frame.frameNumber > frameNumber ? frame.frameNumber - maxFrameNumber : frame.frameNumber
    }

    /// Marks what the picture with this header, number `index`, leaves behind.
    mutating func decode(_ header: SliceHeader, _ index: Int) throws(RetimingRefusal) {
        var current = Frame(picture: index, frameNumber: header.frameNumber)
        switch header.marking {
        case .none: return
        case .keyFrame(let isLongTerm):
            frames = []
            longTermCount = isLongTerm ? 1 : 0
            current.longTermIndex = isLongTerm ? 0 : nil
        case .slidingWindow:
            if frames.count >= capacity {
                let oldest = frames.indices.filter { frames[$0].longTermIndex == nil }
                    .min { number(frames[$0], header) < number(frames[$1], header) }
                guard let oldest else {
                    throw RetimingRefusal(.marking, "no short-term reference is left to forget")
                }
                frames.remove(at: oldest)
            }
        case .operations(let operations):
            for operation in operations { try perform(operation, header, &current) }
        }
        frames.append(current)
        guard frames.count <= capacity else {
            throw RetimingRefusal(.marking, "\(frames.count) references, at most \(capacity)")
        }
    }

    private func number(_ frame: Frame, _ header: SliceHeader) -> Int {
        Self.number(of: frame, seenFrom: header.frameNumber, maxFrameNumber)
    }

    private func shortTerm(_ differenceMinus1: Int, _ header: SliceHeader) throws(RetimingRefusal)
        -> Int
    {
        let wanted = header.frameNumber - differenceMinus1 - 1
        let found = frames.firstIndex { $0.longTermIndex == nil && number($0, header) == wanted }
        guard let found else { throw RetimingRefusal(.marking, "reference \(wanted) does not exist") }
        return found
    }

    private mutating func perform(
        _ operation: SliceHeader.Operation,
        _ header: SliceHeader,
        _ current: inout Frame
    ) throws(RetimingRefusal) {
        switch operation {
        case .forgetShortTerm(let difference): frames.remove(at: try shortTerm(difference, header))
        case .forgetLongTerm(let index):
            guard let found = frames.firstIndex(where: { $0.longTermIndex == index }) else {
                throw RetimingRefusal(.marking, "long-term reference \(index) does not exist")
            }
            frames.remove(at: found)
        case .makeLongTerm(let difference, let index):
            let picture = frames[try shortTerm(difference, header)].picture
            try free(index)
            guard let place = frames.firstIndex(where: { $0.picture == picture }) else { return }
            frames[place].longTermIndex = index
        case .limitLongTerm(let count):
            longTermCount = count
            frames.removeAll { ($0.longTermIndex ?? -1) >= count }
        case .keepAsLongTerm(let index):
            try free(index)
            current.longTermIndex = index
        }
    }

    private mutating func free(_ index: Int) throws(RetimingRefusal) {
        guard index < longTermCount else {
            throw RetimingRefusal(.marking, "long-term index \(index) of \(longTermCount)")
        }
        frames.removeAll { $0.longTermIndex == index }
    }
}
