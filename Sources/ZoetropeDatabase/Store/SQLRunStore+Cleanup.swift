package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// Taking out what has expired, and saying what the object store may have.
extension SQLRunStore: CleanupStore {
    // MARK: The schedule

    private static let schedule = "cleanup"

    package func amendSchedule<Result: Sendable>(
        _ change: @escaping @Sendable (inout CleanupSchedule?, Date) -> Result
    ) async throws(RunStoreError) -> Result {
        try await write { session in
            let find = "SELECT * FROM schedules WHERE name = $1\(session.dialect.forUpdate)"
            var rows = try session.query(find, [.text(Self.schedule)])
            if rows.isEmpty {
                try session.execute(
                    "INSERT INTO schedules (name, lease_epoch) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING",
                    [.text(Self.schedule)]
                )
                rows = try session.query(find, [.text(Self.schedule)])
            }
            var schedule = try rows.first.flatMap { try CleanupSchedule($0) }
            let before = schedule
            let result = change(&schedule, session.now)
            if let schedule, schedule != before { try session.execute(Self.writeSchedule, try schedule.values()) }
            return (result, rings: false)
        }
    }

    private static let writeSchedule = """
        UPDATE schedules SET owner = $2, lease_expires_at = $3, lease_epoch = $4, seen_at = $5, last_started_at = $6,
            last_finished_at = $7, last_day = $8, held_reason = $9, allowance_day = $10, allowance = $11, report = $12
        WHERE name = $1
        """

    package func cleanupSchedule() async throws(RunStoreError) -> CleanupSchedule? {
        try await read { session in
            try session.query("SELECT * FROM schedules WHERE name = $1", [.text(Self.schedule)])
                .first.flatMap { try CleanupSchedule($0) }
        }
    }

    package func renew(_ lease: CleanupLease) async throws(RunStoreError) -> Bool {
        try await write { session in (try Self.keep(lease, session) != nil, rings: false) }
    }

    /// Prolongs a lease until the end of the transaction at least; nil when somebody else has it.
    private static func keep(_ lease: CleanupLease, _ session: any SQLSession) throws -> SQLRow? {
        try session.query(
            """
            UPDATE schedules SET lease_expires_at = $3, seen_at = $4
            WHERE name = $1 AND lease_epoch = $2 AND owner IS NOT NULL RETURNING allowance
            """,
            [.text(schedule), .integer(lease.epoch), (session.now + lease.length).sqlValue, session.now.sqlValue]
        )
        .first
    }

    // MARK: What has expired

    package func census() async throws(RunStoreError) -> Census {
        try await read { session in
            try Census(
                session,
                animations: "SELECT count(*) FROM animation_attempts",
                restores: "SELECT count(*) FROM restore_attempts",
                jobs: "SELECT count(*) FROM jobs"
            )
        }
    }

    package func expired(by cutoff: Date) async throws(RunStoreError) -> Expired {
        try await read { session in
            let rows = try Census(
                session,
                animations: "SELECT count(*) FROM animation_attempts a WHERE \(Old.animation)",
                restores: "SELECT count(*) FROM restore_attempts t WHERE \(Old.restoreInTheEnd)",
                jobs: "SELECT count(*) FROM jobs j WHERE \(Old.jobInTheEnd)",
                [cutoff.sqlValue]
            )
            let sizes = try session.query(
                """
                SELECT (SELECT coalesce(sum(\(Old.bytes(session.dialect))), 0) FROM animation_attempts a
                        JOIN animation_runs r ON r.id = a.id WHERE \(Old.animation))
                    + (SELECT coalesce(sum(source_byte_count), 0) FROM restore_attempts t WHERE \(Old.restoreInTheEnd))
                    + (SELECT coalesce(sum(source_byte_count), 0) FROM jobs j WHERE \(Old.jobInTheEnd)) AS bytes
                """,
                [cutoff.sqlValue]
            )
            return Expired(rows: rows, byteCount: try sizes.first?.get("bytes") ?? 0)
        }
    }

