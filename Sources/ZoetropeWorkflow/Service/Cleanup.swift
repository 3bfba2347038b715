package import Foundation
import Logging
package import ZoetropeCore

/// The daily clean-up: takes out what has expired, and what the store has that nobody knows.
///
/// Everything it does may stop at any instruction and be done again: what has expired is found by its age, an object that
/// must go is a row until the store has let it go, and the day counts as cleaned up only at the end.
package struct Cleanup: Sendable {
    private let environment: WorkerEnvironment
    private let store: any CleanupStore
    private let sweeper: ObjectSweeper
    private let retention: Retention
    private let owner: String
    private let sizes: Sizes

    /// How much is done at a time.
    package struct Sizes: Sendable {
        /// Rows in one transaction.
        package var batch = 500
        /// Objects or rows in a page of a list.
        package var page = 1_000

        package init(batch: Int = 500, page: Int = 1_000) {
            self.batch = batch
            self.page = page
        }
    }

    /// A run whose process died is free after this.
    package static let lease = Duration.seconds(60)
    /// How long a webhook's identifier is kept: providers repeat them for hours.
    private static let webhookAge = Duration.seconds(7 * 86_400)

    /// What came of the wish to run.
    package enum Outcome: Sendable, Equatable {
        case done(CleanupReport)
        /// The clock cannot be trusted; why.
        case held(String)
        /// Somebody else runs it.
        case busy(owner: String, until: Date)
        /// The day's was done.
        case notDue
        /// Somebody else has taken it over in the middle.
        case lost
    }

    /// Puts it together; `owner` names this process in the lease.
    package init(
        _ environment: WorkerEnvironment,
        store: any CleanupStore,
        retention: Retention,
        owner: String,
        sizes: Sizes = Sizes()
    ) {
        self.environment = environment
        self.store = store
        self.retention = retention
        self.owner = owner
        self.sizes = sizes
        sweeper = ObjectSweeper(environment, store: store)
    }

    // MARK: Running

    /// Runs it, if it is due and nobody else does.
    ///
    /// - Parameters:
    ///   - isExtra: Whether to run although the day's was done.
    ///   - isConfirmed: Whether an operator says that the clock, the database and the bucket are right; then there is no cap.
    /// - Returns: What came of it.
    /// - Throws: ``RunStoreError``, ``StorageError``; the next run goes on from there.
    package func run(isExtra: Bool = false, isConfirmed: Bool = false) async throws -> Outcome {
        let wish = CleanupSchedule.Wish(
            owner: owner,
            lease: Self.lease,
            isExtra: isExtra,
            isConfirmed: isConfirmed,
            rows: try await store.census().total
        )
        switch try await store.amendSchedule({ CleanupSchedule.begin(&$0, wish, at: $1) }) {
        case .begun(let lease, let now):
            do {
                return .done(try await work(under: lease, at: now, isConfirmed: isConfirmed))
            } catch is Lost {
                return .lost
            } catch let error where error is RunStoreError || error is StorageError || error is CancellationError {
                await giveBack(lease)
                throw error
            }
        case .busy(let owner, let until): return .busy(owner: owner, until: until)
        case .held(let reason): return .held(reason)
        case .notDue: return .notDue
        }
    }

    private func work(under lease: CleanupLease, at now: Date, isConfirmed: Bool) async throws -> CleanupReport {
        let start = environment.time.uptime()
        var report = CleanupReport()
        try await expire(by: retention.cutoff(at: now), under: lease, &report)
        try await forget(before: now + (.zero - Self.webhookAge), under: lease, &report)
        report.unfinished = try await environment.objects.removeUnfinished(
            before: now + (.zero - CleanupGuard.orphanAge)
        )
        // What is gone from the store is not in its list.
        try await sweep(under: lease)
        let inventory = try await inventory(at: now) { [self] in
            try await keep(lease)
            try await environment.reached(.cleanupCursor)
        }
        report.note(inventory)
        if !isConfirmed { report.refusal = Self.refusal(of: inventory) }
        if report.refusal == nil, !inventory.orphans.isEmpty {
            guard let noted = try await store.noteOrphans(inventory.orphans, under: lease) else { throw Lost() }
            environment.logger.info(
                "objects without a name are deleted",
                metadata: Logger.Metadata([.detail: "\(noted)"])
            )
            try await sweep(under: lease)
        }
        report.pending = try await store.overview().deletions
        report.milliseconds = Int((environment.time.uptime() - start) / .milliseconds(1))
        try await environment.reached(.cleanupCursor)
        let ended = report
        guard try await store.amendSchedule({ CleanupSchedule.end(&$0, lease, ended, at: $1) }) else { throw Lost() }
        await tell(report)
        return report
    }

    /// Rows go and their objects are noted, a batch in each transaction.
    private func expire(by cutoff: Date, under lease: CleanupLease, _ report: inout CleanupReport) async throws {
        for kind in ExpiringKind.allCases {
            while true {
                try Task.checkCancellation()
                let batch = try await store.expire(kind, by: cutoff, limit: sizes.batch, under: lease)
                guard let batch else { throw Lost() }
                report.add(batch, kind)
                environment.metrics?.cleanedUp(kind.rawValue, batch.rows)
                if batch.rows > 0 { try await environment.reached(.tombstoned) }
                if batch.allowance == 0 {
                    report.waiting = try await store.expired(by: cutoff).rows.total
                    return
                }
                if batch.rows < sizes.batch { break }
            }
        }
    }

    private func forget(before time: Date, under lease: CleanupLease, _ report: inout CleanupReport) async throws {
        while true {
            try Task.checkCancellation()
            let gone = try await store.forget(webhooksBefore: time, limit: sizes.page, under: lease)
            guard let gone else { throw Lost() }
            report.idempotencyKeys += gone.keys
            report.webhooks += gone.webhooks
            environment.metrics?.cleanedUp("idempotency_key", gone.keys)
            environment.metrics?.cleanedUp("webhook", gone.webhooks)
            if gone.keys < sizes.page, gone.webhooks < sizes.page { return }
        }
    }

    /// Deletes what is noted, as far as it can be deleted now; what others are deleting is left to them.
    private func sweep(under lease: CleanupLease) async throws {
        while try await sweeper.round().tried > 0 {
            try Task.checkCancellation()
            try await keep(lease)
        }
    }

    private func inventory(at now: Date, goOn: @escaping () async throws -> Void) async throws -> CleanupInventory {
        var taker = CleanupInventoryTaker(environment, store: store, now: now, page: sizes.page, goOn: goOn)
        try await taker.take()
        return taker.inventory
    }

    private static func refusal(of inventory: CleanupInventory) -> String? {
        CleanupGuard.refusal(
            orphans: inventory.orphanCount,
            temporary: inventory.temporary,
            listed: inventory.listed,
            named: inventory.named
        )
    }

    // MARK: Looking only

    /// What a run would do now; nothing is written.
    package func preview() async throws -> (report: CleanupReport, held: String?) {
        let start = environment.time.uptime()
        let now = try await store.overview().now
        let schedule = try await store.cleanupSchedule()
        var report = CleanupReport()
        let expired = try await store.expired(by: retention.cutoff(at: now))
        report.animations = expired.rows.animations
        report.restores = expired.rows.restores
        report.jobs = expired.rows.jobs
        report.byteCount = expired.byteCount
        report.objects = 3 * expired.rows.animations + expired.rows.restores + expired.rows.jobs
        let inventory = try await inventory(at: now) { try Task.checkCancellation() }
        report.note(inventory)
        report.refusal = Self.refusal(of: inventory)
        report.pending = try await store.overview().deletions
        report.milliseconds = Int((environment.time.uptime() - start) / .milliseconds(1))
        return (report, schedule.flatMap { $0.heldReason ?? CleanupGuard.silence(of: $0, at: now) })
    }

    // MARK: The lease

    /// Somebody else has the lease now.
    private struct Lost: Error {}

    private func keep(_ lease: CleanupLease) async throws {
        try Task.checkCancellation()
        guard try await store.renew(lease) else { throw Lost() }
    }

    /// Lets somebody else go on at once, although this process is going down.
    private func giveBack(_ lease: CleanupLease) async {
        await environment.shielded { [store] in
            _ = try? await store.amendSchedule { CleanupSchedule.end(&$0, lease, nil, at: $1) }
        }
    }

    // MARK: Telling

    private func tell(_ report: CleanupReport) async {
        let rows = "\(report.animations) animations, \(report.restores) restores, \(report.jobs) jobs"
        environment.logger.info(
            "cleaned up",
            metadata: Logger.Metadata([
                .detail: "\(rows), \(report.orphans) orphans",
                .durationMilliseconds: "\(report.milliseconds)",
            ])
        )
        let command = "zoetrope cleanup --confirm"
        if let refusal = report.refusal {
            await environment.alert(
                Alert(.critical, "cleanup_refused", "\(refusal) If not, \(command) deletes them", nil)
            )
        }
        if report.waiting > 0 {
            let text = "\(report.waiting) expired rows wait, because a day's clean-up takes a fifth of all at most"
            await environment.alert(Alert(.warning, "cleanup_capped", "\(text); \(command) takes all", nil))
        }
        if report.missing > 0 {
            let text = "\(report.missing) objects that callers are told of are missing; the log names them"
            await environment.alert(Alert(.critical, "objects_missing", text, nil))
        }
    }
}

extension CleanupReport {
    mutating func add(_ batch: ExpiredBatch, _ kind: ExpiringKind) {
        switch kind {
        case .animation: animations += batch.rows
        case .restore: restores += batch.rows
        case .job: jobs += batch.rows
        }
        objects += batch.objects
        byteCount += batch.byteCount
    }

    mutating func note(_ inventory: CleanupInventory) {
        listed = inventory.listed
        orphans = inventory.orphanCount
        orphanByteCount = inventory.orphanByteCount
        missing = inventory.missing
        foreign = inventory.foreign
    }
}
