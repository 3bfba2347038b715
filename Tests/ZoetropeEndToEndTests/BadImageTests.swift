import Foundation
import Testing
import ZoetropeTestKit

extension EndToEnd {
    /// Every kind of file that is not an image to animate: one sentence, exit code 1, nothing left behind.
    @Suite(.timeLimit(.minutes(5))) struct BadImageTests {
        private func refuse(
            _ name: String,
            in folder: TemporaryFolder,
            saying message: String,
            _ location: SourceLocation = #_sourceLocation
        ) async throws {
            let before = try Program.names(in: folder)
            let result = try await Program.run("animate", name, "-o", "video.mp4", in: folder)
            #expect(result.status == 1, "\(result.errorText)", sourceLocation: location)
            #expect(result.errorText.contains(message), "\(result.errorText)", sourceLocation: location)
            #expect(
                result.errorText.split(separator: "\n").last?.hasPrefix("Error: ") == true,
                sourceLocation: location
            )
            #expect(result.text.isEmpty, sourceLocation: location)
            #expect(try Program.names(in: folder) == before, "something was left", sourceLocation: location)
        }

        private func refuse(_ bytes: [UInt8], saying message: String, _ location: SourceLocation = #_sourceLocation)
            async throws
        {
            let folder = try TemporaryFolder()
            try Data(bytes).write(to: folder.url.appending(path: "image.jpg"))
            try await refuse("image.jpg", in: folder, saying: message, location)
        }

        @Test func `what is not a file`() async throws {
            let folder = try TemporaryFolder()
            try await refuse("missing.jpg", in: folder, saying: "\"missing.jpg\" does not exist")
            try FileManager.default.createDirectory(atPath: folder.path("album"), withIntermediateDirectories: false)
            try await refuse("album", in: folder, saying: "is a folder")
            try await ToolRunner.succeed("mkfifo", [folder.path("pipe.jpg")])
            try await refuse("pipe.jpg", in: folder, saying: "is not a plain file")
            try await refuse("/dev/zero", in: folder, saying: "is not a plain file")
        }

        @Test(arguments: [
            ("", "empty"),
            ("Just a few words in a text file.\n", "text"),
            ("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\"></svg>", "SVG"),
            ("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"),
            ("%PDF-1.7\n1 0 obj\n", "PDF"),
            ("%!PS-Adobe-3.0\n", "PostScript"),
            ("<!DOCTYPE html><html></html>", "HTML"),
            ("GIF89a\u{1}\u{0}\u{1}\u{0}", "GIF"),
            ("#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n", "playlist"),
            ("ffconcat version 1.0\nfile /etc/passwd\n", "text"),
        ])
        func `what is not an image is named`(text: String, name: String) async throws {
            try await refuse(Array(text.utf8), saying: name)
        }

        @Test(arguments: [0.1, 0.5, 0.99])
        func `a photo that is cut off`(part: Double) async throws {
            let photo = try [UInt8](Data(contentsOf: URL(filePath: Program.photo("people"))))
            try await refuse(Array(photo.prefix(Int(Double(photo.count) * part))), saying: "cut off")
        }

        @Test(arguments: ["png", "webp"])
        func `a picture of another format that is cut off`(format: String) async throws {
            let folder = try TemporaryFolder()
            try await ToolRunner.succeed(
                "ffmpeg",
                ["-v", "error", "-i", Program.photo("bee"), folder.path("bee.\(format)")]
            )
            let bytes = try [UInt8](Data(contentsOf: folder.url.appending(path: "bee.\(format)")))
            try await refuse(Array(bytes.prefix(bytes.count / 2)), saying: "cut off")
        }

        /// A header of 60,000 × 60,000 pixels and nothing else.
        @Test func `a bomb is refused from its header, before any decoder starts`() async throws {
            let folder = try TemporaryFolder()
            var png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
            png += Array("IHDR".utf8) + [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 2, 0, 0, 0, 0, 0, 0, 0]
            try Data(png).write(to: folder.url.appending(path: "bomb.png"))
            // With an ffmpeg that does not exist, the image is refused all the same.
            let result = try await Program.run(
                "animate",
                "bomb.png",
                "--ffmpeg",
                "/nonexistent/ffmpeg",
                in: folder
            )
            #expect(result.status == 1)
            #expect(result.errorText.contains("60000 × 60000"), "\(result.errorText)")
        }

        @Test func `a small file that unpacks to 256 megapixels`() async throws {
            let folder = try TemporaryFolder()
            try await ToolRunner.succeed(
                "ffmpeg",
                [
                    "-v", "error", "-f", "lavfi", "-i", "color=black:s=16000x16000,format=monow", "-frames:v", "1",
                    folder.path("b.png"),
                ]
            )
            try await refuse("b.png", in: folder, saying: "16000 × 16000")
        }

        @Test(arguments: [("63x64", "63 × 64"), ("16x16", "16 × 16")])
        func `an image that is too small`(size: String, shown: String) async throws {
            let folder = try TemporaryFolder()
            try await ToolRunner.succeed(
                "ffmpeg",
                ["-v", "error", "-f", "lavfi", "-i", "testsrc=s=\(size)", "-frames:v", "1", folder.path("s.png")]
            )
            try await refuse("s.png", in: folder, saying: shown)
        }

        @Test(arguments: ["64x64", "64x3000", "3000x64", "10000x5000"])
        func `an image just within the limits is animated`(size: String) async throws {
            let folder = try TemporaryFolder()
            try await ToolRunner.succeed(
                "ffmpeg",
                ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=\(size)", "-frames:v", "1", folder.path("s.png")]
            )
            let result = try await Program.run("animate", "s.png", "--resolution", "480p", "--quiet", in: folder)
            #expect(result.status == 0, "\(result.errorText)")
        }
    }
}
