/// How often each frame is shown, so that all come as near to their time as possible.
package struct Cadence: Sendable, Equatable {
    /// By the order on the screen; 0 is a frame that is left out.
    package let counts: [Int]
    /// The largest distance of a frame from its time, in frames of the result.
    package let worstError: Double

    /// What a frame allows.
    package struct Frame: Sendable {
        /// When it should appear, in frames of the result.
        package let ideal: Double
        package let counts: ClosedRange<Int>

        package init(ideal: Double, counts: ClosedRange<Int>) {
            (self.ideal, self.counts) = (ideal, counts)
        }
    }

    /// A frame that comes earlier or later than this is seen to stutter.
    package static let limit = 1.0
    /// Places are tried so many frames around the ideal one; frames that are left out may be farther off than others.
    private static let reach = 4
    private static let width = 2 * reach + 1

    /// The counts with the least sum of squared distances that fill the result.
    ///
    /// - Parameters:
    ///   - frames: In the order on the screen, their ideals rising from 0 to `slots`.
    ///   - slots: Frames of the result.
    /// - Returns: `nil` when there are none within ``limit``.
    package static func even(_ frames: [Frame], slots: Int) -> Cadence? {
        // best[offset] is the least sum of a way to reach slot `base + offset` with the frames so far.
        var best = [Double](repeating: .infinity, count: width)
        var base = -reach
        best[reach] = 0
        var choices: [[Int]] = []
        for (index, frame) in frames.enumerated() {
            let ideal = index + 1 < frames.count ? frames[index + 1].ideal : Double(slots)
            let nextBase = Int(ideal.rounded(.down)) - reach
            var next = [Double](repeating: .infinity, count: width)
            var choice = [Int](repeating: 0, count: width)
            for offset in 0..<width where best[offset] < .infinity {
                let error = Double(base + offset) - frame.ideal
                for count in frame.counts where count == 0 || abs(error) <= limit + 1e-6 {
                    let target = base + offset + count - nextBase
                    guard target >= 0, target < width else { continue }
                    let sum = best[offset] + (count == 0 ? 0 : error * error)
                    if sum < next[target] { (next[target], choice[target]) = (sum, count) }
                }
            }
            (best, base) = (next, nextBase)
            choices.append(choice)
        }
        guard slots >= base, slots - base < width, best[slots - base] < .infinity else { return nil }
        return trace(choices, frames, slots: slots)
    }

    private static func trace(_ choices: [[Int]], _ frames: [Frame], slots: Int) -> Cadence {
        var (slot, worst) = (slots, 0.0)
        var counts = [Int](repeating: 0, count: frames.count)
        for index in frames.indices.reversed() {
            let ideal = index + 1 < frames.count ? frames[index + 1].ideal : Double(slots)
            counts[index] = choices[index][slot - Int(ideal.rounded(.down)) + reach]
            slot -= counts[index]
            if counts[index] > 0 { worst = max(worst, abs(Double(slot) - frames[index].ideal)) }
        }
        return Cadence(counts: counts, worstError: worst)
    }
}
