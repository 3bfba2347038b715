import Foundation
import Testing
import ZoetropeDatabase
import ZoetropeTestKit

struct SchemaTests {
    @Test
    func `animation_attempts is on PostgreSQL exactly what callers know`() async throws {
        let database = try await PostgresDatabase.scratch(connections: 1)
        try await Migrator(Schema.migrations).migrate(database)
        let columns = try await database.read { session in
            try session.query(
                """
                SELECT column_name || ' ' || data_type || CASE is_nullable WHEN 'YES' THEN ' null' ELSE ' not null' END AS c
                FROM information_schema.columns WHERE table_name = 'animation_attempts' ORDER BY ordinal_position
                """
            )
            .map { try $0.get("c", as: String.self) }
        }
        #expect(
            columns == [
                "id uuid not null", "job_id uuid not null", "restore_id uuid null", "preview_s3_key text not null",
                "result_s3_key text null", "thumb_s3_key text null", "model text null", "params json null",
                "created_at timestamp with time zone not null",
            ]
        )
        let rules = try await database.read { session in
            try session.query(
                """
                SELECT pg_get_constraintdef(oid) AS c FROM pg_constraint
                WHERE conrelid = 'animation_attempts'::regclass ORDER BY contype DESC, 1
                """
            )
            .map { try $0.get("c", as: String.self) }
        }
        #expect(
            rules == [
                "PRIMARY KEY (id)", "FOREIGN KEY (job_id) REFERENCES jobs(id)",
                "FOREIGN KEY (restore_id) REFERENCES restore_attempts(id)",
            ]
        )
        let indexes = try await database.read { session in
            try session.query("SELECT indexdef AS c FROM pg_indexes WHERE tablename = 'animation_attempts' ORDER BY 1")
                .map { try $0.get("c", as: String.self) }
        }
        #expect(
            indexes == [
                "CREATE INDEX ix_animation_attempts_created_at ON public.animation_attempts USING btree (created_at)",
                "CREATE INDEX ix_animation_attempts_job_id ON public.animation_attempts USING btree (job_id)",
                "CREATE INDEX ix_animation_attempts_restore_id ON public.animation_attempts USING btree (restore_id)",
                "CREATE UNIQUE INDEX animation_attempts_pkey ON public.animation_attempts USING btree (id)",
            ]
        )
        await database.close()
    }

    @Test
    func `animation_attempts is on SQLite exactly what callers know`() async throws {
        let database = try SQLiteDatabase.inMemory { Date() }
        try await Migrator(Schema.migrations).migrate(database)
        let (columns, keys, indexes) = try await database.read { session in
            (
                try session.query(
                    "SELECT name || ' ' || type || iif(\"notnull\", ' not null', ' null') || iif(pk, ' key', '') AS c"
                        + " FROM pragma_table_info('animation_attempts')"
                )
                .map { try $0.get("c", as: String.self) },
                try session.query(
                    "SELECT \"from\" || ' ' || \"table\" || ' ' || \"to\" AS c"
                        + " FROM pragma_foreign_key_list('animation_attempts') ORDER BY 1"
                )
                .map { try $0.get("c", as: String.self) },
                try session.query(
                    "SELECT name AS c FROM pragma_index_list('animation_attempts') WHERE origin = 'c' ORDER BY 1"
                )
                .map { try $0.get("c", as: String.self) }
            )
        }
        #expect(
            columns == [
                "id TEXT not null key", "job_id TEXT not null", "restore_id TEXT null", "preview_s3_key TEXT not null",
                "result_s3_key TEXT null", "thumb_s3_key TEXT null", "model TEXT null", "params TEXT null",
                "created_at TEXT not null",
            ]
        )
        #expect(keys == ["job_id jobs id", "restore_id restore_attempts id"])
        #expect(
            indexes == [
                "ix_animation_attempts_created_at", "ix_animation_attempts_job_id", "ix_animation_attempts_restore_id",
            ]
        )
        await database.close()
    }
}
