import Foundation
import Testing
import ZoetropeTestKit

extension EndToEnd {
    @Suite(.timeLimit(.minutes(5))) struct DoctorAndConfigTests {
        @Test func `doctor has a line for everything and ends with 0 where all is well`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run("doctor", in: folder)
            #expect(result.status == 0, "\(result.text)")
            for subject in ["ffmpeg", "sandbox", "output folder", "temporary folder", "clock", "provider token"] {
                #expect(result.text.contains(" \(subject): "))
            }
            #expect(try Program.names(in: folder).isEmpty)
        }

        @Test func `doctor ends with 1 and names what is missing`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run("doctor", "--ffmpeg", "no-such-ffmpeg", in: folder)
            #expect(result.status == 1)
            #expect(result.text.contains("FAIL  ffmpeg: no-such-ffmpeg was not found"))
            #expect(result.text.contains("apt-get install ffmpeg"))
        }

        @Test func `doctor sees that a program is not ffmpeg`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run("doctor", "--ffmpeg", "/bin/echo", in: folder)
            #expect(result.status == 1)
            #expect(result.text.contains("is not ffmpeg"))
        }

        @Test func `settings come from flags, then the environment, then the file, then defaults`() async throws {
            let folder = try TemporaryFolder()
            try Data("ffmpeg: from-file\nsandbox: limits\n".utf8).write(to: folder.url.appending(path: "zoetrope.yaml"))
            let result = try await Program.run(
                "config",
                "--ffmpeg",
                "from-flag",
                in: folder,
                environment: ["ZOETROPE_FFMPEG=from-environment"]
            )
            #expect(result.status == 0)
            #expect(result.text.contains("ffmpeg = from-flag\n    from     flag\n    default  ffmpeg"))
            #expect(result.text.contains("sandbox = limits\n    from     zoetrope.yaml\n    default  auto"))
            let environment = try await Program.run(
                "config",
                in: folder,
                environment: ["ZOETROPE_FFMPEG=from-environment"]
            )
            #expect(environment.text.contains("ffmpeg = from-environment\n    from     environment ZOETROPE_FFMPEG"))
            let file = try await Program.run("config", in: folder)
            #expect(file.text.contains("ffmpeg = from-file\n    from     zoetrope.yaml"))
        }

        @Test func `a secret is never shown`() async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run("config", in: folder, environment: ["REPLICATE_API_TOKEN=r8_CANARY"])
            #expect(result.text.contains("replicate_api_token = (secret"))
            #expect(!(result.text + result.errorText).contains("CANARY"))
        }

        @Test(arguments: [
            "replicate_api_token: \"r8_CANARY\n", "replicate_api_token: r8_CANARY: x\n",
            "replicate_api_token: [r8_CANARY\n",
            "{replicate_api_token: r8_CANARY\n",
        ])
        func `a settings file that is broken beside a secret does not show it`(text: String) async throws {
            let folder = try TemporaryFolder()
            try Data(text.utf8).write(to: folder.url.appending(path: "zoetrope.yaml"))
            let result = try await Program.run("config", in: folder)
            #expect(result.status == 2)
            #expect(result.errorText.contains("zoetrope.yaml"))
            #expect(!(result.text + result.errorText).contains("CANARY"), "\(result.errorText)")
        }

        @Test func `all problems of the settings are reported together`() async throws {
            let folder = try TemporaryFolder()
            try Data("ffmpge: typo\nsandbox: [a, b]\n".utf8).write(to: folder.url.appending(path: "zoetrope.yaml"))
            let result = try await Program.run("config", in: folder, environment: ["ZOETROPE_SANDBOX=none"])
            #expect(result.status == 2)
            #expect(result.errorText.contains("unknown setting \"ffmpge\""))
            #expect(result.errorText.contains("sandbox in zoetrope.yaml must be one value"))
            #expect(result.errorText.contains("ZOETROPE_SANDBOX must be one of auto, bubblewrap, limits; got \"none\""))
        }

        @Test(arguments: ["\u{0}\u{1}", "a: [", "- list", "a: 1\na: 2"])
        func `a settings file that cannot be read is said to be one`(text: String) async throws {
            let folder = try TemporaryFolder()
            try Data(text.utf8).write(to: folder.url.appending(path: "zoetrope.yaml"))
            let result = try await Program.run("config", in: folder)
            #expect(result.status == 2)
            #expect(result.errorText.contains("zoetrope.yaml"))
        }

        @Test(arguments: [["--help"], ["animate", "--help"], ["doctor", "--help"], ["--version"]])
        func `help is on standard output and is no error`(arguments: [String]) async throws {
            let result = try await ToolRunner.run(Program.path, arguments)
            #expect(result.status == 0)
            #expect(!result.text.isEmpty && result.errorText.isEmpty)
        }
    }
}
