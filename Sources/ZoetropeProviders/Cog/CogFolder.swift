import Dispatch
import Foundation
import ZoetropeWorkflow

/// Where inputs and results of a Cog server lie, `TAG.jpg` and `TAG.mp4`.
///
/// Its work blocks a thread of Dispatch, not a task's.
struct CogFolder: Sendable {
    let path: String

    /// Seconds for which files are kept.
    static let lifetime: TimeInterval = 86_400
    private static let scheme = "cog:"

    /// How database rows name the files of a tag.
    static func url(of tag: String) -> String { scheme + tag }

    static func tag(of url: String) -> String? {
        guard url.hasPrefix(scheme) else { return nil }
        return checked(String(url.dropFirst(scheme.count)))
    }

    /// A tag that may be the name of a file.
    private static func checked(_ tag: String) -> String? {
        tag.wholeMatch(of: /[A-Za-z0-9_-]{1,128}/) == nil ? nil : tag
    }

    func result(tag: String) -> String { "\(path)/\(tag).mp4" }

    private func input(tag: String) -> String { "\(path)/\(tag).jpg" }

    func hasResult(tag: String) -> Bool {
        Self.checked(tag) != nil && FileManager.default.fileExists(atPath: result(tag: tag))
    }

    func keepInput(_ image: String, tag: String) async throws(ProviderError) {
        guard Self.checked(tag) != nil else { throw ProviderError(.rejected, "\"\(tag)\" is no tag") }
        try await working { files in
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(contentsOf: URL(filePath: image)).write(to: URL(filePath: input(tag: tag)), options: .atomic)
        }
    }

    func removeInput(tag: String) async throws(ProviderError) {
        try await working { files in
            guard Self.checked(tag) != nil, files.fileExists(atPath: input(tag: tag)) else { return }
            try files.removeItem(atPath: input(tag: tag))
        }
    }

    /// The input as a data URI; `unavailable` when it is not in this folder: it must be prepared again.
    func dataURI(ofInput tag: String) async throws(ProviderError) -> String {
        try await working(missing: .unavailable) { _ in
            guard Self.checked(tag) != nil else { throw ProviderError(.rejected, "\"\(tag)\" is no tag") }
            let bytes = try Data(contentsOf: URL(filePath: input(tag: tag)))
            return "data:image/jpeg;base64,\(bytes.base64EncodedString())"
        }
    }

    func copyResult(tag: String, to target: String) async throws(ProviderError) {
        try await working(missing: .expired) { files in
            guard files.fileExists(atPath: result(tag: tag)) else { throw CocoaError(.fileReadNoSuchFile) }
            // What a broken copy left.
            if files.fileExists(atPath: target) { try files.removeItem(atPath: target) }
            try files.copyItem(atPath: result(tag: tag), toPath: target)
        }
    }

    /// Removes what nobody came for.
    func removeFiles(olderThan date: Date) async throws(ProviderError) {
        try await working { files in
            for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] {
                let file = "\(path)/\(name)"
                let changed = try? files.attributesOfItem(atPath: file)[.modificationDate] as? Date
                if let changed, changed < date { try? files.removeItem(atPath: file) }
            }
        }
    }

    private func working<Result: Sendable>(
        missing: ProviderError.Kind = .storage,
        _ body: @escaping @Sendable (FileManager) throws -> Result
    ) async throws(ProviderError) -> Result {
        do {
            return try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global()
                    .async {
                        continuation.resume(with: Swift.Result { try body(FileManager.default) })
                    }
            }
        } catch let error as ProviderError {
            throw error
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw ProviderError(missing, "\(error)")
        } catch {
            throw ProviderError(.storage, "\(error)")
        }
    }
}
