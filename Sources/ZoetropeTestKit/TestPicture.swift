import Glibc
package import ZoetropeCore
package import ZoetropeMedia

extension PlanarPicture {
    /// A picture with texture everywhere and nothing finer than four samples: what a filter can reproduce and a
    /// tracker can hold on to.
    package static func texture(size: FrameSize, seed: UInt64 = 1) -> PlanarPicture {
        var random = SplitMix64(seed: seed)
        var bytes = [UInt8](repeating: 128, count: size.bytesOfPlanarPicture)
        for plane in Plane.allCases {
            let planeSize = size.ofPlane(plane)
            let waves = (0..<12)
                .map { _ -> (fx: Double, fy: Double, phase: Double) in
                    // Periods of 5 to 60 samples, in every direction.
                    let period = 5 + 55 * pow(Double.random(in: 0..<1, using: &random), 2)
                    let angle = Double.random(in: 0..<2 * .pi, using: &random)
                    return (
                        2 * .pi / period * cos(angle), 2 * .pi / period * sin(angle),
                        Double.random(in: 0..<2 * .pi, using: &random)
                    )
                }
            let offset = size.offset(ofPlane: plane)
            for y in 0..<planeSize.height {
                for x in 0..<planeSize.width {
                    let sum = waves.reduce(0.0) { $0 + sin($1.fx * Double(x) + $1.fy * Double(y) + $1.phase) }
                    bytes[offset + y * planeSize.width + x] = UInt8(min(max(128 + sum * 18, 16), 235))
                }
            }
        }
        return PlanarPicture(size: size, bytes: bytes)
    }
}
