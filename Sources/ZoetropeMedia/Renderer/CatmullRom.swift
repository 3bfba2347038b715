/// Weights of the Catmull-Rom spline (Keys' cubic convolution with a = −½) at 256 positions between two samples.
///
/// Row `p` holds the weights of the samples at −1, 0, 1 and 2 for the position p/256. They sum to one. 256 phases put
/// a sample at most 1/512 from where it should be, far below what an eye or an encoder notices.
enum CatmullRom {
    static let phaseBits = 8

    static let weights: [SIMD4<Float>] = (0..<(1 << phaseBits))
        .map { phase in
            let t = Double(phase) / Double(1 << phaseBits)
            return SIMD4(
                Float(((2 - t) * t - 1) * t / 2),
                Float(((3 * t - 5) * t * t + 2) / 2),
                Float(((4 - 3 * t) * t + 1) * t / 2),
                Float((t - 1) * t * t / 2)
            )
        }
}
