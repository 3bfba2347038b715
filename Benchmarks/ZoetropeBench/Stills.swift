import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

extension Bench {
    /// Time of one frame on one core, and its distance from the float64 reference.
    func stills() async throws {
        print("## One frame, one core\n")
        print("| size | ms a frame (median of 150) | Mpx/s | beside copying the frame | dB against float64 |")
        print("|---|---|---|---|---|")
        for size in [
            FrameSize(width: 848, height: 480), Self.size, FrameSize(width: 720, height: 1280),
            FrameSize(width: 1920, height: 1088),
        ] {
            let path = CameraPath(motion: .walkForward, camera: .mildPan, seconds: 5, size: size)
            let renderer = FrameRenderer(photo: try await picture(for: size), path: path, size: size)
            var frame = [UInt8](repeating: 0, count: size.bytesOfPlanarPicture)
            var copy = frame
            let clock = ContinuousClock()
            var render: [Double] = []
            var copies: [Double] = []
            for number in 0..<path.frameCount {
                render.append(
                    seconds(
                        clock.measure {
                            frame.withUnsafeMutableBufferPointer { renderer.render(frame: number, into: $0) }
                        }
                    )
                )
                copies.append(seconds(clock.measure { copy.withUnsafeMutableBytes { $0.copyBytes(from: frame) } }))
            }
            let reference = ReferenceRenderer(photo: try await picture(for: size), path: path, size: size)
            let quality = psnr(renderer.frame(100), reference.render(frame: 100))
            let time = median(render)
            print(
                "| \(size) | \(rounded(time * 1000)) | \(rounded(Double(size.pixels) / time / 1e6, 0)) "
                    + "| \(rounded(time / median(copies), 0)) × | \(rounded(quality, 1)) |"
            )
        }
        print("")
    }
}
