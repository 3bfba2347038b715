/// What a user of a tier may do; nil is without a limit.
package struct TierLimits: Sendable, Hashable {
    /// Animations under way at a time.
    package var active: Int?
    /// Animations in a UTC day.
    package var daily: Int?
    /// What they may cost in a UTC day.
    package var dailyCost: MicroUSD?
    /// Requests in a minute, over time; as many may come at once.
    package var requestsPerMinute: Int?

    package init(
        active: Int? = nil,
        daily: Int? = nil,
        dailyCost: MicroUSD? = nil,
        requestsPerMinute: Int? = nil
    ) {
        self.active = active
        self.daily = daily
        self.dailyCost = dailyCost
        self.requestsPerMinute = requestsPerMinute
    }

    package static func standard(for tier: Tier) -> TierLimits {
        switch tier {
        case .free: TierLimits(active: 2, daily: 10, dailyCost: MicroUSD(5_000_000), requestsPerMinute: 120)
        case .paid: TierLimits(active: 20, daily: 500, dailyCost: MicroUSD(250_000_000), requestsPerMinute: 1_200)
        }
    }
}

extension TierLimits: LosslessStringConvertible {
    /// Reads `active=2 daily=10 cost=5.00 requests=120`, in any order; what is left out has no limit, and so has `none`.
    package init?(_ text: String) {
        self.init()
        if text == "none" { return }
        var seen: Set<Substring> = []
        for part in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, seen.insert(sides[0]).inserted else { return nil }
            if sides[0] == "cost" {
                guard let dollars = Double(sides[1]), (0...1_000_000).contains(dollars) else { return nil }
                dailyCost = MicroUSD(Int64((dollars * 1_000_000).rounded()))
                continue
            }
            guard let number = Int(sides[1]), (0...1_000_000_000).contains(number) else { return nil }
            switch sides[0] {
            case "active": active = number
            case "daily": daily = number
            case "requests": requestsPerMinute = number
            default: return nil
            }
        }
        if seen.isEmpty { return nil }
    }

    package var description: String {
        let parts = [
            active.map { "active=\($0)" }, daily.map { "daily=\($0)" }, dailyCost.map { "cost=\($0)" },
            requestsPerMinute.map { "requests=\($0)" },
        ]
        let known = parts.compactMap(\.self)
        return known.isEmpty ? "none" : known.joined(separator: " ")
    }
}
