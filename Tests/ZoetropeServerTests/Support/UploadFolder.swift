import Foundation
import SystemPackage
import ZoetropeMedia

/// Scratch space on disk that goes with the last reference to it.
final class UploadFolder: Sendable {
    private let url = FileManager.default.temporaryDirectory.appending(path: "zoetrope-uploads-\(UUID().uuidString)")

    deinit { try? FileManager.default.removeItem(at: url) }

    var scratch: LocalScratch { LocalScratch(root: FilePath(url.path)) }

    /// What is there now.
    var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }
}
