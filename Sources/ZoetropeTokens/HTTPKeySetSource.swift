import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Fetches a key set over HTTP: within 5 s, up to 1 MB, no redirects, no proxy.
///
/// Closes its connections when its last user is gone.
package final class HTTPKeySetSource: Sendable {
    static let maxBytes = 1 << 20

    private let url: String
    private let deadline: Duration
    private let client: HTTPClient

    package init(url: String, deadline: Duration = .seconds(5)) {
        self.url = url
        self.deadline = deadline
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = TimeAmount(deadline)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(configuration: configuration)
    }

    deinit {
        client.shutdown { _ in }
    }

    package func fetch() async throws -> FetchedKeySet {
        // The deadline of the library itself ends with the head of the answer.
        try await withThrowingTaskGroup(of: FetchedKeySet.self) { group in
            group.addTask { try await self.exchange() }
            group.addTask {
                try await Task.sleep(for: self.deadline)
                throw KeySetFailure("no whole answer within \(self.deadline)")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private func exchange() async throws -> FetchedKeySet {
        var request = HTTPClientRequest(url: url)
        request.headers = ["accept": "application/jwk-set+json, application/json", "user-agent": "zoetrope"]
        do {
            let response = try await client.execute(request, timeout: TimeAmount(deadline + .seconds(1)))
            guard response.status == .ok else { throw KeySetFailure("the answer has status \(response.status.code)") }
            let body = try await response.body.collect(upTo: Self.maxBytes)
            return FetchedKeySet(body: Array(buffer: body), maxAge: Self.maxAge(response.headers))
        } catch let failure as KeySetFailure {
            throw failure
        } catch is NIOTooManyBytesError {
            throw KeySetFailure("the answer is larger than \(Self.maxBytes) bytes")
        } catch {
            // Errors of the library may hold the address.
            throw KeySetFailure("no connection, or it broke off")
        }
    }

    /// `max-age` of Cache-Control.
    static func maxAge(_ headers: HTTPHeaders) -> Duration? {
        for directive in headers[canonicalForm: "cache-control"] {
            let parts = directive.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "max-age", let seconds = Int64(parts[1]),
                (0...31_536_000).contains(seconds)
            {
                return .seconds(seconds)
            }
        }
        return nil
    }
}
