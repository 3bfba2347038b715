package import ZoetropeCore

/// Renders frames of a camera move over one photo.
///
/// Pure arithmetic on planes of samples; frames are independent of each other, so several threads may render with one
/// renderer.
///
/// Each row of a frame is made in two passes, as ``RowTable`` allows: four rows of the photo are blended into one, and
/// that row is resampled with a constant step. Both use the four taps of ``CatmullRom``.
package struct FrameRenderer: Sendable {
    package let path: CameraPath
    /// Size of the frames.
    package let size: FrameSize
    private let planes: [SourcePlane]

    /// How much larger than the frame the photo's planes should be: the middle between the first frame, which shows
    /// them reduced by this much over the zoom, and the nearest rows of the last, which shows them enlarged.
    package static let oversampling = 1.2

    /// The size to which a photo is brought before it is rendered: both sides even, never larger than its own pixels
    /// need (`crop` is the part of the photo that the clip shows), never smaller than the frame.
    package static func sourceSize(for frame: FrameSize, crop: FrameSize) -> FrameSize {
        let factor = min(oversampling, max(1, Double(crop.width) / Double(frame.width)))
        func even(_ side: Int) -> Int { Int((Double(side) * factor / 2).rounded()) * 2 }
        return FrameSize(width: even(frame.width), height: even(frame.height))
    }

    package init(photo: PlanarPicture, path: CameraPath, size: FrameSize) {
        precondition(size.width % 16 == 0 && size.height % 16 == 0, "sides must be multiples of 16, got \(size)")
        self.path = path
        self.size = size
        planes = PlanarPicture.Plane.allCases.map { SourcePlane(photo: photo, plane: $0) }
    }

    /// Renders one frame.
    ///
    /// `macroblockRows` says which bands of sixteen rows, of 0..<``rowsOfMacroblocks``; parts of one frame may be rendered at
    /// the same time. `frame` has room for `size.bytesOfPlanarPicture` bytes: planes Y, U, V.
    package func render(
        frame number: Int,
        macroblockRows: Range<Int>,
        into frame: UnsafeMutableBufferPointer<UInt8>
    ) {
        precondition(frame.count == size.bytesOfPlanarPicture, "got \(frame.count) bytes for \(size)")
        precondition(0 <= macroblockRows.lowerBound && macroblockRows.upperBound <= rowsOfMacroblocks)
        guard let base = frame.baseAddress else { return }
        let table = RowTable(path: path, pose: path.pose(at: number))
        CatmullRom.weights.withUnsafeBufferPointer { weights in
            for plane in PlanarPicture.Plane.allCases {
                let rowsPerMacroblock = plane == .y ? 16 : 8
                let first = macroblockRows.lowerBound * rowsPerMacroblock
                let end = macroblockRows.upperBound * rowsPerMacroblock
                let planeSize = size.ofPlane(plane)
                let source = planes[plane.rawValue]
                withUnsafeTemporaryAllocation(of: Float.self, capacity: source.stride) { line in
                    for row in first..<end {
                        let position = table.row(row, frame: planeSize, plane: source.size, isChroma: plane != .y)
                        source.resample(
                            position,
                            count: planeSize.width,
                            weights: weights,
                            line: line,
                            into: base + size.offset(ofPlane: plane) + row * planeSize.width
                        )
                    }
                }
            }
        }
    }

    /// Renders one whole frame.
    package func render(frame number: Int, into frame: UnsafeMutableBufferPointer<UInt8>) {
        render(frame: number, macroblockRows: 0..<rowsOfMacroblocks, into: frame)
    }

    package var rowsOfMacroblocks: Int { size.height / 16 }
}

/// One plane of the photo as floats, with its edge samples repeated outwards so that the taps need no bounds.
private struct SourcePlane: Sendable {
    let size: FrameSize
    /// Samples from one row to the next.
    let stride: Int
    private let samples: [Float]

    /// Repeated samples on each side of a row: what the camera's moves and the taps can reach beyond the edge.
    private static let padding = 8

    init(photo: PlanarPicture, plane: PlanarPicture.Plane) {
        let size = photo.size(of: plane)
        let offset = photo.offset(of: plane)
        var samples: [Float] = []
        samples.reserveCapacity((size.width + 2 * Self.padding) * size.height)
        photo.bytes.withUnsafeBufferPointer { bytes in
            for row in 0..<size.height {
                let line = bytes[(offset + row * size.width)..<(offset + (row + 1) * size.width)]
                samples.append(contentsOf: repeatElement(Float(line[line.startIndex]), count: Self.padding))
                for byte in line { samples.append(Float(byte)) }
                samples.append(contentsOf: repeatElement(Float(line[line.endIndex - 1]), count: Self.padding))
            }
        }
        self.size = size
        stride = size.width + 2 * Self.padding
        self.samples = samples
    }

