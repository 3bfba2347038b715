/// Measures how far a patch of a picture has moved from one frame to the next, to a few thousandths of a pixel.
///
/// The iterative method of Lucas and Kanade with six unknowns (shift, scale and shear) on lightly blurred
/// luma. It knows nothing of how the frames were made.
package struct PatchTracker {
    private let width: Int
    private let height: Int
    /// Half the side of a patch.
    private let radius: Int

    package init(width: Int, height: Int, radius: Int = 24) {
        self.width = width
        self.height = height
        self.radius = radius
    }

    /// A frame's luma, prepared for tracking: blurred with 1-4-6-4-1 both ways, which removes what an interpolating
    /// filter renders unevenly.
    package func prepare(_ luma: some Collection<UInt8>) -> [Float] {
        let source = luma.prefix(width * height).map(Float.init)
        func blurred(_ samples: [Float], step: Int) -> [Float] {
            var result = samples
            for i in 2 * step..<samples.count - 2 * step {
                result[i] =
                    (samples[i - 2 * step] + 4 * samples[i - step] + 6 * samples[i] + 4 * samples[i + step]
                        + samples[i + 2 * step]) / 16
            }
            return result
        }
        return blurred(blurred(source, step: 1), step: width)
    }

    /// Where the patch around (x, y) of `first` is found in `second`, relative to (x, y).
    /// - Returns: nil where there is nothing to hold on to, or the search does not settle.
    package func displacement(
        from first: [Float],
        to second: [Float],
        x: Int,
        y: Int,
        guess: (x: Double, y: Double) = (0, 0)
    ) -> (x: Double, y: Double)? {
        let margin = radius + 4
        guard x >= margin, y >= margin, x < width - margin, y < height - margin else { return nil }
        // Unknowns: shift x and y, then what it grows by per pixel to the right (x, y) and downwards (x, y).
        var unknowns = [guess.x, guess.y, 0, 0, 0, 0]
        for _ in 0..<25 {
            var normal = [[Double]](repeating: [0, 0, 0, 0, 0, 0], count: 6)
            var right = [0.0, 0, 0, 0, 0, 0]
            for j in -radius...radius {
                for i in -radius...radius {
                    let at = (y + j) * width + x + i
                    let gradientX = Double(first[at + 1] - first[at - 1]) / 2
                    let gradientY = Double(first[at + width] - first[at - width]) / 2
                    let (di, dj) = (Double(i), Double(j))
                    let px = Double(x) + di + unknowns[0] + unknowns[2] * di + unknowns[4] * dj
                    let py = Double(y) + dj + unknowns[1] + unknowns[3] * di + unknowns[5] * dj
                    guard let seen = interpolate(second, px, py) else { return nil }
                    let error = seen - Double(first[at])
                    let row = [
                        gradientX, gradientY, gradientX * di, gradientY * di, gradientX * dj, gradientY * dj,
                    ]
                    for a in 0..<6 {
                        right[a] += row[a] * error
                        for b in a..<6 { normal[a][b] += row[a] * row[b] }
                    }
                }
            }
            for a in 0..<6 { for b in 0..<a { normal[a][b] = normal[b][a] } }
            guard isTextured(normal), let step = Self.solve(normal, right) else { return nil }
            for a in 0..<6 { unknowns[a] -= step[a] }
            if abs(step[0]) + abs(step[1]) < 1e-5 { return (unknowns[0], unknowns[1]) }
        }
        return nil
    }

    /// Whether a patch shows movement in every direction: an edge alone does not tell how far it has slid along itself.
    ///
    /// The smaller eigenvalue of the gradients' covariance decides, as with Shi and Tomasi.
    private func isTextured(_ normal: [[Double]]) -> Bool {
        let pixels = Double((2 * radius + 1) * (2 * radius + 1))
        let (a, b, c) = (normal[0][0] / pixels, normal[0][1] / pixels, normal[1][1] / pixels)
        return (a + c) / 2 - ((a - c) * (a - c) / 4 + b * b).squareRoot() > 4
    }

    /// Catmull-Rom.
    private func interpolate(_ samples: [Float], _ x: Double, _ y: Double) -> Double? {
        let (column, row) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
        guard column >= 1, row >= 1, column < width - 2, row < height - 2 else { return nil }
        func weights(_ t: Double) -> (Double, Double, Double, Double) {
            (
                ((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2,
                (t - 1) * t * t / 2
            )
        }
        let w = weights(x - Double(column))
        func line(_ row: Int) -> Double {
            let at = row * width + column
            return w.0 * Double(samples[at - 1]) + w.1 * Double(samples[at]) + w.2 * Double(samples[at + 1])
                + w.3 * Double(samples[at + 2])
        }
        let v = weights(y - Double(row))
        return v.0 * line(row - 1) + v.1 * line(row) + v.2 * line(row + 1) + v.3 * line(row + 2)
    }

    /// Gaussian elimination with pivots; nil for a singular matrix.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
        var m = matrix
        var r = right
        let n = r.count
        for column in 0..<n {
            guard let pivot = (column..<n).max(by: { abs(m[$0][column]) < abs(m[$1][column]) }),
                abs(m[pivot][column]) > 1e-9
            else { return nil }
            m.swapAt(column, pivot)
            r.swapAt(column, pivot)
            for row in column + 1..<n {
                let factor = m[row][column] / m[column][column]
                for k in column..<n { m[row][k] -= factor * m[column][k] }
                r[row] -= factor * r[column]
            }
        }
        var solution = [Double](repeating: 0, count: n)
        for row in stride(from: n - 1, through: 0, by: -1) {
            let known = (row + 1..<n).reduce(0.0) { $0 + m[row][$1] * solution[$1] }
            solution[row] = (r[row] - known) / m[row][row]
        }
        return solution
    }
}

/// How unevenly things move.
package struct Jitter: Sendable, Equatable {
    /// Root mean square and largest deviation, in pixels.
    package var rms: Double
    package var max: Double
    package var count: Int

    package init(deviations: [Double]) {
        count = deviations.count
        rms = (deviations.reduce(0) { $0 + $1 * $1 } / Double(Swift.max(1, count))).squareRoot()
        max = deviations.map(abs).max() ?? 0
    }

    /// The deviation of each value from a cubic through its seven neighbours (Savitzky and Golay), enlarged by what the
    /// value itself pulls the cubic towards it.
    ///
    /// A smooth camera move leaves next to nothing.
    package static func deviations(in series: [Double]) -> [Double] {
        let weights = [-2.0, 3, 6, 7, 6, 3, -2].map { $0 / 21 }
        let share = (1 - weights[3]).squareRoot()
        guard series.count >= 7 else { return [] }
        return (3..<series.count - 3)
            .map { centre in
                let smooth = (0..<7).reduce(0.0) { $0 + weights[$1] * series[centre + $1 - 3] }
                return (series[centre] - smooth) / share
            }
    }
}
