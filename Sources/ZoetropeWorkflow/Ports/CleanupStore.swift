package import Foundation
package import ZoetropeCore

/// The database, as the clean-up sees it.
///
/// What changes anything names the lease under which it is done, prolongs it, and does nothing when somebody else has taken
/// it since: those calls then return nil.
package protocol CleanupStore: ServiceStore {
    /// Reads the clean-up's schedule, lets a pure function change it, and writes it, while nobody else can.
    ///
    /// Nil stands for a schedule that was never written. The second value is the database's clock.
    func amendSchedule<Result: Sendable>(
        _ change: @escaping @Sendable (inout CleanupSchedule?, Date) -> Result
    ) async throws(RunStoreError) -> Result

    /// How many rows callers know.
    func census() async throws(RunStoreError) -> Census

    /// What a run would take out now; changes nothing.
    func expired(by cutoff: Date) async throws(RunStoreError) -> Expired

    /// Takes expired rows out, the oldest first, and notes their objects for ``ServiceStore/claimDeletions(_:lease:)``, in
    /// one transaction.
    ///
    /// Callbacks of these animations are not sent any more, and what their callers wrote is blanked in their runs. Takes no
    /// more than the day's allowance, and counts it down.
    func expire(
        _ kind: ExpiringKind,
        by cutoff: Date,
        limit: Int,
        under lease: CleanupLease
    ) async throws(RunStoreError) -> ExpiredBatch?

    /// Forgets idempotency keys that have run out, and webhooks that were received before a time; returns how many, in all
    /// fewer than twice `limit`.
    func forget(
        webhooksBefore time: Date,
        limit: Int,
        under lease: CleanupLease
    ) async throws(RunStoreError) -> (keys: Int, webhooks: Int)?

    /// What rows name on a shelf, in the order of the keys, behind a place.
    ///
    /// `limit` counts rows, each of which names up to three objects.
    func named(on shelf: ObjectShelf, after place: ShelfPlace?, limit: Int) async throws(RunStoreError) -> NamedPage

    /// What the database knows of these objects at this moment.
    func standing(of keys: [ObjectKey]) async throws(RunStoreError) -> [ObjectKey: ObjectStanding]

    /// Notes those of the objects for deletion that nothing names even now; returns how many.
    func noteOrphans(_ keys: [ObjectKey], under lease: CleanupLease) async throws(RunStoreError) -> Int?

    /// Prolongs a lease; false when it is somebody else's.
    func renew(_ lease: CleanupLease) async throws(RunStoreError) -> Bool

    /// How the clean-up stands; nil before the first process ever looked at the clock.
    func cleanupSchedule() async throws(RunStoreError) -> CleanupSchedule?
}

/// When the clean-up ran, who runs it now, and why it must not.
package struct CleanupSchedule: Sendable, Equatable {
    /// Who runs it, while the lease lasts.
    package var owner: String?
    package var leaseExpiresAt: Date?
    /// Raised with every run; whoever writes under an older one has lost the lease.
    package var leaseEpoch: Int64 = 0
    /// When any process last looked at the clock and found it in order.
    package var seenAt: Date?
    package var lastStartedAt: Date?
    package var lastFinishedAt: Date?
    /// The last day that was cleaned up, counted from 1970; a day begins at 03:00 UTC here.
    package var lastDay: Int
    /// Why nothing is deleted until an operator says that the clock is right.
    package var heldReason: String?
    /// The UTC day that ``allowance`` is for.
    package var allowanceDay: Int?
    /// Rows that may still go on that day; nil without a limit.
    package var allowance: Int?
    /// What the last run that came to its end did.
    package var report: CleanupReport?

    package init(lastDay: Int) {
        self.lastDay = lastDay
    }
}

/// The right to run the clean-up.
package struct CleanupLease: Sendable, Equatable {
    package let epoch: Int64
    /// How long it lasts from each write on.
    package let length: Duration

    package init(epoch: Int64, length: Duration) {
        self.epoch = epoch
        self.length = length
    }
}

/// Rows that callers know.
package struct Census: Sendable, Equatable {
    package var animations: Int
    package var restores: Int
    package var jobs: Int

    package init(animations: Int, restores: Int, jobs: Int) {
        self.animations = animations
        self.restores = restores
        self.jobs = jobs
    }

    package var total: Int { animations + restores + jobs }
}

/// What is taken out, in this order: nothing may be left that refers to it.
package enum ExpiringKind: String, Sendable, CaseIterable {
    case animation
    case restore
    case job
}

/// What would go.
package struct Expired: Sendable, Equatable {
    package var rows: Census
    /// Of what is known to be published or uploaded.
    package var byteCount: Int64

    package init(rows: Census, byteCount: Int64) {
        self.rows = rows
        self.byteCount = byteCount
    }
}

/// What went in one transaction.
package struct ExpiredBatch: Sendable, Equatable {
    package let rows: Int
    /// Objects that were noted; not each of them need exist.
    package let objects: Int
    package let byteCount: Int64
    /// Rows that may still go on this day; nil without a limit.
    package let allowance: Int?

    package init(rows: Int, objects: Int, byteCount: Int64, allowance: Int?) {
        self.rows = rows
        self.objects = objects
        self.byteCount = byteCount
        self.allowance = allowance
    }
}

/// A part of the object store whose objects belong to rows.
package enum ObjectShelf: String, Sendable, CaseIterable {
    case animations
    case restores
    case uploads

    package var prefix: String { rawValue + "/" }
}

/// A row's place on a shelf.
package struct ShelfPlace: Sendable, Equatable {
    package let job: JobID
    /// Of the animation or the restored photo; the job's own on the shelf of uploads.
    package let id: UUID

    package init(job: JobID, id: UUID) {
        self.job = job
        self.id = id
    }
}

package struct NamedPage: Sendable, Equatable {
    package struct Object: Sendable, Equatable {
        package let key: ObjectKey
        /// Whether callers are told that it is there.
        package let mustExist: Bool

        package init(_ key: ObjectKey, mustExist: Bool) {
            self.key = key
            self.mustExist = mustExist
        }
    }

    package let objects: [Object]
    /// Nil at the end.
    package let next: ShelfPlace?

    package init(objects: [Object], next: ShelfPlace?) {
        self.objects = objects
        self.next = next
    }
}

/// What the database knows of an object.
package enum ObjectStanding: Sendable, Equatable {
    /// Callers are told that it is there.
    case required
    /// It may come into being, or be in use.
    case allowed
    /// It is noted for deletion.
    case going
    /// Nothing names it.
    case unnamed
    /// Its key is none that this service makes.
    case foreign
}
