import Foundation
import Synchronization
import ZoetropeCore
package import ZoetropeWorkflow

extension S3ObjectStore {
    /// The longest that S3 lets an address work.
    private static let longestSeconds: TimeInterval = 604_800

    /// Addresses at which the bucket itself gives the objects.
    ///
    /// Looks for credentials, and from then on keeps them fresh as long as the store lives.
    package func objectURLs() async throws(StorageError) -> ObjectURLs {
        _ = try await perform("find credentials") { try await client.credentials.current() }
        renewal.begin()
        return ObjectURLs(
            url: { key, expires in self.url(of: key, expires: expires) },
            verify: { _, _, _, _ in .forged }
        )
    }

    /// An address that works until `expires`, for seven days, or as long as the credentials, whichever ends first.
    private func url(of key: ObjectKey, expires: Date) -> String {
        let location = client.location
        let path = location.path(key)
        let address = "\(location.scheme)://\(location.host)\(SigV4.encoded(path: path))"
        guard let credentials = client.credentials.latest else { return address }
        let now = client.serverTime
        let end = min(expires, credentials.expires ?? .distantFuture, now + Self.longestSeconds)
        let seconds =
            end.timeIntervalSince1970.rounded(.down) - now.timeIntervalSince1970.rounded(.down)
        let query = SigV4(credentials: credentials, region: location.region, service: "s3")
            .query(
                presigning: SigV4.Request(
                    method: "GET",
                    host: location.host,
                    path: path,
                    query: [
                        ("response-content-disposition", "inline; filename=\"\(key.fileName)\""),
                        ("response-content-type", key.contentType),
                    ]
                ),
                seconds: Int(min(max(1, seconds), Self.longestSeconds)),
                at: now
            )
        return "\(address)?\(query)"
    }
}

/// Keeps credentials fresh for addresses, which are signed without waiting for anything.
final class CredentialsRenewal: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let cache: AWSCredentialsCache
    private let timing: S3Timing

    init(_ cache: AWSCredentialsCache, _ timing: S3Timing) {
        self.cache = cache
        self.timing = timing
    }

    deinit {
        task.withLock { $0?.cancel() }
    }

    func begin() {
        task.withLock { task in
            guard task == nil else { return }
            // Owned by this object, which ends it.
            task = Task { [cache, timing] in
                while !Task.isCancelled {
                    // Asked often, it fetches when it is time.
                    do { try await timing.time.sleep(.seconds(30)) } catch { return }
                    _ = try? await cache.current()
                }
            }
        }
    }
}
