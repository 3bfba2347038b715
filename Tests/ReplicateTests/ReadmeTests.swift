import Foundation
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// The program in the README: it is the one in Examples, it is short, and it does what it says.
@Suite(.timeLimit(.minutes(2)))
struct ReadmeTests {
    private static let program = Project.root.appending(path: "Examples/AnimateWithReplicate/main.swift")

    /// The built program, beside this test's own.
    private static let executable = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "animate-with-replicate").path

    @Test
    func `the README shows the program that is built`() throws {
        let program = try String(contentsOf: Self.program, encoding: .utf8)
        let readme = try String(contentsOf: Project.root.appending(path: "README.md"), encoding: .utf8)
        #expect(readme.contains("```swift\n\(program)```"))
        #expect(program.split(separator: "\n", omittingEmptySubsequences: false).count <= 21)
    }

    @Test
    func `it animates a photo against the simulator`() async throws {
        try await ReplicateSimulator.withRunning(.init(clock: .scaled(200))) { simulator in
            let folder = try TemporaryFolder()
            try FileManager.default.copyItem(
                at: Project.photo("landscape"),
                to: folder.url.appending(path: "photo.jpg")
            )
            let result = try await Self.run(in: folder, token: simulator.token, simulator)
            #expect(result.status == 0, "\(result.text)")
            #expect(result.text.contains("succeeded"))
            #expect(folder.contents == ["photo.jpg", "video.mp4"])
            #expect(simulator.ledger.accepted == 1)

            let refused = try await Self.run(in: folder, token: "r8_wrong", simulator)
            #expect(refused.status == 1)
            #expect(refused.text.contains("status 401"))
            #expect(!refused.text.contains("r8_wrong"))
        }
    }

    private static func run(
        in folder: TemporaryFolder,
        token: String,
        _ simulator: ReplicateSimulator
    ) async throws -> ToolResult {
        try await ToolRunner.run(
            "env",
            [
                "-C", folder.url.path, "REPLICATE_BASE_URL=\(simulator.baseURL)", "REPLICATE_API_TOKEN=\(token)",
                "REPLICATE_OUTPUT_ORIGINS=\(simulator.outputURL)", Self.executable,
            ]
        )
    }
}
