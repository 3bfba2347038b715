import Foundation
import Testing
import ZoetropeWorkflow

/// The clean-up's rules about clocks and shares, as tables.
struct CleanupGuardTests {
    private static func reading(_ database: Double, _ before: Double, _ after: Double) -> CleanupGuard.Reading {
        CleanupGuard.Reading(
            database: Date(timeIntervalSince1970: database),
            before: .seconds(before),
            after: .seconds(after)
        )
    }

    struct Look: Sendable {
        let what: String
        /// How far the database's clock and ours have gone since the first look.
        let database: Double
        let before: Double
        let after: Double
        let isJump: Bool
    }

    @Test(arguments: [
        Look(what: "half a minute", database: 30, before: 30, after: 30, isJump: false),
        Look(what: "at the limit", database: 330, before: 30, after: 30, isJump: false),
        Look(what: "beyond it", database: 330.1, before: 30, after: 30, isJump: true),
        Look(what: "an hour, by a clock that is right", database: 3_600, before: 3_600, after: 3_600, isJump: false),
        Look(what: "an answer that took ten minutes", database: 600, before: 30, after: 610, isJump: false),
        Look(what: "forty days", database: 40 * 86_400, before: 30, after: 31, isJump: true),
        Look(what: "set back", database: -86_400, before: 30, after: 30, isJump: false),
        Look(what: "a day asleep, both", database: 86_400, before: 86_400, after: 86_400, isJump: false),
    ])
    func `a clock jumps when it runs ahead of one that cannot`(look: Look) {
        let first = Self.reading(1_000_000, 500, 500)
        let second = Self.reading(1_000_000 + look.database, 500 + look.before, 500 + look.after)
        #expect((CleanupGuard.jump(from: first, to: second) != nil) == look.isJump, "\(look.what)")
    }

    @Test func `a slow first look is no jump either`() {
        let first = CleanupGuard.Reading(database: Date(timeIntervalSince1970: 0), before: .zero, after: .seconds(600))
        #expect(CleanupGuard.jump(from: first, to: Self.reading(620, 605, 605)) == nil)
    }

    struct Silence: Sendable {
        let what: String
        /// Hours since anybody looked, and since a run ended; nil for never.
        let seen: Double?
        let ran: Double?
        let isHeld: Bool
    }

    @Test(arguments: [
        Silence(what: "the first look ever", seen: nil, ran: nil, isHeld: false),
        Silence(what: "all as it should be", seen: 0.01, ran: 20, isHeld: false),
        Silence(what: "looked at all the time, but every run failed", seen: 0.01, ran: 80, isHeld: false),
        Silence(what: "never ran, but was looked at", seen: 1, ran: nil, isHeld: false),
        Silence(what: "off for a day", seen: 25, ran: 25, isHeld: false),
        Silence(what: "off for longer", seen: 25.001, ran: 25.001, isHeld: true),
        Silence(what: "off for longer than since the last run", seen: 26, ran: 30, isHeld: true),
        Silence(what: "off before it ever ran", seen: 26, ran: nil, isHeld: true),
        Silence(what: "run by hand since", seen: 26, ran: 24, isHeld: false),
        Silence(what: "forty days", seen: 960, ran: 970, isHeld: true),
        Silence(what: "set back", seen: -960, ran: -960, isHeld: false),
    ])
    func `after a long silence nobody knows the time`(silence: Silence) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        var schedule = CleanupSchedule(lastDay: 0)
        schedule.seenAt = silence.seen.map { now - $0 * 3_600 }
        schedule.lastFinishedAt = silence.ran.map { now - $0 * 3_600 }
        #expect((CleanupGuard.silence(of: schedule, at: now) != nil) == silence.isHeld, "\(silence.what)")
    }

    @Test func `a day begins at three`() {
        let midnight = 20_000.0 * 86_400
        #expect(CleanupGuard.day(of: Date(timeIntervalSince1970: midnight + 3 * 3_600 - 0.001)) == 19_999)
        #expect(CleanupGuard.day(of: Date(timeIntervalSince1970: midnight + 3 * 3_600)) == 20_000)
        #expect(CleanupGuard.day(of: Date(timeIntervalSince1970: midnight + 27 * 3_600 - 0.001)) == 20_000)
    }

    @Test(arguments: [(0, 100), (499, 100), (500, 100), (505, 101), (200_000, 40_000)])
    func `a day takes a hundred rows or a fifth`(rows: Int, allowance: Int) {
        #expect(CleanupGuard.allowance(of: rows) == allowance)
    }

    struct Inventory: Sendable {
        let orphans: Int
        var temporary = 0
        let listed: Int
        let named: Int
        let isRefused: Bool
    }

    @Test(arguments: [
        Inventory(orphans: 0, listed: 0, named: 0, isRefused: false),
        Inventory(orphans: 100, listed: 200, named: 100, isRefused: false),
        Inventory(orphans: 101, listed: 200, named: 99, isRefused: true),
        Inventory(orphans: 200, listed: 1_000, named: 800, isRefused: false),
        Inventory(orphans: 201, listed: 1_000, named: 799, isRefused: true),
        Inventory(orphans: 1, listed: 1, named: 0, isRefused: true),
        Inventory(orphans: 1, temporary: 1, listed: 1, named: 0, isRefused: false),
        Inventory(orphans: 600_000, listed: 600_000, named: 0, isRefused: true),
    ])
    func `too many orphans are a mistake`(inventory: Inventory) {
        let refusal = CleanupGuard.refusal(
            orphans: inventory.orphans,
            temporary: inventory.temporary,
            listed: inventory.listed,
            named: inventory.named
        )
        #expect((refusal != nil) == inventory.isRefused)
    }
}
