package import Foundation

/// Where the parts of this project are that tests use.
package enum Project {
    /// The folder that holds `Package.swift`.
    package static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Names of the example photographs.
    package static let photos = ["landscape", "portrait", "people", "bee", "moon", "grey"]

    /// The file of an example photograph.
    package static func photo(_ name: String) -> URL { root.appending(path: "Examples/photos/\(name).jpg") }

    /// Judges a video by the target's rules, independently of our own code: `FILE [SECONDS]`, status 0 if it conforms.
    package static let checker = root.appending(path: "scripts/check-mp4.sh").path
}

extension Project {
    /// The commit that is worked on, for messages that somebody will want to repeat; `?` when git does not tell.
    package static var commit: String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "-C", root.path, "rev-parse", "--short", "HEAD"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.start()) != nil, let data = try? output.fileHandleForReading.readToEnd() else { return "?" }
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "?" : text
    }
}
