/// A new file as parts of another one and a few bytes between them, so that nothing large is copied.
struct PieceList: Sendable {
    private enum Piece {
        case part(Range<Int>)
        case literal([UInt8])
    }

    /// A file in more parts than this is made to cost memory: each is a place where something was left out.
    static let mostPieces = 4_096

    private let source: ImageBytes
    private var pieces: [Piece] = []
    private(set) var byteCount = 0

    init(of source: ImageBytes) {
        self.source = source
    }

    mutating func append(_ literal: [UInt8]) {
        pieces.append(.literal(literal))
        byteCount += literal.count
    }

    /// Adds a part of the source, joined to the one before where they touch; false when there are too many already.
    mutating func append(_ range: Range<Int>) -> Bool {
        byteCount += range.count
        if case .part(let last) = pieces.last, last.upperBound == range.lowerBound {
            pieces[pieces.count - 1] = .part(last.lowerBound..<range.upperBound)
            return true
        }
        pieces.append(.part(range))
        return pieces.count <= Self.mostPieces
    }

    /// Hands over the new file from its first byte to its last.
    func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        for piece in pieces {
            switch piece {
            case .part(let range): try source.withSpan(range) { try $0.withUnsafeBytes(sink) }
            case .literal(let bytes): try bytes.withUnsafeBytes(sink)
            }
        }
    }
}
