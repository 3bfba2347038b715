/// Makes hostile variants of good input: flipped bits, lies about lengths, splices, cuts.
///
/// The same seed and corpus give the same variants, so a failure is repeated from the seed and the variant's number.
/// A format with checksums hides all behind its first check; mend them in the variant before use, in part of the runs.
package struct MutationFuzzer: Sendable {
    private let corpus: [[UInt8]]
    private let dictionary: [[UInt8]]
    private let maxBytes: Int
    private var random: SplitMix64

    /// - Parameters:
    ///   - corpus: Good inputs, at least one. Small ones: a change then hits structure more often than content.
    ///   - dictionary: Words of the format, such as markers and chunk names, which are planted in the input.
    ///   - maxBytes: Longer variants are cut.
    ///   - seed: Where the sequence begins.
    package init(corpus: [[UInt8]], dictionary: [[UInt8]] = [], maxBytes: Int = 65_536, seed: UInt64) {
        precondition(!corpus.isEmpty, "a fuzzer needs at least one good input")
        self.corpus = corpus
        self.dictionary = dictionary.filter { !$0.isEmpty }
        self.maxBytes = maxBytes
        random = SplitMix64(seed: seed)
    }

    /// The next variant: an input with one to eight changes, mostly few.
    package mutating func next() -> [UInt8] {
        var bytes = pick(corpus)
        let changes = 1 << Int.random(in: 0...3, using: &random)
        for _ in 0..<Int.random(in: 1...changes, using: &random) {
            change(&bytes)
        }
        return Array(bytes.prefix(maxBytes))
    }
}

// MARK: - Changes

extension MutationFuzzer {
    private enum Change: CaseIterable {
        case flipBit
        case setByte
        case setInterestingNumber
        case lieAboutLength
        case insertNoise
        case erase
        case repeatPart
        case splice
        case truncate
        case plantWord
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        switch pick(Change.allCases) {
        case .flipBit:
            guard let index = bytes.indices.randomElement(using: &random) else { return }
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case .setByte:
            guard let index = bytes.indices.randomElement(using: &random) else { return }
            bytes[index] = UInt8.random(in: .min ... .max, using: &random)
        case .setInterestingNumber:
            overwrite(&bytes, with: encode(pick(Self.interesting)))
        case .lieAboutLength:
            lieAboutLength(&bytes)
        case .insertNoise:
            let noise = (0..<Int.random(in: 1...16, using: &random))
                .map { _ in
                    UInt8.random(in: .min ... .max, using: &random)
                }
            bytes.insert(contentsOf: noise, at: Int.random(in: 0...bytes.count, using: &random))
        case .erase:
            bytes.removeSubrange(part(of: bytes, atMost: 64))
        case .repeatPart:
            let copy = bytes[part(of: bytes, atMost: 256)]
            bytes.insert(contentsOf: Array(copy), at: Int.random(in: 0...bytes.count, using: &random))
        case .splice:
            let other = pick(corpus)
            bytes.replaceSubrange(part(of: bytes, atMost: .max), with: other[part(of: other, atMost: .max)])
        case .truncate:
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        case .plantWord:
            plantWord(&bytes)
        }
    }

    /// Numbers at which sizes, signs and sums go wrong, in 8, 16, 24, 31, 32 bits.
    private static let interesting: [UInt32] = [
        0, 1, 2, 3, 4, 7, 8, 0x0F, 0x10, 0x3F, 0x40, 0x7F, 0x80, 0xFE, 0xFF, 0x100, 0x3FFF, 0x4000, 0x7FFF, 0x8000,
        0xFFFE,
        0xFFFF, 0x1_0000, 0x7F_FFFF, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF4, 0xFFFF_FFFE, .max,
    ]

    /// Writes a number that is nearly, but not quite, the distance from some place to the end or to another place.
    private mutating func lieAboutLength(_ bytes: inout [UInt8]) {
        guard let index = bytes.indices.randomElement(using: &random) else { return }
        let lengths = [
            bytes.count, bytes.count - index, Int.random(in: 0...bytes.count, using: &random), Int(bytes[index]),
        ]
        let length = pick(lengths) + Int.random(in: -12...12, using: &random)
        let number = encode(UInt32(truncatingIfNeeded: length))
        bytes.replaceSubrange(index..<min(index + number.count, bytes.count), with: number)
    }

    private mutating func plantWord(_ bytes: inout [UInt8]) {
        guard let word = dictionary.randomElement(using: &random) else { return }
        if Bool.random(using: &random) {
            overwrite(&bytes, with: word)
        } else {
            bytes.insert(contentsOf: word, at: Int.random(in: 0...bytes.count, using: &random))
        }
    }

    private mutating func overwrite(_ bytes: inout [UInt8], with new: [UInt8]) {
        let index = Int.random(in: 0...bytes.count, using: &random)
        bytes.replaceSubrange(index..<min(index + new.count, bytes.count), with: new)
    }

    /// One to four bytes, in either order.
    private mutating func encode(_ number: UInt32) -> [UInt8] {
        let little = (0..<Int.random(in: 1...4, using: &random)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return Bool.random(using: &random) ? little : little.reversed()
    }

    private mutating func part(of bytes: [UInt8], atMost longest: Int) -> Range<Int> {
        let start = Int.random(in: 0...bytes.count, using: &random)
        return start..<start + Int.random(in: 0...min(longest, bytes.count - start), using: &random)
    }

    /// A random element of an array that is known to have one.
    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &random)]
    }
}
