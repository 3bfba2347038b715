import Foundation

/// What else runs on this machine, as `/proc` tells it.
package enum RunningProcesses {
    /// Command lines of the living processes that contain a text; the words are joined with spaces.
    package static func commands(containing text: String) -> [String] {
        let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return ids.filter { Int($0) != nil }
            .compactMap { id in
                guard let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return nil }
                let command = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                    .joined(separator: " ")
                return command.contains(text) ? command : nil
            }
    }

    /// Whether such processes are all gone within ten seconds.
    ///
    /// When bubblewrap or a session's leader dies, the kernel takes down the rest, which is a matter of milliseconds but
    /// not of the same moment.
    package static func vanish(containing text: String) async -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while !commands(containing: text).isEmpty {
            guard ContinuousClock.now < end else { return false }
            await Task.yield()
        }
        return true
    }
}
