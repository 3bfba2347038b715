import Dispatch
import Foundation
import ZoetropeWorkflow

/// Where pictures lie between their preparation and the submit, `TAG.jpg`.
///
/// Its work blocks a thread of Dispatch, not a task's.
struct EngineInputs: Sendable {
    let folder: String

    /// Seconds for which files are kept that nobody removes.
    private static let lifetime: TimeInterval = 86_400
    private static let scheme = "openai-videos:"

    /// How database rows name the picture of a tag.
    static func url(of tag: String) -> String { scheme + tag }

    /// A name for the picture's file, here and in the form; nil when the tag cannot be one.
    static func fileName(_ tag: String) -> String? {
        tag.wholeMatch(of: /[A-Za-z0-9_-]{1,128}/) == nil ? nil : "\(tag).jpg"
    }

    func keep(_ image: String, tag: String) async throws(ProviderError) {
        let target = try path(tag)
        try await working { files in
            try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(contentsOf: URL(filePath: image)).write(to: URL(filePath: target), options: .atomic)
        }
    }

    /// The JPEG; `unavailable` when it is not in this folder: it must be prepared again.
    func read(tag: String) async throws(ProviderError) -> [UInt8] {
        let path = try path(tag)
        return try await working { _ in [UInt8](try Data(contentsOf: URL(filePath: path))) }
    }

    func remove(tag: String) async throws(ProviderError) {
        let path = try path(tag)
        try await working { files in
            if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
        }
    }

    /// Removes what nobody came for.
    func removeForgotten(at now: Date) async throws(ProviderError) {
        try await working { files in
            for name in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
                let changed =
                    try? files.attributesOfItem(atPath: "\(folder)/\(name)")[.modificationDate] as? Date
                if let changed, changed < now - Self.lifetime {
                    try? files.removeItem(atPath: "\(folder)/\(name)")
                }
            }
        }
    }

    private func path(_ tag: String) throws(ProviderError) -> String {
        guard let name = Self.fileName(tag) else {
            throw ProviderError(.rejected, "\"\(tag)\" is no tag")
        }
        return "\(folder)/\(name)"
    }

    private func working<Result: Sendable>(
        _ body: @escaping @Sendable (FileManager) throws -> Result
    ) async throws(ProviderError) -> Result {
        do {
            return try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global()
                    .async {
                        continuation.resume(with: Swift.Result { try body(FileManager.default) })
                    }
            }
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw ProviderError(.unavailable, "the picture is not there any more: \(error)")
        } catch {
            throw ProviderError(.storage, "\(error)")
        }
    }
}
