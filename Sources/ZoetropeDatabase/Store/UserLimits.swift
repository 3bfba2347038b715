import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// Counts what a user has under way and has spent, against the limits for one animation more.
struct UserLimits {
    private let userID: String?
    private let price: MicroUSD
    private let limits: IntakeLimits
    private let dayStart: Date
    private let day: Int

    init(_ animation: AnimationIntake, _ limits: IntakeLimits, _ now: Date) {
        userID = animation.userID
        price = animation.run.request.price
        self.limits = limits
        dayStart = now.startOfDay
        day = now.day
    }

    private var nextDay: Date { dayStart + 86_400 }

    /// The first limit that would be passed; nil when there is none.
    ///
    /// Until the end of the transaction nobody else can count for this user, so that two orders at once cannot both take
    /// the last place.
    func hit(_ session: any SQLSession) throws -> LimitHit? {
        if let userID, limits.active != nil || limits.daily != nil || limits.dailyCost != nil {
            try lock("user \(userID)", session)
            if let hit = try hit(of: userID, session) { return hit }
        }
        if let most = limits.serviceDailyCost, price > .zero {
            try lock("service", session)
            let row = try session.query(
                """
                SELECT (SELECT coalesce(sum(amount), 0) FROM ledger WHERE day = $1)
                    + (SELECT coalesce(sum(price), 0) FROM animation_runs WHERE state = 'queued' AND due_at IS NOT NULL)
                    AS cost
                """,
                [day.sqlValue]
            )
            let cost = try row.first?.get("cost", as: MicroUSD.self) ?? .zero
            if cost + price > most { return .serviceDailyCost(until: nextDay) }
        }
        return nil
    }

    private func lock(_ name: String, _ session: any SQLSession) throws {
        guard session.dialect == .postgres else { return }
        _ = try session.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 7305016814))", [.text(name)])
    }

    private func hit(of userID: String, _ session: any SQLSession) throws -> LimitHit? {
        let rows = try session.query(
            """
            SELECT (SELECT count(*) FROM animation_runs WHERE user_id = $1 AND outcome IS NULL) AS active,
                (SELECT count(*) FROM animation_runs WHERE user_id = $1 AND created_at >= $2) AS daily
            """,
            [.text(userID), dayStart.sqlValue]
        )
        guard let row = rows.first else { return nil }
        if let most = limits.active, try row.get("active", as: Int.self) >= most { return .active(limit: most) }
        if let most = limits.daily, try row.get("daily", as: Int.self) >= most {
            return .daily(limit: most, until: nextDay)
        }
        guard let most = limits.dailyCost, price > .zero else { return nil }
        // What is booked or reserved, and what those will cost that have not come so far.
        let costs = try session.query(
            """
            SELECT (SELECT coalesce(sum(amount), 0) FROM ledger JOIN animation_runs r ON r.id = ledger.animation_id
                    WHERE r.user_id = $1 AND ledger.day = $2)
                + (SELECT coalesce(sum(price), 0) FROM animation_runs
                    WHERE user_id = $1 AND outcome IS NULL AND state = 'queued') AS cost
            """,
            [.text(userID), day.sqlValue]
        )
        let cost = try costs.first?.get("cost", as: MicroUSD.self) ?? .zero
        return cost + price > most ? .dailyCost(limit: most, until: nextDay) : nil
    }
}

extension Date {
    /// Days since 1970, in UTC.
    var day: Int { Int((timeIntervalSince1970 / 86_400).rounded(.down)) }

    /// Midnight before it, in UTC.
    var startOfDay: Date { Date(timeIntervalSince1970: Double(day) * 86_400) }

    /// The first midnight of its month, in UTC.
    var startOfMonth: Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar.dateInterval(of: .month, for: self)?.start ?? startOfDay
    }
}
