import Foundation
import Testing
import ZoetropeTestKit

extension EndToEnd {
    @Suite(.timeLimit(.minutes(5))) struct AnimateTests {
        @Test func `a photo becomes a video, whose path alone is on standard output`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run(
                "animate",
                Program.photo("landscape"),
                "--resolution",
                "480p",
                in: folder
            )
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.text == "landscape.mp4\n")
            #expect(result.errorText.contains("Using the local renderer"))
            #expect(result.errorText.contains("100 %") == false)
            #expect(result.errorText.contains("rendering, "), "plain lines of progress")
            #expect(!result.errorText.contains("\u{1B}"), "no terminal, no control codes")
            #expect(try Program.names(in: folder) == ["landscape.mp4"])
            let verdict = try await ToolRunner.run(Project.checker, [folder.path("landscape.mp4"), "5"])
            #expect(verdict.status == 0, "\(verdict.text)")
        }

        @Test func `JSON, poster and quiet`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run(
                "animate",
                Program.photo("portrait"),
                "-o",
                "out.mp4",
                "--poster",
                "out.jpg",
                "--json",
                "--quiet",
                "--resolution",
                "480p",
                "--duration",
                "6",
                in: folder
            )
            #expect(result.status == 0)
            #expect(result.errorText.isEmpty)
            let object = try #require(try JSONSerialization.jsonObject(with: result.stdout) as? [String: Any])
            #expect(object["path"] as? String == "out.mp4")
            #expect(object["poster"] as? String == "out.jpg")
            #expect(object["model"] as? String == "local")
            #expect(object["seconds"] as? Int == 6)
            #expect(object["fps"] as? Int == 30)
            #expect(object["cost"] as? Double == 0)
            let width = try #require(object["width"] as? Int)
            let height = try #require(object["height"] as? Int)
            let probe = try await ToolRunner.succeed(
                "ffprobe",
                [
                    "-v", "error", "-show_entries", "stream=width,height,nb_frames", "-of", "csv=p=0",
                    folder.path("out.mp4"),
                ]
            )
            #expect(probe.text == "\(width),\(height),180\n")
            #expect(try Program.names(in: folder) == ["out.jpg", "out.mp4"])
        }

        @Test func `a video that exists is replaced only if it was named`() async throws {
            let folder = try TemporaryFolder()
            try Data("precious".utf8).write(to: folder.url.appending(path: "bee.mp4"))
            let refused = try await Program.run("animate", Program.photo("bee"), in: folder)
            #expect(refused.status == 2)
            #expect(refused.errorText.contains("\"bee.mp4\" exists already"))
            #expect(try String(contentsOf: folder.url.appending(path: "bee.mp4"), encoding: .utf8) == "precious")
            let named = try await Program.run(
                "animate",
                Program.photo("bee"),
                "-o",
                "bee.mp4",
                "--resolution",
                "480p",
                in: folder
            )
            #expect(named.status == 0)
            #expect(try Data(contentsOf: folder.url.appending(path: "bee.mp4")).count > 10_000)
        }

        @Test(arguments: [
            (["--resolution", "4k"], "Invalid resolution. Choose 480p, 720p, or 1080p"),
            (["--duration", "7"], "Invalid duration. Choose 5, 6, or 10 seconds"),
            (["--duration", "10"], "10-second animations are available on the paid plan"),
            (["--prompt", String(repeating: "x", count: 501)], "Prompt is required (max 500 characters)"),
            (["--model", "sora"], "\"sora\" is not known"),
            (["--motion", "dance"], "walk-forward"),
            (["--camera", "drunk"], "mild-pan"),
            (["--tier", "gold"], "free"),
            (["--seed", "-1"], "--seed"),
            (["-o", "video.avi"], "must end in .mp4"),
            (["-o", "nowhere/video.mp4"], "the folder \"nowhere\" does not exist"),
            (["--poster", "poster.png"], "must end in .jpg"),
            (["--sandbox", "none"], "ZOETROPE_SANDBOX must be one of"),
            (["--ffmpeg", "no-such-ffmpeg"], "no-such-ffmpeg was not found"),
            (["--config", "missing.yaml"], "missing.yaml"),
            (["--no-such-option"], "no-such-option"),
        ])
        func `wrong usage is said in a sentence and ends with 2`(arguments: [String], message: String) async throws {
            let folder = try TemporaryFolder()
            let result = try await ToolRunner.run(
                "env",
                ["-C", folder.url.path, Program.path, "animate", Program.photo("bee")] + arguments
            )
            #expect(result.status == 2)
            #expect(result.errorText.contains(message), "\(result.errorText)")
            #expect(result.text.isEmpty)
            #expect(try Program.names(in: folder).isEmpty)
        }

        @Test func `several wrong options are reported together`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run(
                "animate",
                Program.photo("bee"),
                "--resolution",
                "4k",
                "--duration",
                "7",
                in: folder
            )
            #expect(result.errorText.contains("Invalid resolution") && result.errorText.contains("Invalid duration"))
        }

        @Test func `an unreadable folder for the video is said to be one`() async throws {
            let folder = try TemporaryFolder()
            // Root may write anywhere, but not here.
            let result = try await Program.run("animate", Program.photo("bee"), "-o", "/proc/video.mp4", in: folder)
            #expect(result.status == 1)
            #expect(result.errorText.contains("\"/proc\" cannot be written to"), "\(result.errorText)")
        }

        @Test func `a result that cannot be printed is a failure`() async throws {
            let folder = try TemporaryFolder()
            let result = try await ToolRunner.run(
                "sh",
                [
                    "-c",
                    "exec '\(Program.path)' animate '\(Program.photo("bee"))' -o \(folder.path("bee.mp4")) --quiet >/dev/full",
                ]
            )
            #expect(result.status == 1)
            #expect(result.errorText.contains("standard output cannot be written to"))
        }

        @Test func `the image itself is never overwritten`() async throws {
            let folder = try TemporaryFolder()
            try FileManager.default.copyItem(atPath: Program.photo("bee"), toPath: folder.path("photo.mp4"))
            let before = try Data(contentsOf: folder.url.appending(path: "photo.mp4"))
            let result = try await Program.run("animate", "photo.mp4", "-o", "photo.mp4", in: folder)
            #expect(result.status == 2)
            #expect(result.errorText.contains("is the image itself"))
            #expect(try Data(contentsOf: folder.url.appending(path: "photo.mp4")) == before)
        }

        @Test func `names that look like patterns, options or protocols are names`() async throws {
            let folder = try TemporaryFolder()
            for name in ["100%d.jpg", "concat:a|b.jpg", "späß & co.jpg", "a\nb.jpg", "'quoted'.jpg"] {
                try FileManager.default.copyItem(atPath: Program.photo("grey"), toPath: folder.path(name))
                let result = try await Program.run("animate", name, "--resolution", "480p", "--quiet", in: folder)
                #expect(result.status == 0, "\(name): \(result.errorText)")
                #expect(FileManager.default.fileExists(atPath: folder.path(name.replacing(".jpg", with: ".mp4"))))
            }
            let dashed = try await Program.run(
                "animate",
                "--resolution",
                "480p",
                "--quiet",
                "--",
                "100%d.jpg",
                in: folder
            )
            #expect(dashed.status == 2, "the video exists by now")
        }
    }
}
