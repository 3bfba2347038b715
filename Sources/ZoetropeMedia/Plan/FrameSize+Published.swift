package import ZoetropeCore

extension FrameSize {
    /// Pixels of the shorter side.
    package var lines: Int { min(width, height) }

    /// This size with even sides, shrunk into what may be published.
    package var publishable: FrameSize {
        let shrink = min(1, (Double(MP4Target.maxPixels) / Double(pixels)).squareRoot())
        func even(_ side: Int) -> Int { max(MP4Target.minSide, Int(Double(side) * shrink / 2) * 2) }
        return FrameSize(width: even(width), height: even(height))
    }

    /// What is played by default in the place of a video of this size; nil when that is the video itself.
    package var preview: FrameSize? {
        guard lines > MP4Target.previewLines, pixels > MP4Target.previewPixels else { return nil }
        let scale = Double(MP4Target.previewLines) / Double(lines)
        func even(_ side: Int) -> Int {
            max(MP4Target.minSide, Int((Double(side) * scale / 2).rounded()) * 2)
        }
        return FrameSize(width: even(width), height: even(height))
    }

    /// The size of the poster of a video of this size: never enlarged, sides even as its samples are.
    package var poster: FrameSize {
        let scale = min(1, Double(MP4Target.posterWidth) / Double(width))
        func even(_ side: Int) -> Int { max(2, Int((Double(side) * scale / 2).rounded()) * 2) }
        return FrameSize(width: even(width), height: even(height))
    }
}
