import Glibc
import SystemPackage
package import ZoetropeCore
package import ZoetropeWorkflow

/// Makes a clip from a stored image, from file to file.
package struct LocalRenderer: Sendable {
    private let tools: MediaTools

    package init(tools: MediaTools) {
        self.tools = tools
    }

    /// Renders and verifies a clip; the file at `path` is whole or not there.
    ///
    /// - Parameters:
    ///   - request: What was asked for.
    ///   - source: The stored image.
    ///   - orientation: How its pixels must be turned.
    ///   - path: The file to make; its folder is used for work.
    ///   - onProgress: Called often, from any thread, with rising fractions.
    /// - Throws: ``MediaFailure``; one that may be retried, with `internal`, when the task was cancelled.
    package func render(
        _ request: AnimationRequest,
        from source: String,
        orientation: ImageOrientation,
        to path: String,
        onProgress: @escaping @Sendable (AnimationProgress) -> Void = { _ in }
    ) async throws(MediaFailure) {
        try await MediaFailure.catching {
            let photo = try StillImage(reading: source, orientation: orientation)
            let scratch = try ScratchFolder(in: FilePath(path).removingLastComponent())
            defer { scratch.remove() }
            let clip = try await PhotoAnimator(tools: tools)
                .animate(photo, request, in: scratch.path, onProgress: onProgress)
            guard rename(clip.file.string, path) == 0 else { throw Errno(rawValue: errno) }
        }
    }
}