    package func expire(
        _ kind: ExpiringKind,
        by cutoff: Date,
        limit: Int,
        under lease: CleanupLease
    ) async throws(RunStoreError) -> ExpiredBatch? {
        try await write { [sql] session in
            guard let kept = try Self.keep(lease, session) else { return (nil, rings: false) }
            let allowance: Int? = try kept.find("allowance")
            let most = min(limit, allowance ?? limit)
            let gone =
                switch kind {
                case .animation: try Self.expireAnimations(by: cutoff, most, session, sql)
                case .restore: try Self.expire("restore_attempts", Old.restore, by: cutoff, most, session, sql)
                case .job: try Self.expire("jobs", Old.job, by: cutoff, most, session, sql)
                }
            try Self.note(gone.keys, session, sql)
            try session.execute(
                "UPDATE schedules SET allowance = allowance - $2 WHERE name = $1",
                [.text(Self.schedule), gone.rows.sqlValue]
            )
            let batch = ExpiredBatch(
                rows: gone.rows,
                objects: gone.keys.count,
                byteCount: gone.byteCount,
                allowance: allowance.map { $0 - gone.rows }
            )
            return (batch, rings: false)
        }
    }

    private struct Gone {
        var rows = 0
        var keys: [ObjectKey] = []
        var byteCount: Int64 = 0
    }

    private static func expireAnimations(
        by cutoff: Date,
        _ limit: Int,
        _ session: any SQLSession,
        _ sql: RunStatements
    ) throws -> Gone {
        let rows = try session.query(
            """
            SELECT a.* FROM animation_attempts a WHERE \(Old.animation)
            ORDER BY created_at, id LIMIT $2\(session.dialect.skippingLocked)
            """,
            [cutoff.sqlValue, limit.sqlValue]
        )
        guard !rows.isEmpty else { return Gone() }
        let attempts = try rows.map { try AnimationAttempt($0) }
        let ids = try sql.ids.parameter(attempts.map { [$0.id.sqlValue] })
        let sizes = try session.query(
            """
            SELECT coalesce(sum(\(Old.bytes(session.dialect))), 0) AS bytes FROM animation_runs r
            WHERE id IN (SELECT id FROM \(sql.ids.source(session.dialect)))
            """,
            [ids]
        )
        try forget("IN (SELECT id FROM \(sql.ids.source(session.dialect)))", ids, session)
        try session.execute(
            "DELETE FROM animation_attempts WHERE id IN (SELECT id FROM \(sql.ids.source(session.dialect)))",
            [ids]
        )
        return Gone(
            rows: attempts.count,
            keys: attempts.flatMap(\.keys),
            byteCount: try sizes.first?.get("bytes") ?? 0
        )
    }

    /// Takes rows with an image of their own out of a table, unless something refers to them.
    private static func expire(
        _ table: String,
        _ isOld: String,
        by cutoff: Date,
        _ limit: Int,
        _ session: any SQLSession,
        _ sql: RunStatements
    ) throws -> Gone {
        let alias = table == "jobs" ? "j" : "t"
        let rows = try session.query(
            """
            SELECT id FROM \(table) \(alias) WHERE \(isOld)
            ORDER BY created_at, id LIMIT $2\(session.dialect.skippingLocked)
            """,
            [cutoff.sqlValue, limit.sqlValue]
        )
        guard !rows.isEmpty else { return Gone() }
        // Asked again now that they are locked: something that refers to one may have come before the lock.
        let gone = try session.query(
            """
            DELETE FROM \(table) AS \(alias) WHERE \(isOld)
                AND id IN (SELECT id FROM \(sql.ids.source(session.dialect, parameter: 2)))
            RETURNING source_s3_key, source_byte_count
            """,
            [cutoff.sqlValue, try sql.ids.parameter(rows.map { [$0["id"]] })]
        )
        return Gone(
            rows: gone.count,
            keys: try gone.map { try $0.get("source_s3_key") },
            byteCount: try gone.reduce(0) { $0 + (try $1.get("source_byte_count", as: Int64.self)) }
        )
    }

