/// Width and height of a picture in pixels.
package struct FrameSize: Sendable, Hashable, CustomStringConvertible {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    package var aspect: Double { Double(width) / Double(height) }
    package var pixels: Int { width * height }
    package var isPortrait: Bool { height > width }
    package var description: String { "\(width) × \(height)" }
}

extension FrameSize {
    /// The narrowest and the widest picture that we publish.
    package static let aspects = (9.0 / 16.0)...(16.0 / 9.0)

    /// The size of the clip for a photo: the photo's aspect between 9:16 and 16:9, the area of the resolution.
    ///
    /// Both sides are multiples of 16, the unit in which H.264 codes (so nothing is padded and cropped), and the area
    /// is never more than the resolution's, which keeps the level of the codec low. Among those sizes the one nearest
    /// to the wanted aspect and area is taken; the aspect counts twice as much. `aspects` are the narrowest and the widest
    /// that may come of it.
    package static func ofClip(
        for photo: FrameSize,
        resolution: Resolution,
        aspects: ClosedRange<Double> = aspects
    ) -> FrameSize {
        let aspect = min(max(photo.aspect, aspects.lowerBound), aspects.upperBound)
        let ideal = (Double(resolution.area) / aspect).squareRoot()
        let nearest = Int(ideal / 16)
        var best = FrameSize(width: 16, height: 16)
        var bestError = Double.infinity
        for rows in max(1, nearest - 3)...(nearest + 3) {
            for columns in [Int(Double(rows) * aspect), Int(Double(rows) * aspect) + 1] where columns > 0 {
                let size = FrameSize(width: columns * 16, height: rows * 16)
                guard size.pixels <= resolution.area else { continue }
                let error =
                    2 * abs(size.aspect / aspect - 1) + (1 - Double(size.pixels) / Double(resolution.area))
                if error < bestError {
                    best = size
                    bestError = error
                }
            }
        }
        return best
    }
}
