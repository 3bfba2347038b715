import Foundation
import SystemPackage
import Testing
import ZoetropeCore
import ZoetropeMedia
import ZoetropeTestKit

/// Broken results, of the kinds for which ffmpeg itself exits with 0.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ClipVerifierTests {
    private static let size = FrameSize(width: 320, height: 192)

    /// A good clip of a second, after what `damage` does to it.
    private func verify(
        seconds: Int = 1,
        size: FrameSize = size,
        onlyKeyFrames: Bool = false,
        _ damage: (inout [UInt8]) throws -> Void
    ) async throws -> MediaError? {
        let folder = try TemporaryFolder()
        let tools = try await TestTools.find()
        let photo = PlanarPicture.texture(size: Self.size)
        let frames = folder.url.appending(path: "frames.yuv")
        try Data((0..<30).flatMap { _ in photo.bytes }).write(to: frames)
        let file = try FileDescriptor.open(FilePath(frames.path), .readOnly)
        defer { try? file.close() }
        var child = ChildProcess(
            tools.ffmpeg,
            FFmpegArguments.encodeFrames(size: Self.size, frames: 30, output: "clip.mp4"),
            limits: .clip,
            deadline: .seconds(20)
        )
        child.input = file
        child.folder = FilePath(folder.url.path)
        child.folderAccess = .readWrite
        let outcome = try await child.run(in: tools.sandbox, prlimit: tools.prlimit)
        #expect(outcome.succeeded, "\(outcome.detail)")

        let clip = folder.url.appending(path: "clip.mp4")
        var bytes = try [UInt8](Data(contentsOf: clip))
        try damage(&bytes)
        try Data(bytes).write(to: clip)
        do {
            let verifier = ClipVerifier(tools: tools)
            let work = FilePath(folder.url.path)
            let movie = try verifier.checkBoxes("clip.mp4", in: work, seconds: seconds, size: size)
            if onlyKeyFrames {
                _ = try await verifier.poster(of: "clip.mp4", in: work, movie)
            } else {
                try await verifier.decodeAll("clip.mp4", in: work, seconds: seconds, allowsSound: false)
            }
            return nil
        } catch let error as MediaError {
            return error
        }
    }

    @Test func `a good clip passes`() async throws {
        #expect(try await verify { _ in } == nil)
    }

    @Test func `a clip of another length is refused`() async throws {
        #expect(try await verify(seconds: 5) { _ in }?.code == .outputInvalid)
    }

    @Test func `a clip of another size is refused`() async throws {
        #expect(try await verify(size: FrameSize(width: 640, height: 384)) { _ in }?.code == .outputInvalid)
    }

    @Test(arguments: [0, 100, 1000])
    func `a clip that is cut off is refused`(missing: Int) async throws {
        let error = try await verify { $0.removeLast(missing == 0 ? $0.count : missing) }
        #expect(error?.code == .outputInvalid)
    }

    @Test func `a damaged key frame is found before the rest is decoded`() async throws {
        let error = try await verify(onlyKeyFrames: true) { bytes in
            let data = try #require(bytes.firstRange(of: Array("mdat".utf8)))
            for index in stride(from: data.upperBound + 800, to: data.upperBound + 1_200, by: 7) {
                bytes[index] ^= 0xFF
            }
        }
        #expect(error?.code == .outputInvalid)
        #expect(error?.message.contains("0 of 1 key frames") == true)
    }

    @Test func `flipped bits in the picture data are found, although the boxes are whole`() async throws {
        let error = try await verify { bytes in
            let data = try #require(bytes.firstRange(of: Array("mdat".utf8)))
            for index in stride(from: data.upperBound + 800, to: bytes.count, by: 97) { bytes[index] ^= 0xFF }
        }
        #expect(error?.code == .outputInvalid)
        #expect(error?.message.contains("cannot be decoded") == true)
    }
}
