/// The tables, in the order in which they came to be.
package enum Schema {
    package static let migrations = [
        Migration(version: 1, name: "the durable run", script: first),
        Migration(version: 2, name: "users, callbacks and deletions", worksWith: 2, script: second),
        Migration(version: 3, name: "the clean-up", script: third),
        Migration(version: 4, name: "runs of the dead", worksWith: 2, script: fourth),
        Migration(version: 5, name: "checks of what was published", worksWith: 2, script: fifth),
    ]

    /// `animation_attempts` is the table that callers know, and nothing of the engine is added to it.
    private static let first: @Sendable (SQLDialect) -> String = { dialect in
        let columns = Columns(dialect)
        return [
            jobs(columns), restoreAttempts(columns), animationAttempts(columns), runs(columns), intents(columns),
            undos(columns), ledger(columns), shared(columns),
        ]
        .joined(separator: "\n")
    }

    /// What the API asks: whose a run is, whom to tell how it ended, and what was deleted.
    private static let second: @Sendable (SQLDialect) -> String = { dialect in
        let t = Columns(dialect)
        return """
            ALTER TABLE animation_runs ADD COLUMN user_id \(t.text);
            ALTER TABLE animation_runs ADD COLUMN part_count \(t.integer) NOT NULL DEFAULT 1;
            ALTER TABLE animation_runs ADD COLUMN seconds \(t.integer) NOT NULL DEFAULT 0;
            ALTER TABLE animation_runs ADD COLUMN price \(t.integer) NOT NULL DEFAULT 0;
            UPDATE animation_runs SET user_id = (SELECT user_id FROM jobs WHERE jobs.id = animation_runs.job_id);
            CREATE INDEX ix_animation_runs_user_id ON animation_runs (user_id, created_at, id);
            CREATE INDEX ix_animation_runs_active ON animation_runs (user_id) WHERE outcome IS NULL;
            CREATE INDEX ix_animation_runs_job_id ON animation_runs (job_id);
            CREATE TABLE callbacks (
                id \(t.uuid) PRIMARY KEY NOT NULL,
                animation_id \(t.uuid) NOT NULL UNIQUE REFERENCES animation_runs (id),
                user_id \(t.text) NOT NULL,
                url \(t.text) NOT NULL,
                state \(t.text) NOT NULL,
                tries \(t.integer) NOT NULL,
                wake_at \(t.time),
                last_status \(t.integer),
                last_error \(t.text),
                created_at \(t.time) NOT NULL,
                ended_at \(t.time)
            )\(t.end);
            CREATE INDEX ix_callbacks_wake_at ON callbacks (wake_at) WHERE state = 'due';
            CREATE TABLE object_deletions (
                key \(t.text) PRIMARY KEY NOT NULL,
                created_at \(t.time) NOT NULL,
                wake_at \(t.time) NOT NULL,
                tries \(t.integer) NOT NULL,
                last_error \(t.text)
            )\(t.end);
            CREATE INDEX ix_object_deletions_wake_at ON object_deletions (wake_at);
            """
    }

    /// When the clean-up ran and who runs it, and how it finds what is old.
    ///
    /// `last_day` is null in a row that only serves as a lock; days count from 1970.
    private static let third: @Sendable (SQLDialect) -> String = { dialect in
        let t = Columns(dialect)
        return """
            CREATE TABLE schedules (
                name \(t.text) PRIMARY KEY NOT NULL,
                owner \(t.text),
                lease_expires_at \(t.time),
                lease_epoch \(t.integer) NOT NULL,
                seen_at \(t.time),
                last_started_at \(t.time),
                last_finished_at \(t.time),
                last_day \(t.integer),
                held_reason \(t.text),
                allowance_day \(t.integer),
                allowance \(t.integer),
                report \(t.json)
            )\(t.end);
            CREATE INDEX ix_jobs_created_at ON jobs (created_at);
            CREATE INDEX ix_restore_attempts_created_at ON restore_attempts (created_at);
            CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at);
            CREATE INDEX ix_webhook_inbox_received_at ON webhook_inbox (received_at);
            """
    }

    /// Finds runs whose lease has run out, however many wait.
    private static let fourth: @Sendable (SQLDialect) -> String = { _ in
        """
        CREATE INDEX ix_animation_runs_held ON animation_runs (lease_expires_at) WHERE lease_owner IS NOT NULL;
        """
    }

    /// When the published files of a run are to be checked.
    ///
    /// To programs that do not know the column the run is done, and they leave the check to those that do
    /// (docs/decisions/0023).
    private static let fifth: @Sendable (SQLDialect) -> String = { dialect in
        """
        ALTER TABLE animation_runs ADD COLUMN check_at \(Columns(dialect).time);
        CREATE INDEX ix_animation_runs_check_at ON animation_runs (check_at, id) WHERE check_at IS NOT NULL;
        """
    }

    private static func jobs(_ t: Columns) -> String {
        """
        CREATE TABLE jobs (
            id \(t.uuid) PRIMARY KEY NOT NULL,
            user_id \(t.text) NOT NULL,
            session_id \(t.text),
            kind \(t.text) NOT NULL,
            on_failure \(t.text) NOT NULL,
            \(source(t)),
            created_at \(t.time) NOT NULL,
            deleted_at \(t.time)
        )\(t.end);
        CREATE INDEX ix_jobs_user_id ON jobs (user_id, created_at);
        """
    }

    private static func restoreAttempts(_ t: Columns) -> String {
        """
        CREATE TABLE restore_attempts (
            id \(t.uuid) PRIMARY KEY NOT NULL,
            job_id \(t.uuid) NOT NULL REFERENCES jobs (id),
            \(source(t)),
            created_at \(t.time) NOT NULL
        )\(t.end);
        CREATE INDEX ix_restore_attempts_job_id ON restore_attempts (job_id);
        """
    }

    private static func animationAttempts(_ t: Columns) -> String {
        """
        CREATE TABLE animation_attempts (
            id \(t.uuid) PRIMARY KEY NOT NULL,
            job_id \(t.uuid) NOT NULL REFERENCES jobs (id),
            restore_id \(t.uuid) REFERENCES restore_attempts (id),
            preview_s3_key \(t.text) NOT NULL,
            result_s3_key \(t.text),
            thumb_s3_key \(t.text),
            model \(t.text),
            params \(t.json),
            created_at \(t.time) NOT NULL
        )\(t.end);
        CREATE INDEX IF NOT EXISTS ix_animation_attempts_job_id ON animation_attempts (job_id);
        CREATE INDEX IF NOT EXISTS ix_animation_attempts_restore_id ON animation_attempts (restore_id);
        CREATE INDEX IF NOT EXISTS ix_animation_attempts_created_at ON animation_attempts (created_at);
        """
    }

    /// `due_at` is when a run may be claimed: when it wants attention, and not before its lease has run out.
    ///
    /// Runs outlive the rows that callers know, so that money stays accounted for: no reference to them.
    private static func runs(_ t: Columns) -> String {
        """
        CREATE TABLE animation_runs (
            id \(t.uuid) PRIMARY KEY NOT NULL,
            job_id \(t.uuid) NOT NULL,
            request \(t.json) NOT NULL,
            source \(t.json) NOT NULL,
            on_failure \(t.text) NOT NULL,
            created_at \(t.time) NOT NULL,
            state \(t.text) NOT NULL,
            outcome \(t.text),
            failure_code \(t.text),
            failure_detail \(t.text),
            part \(t.integer) NOT NULL,
            regenerations \(t.integer) NOT NULL,
            tries \(t.integer) NOT NULL,
            polls \(t.integer) NOT NULL,
            wake_at \(t.time),
            version \(t.integer) NOT NULL,
            lease_epoch \(t.integer) NOT NULL,
            lease_owner \(t.text),
            lease_expires_at \(t.time),
            rung \(t.boolean) NOT NULL,
            provider_done_at \(t.time),
            playable_at \(t.time),
            video \(t.json),
            parts \(t.json) NOT NULL,
            due_at \(t.time) GENERATED ALWAYS AS (
                CASE WHEN lease_owner IS NULL OR wake_at > lease_expires_at THEN wake_at
                    WHEN wake_at IS NULL THEN NULL ELSE lease_expires_at END
            ) STORED
        )\(t.end);
        CREATE INDEX ix_animation_runs_light ON animation_runs (due_at, id)
            WHERE due_at IS NOT NULL AND state <> 'finishing';
        CREATE INDEX ix_animation_runs_heavy ON animation_runs (due_at, id)
            WHERE due_at IS NOT NULL AND state = 'finishing';
        CREATE INDEX ix_animation_runs_created_at ON animation_runs (created_at);
        """
    }

    private static func intents(_ t: Columns) -> String {
        """
        CREATE TABLE paid_intents (
            id \(t.uuid) PRIMARY KEY NOT NULL,
            animation_id \(t.uuid) NOT NULL REFERENCES animation_runs (id),
            part \(t.integer) NOT NULL,
            number \(t.integer) NOT NULL,
            tag \(t.text) NOT NULL UNIQUE,
            provider \(t.text) NOT NULL,
            model \(t.text) NOT NULL,
            price_cap \(t.integer) NOT NULL,
            created_at \(t.time) NOT NULL,
            state \(t.text) NOT NULL,
            input_url \(t.text),
            input_file_id \(t.text),
            sent_at \(t.time),
            prediction_id \(t.text) UNIQUE,
            looks \(t.integer) NOT NULL,
            wake_at \(t.time),
            cancel_requested_at \(t.time),
            output \(t.text),
            cost \(t.integer),
            UNIQUE (animation_id, number)
        )\(t.end);
        CREATE UNIQUE INDEX paid_intents_one_open ON paid_intents (animation_id)
            WHERE state IN ('intended', 'sent', 'unknown', 'bound');
        CREATE INDEX ix_paid_intents_created_at ON paid_intents (created_at);
        """
    }

    private static func undos(_ t: Columns) -> String {
        """
        CREATE TABLE undo_records (
            place \(t.sequence),
            id \(t.uuid) NOT NULL UNIQUE,
            animation_id \(t.uuid) NOT NULL REFERENCES animation_runs (id),
            action \(t.json) NOT NULL,
            created_at \(t.time) NOT NULL,
            state \(t.text) NOT NULL,
            tries \(t.integer) NOT NULL,
            wake_at \(t.time) NOT NULL,
            last_error \(t.text)
        )\(t.end);
        CREATE INDEX ix_undo_records_animation_id ON undo_records (animation_id, place);
        """
    }

    /// `day` counts from 1970, in UTC: the day that the intent's money is charged to.
    private static func ledger(_ t: Columns) -> String {
        """
        CREATE TABLE ledger (
            place \(t.sequence),
            id \(t.uuid) NOT NULL UNIQUE,
            intent_id \(t.uuid) NOT NULL REFERENCES paid_intents (id),
            animation_id \(t.uuid) NOT NULL REFERENCES animation_runs (id),
            kind \(t.text) NOT NULL,
            amount \(t.integer) NOT NULL,
            at \(t.time) NOT NULL,
            day \(t.integer) NOT NULL
        )\(t.end);
        CREATE INDEX ix_ledger_intent_id ON ledger (intent_id, place);
        CREATE INDEX ix_ledger_animation_id ON ledger (animation_id, place);
        CREATE INDEX ix_ledger_day ON ledger (day);
        CREATE INDEX ix_ledger_at ON ledger (at);
        """
    }

    /// A gate without tokens is a row that only serves as a lock.
    private static func shared(_ t: Columns) -> String {
        """
        CREATE TABLE idempotency_keys (
            user_id \(t.text) NOT NULL,
            key \(t.text) NOT NULL,
            fingerprint \(t.text) NOT NULL,
            answer \(t.json) NOT NULL,
            expires_at \(t.time) NOT NULL,
            PRIMARY KEY (user_id, key)
        )\(t.end);
        CREATE TABLE webhook_inbox (
            provider \(t.text) NOT NULL,
            id \(t.text) NOT NULL,
            tag \(t.text) NOT NULL,
            received_at \(t.time) NOT NULL,
            PRIMARY KEY (provider, id)
        )\(t.end);
        CREATE TABLE provider_gates (
            key \(t.text) PRIMARY KEY NOT NULL,
            tokens \(t.real),
            refilled_at \(t.time),
            failures \(t.integer) NOT NULL,
            closed_until \(t.time),
            reason \(t.text)
        )\(t.end);
        """
    }

    /// An image in the object store.
    private static func source(_ t: Columns) -> String {
        """
        source_s3_key \(t.text) NOT NULL,
            source_content_type \(t.text) NOT NULL,
            source_width \(t.integer) NOT NULL,
            source_height \(t.integer) NOT NULL,
            source_orientation \(t.integer) NOT NULL,
            source_byte_count \(t.integer) NOT NULL,
            source_sha256 \(t.text) NOT NULL
        """
    }
}

/// The types' names.
private struct Columns {
    let uuid, text, integer, real, boolean, json, time: String
    /// A primary key that counts up.
    let sequence: String
    /// What follows the columns; SQLite then keeps to their types, as PostgreSQL does.
    let end: String

    init(_ dialect: SQLDialect) {
        uuid = dialect.type(.uuid)
        text = dialect.type(.text)
        integer = dialect.type(.integer)
        real = dialect.type(.real)
        boolean = dialect.type(.boolean)
        json = dialect.type(.json)
        time = dialect.type(.timestamp)
        switch dialect {
        case .sqlite:
            sequence = "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL"
            end = " STRICT"
        case .postgres:
            sequence = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
            end = ""
        }
    }
}
