package import ZoetropeMedia

extension FrameRenderer {
    /// Renders one frame into an array of its own.
    package func frame(_ number: Int) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: size.bytesOfPlanarPicture)
        frame.withUnsafeMutableBufferPointer { render(frame: number, into: $0) }
        return frame
    }
}