    /// Makes one row of a frame: `count` samples, a multiple of four.
    @inline(__always)
    func resample(
        _ row: SourceRow,
        count: Int,
        weights: UnsafeBufferPointer<SIMD4<Float>>,
        line: UnsafeMutableBufferPointer<Float>,
        into output: UnsafeMutablePointer<UInt8>
    ) {
        let phaseShift = Int64(32 - CatmullRom.phaseBits)
        // Half a phase is added once, so that cutting off the lower bits rounds.
        let halfPhase: Int64 = 1 << (phaseShift - 1)
        let phaseMask: Int64 = 1 << Int64(CatmullRom.phaseBits) - 1

        let y = row.y + halfPhase
        // The first tap is one sample to the left of the position.
        var x = row.x + halfPhase + Int64(Self.padding - 1) << 32
        let first = Int(x >> 32)
        let last = Int((x + row.step * Int64(count - 1)) >> 32) + 3
        precondition(first >= 0 && last + 4 <= stride && row.step > 0, "the camera left the photo: \(row)")
        guard let line = line.baseAddress else { return }
        samples.withUnsafeBufferPointer { samples in
            guard let samples = samples.baseAddress else { return }
            let top = Int(y >> 32)
            func start(_ tap: Int) -> UnsafePointer<Float> {
                samples + min(max(top + tap, 0), size.height - 1) * stride
            }
            Self.blend(
                start(-1),
                start(0),
                start(1),
                start(2),
                weights[Int((y >> phaseShift) & phaseMask)],
                from: first,
                through: last,
                into: line
            )
        }
        for column in Swift.stride(from: 0, to: count, by: 4) {
            let sums = Self.fourSamples(line, &x, row.step, weights, phaseShift, phaseMask)
            // Adding 1.5·2²³ leaves the rounded value in the low bits of the float, which spares a slow conversion.
            let rounded =
                sums
                .replacing(with: SIMD4(repeating: 0), where: sums .< 0)
                .replacing(with: SIMD4(repeating: 255), where: sums .> 255) + 12_582_912
            let integers = unsafeBitCast(rounded, to: SIMD4<UInt32>.self)
            let bytes = SIMD4<UInt8>(truncatingIfNeeded: integers)
            UnsafeMutableRawPointer(output + column).storeBytes(of: bytes, as: SIMD4<UInt8>.self)
        }
    }

    @inline(__always)
    private static func blend(
        _ a: UnsafePointer<Float>,
        _ b: UnsafePointer<Float>,
        _ c: UnsafePointer<Float>,
        _ d: UnsafePointer<Float>,
        _ weight: SIMD4<Float>,
        from first: Int,
        through last: Int,
        into line: UnsafeMutablePointer<Float>
    ) {
        @inline(__always) func four(_ row: UnsafePointer<Float>, _ column: Int) -> SIMD4<Float> {
            UnsafeRawPointer(row + column).loadUnaligned(as: SIMD4<Float>.self)
        }
        let (wa, wb) = (SIMD4(repeating: weight[0]), SIMD4(repeating: weight[1]))
        let (wc, wd) = (SIMD4(repeating: weight[2]), SIMD4(repeating: weight[3]))
        var column = first
        while column <= last {
            let sum = four(a, column) * wa + four(b, column) * wb + four(c, column) * wc + four(d, column) * wd
            UnsafeMutableRawPointer(line + column).storeBytes(of: sum, as: SIMD4<Float>.self)
            column &+= 4
        }
    }

    /// Four neighbouring samples.
    @inline(__always)
    private static func fourSamples(
        _ line: UnsafePointer<Float>,
        _ x: inout Int64,
        _ step: Int64,
        _ weights: UnsafeBufferPointer<SIMD4<Float>>,
        _ phaseShift: Int64,
        _ phaseMask: Int64
    ) -> SIMD4<Float> {
        @inline(__always) func sample(_ x: Int64) -> Float {
            let taps = UnsafeRawPointer(line + Int(x >> 32)).loadUnaligned(as: SIMD4<Float>.self)
            return (taps * weights[Int((x >> phaseShift) & phaseMask)]).sum()
        }
        let samples = SIMD4(sample(x), sample(x &+ step), sample(x &+ 2 &* step), sample(x &+ 3 &* step))
        x &+= 4 &* step
        return samples
    }
}
