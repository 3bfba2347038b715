/// What happened in a simulation, as one number, and as text when somebody wants to read it.
struct Trace {
    /// Equal for equal runs (Fowler, Noll and Vo's hash, over whole words).
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var lines: [String] = []
    let isKept: Bool

    init(isKept: Bool) {
        self.isKept = isKept
    }

    mutating func note(_ time: Int64, _ word: UInt64, _ text: @autoclosure () -> String) {
        for value in [UInt64(bitPattern: time), word] {
            hash = (hash ^ value) &* 0x0000_0100_0000_01b3
            hash ^= hash >> 29
        }
        if isKept { lines.append("\(Double(time / 1_000) / 1_000_000) \(text())") }
    }
}

extension SplitMix64 {
    /// True with that probability.
    mutating func chance(_ probability: Double) -> Bool {
        probability > 0 && unit() < probability
    }

    /// 0..<1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func within(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * unit()
    }

    /// One of those numbers.
    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    mutating func pick<Element>(_ list: [Element]) -> Element {
        list[pick(0...(list.count - 1))]
    }

    /// Mostly near the lower end, sometimes near the upper one.
    mutating func skewed(_ range: ClosedRange<Double>) -> Double {
        let chance = unit()
        return range.lowerBound + (range.upperBound - range.lowerBound) * chance * chance * chance
    }
}