    /// Blanks what callers wrote in runs whose animations are gone; what was paid, when and by whom stays.
    ///
    /// `ids` compares the run's identifier, with the parameter `$1`.
    static func forget(_ ids: String, _ value: SQLValue, _ session: any SQLSession) throws {
        let request =
            switch session.dialect {
            case .sqlite: "json_remove(request, '$.prompt')"
            case .postgres: "CAST(CAST(request AS jsonb) - 'prompt' AS json)"
            }
        try session.execute(
            "UPDATE animation_runs SET request = \(request), failure_detail = NULL WHERE id \(ids)",
            [value]
        )
        try session.execute(
            """
            UPDATE callbacks SET url = '', wake_at = NULL,
                state = CASE WHEN state IN ('waiting', 'due') THEN 'void' ELSE state END
            WHERE animation_id \(ids)
            """,
            [value]
        )
    }

    package func forget(
        webhooksBefore time: Date,
        limit: Int,
        under lease: CleanupLease
    ) async throws(RunStoreError) -> (keys: Int, webhooks: Int)? {
        try await write { session in
            guard try Self.keep(lease, session) != nil else { return (nil, rings: false) }
            let keys = try session.execute(
                """
                DELETE FROM idempotency_keys WHERE expires_at <= $1 AND (user_id, key) IN (
                    SELECT user_id, key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
                )
                """,
                [session.now.sqlValue, limit.sqlValue]
            )
            let webhooks = try session.execute(
                """
                DELETE FROM webhook_inbox WHERE (provider, id) IN (
                    SELECT provider, id FROM webhook_inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2
                )
                """,
                [time.sqlValue, limit.sqlValue]
            )
            return ((keys, webhooks), rings: false)
        }
    }

    // MARK: What the store may have

    package func named(
        on shelf: ObjectShelf,
        after place: ShelfPlace?,
        limit: Int
    ) async throws(RunStoreError) -> NamedPage {
        try await read { session in
            let lowest = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            let (job, id) = (place?.job ?? JobID(lowest), place?.id ?? lowest)
            let rows: [SQLRow]
            switch shelf {
            case .animations, .restores:
                let table = shelf == .animations ? "animation_attempts" : "restore_attempts"
                // The first condition is for the index, which the second has no use for.
                rows = try session.query(
                    """
                    SELECT * FROM \(table) WHERE job_id >= $1 AND (job_id, id) > ($1, $2)
                    ORDER BY job_id, id LIMIT $3
                    """,
                    [job.sqlValue, id.sqlValue, limit.sqlValue]
                )
            case .uploads:
                rows = try session.query(
                    "SELECT * FROM jobs WHERE id > $1 ORDER BY id LIMIT $2",
                    [job.sqlValue, limit.sqlValue]
                )
            }
            var objects: [NamedPage.Object] = []
            for row in rows { objects += try Self.named(by: row, on: shelf) }
            guard rows.count == limit, let last = rows.last else { return NamedPage(objects: objects, next: nil) }
            let lastID: UUID = try last.get("id")
            let lastJob: JobID = shelf == .uploads ? JobID(lastID) : try last.get("job_id")
            return NamedPage(objects: objects, next: ShelfPlace(job: lastJob, id: lastID))
        }
    }

    /// What a row names, in the order of the keys; what has none of the service's own names is left out.
    private static func named(by row: SQLRow, on shelf: ObjectShelf) throws -> [NamedPage.Object] {
        switch shelf {
        case .animations:
            let attempt = try AnimationAttempt(row)
            let published = attempt.published
            return attempt.keys
                .filter { attempt.status == .pending || published.contains($0.description) }
                .map { NamedPage.Object($0, mustExist: attempt.status == .ready) }
        case .restores:
            let restore = try RestoreAttempt(row)
            let isOwn = restore.image.key.description.hasPrefix("restores/\(restore.jobID)/\(restore.id).")
            return isOwn ? [NamedPage.Object(restore.image.key, mustExist: true)] : []
        case .uploads:
            let job = try Job(row)
            guard job.source.key.description.hasPrefix("uploads/\(job.id)/") else { return [] }
            // A scene that is being undone may have lost it already.
            let isGoing = try row.find("deleted_at", as: Date.self) != nil
            return [NamedPage.Object(job.source.key, mustExist: !isGoing)]
        }
    }

