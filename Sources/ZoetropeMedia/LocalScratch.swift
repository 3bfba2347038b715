import Foundation
package import SystemPackage
package import ZoetropeCore
import ZoetropeWorkflow

/// Folders for the steps of runs, on this machine's disk.
///
/// Each is locked while its step works in it: whatever nobody has locked was left by a killed process, of this run or
/// another, and goes before the next folder is made.
package struct LocalScratch: Scratch {
    private let root: FilePath

    /// `root` is made when it is not there.
    package init(root: FilePath) {
        self.root = root
    }

    package func withFolder<Result: Sendable>(
        for run: AnimationID,
        epoch: Int64,
        _ body: @Sendable (String) async throws -> Result
    ) async throws -> Result {
        try? FileManager.default.createDirectory(atPath: root.string, withIntermediateDirectories: true)
        let folder = try ScratchFolder(in: root, label: "\(run)-\(epoch)-")
        defer { folder.remove() }
        return try await body(folder.path.string)
    }
}
