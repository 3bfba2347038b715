import Hummingbird
import NIOCore

extension Request {
    /// What a request with an image may have beside the image: boundaries, headers, other fields.
    static let mostMultipartBytes = 25_000_000 + 512 * 1_024
    static let mostJSONBytes = 64 * 1_024
    static let mostWebhookBytes = 10_000_000

    /// The whole body of a request that has a small one.
    ///
    /// Throws as ``BodyReader`` does.
    func bytes(upTo limit: Int, pace: BodyPace = .standard) async throws -> [UInt8] {
        var body = try BodyReader(self, upTo: limit, pace: pace)
        var bytes: [UInt8] = []
        while let chunk = try await body.next() { bytes.append(contentsOf: chunk.readableBytesView) }
        return bytes
    }
}