    package func standing(of keys: [ObjectKey]) async throws(RunStoreError) -> [ObjectKey: ObjectStanding] {
        try await read { [sql] session in try Self.standing(of: keys, session, sql) }
    }

    private static func standing(
        of keys: [ObjectKey],
        _ session: any SQLSession,
        _ sql: RunStatements
    ) throws -> [ObjectKey: ObjectStanding] {
        var standings: [ObjectKey: ObjectStanding] = [:]
        var owners: [Substring: Set<UUID>] = [:]
        for key in keys {
            guard let (folder, owner) = key.owner else {
                standings[key] = .foreign
                continue
            }
            standings[key] = .unnamed
            owners[folder, default: []].insert(owner)
        }
        func rows(_ table: String, _ column: String, of folder: Substring, _ rest: String = "") throws -> [SQLRow] {
            guard let ids = owners[folder] else { return [] }
            return try session.query(
                "SELECT * FROM \(table) WHERE \(column) IN (SELECT id FROM \(sql.ids.source(session.dialect)))\(rest)",
                [try sql.ids.parameter(ids.map { [.uuid($0)] })]
            )
        }
        func set(_ standing: ObjectStanding, _ key: ObjectKey) {
            if standings[key] == .unnamed { standings[key] = standing }
        }
        for row in try rows("animation_attempts", "job_id", of: "animations") {
            let attempt = try AnimationAttempt(row)
            switch attempt.status {
            case .pending: for key in keys where key.animation == attempt.id { set(.allowed, key) }
            case .ready: for key in attempt.published.compactMap({ ObjectKey($0) }) { set(.required, key) }
            case .failed: break
            }
        }
        for row in try rows("restore_attempts", "job_id", of: "restores") {
            set(.required, try RestoreAttempt(row).image.key)
        }
        for row in try rows("jobs", "id", of: "uploads") {
            let isGoing = try row.find("deleted_at", as: Date.self) != nil
            set(isGoing ? .allowed : .required, try Job(row).source.key)
        }
        let runs = Set(
            try rows("animation_runs", "id", of: "tmp", " AND (state <> 'done' OR check_at IS NOT NULL)")
                .map { try $0.get("id", as: UUID.self) }
        )
        for key in keys {
            if let (folder, owner) = key.owner, folder == "tmp", runs.contains(owner) { set(.allowed, key) }
        }
        let unnamed = keys.filter { standings[$0] == .unnamed }
        guard !unnamed.isEmpty else { return standings }
        let going = try session.query(
            "SELECT key FROM object_deletions WHERE key IN (SELECT key FROM \(sql.keys.source(session.dialect)))",
            [try sql.keys.parameter(unnamed.map { [$0.sqlValue] })]
        )
        for row in going { standings[try row.get("key")] = .going }
        return standings
    }

    package func noteOrphans(_ keys: [ObjectKey], under lease: CleanupLease) async throws(RunStoreError) -> Int? {
        try await write { [sql] session in
            guard try Self.keep(lease, session) != nil else { return (nil, rings: false) }
            let standings = try Self.standing(of: keys, session, sql)
            let orphans = keys.filter { standings[$0] == .unnamed }
            try Self.note(orphans, session, sql)
            return (orphans.count, rings: false)
        }
    }
}

/// Conditions for what has expired; `$1` is the cutoff.
private enum Old {
    /// Of `animation_attempts a`: its run, if it has one, is at its end, and nothing of it is left to be checked or undone.
    static let animation = """
        a.created_at <= $1 AND NOT EXISTS (SELECT 1 FROM animation_runs r WHERE r.id = a.id AND (r.state <> 'done'
            OR r.check_at IS NOT NULL OR EXISTS (SELECT 1 FROM undo_records u WHERE u.animation_id = r.id AND u.state IN ('armed', 'due'))))
        """
    /// Of `restore_attempts t`.
    static let restore = restore(sparing: "true")
    /// Of `jobs j`.
    static let job = job(sparing: "true", "true")
    /// The same once all that is older has gone.
    static let restoreInTheEnd = restore(sparing: "NOT (\(animation))")
    static let jobInTheEnd = job(sparing: "NOT (\(animation))", "NOT (\(restoreInTheEnd))")

