package import Foundation
package import ZoetropeWorkflow

extension Outbound {
    /// Calls public addresses only, see ``GuardedClient``.
    ///
    /// - Throws: an error of the TLS library when the system's trusted certificates cannot be read.
    package static func guarded(now: @escaping @Sendable () -> Date = { Date() }) throws -> Outbound {
        let client = try GuardedClient(now: now)
        return Outbound(
            fetchImage: { url, file throws(OutboundError) in try await client.fetchImage(url, to: file) },
            checkCallback: { url throws(OutboundError) in try await client.checkCallback(url) },
            send: { await client.send($0) }
        )
    }
}
