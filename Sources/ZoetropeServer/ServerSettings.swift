package import ZoetropeCore
package import ZoetropeWorkflow

/// Where the server listens, and who may use it.
package struct ServerSettings: Sendable {
    package enum Auth: Sendable {
        /// One user, `local`, without login; only for a server that listens on a loopback address.
        ///
        /// Its tier is the paid one: it is the operator's own machine, and what a provider charges is the operator's
        /// own money either way.
        case local
        /// Callers show an access token.
        case token(@Sendable (String) async throws(AccessError) -> Caller)
    }

    /// A name or an address.
    ///
    /// With ``Auth/local`` the composition root takes none but those of which ``isLoopback(_:)`` is true.
    package var host: String
    /// 0 for any free port.
    package var port: Int
    package var auth: Auth
    /// What users of each tier may do; nobody is limited without login.
    package var limits: [Tier: TierLimits]
    /// What all users' animations may cost in a UTC day.
    package var dailyBudget: MicroUSD?
    /// Connections at a time.
    package var mostConnections: Int
    /// Connections of one address at a time, unless it is this machine's own.
    package var mostConnectionsPerAddress = 1_000
    /// Whether metrics are shown to others than this machine.
    package var metricsArePublic = false
    /// How slowly an image may be uploaded.
    package var bodyPace = BodyPace.standard

    package init(
        host: String = "127.0.0.1",
        port: Int = 8080,
        auth: Auth = .local,
        limits: [Tier: TierLimits] = [:],
        dailyBudget: MicroUSD? = nil,
        mostConnections: Int = 20_000
    ) {
        self.host = host
        self.port = port
        self.auth = auth
        self.limits = limits
        self.dailyBudget = dailyBudget
        self.mostConnections = mostConnections
    }

    /// The limits of a caller; none without login.
    func limits(of caller: Caller) -> TierLimits {
        switch auth {
        case .local: TierLimits()
        case .token: limits[caller.tier] ?? .standard(for: caller.tier)
        }
    }

    func intakeLimits(of caller: Caller) -> IntakeLimits {
        let limits = limits(of: caller)
        return IntakeLimits(
            active: limits.active,
            daily: limits.daily,
            dailyCost: limits.dailyCost,
            serviceDailyCost: dailyBudget
        )
    }

    /// Whether a host can only be this machine: `localhost`, 127.0.0.0/8 or `::1`, also in brackets.
    package static func isLoopback(_ host: String) -> Bool {
        if ["localhost", "::1", "[::1]"].contains(host.lowercased()) { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127"
            && numbers.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil && $0.first != "+" }
    }
}
