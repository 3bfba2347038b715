import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

@Suite struct RowTableTests {
    @Test(arguments: Move.all)
    func `rows are found where a bisection of the perspective finds them`(move: Move) {
        for frame in [0, move.path.frameCount / 3, move.path.frameCount - 1] {
            let pose = move.path.pose(at: frame)
            let table = RowTable(path: move.path, pose: pose)
            let reference = ReferenceCamera(path: move.path, pose: pose, size: move.size)
            for row in stride(from: 0, through: move.size.height, by: move.size.height / 16) {
                let height = Double(row) / Double(move.size.height)
                let found = table.source(atHeight: height).height * Double(move.size.height)
                #expect(abs(found - reference.photoPoint(x: 0, y: Double(row)).y) < 1e-6)
            }
        }
    }

    @Test func `without depth it is a plain zoom`() {
        let path = CameraPath(motion: .panRight, camera: .static, seconds: 5, size: Move.sizes[0])
        let table = RowTable(path: path, pose: path.pose(at: 149))
        let scales = (0...10).map { table.source(atHeight: Double($0) / 10).scale }
        #expect(scales.allSatisfy { abs($0 - 1 / path.zoom) < 1e-12 })
    }

    @Test func `a still picture is the photo itself, sample for sample`() {
        let size = FrameSize(width: 320, height: 192)
        let path = CameraPath(motion: .still, camera: .static, seconds: 5, size: size)
        let photo = PlanarPicture.texture(size: size)
        let renderer = FrameRenderer(photo: photo, path: path, size: size)
        #expect(renderer.frame(17) == photo.bytes)
    }
}
