import Testing
import ZoetropeCore

@Suite struct FrameSizeTests {
    @Test(arguments: [
        (FrameSize(width: 1600, height: 900), Resolution.p720, FrameSize(width: 1280, height: 720)),
        (FrameSize(width: 900, height: 1600), .p720, FrameSize(width: 720, height: 1280)),
        (FrameSize(width: 1600, height: 900), .p480, FrameSize(width: 848, height: 480)),
        (FrameSize(width: 1600, height: 900), .p1080, FrameSize(width: 1920, height: 1088)),
        (FrameSize(width: 5000, height: 1000), .p720, FrameSize(width: 1280, height: 720)),
        (FrameSize(width: 100, height: 5000), .p720, FrameSize(width: 720, height: 1280)),
        (FrameSize(width: 1000, height: 1000), .p720, FrameSize(width: 960, height: 960)),
        (FrameSize(width: 4000, height: 3000), .p720, FrameSize(width: 1104, height: 832)),
    ])
    func `well-known photos get well-known sizes`(photo: FrameSize, resolution: Resolution, size: FrameSize) {
        #expect(FrameSize.ofClip(for: photo, resolution: resolution) == size)
    }

    @Test(arguments: Resolution.allCases)
    func `every aspect is kept to a fortieth and every area to a fifteenth`(resolution: Resolution) {
        for width in stride(from: 200, through: 4000, by: 7) {
            let photo = FrameSize(width: width, height: 1000)
            let size = FrameSize.ofClip(for: photo, resolution: resolution)
            let wanted = min(max(photo.aspect, 9.0 / 16), 16.0 / 9)
            #expect(size.width % 16 == 0 && size.height % 16 == 0)
            #expect(abs(size.aspect / wanted - 1) <= 0.025, "\(photo): \(size)")
            #expect(size.pixels <= resolution.area && size.pixels * 100 >= resolution.area * 93, "\(photo): \(size)")
        }
    }

    @Test func `what is too wide is cut on both sides, what is too tall mostly below`() {
        let size = FrameSize(width: 1280, height: 720)
        #expect(
            FrameSize(width: 2000, height: 900).crop(toAspectOf: size)
                == PixelRect(x: 200, y: 0, width: 1600, height: 900)
        )
        #expect(
            FrameSize(width: 1600, height: 1300).crop(toAspectOf: size)
                == PixelRect(x: 0, y: 100, width: 1600, height: 900)
        )
    }

    @Test(arguments: ImageOrientation.allCases)
    func `a part of the upright picture is found in the stored one`(orientation: ImageOrientation) {
        // A 4 × 3 picture of numbers, turned upright by the definition of each orientation.
        let upright = FrameSize(width: 4, height: 3)
        let stored =
            orientation.swapsSides ? FrameSize(width: 3, height: 4) : upright
        func storedPixel(_ x: Int, _ y: Int) -> (Int, Int) {
            switch orientation {
            case .upright: (x, y)
            case .mirrored: (3 - x, y)
            case .rotated180: (3 - x, 2 - y)
            case .flipped: (x, 2 - y)
            case .transposed: (y, x)
            case .rotated90: (y, 3 - x)
            case .transversed: (2 - y, 3 - x)
            case .rotated270: (2 - y, x)
            }
        }
        let part = PixelRect(x: 1, y: 0, width: 2, height: 1)
        let found = part.stored(as: orientation, upright: upright)
        var seen: Set<Int> = []
        for y in found.y..<found.y + found.height {
            for x in found.x..<found.x + found.width { seen.insert(y * stored.width + x) }
        }
        let expected = Set(
            [(1, 0), (2, 0)]
                .map { pixel in
                    let (x, y) = storedPixel(pixel.0, pixel.1)
                    return y * stored.width + x
                }
        )
        #expect(seen == expected)
    }
}
