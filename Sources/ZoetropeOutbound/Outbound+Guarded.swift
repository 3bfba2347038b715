package import Foundation
package import ZoetropeWorkflow

extension Outbound {
    /// Calls public addresses and what the operators trust, see ``GuardedClient``.
    ///
    /// - Parameters:
    ///   - trusted: Hosts with their ports, in lower case, such as `backend.internal:8080`.
    ///   - now: The time.
    /// - Returns: The port.
    /// - Throws: an error of the TLS library when the system's trusted certificates cannot be read.
    package static func guarded(
        trusting trusted: Set<String> = [],
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws -> Outbound {
        var rules = GuardedClient.Rules()
        rules.trusted = trusted
        let client = try GuardedClient(rules: rules, now: now)
        return Outbound(
            fetchImage: { url, file throws(OutboundError) in try await client.fetchImage(url, to: file) },
            checkCallback: { url throws(OutboundError) in try await client.checkCallback(url) },
            send: { await client.send($0) }
        )
    }
}
