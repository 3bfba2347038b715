import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Asks those who give credentials: short answers, soon, from near.
struct MetadataHTTP: Sendable {
    let client: HTTPClient

    private static let maxBytes = 65_536

    /// The body of a successful answer.
    ///
    /// Throws ``CredentialsError``, which names `source` and holds nothing of what was sent or answered.
    func send(
        _ method: String,
        _ url: String,
        headers: [(String, String)] = [],
        body: String? = nil,
        tries: Int = 3,
        timeout: TimeAmount = .seconds(5),
        from source: String
    ) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        request.headers = HTTPHeaders(headers + [("user-agent", "zoetrope")])
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        var failure = CredentialsError("\(source) cannot be reached", isPassing: true)
        for _ in 0..<tries {
            do {
                let answer = try await client.execute(request, timeout: timeout)
                // The client's own limit on silence ends a body that does not come.
                let bytes = Array(buffer: try await answer.body.collect(upTo: Self.maxBytes))
                if answer.status == .ok { return bytes }
                failure = CredentialsError(
                    "\(source) answers with status \(answer.status.code)",
                    isPassing: answer.status.code >= 500
                )
                guard failure.isPassing else { break }
            } catch is CancellationError {
                throw failure
            } catch {
                failure = CredentialsError(
                    "\(source) cannot be reached, or its answer broke off",
                    isPassing: true
                )
            }
        }
        throw failure
    }
}
