import Foundation
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite struct InputImageTests {
    @Test(arguments: [
        (FrameSize(width: 1280, height: 720), FrameSize(width: 1280, height: 720)),
        (FrameSize(width: 6000, height: 4000), FrameSize(width: 2000, height: 1334)),
        (FrameSize(width: 4000, height: 6000), FrameSize(width: 1334, height: 2000)),
        (FrameSize(width: 2001, height: 1501), FrameSize(width: 2000, height: 1500)),
        (FrameSize(width: 300, height: 200), FrameSize(width: 540, height: 360)),
        (FrameSize(width: 200, height: 300), FrameSize(width: 360, height: 540)),
        (FrameSize(width: 64, height: 64), FrameSize(width: 256, height: 256)),
        (FrameSize(width: 5000, height: 1000), FrameSize(width: 2000, height: 800)),
        (FrameSize(width: 1000, height: 5000), FrameSize(width: 800, height: 2000)),
        (FrameSize(width: 32_768, height: 64), FrameSize(width: 640, height: 256)),
    ])
    func `a photo comes within the limits of the models`(photo: FrameSize, size: FrameSize) {
        #expect(InputImage(of: photo).size == size)
    }

    @Test func `no photo that is large enough leads out of the limits`() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let photo = FrameSize(
                width: Int.random(in: 90...9_000, using: &random),
                height: Int.random(in: 90...9_000, using: &random)
            )
            let image = InputImage(of: photo)
            let (short, long) = (min(image.size.width, image.size.height), max(image.size.width, image.size.height))
            #expect(short >= 360 && long <= 2_000 && long * 2 <= short * 5, "\(photo): \(image.size)")
            #expect(short % 2 == 0 && long % 2 == 0)
            let part = image.crop
            #expect(part.x >= 0 && part.y >= 0)
            #expect(part.x + part.width <= photo.width && part.y + part.height <= photo.height)
            #expect(abs(part.size.aspect / image.size.aspect - 1) < 0.01, "\(photo): not stretched")
        }
    }
}
