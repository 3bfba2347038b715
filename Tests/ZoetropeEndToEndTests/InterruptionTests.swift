import Foundation
import Testing
import ZoetropeTestKit

extension EndToEnd {
    @Suite(.timeLimit(.minutes(5))) struct InterruptionTests {
        /// Starts an animation and waits until it renders.
        private func start(in folder: TemporaryFolder) throws -> Process {
            let process = Process()
            process.executableURL = URL(filePath: Program.path)
            process.currentDirectoryURL = folder.url
            process.arguments = [
                "animate", Program.photo("landscape"), "-o", "video.mp4", "--resolution", "1080p", "--duration", "10",
                "--tier", "paid",
            ]
            let errors = Pipe()
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.start()
            var said = Data()
            while !String(decoding: said, as: UTF8.self).contains("25 %") {
                let more = errors.fileHandleForReading.availableData
                try #require(!more.isEmpty, "it ended before it rendered: \(String(decoding: said, as: UTF8.self))")
                said += more
            }
            return process
        }

        /// The encoders that are at work on this size.
        private var encoders: [String] { RunningProcesses.commands(containing: "-video_size 1920x1088") }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
        func `an interrupted animation leaves nothing behind and ends with 130`(signal: Int32) async throws {
            let folder = try TemporaryFolder()
            let process = try start(in: folder)
            #expect(try Program.names(in: folder).contains { $0.hasPrefix(".zoetrope-scratch-") }, "it works here")
            #expect(!encoders.isEmpty)
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit)
            #expect(process.terminationStatus == 130)
            #expect(try Program.names(in: folder).isEmpty)
            #expect(await RunningProcesses.vanish(containing: "-video_size 1920x1088"))
        }

        @Test func `what a killed animation left goes with the next one, and a living one's stays`() async throws {
            let folder = try TemporaryFolder()
            let killed = try start(in: folder)
            kill(killed.processIdentifier, SIGKILL)
            killed.waitUntilExit()
            let left = try Program.names(in: folder)
            #expect(left.count == 1 && left[0].hasPrefix(".zoetrope-scratch-"))

            let living = try start(in: folder)
            let its = try Program.names(in: folder)
            #expect(its.count == 1 && its != left, "the dead one's folder is gone")
            let other = try await Program.run(
                "animate",
                Program.photo("bee"),
                "-o",
                "bee.mp4",
                "--resolution",
                "480p",
                "--quiet",
                in: folder
            )
            #expect(other.status == 0, "\(other.errorText)")
            #expect(try Program.names(in: folder) == its + ["bee.mp4"])
            living.terminate()
            living.waitUntilExit()
            #expect(try Program.names(in: folder) == ["bee.mp4"])
            // The encoder of the killed one ends when its input does.
            #expect(await RunningProcesses.vanish(containing: "-video_size 1920x1088"))
        }

        @Test func `a bar is drawn on a terminal`() async throws {
            let folder = try TemporaryFolder()
            // `script` of util-linux makes a terminal.
            let result = try await ToolRunner.run(
                "script",
                [
                    "-qec",
                    "stty cols 100; '\(Program.path)' animate '\(Program.photo("bee"))' -o '\(folder.path("bee.mp4"))' --resolution 480p",
                    "/dev/null",
                ]
            )
            #expect(result.status == 0, "\(result.text)")
            #expect(result.text.contains("[###"))
            #expect(result.text.contains("s left"))
            #expect(result.text.contains("\r\u{1B}[2K"))
        }
    }
}
