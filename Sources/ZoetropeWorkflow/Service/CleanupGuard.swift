package import Foundation
import ZoetropeCore

/// What keeps the clean-up from deleting what it must not: pure rules about clocks and shares.
package enum CleanupGuard {
    /// The database's clock beside one that does not jump.
    package struct Reading: Sendable, Equatable {
        package let database: Date
        /// Before and after the database was asked.
        package let before: Duration
        package let after: Duration

        package init(database: Date, before: Duration, after: Duration) {
            self.database = database
            self.before = before
            self.after = after
        }
    }

    /// How far the database's clock may run ahead of ours between two looks.
    package static let tolerance = Duration.seconds(300)
    /// A look at the clock, or a run, that is longer ago than this proves nothing about the time since.
    package static let silence = Duration.seconds(25 * 3_600)
    /// How long an object may be without a name: a put comes before the row that names it.
    package static let orphanAge = Duration.seconds(86_400)
    /// When a day begins, by UTC.
    package static let hour = 3

    /// Why the clock cannot be trusted after two looks of one process; nil when it can.
    ///
    /// A clock that is set back deletes nothing, so that is none of our business.
    package static func jump(from first: Reading, to second: Reading) -> String? {
        let gone = Duration.seconds(second.database.timeIntervalSince(first.database))
        // The longest time that may have passed, so that a slow answer is no jump.
        let excess = gone - (second.after - first.before)
        guard excess > tolerance else { return nil }
        return "the database's clock jumped ahead by \(hours(excess)), to \(second.database.rfc3339)"
    }

    /// Why the clock cannot be trusted after what is written of earlier looks; nil when it can.
    ///
    /// A clock that jumped and a service that was off look the same from here.
    package static func silence(of schedule: CleanupSchedule, at now: Date) -> String? {
        guard let seenAt = schedule.seenAt, now > seenAt + silence else { return nil }
        if let lastRun = schedule.lastFinishedAt, now <= lastRun + silence { return nil }
        let ran = schedule.lastFinishedAt.map { "the last clean-up ended at \($0.rfc3339)" } ?? "there was no clean-up"
        let ago = hours(.seconds(now.timeIntervalSince(seenAt)))
        return "the database's clock says \(now.rfc3339), it was last looked at \(ago) ago, and \(ran): "
            + "the service was off, or the clock jumped"
    }

    /// The day that a moment belongs to, counted from 1970.
    package static func day(of now: Date) -> Int {
        Int(((now.timeIntervalSince1970 - Double(hour) * 3_600) / 86_400).rounded(.down))
    }

    /// The UTC day of a moment, counted from 1970.
    static func calendarDay(of now: Date) -> Int { Int((now.timeIntervalSince1970 / 86_400).rounded(.down)) }

    /// Rows that may go on one day when there are so many.
    package static func allowance(of rows: Int) -> Int { max(100, rows / 5) }

    /// Why objects without names must stay; nil when they may go.
    ///
    /// - Parameters:
    ///   - orphans: Objects that nothing names.
    ///   - temporary: How many of them are temporary.
    ///   - listed: Objects in the store.
    ///   - named: How many of them rows name.
    /// - Returns: A sentence for operators.
    package static func refusal(orphans: Int, temporary: Int, listed: Int, named: Int) -> String? {
        let because: String
        if orphans > max(100, listed / 5) {
            because = "\(orphans) of \(listed) objects are named by no row, more than a run may delete"
        } else if named == 0, orphans > temporary {
            because = "no row names any of the \(listed) objects"
        } else {
            return nil
        }
        return "\(because): is this the wrong database, or the wrong bucket?"
    }

    private static func hours(_ length: Duration) -> String {
        let minutes = Int(length / .seconds(60))
        return "\(minutes / 60) h \(minutes % 60) min"
    }
}

extension CleanupSchedule {
    /// Notes a look at the clock; the first ever begins the schedule with the day that is under way.
    ///
    /// Returns why nothing may be deleted, if so.
    static func look(_ schedule: inout CleanupSchedule?, at now: Date) -> String? {
        var looked = schedule ?? CleanupSchedule(lastDay: CleanupGuard.day(of: now))
        if looked.heldReason == nil { looked.heldReason = CleanupGuard.silence(of: looked, at: now) }
        looked.seenAt = now
        schedule = looked
        return looked.heldReason
    }

    /// Whether a day's clean-up has not been done; after a clock was set back none is due.
    func isDue(at now: Date) -> Bool { CleanupGuard.day(of: now) > lastDay }

    /// Who runs it, or did until it died, and how long others must wait for it.
    func runner(at now: Date) -> (owner: String, until: Date)? {
        guard let owner, let leaseExpiresAt, leaseExpiresAt > now else { return nil }
        return (owner, leaseExpiresAt)
    }

    /// What came of the wish to run.
    enum Beginning: Sendable, Equatable {
        case begun(CleanupLease, at: Date)
        /// Somebody else runs it.
        case busy(owner: String, until: Date)
        case held(String)
        case notDue
    }

    /// Who wants to run it, and how.
    struct Wish: Sendable {
        let owner: String
        let lease: Duration
        /// Whether it is to run although the day's was done.
        var isExtra = false
        /// Whether an operator says that the clock is right and that everything may go.
        var isConfirmed = false
        /// Rows that callers know.
        let rows: Int
    }

    /// Takes the lease, if a run is due and nobody has it.
    static func begin(_ schedule: inout CleanupSchedule?, _ wish: Wish, at now: Date) -> Beginning {
        var held = look(&schedule, at: now)
        guard var begun = schedule else { return .notDue }
        if let busy = begun.runner(at: now) { return .busy(owner: busy.owner, until: busy.until) }
        if wish.isConfirmed {
            begun.heldReason = nil
            held = nil
        }
        if let held { return .held(held) }
        guard wish.isExtra || begun.isDue(at: now) else { return .notDue }
        let today = CleanupGuard.calendarDay(of: now)
        if wish.isConfirmed {
            begun.allowance = nil
        } else if begun.allowanceDay != today {
            begun.allowance = CleanupGuard.allowance(of: wish.rows)
        }
        begun.allowanceDay = today
        begun.owner = wish.owner
        begun.leaseEpoch += 1
        begun.leaseExpiresAt = now + wish.lease
        begun.lastStartedAt = now
        schedule = begun
        return .begun(CleanupLease(epoch: begun.leaseEpoch, length: wish.lease), at: now)
    }

    /// Ends a run that came to its end, or, without a report, lets somebody else go on with it.
    static func end(_ schedule: inout CleanupSchedule?, _ lease: CleanupLease, _ report: CleanupReport?, at now: Date)
        -> Bool
    {
        guard var ended = schedule, ended.leaseEpoch == lease.epoch, ended.owner != nil else { return false }
        ended.owner = nil
        ended.leaseExpiresAt = nil
        if let report, let startedAt = ended.lastStartedAt {
            ended.lastFinishedAt = now
            ended.lastDay = CleanupGuard.day(of: startedAt)
            ended.report = report
        }
        schedule = ended
        return true
    }
}
