import Foundation
import Testing
import ZoetropeTestKit

/// The `zoetrope` program that was built with these tests.
enum Program {
    static let path = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "zoetrope").path

    static func photo(_ name: String) -> String { Project.photo(name).path }

    /// Runs it in a folder, without settings from outside.
    static func run(_ arguments: String..., in folder: TemporaryFolder, environment: [String] = []) async throws
        -> ToolResult
    {
        try await ToolRunner.run(
            "env",
            ["-u", "REPLICATE_API_TOKEN", "-u", "ZOETROPE_FFMPEG", "-u", "ZOETROPE_SANDBOX", "-C", folder.url.path]
                + environment + [path] + arguments
        )
    }

    /// Names of all that is in a folder, hidden or not.
    static func names(in folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    }
}

/// Holds the suites that run the program, which run one after the other: each of them wants the whole machine.
@Suite(.serialized) enum EndToEnd {}
