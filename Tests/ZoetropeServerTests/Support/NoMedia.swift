import ZoetropeCore
import ZoetropeWorkflow

/// The service takes orders and makes no pictures.
struct NoMedia: MediaPipeline {
    func makeInput(from source: String, _ image: SourceImage, to path: String) async throws(MediaFailure) {
        throw MediaFailure(.internal, "the server called makeInput", isRetryable: false)
    }

    func publishable(from parts: [String], in folder: String, order: PublishOrder)
        async throws(MediaFailure) -> PublishableVideo
    {
        throw MediaFailure(.internal, "the server called publishable", isRetryable: false)
    }

    func check(_ video: String, seconds: Int, allowsSound: Bool) async throws(MediaFailure) {
        throw MediaFailure(.internal, "the server called check", isRetryable: false)
    }

    func lastFrame(of part: String, to path: String) async throws(MediaFailure) -> FrameSize {
        throw MediaFailure(.internal, "the server called lastFrame", isRetryable: false)
    }
}