    private static func restore(sparing animations: String) -> String {
        """
        t.created_at <= $1
            AND NOT EXISTS (SELECT 1 FROM animation_attempts a WHERE a.restore_id = t.id AND \(animations))
        """
    }

    private static func job(sparing animations: String, _ restores: String) -> String {
        """
        j.created_at <= $1
            AND NOT EXISTS (SELECT 1 FROM animation_attempts a WHERE a.job_id = j.id AND \(animations))
            AND NOT EXISTS (SELECT 1 FROM restore_attempts t WHERE t.job_id = j.id AND \(restores))
        """
    }

    /// Bytes that `animation_runs r` has published.
    static func bytes(_ dialect: SQLDialect) -> String {
        let names = ["byte_count", "poster_byte_count", "result_byte_count"]
        return
            names.map { name in
                switch dialect {
                case .sqlite: "coalesce(json_extract(r.video, '$.\(name)'), 0)"
                case .postgres: "coalesce(CAST(r.video ->> '\(name)' AS bigint), 0)"
                }
            }
            .joined(separator: " + ")
    }
}

extension AnimationAttempt {
    /// What callers are told that it has, and what it may have if nothing was ever withdrawn, in the order of the keys.
    var keys: [ObjectKey] {
        let usual: [ObjectKey] = [.hdVideo(jobID, id), .poster(jobID, id), .video(jobID, id)]
        // Rows that another system wrote may name objects that are not ours to delete.
        let own = published.compactMap { ObjectKey($0) }
            .filter { $0.animation == id && $0.description.hasPrefix("animations/\(jobID)/") }
        return Set(usual + own).sorted { $0.precedes($1) }
    }

    /// What callers are told that it has.
    fileprivate var published: [String] {
        status == .ready ? [previewS3Key, resultS3Key, thumbS3Key].compactMap(\.self) : []
    }
}

extension ObjectKey {
    /// The folder and the identifier in a key that this service makes; nil for any other.
    fileprivate var owner: (folder: Substring, id: UUID)? {
        let parts = description.split(separator: "/")
        guard parts.count >= 3, ["animations", "restores", "uploads", "tmp"].contains(parts[0]),
            let id = JobID(String(parts[1]))
        else { return nil }
        return (parts[0], id.uuid)
    }
}

extension Census {
    fileprivate init(
        _ session: any SQLSession,
        animations: String,
        restores: String,
        jobs: String,
        _ values: [SQLValue] = []
    ) throws {
        let rows = try session.query(
            "SELECT (\(animations)) AS animations, (\(restores)) AS restores, (\(jobs)) AS jobs",
            values
        )
        guard let row = rows.first else { throw DatabaseError.internal("a count without a row") }
        self.init(
            animations: try row.get("animations"),
            restores: try row.get("restores"),
            jobs: try row.get("jobs")
        )
    }
}

extension CleanupSchedule {
    /// Nil for a row that only serves as a lock.
    init?(_ row: SQLRow) throws {
        guard let lastDay: Int = try row.find("last_day") else { return nil }
        self.init(lastDay: lastDay)
        owner = try row.find("owner")
        leaseExpiresAt = try row.find("lease_expires_at")
        leaseEpoch = try row.get("lease_epoch")
        seenAt = try row.find("seen_at")
        lastStartedAt = try row.find("last_started_at")
        lastFinishedAt = try row.find("last_finished_at")
        heldReason = try row.find("held_reason")
        allowanceDay = try row.find("allowance_day")
        allowance = try row.find("allowance")
        report = try row.json("report").map { CleanupReport(json: $0) }
    }

    fileprivate func values() throws -> [SQLValue] {
        [
            .text("cleanup"), SQLValue(owner), SQLValue(leaseExpiresAt), .integer(leaseEpoch), SQLValue(seenAt),
            SQLValue(lastStartedAt), SQLValue(lastFinishedAt), lastDay.sqlValue, SQLValue(heldReason),
            SQLValue(allowanceDay), SQLValue(allowance), try report.map { try .json($0.json) } ?? .null,
        ]
    }
}
