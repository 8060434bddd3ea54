import GRDB

/// The tables of the journal. Each migration is applied once and never changed afterwards.
enum JournalSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1-runs") { db in
            try db.execute(
                sql: """
                    CREATE TABLE definitions (
                        hash TEXT NOT NULL PRIMARY KEY,
                        pipeline TEXT NOT NULL,
                        file TEXT NOT NULL,
                        text TEXT NOT NULL
                    ) WITHOUT ROWID;

                    CREATE TABLE agents (
                        id TEXT NOT NULL PRIMARY KEY,
                        pid INTEGER NOT NULL,
                        host TEXT NOT NULL,
                        role TEXT NOT NULL,
                        started_at INTEGER NOT NULL,
                        beat INTEGER NOT NULL DEFAULT 0
                    ) WITHOUT ROWID;

                    -- Values are JSON text, or the SHA-256 of a file beside the database. They are declared as BLOB because
                    -- that alone makes SQLite leave them as they are: otherwise the text 1.0 becomes the number 1.
                    CREATE TABLE runs (
                        id TEXT NOT NULL PRIMARY KEY,
                        pipeline TEXT NOT NULL,
                        definition TEXT NOT NULL,
                        state TEXT NOT NULL,
                        dedupe_key TEXT,
                        "trigger" BLOB,
                        inputs BLOB,
                        input BLOB,
                        created_at INTEGER NOT NULL,
                        started_at INTEGER,
                        ended_at INTEGER,
                        output BLOB,
                        error BLOB,
                        owner TEXT,
                        interruptions INTEGER NOT NULL DEFAULT 0,
                        cancel_requested INTEGER NOT NULL DEFAULT 0,
                        retry_of TEXT
                    );
                    CREATE UNIQUE INDEX runs_dedupe ON runs (pipeline, dedupe_key) WHERE dedupe_key IS NOT NULL;
                    CREATE INDEX runs_active ON runs (state, pipeline) WHERE state IN ('queued', 'running');

                    CREATE TABLE steps (
                        number INTEGER PRIMARY KEY,
                        run_id TEXT NOT NULL,
                        key TEXT NOT NULL,
                        uses TEXT NOT NULL,
                        state TEXT NOT NULL,
                        attempt INTEGER NOT NULL,
                        started_at INTEGER,
                        ended_at INTEGER,
                        retry_at INTEGER,
                        output BLOB,
                        error BLOB,
                        items BLOB,
                        UNIQUE (run_id, key)
                    );

                    -- The events of one commit; `number` is that of the first.
                    CREATE TABLE events (
                        run_id TEXT NOT NULL,
                        number INTEGER NOT NULL,
                        count INTEGER NOT NULL,
                        events TEXT NOT NULL,
                        PRIMARY KEY (run_id, number)
                    ) WITHOUT ROWID;

                    CREATE TABLE trigger_memory (
                        pipeline TEXT NOT NULL,
                        "trigger" TEXT NOT NULL,
                        key TEXT NOT NULL,
                        value TEXT NOT NULL,
                        PRIMARY KEY (pipeline, "trigger", key)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("2-waiting") { db in
            try db.execute(sql: "CREATE INDEX runs_waiting ON runs (id) WHERE state = 'queued'")
        }
        migrator.registerMigration("3-ownership") { db in
            try db.execute(
                sql: """
                    ALTER TABLE runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE runs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE runs ADD COLUMN takeovers INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE runs ADD COLUMN wake_at INTEGER;
                    ALTER TABLE runs ADD COLUMN worked INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE runs ADD COLUMN has_finally INTEGER NOT NULL DEFAULT 0;

                    -- One row: the epoch of the last claim.
                    CREATE TABLE epochs (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
                    INSERT INTO epochs (id, value) VALUES (1, 0);

                    -- SQLite does not use a partial index on `state IN (…)` for `state = …`.
                    DROP INDEX runs_active;
                    DROP INDEX runs_waiting;
                    CREATE INDEX runs_owned ON runs (owner, pipeline) WHERE owner IS NOT NULL;
                    CREATE INDEX runs_queued ON runs ((started_at IS NULL), id) WHERE state = 'queued';
                    CREATE INDEX runs_asleep ON runs (wake_at) WHERE state = 'waiting';
                    """)
        }
        migrator.registerMigration("4-retention") { db in
            try db.execute(
                sql: """
                    CREATE INDEX runs_ended ON runs (pipeline, ended_at, id) WHERE ended_at IS NOT NULL;

                    -- The keys of runs that retention has removed, so that their events still start no second run.
                    CREATE TABLE dedupe_keys (
                        pipeline TEXT NOT NULL,
                        key TEXT NOT NULL,
                        run_id TEXT NOT NULL,
                        expires_at INTEGER NOT NULL,
                        PRIMARY KEY (pipeline, key)
                    ) WITHOUT ROWID;
                    CREATE INDEX dedupe_keys_expiry ON dedupe_keys (expires_at);

                    -- In seconds since 1970.
                    ALTER TABLE definitions ADD COLUMN kept_at INTEGER NOT NULL DEFAULT 0;

                    -- Which column of which step names which file; step 0 is the run itself.
                    CREATE TABLE files (
                        run_id TEXT NOT NULL,
                        step INTEGER NOT NULL,
                        name TEXT NOT NULL,
                        hash BLOB NOT NULL,
                        PRIMARY KEY (run_id, step, name)
                    ) WITHOUT ROWID;
                    CREATE INDEX files_hash ON files (hash);
                    """)
            try nameFiles(
                of: "runs", run: "id", step: "0", columns: ["trigger", "inputs", "input", "output", "error"], db)
            try nameFiles(of: "steps", run: "run_id", step: "number", columns: ["output", "error", "items"], db)
        }
        migrator.registerMigration("5-workers") { db in
            try db.execute(sql: "ALTER TABLE agents RENAME TO workers")
        }
        migrator.registerMigration("6-files") { db in
            // The code writes `files` by itself. Triggers cost each statement, also where no value is a file.
            for table in ["runs", "steps"] {
                for event in ["insert", "update", "delete"] {
                    try db.execute(sql: "DROP TRIGGER \(table)_files_\(event)")
                }
            }
        }
        migrator.registerMigration("7-deliveries") { db in
            // Whether the run ended without success, so that its event may start another one.
            try db.execute(sql: "ALTER TABLE dedupe_keys ADD COLUMN failed INTEGER NOT NULL DEFAULT 0")
        }
        migrator.registerMigration("8-events") { db in
            try db.execute(
                sql: """
                    ALTER TABLE runs ADD COLUMN source TEXT;
                    -- Whether the trigger has to be told of the end of the run.
                    ALTER TABLE runs ADD COLUMN source_due INTEGER NOT NULL DEFAULT 0;
                    CREATE INDEX runs_source_due ON runs (id) WHERE source_due = 1;
                    """)
        }
        migrator.registerMigration("11-dashboard") { db in
            try db.execute(
                sql: """
                    CREATE INDEX runs_of ON runs (pipeline, id);
                    CREATE INDEX runs_failed ON runs (id) WHERE state = 'failed';
                    CREATE INDEX runs_failed_of ON runs (pipeline, id) WHERE state = 'failed';

                    -- How many runs ended in each hour, so that nobody counts runs. A trigger counts every end, whichever
                    -- statement writes it; it costs only statements that set `ended_at`.
                    CREATE TABLE run_hours (
                        hour INTEGER NOT NULL,
                        pipeline TEXT NOT NULL,
                        state TEXT NOT NULL,
                        runs INTEGER NOT NULL,
                        PRIMARY KEY (hour, pipeline, state)
                    ) WITHOUT ROWID;
                    CREATE TRIGGER runs_ended_count AFTER UPDATE OF ended_at ON runs
                    WHEN new.ended_at IS NOT NULL AND old.ended_at IS NULL BEGIN
                        INSERT INTO run_hours (hour, pipeline, state, runs)
                        VALUES (new.ended_at - new.ended_at % 3600000000000, new.pipeline, new.state, 1)
                        ON CONFLICT (hour, pipeline, state) DO UPDATE SET runs = runs + 1;
                    END;
                    INSERT INTO run_hours (hour, pipeline, state, runs)
                    SELECT ended_at - ended_at % 3600000000000, pipeline, state, count(*) FROM runs
                    WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3;

                    -- Append-only.
                    CREATE TABLE audit (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        caller TEXT NOT NULL,
                        origin TEXT NOT NULL,
                        action TEXT NOT NULL,
                        subject TEXT NOT NULL,
                        outcome TEXT NOT NULL
                    );
                    CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN
                        SELECT RAISE(ABORT, 'the audit log is append-only');
                    END;

                    -- Until when each caller of the dashboard has seen what failed.
                    CREATE TABLE seen (caller TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;

                    CREATE TABLE disabled_triggers (
                        pipeline TEXT NOT NULL,
                        "trigger" TEXT NOT NULL,
                        PRIMARY KEY (pipeline, "trigger")
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("10-ends") { db in
            try db.execute(
                sql: """
                    ALTER TABLE runs ADD COLUMN chain INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE runs ADD COLUMN debounce_key TEXT;
                    ALTER TABLE runs ADD COLUMN debounce_until INTEGER;
                    CREATE INDEX runs_debounced ON runs (pipeline, debounce_key)
                        WHERE debounce_key IS NOT NULL AND state = 'waiting';

                    -- The sequence of ends. Retention keeps the latest, so numbers are never used again.
                    CREATE TABLE ends (
                        number INTEGER PRIMARY KEY,
                        run_id TEXT NOT NULL,
                        pipeline TEXT NOT NULL,
                        state TEXT NOT NULL,
                        recovery INTEGER NOT NULL,
                        ended_at INTEGER NOT NULL
                    );

                    -- The pipelines whose last run that succeeded or failed has failed.
                    CREATE TABLE failing (pipeline TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;

                    -- The events of a run with a debounce key. Beyond the limits the oldest lose their text.
                    CREATE TABLE folded (
                        run_id TEXT NOT NULL,
                        number INTEGER NOT NULL,
                        dedupe_key TEXT,
                        event TEXT,
                        PRIMARY KEY (run_id, number)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("9-answers") { db in
            try db.execute(
                sql: """
                    ALTER TABLE steps ADD COLUMN "with" TEXT;
                    ALTER TABLE steps ADD COLUMN attributes TEXT;
                    ALTER TABLE steps ADD COLUMN checkpoint TEXT;
                    -- One row for each call of a model. NULL where the server told no number.
                    CREATE TABLE usage (
                        id INTEGER PRIMARY KEY,
                        at INTEGER NOT NULL,
                        pipeline TEXT NOT NULL,
                        run_id TEXT NOT NULL,
                        step TEXT NOT NULL,
                        agent TEXT,
                        model TEXT,
                        input_tokens INTEGER,
                        output_tokens INTEGER,
                        cached_tokens INTEGER,
                        estimated_input INTEGER NOT NULL,
                        estimated_output INTEGER NOT NULL
                    );
                    CREATE INDEX usage_at ON usage (at, pipeline);
                    -- What steps of one kind remember over runs: the value of a key is number 0, entries count from 1.
                    CREATE TABLE step_memory (
                        uses TEXT NOT NULL,
                        key TEXT NOT NULL,
                        number INTEGER NOT NULL,
                        value TEXT NOT NULL,
                        expires_at INTEGER NOT NULL,
                        PRIMARY KEY (uses, key, number)
                    );
                    CREATE INDEX step_memory_expiry ON step_memory (expires_at);
                    """)
        }
        migrator.registerMigration("12-worker-status") { db in
            try db.execute(
                sql: """
                    ALTER TABLE workers ADD COLUMN version TEXT NOT NULL DEFAULT '';
                    ALTER TABLE workers ADD COLUMN beaten_at INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE workers ADD COLUMN drained INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        migrator.registerMigration("14-deliveries") { db in
            try db.execute(
                sql: """
                    -- Calls of hooks as they came. `bytes` is what a row counts in retention.
                    CREATE TABLE deliveries (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        pipeline TEXT NOT NULL,
                        "trigger" TEXT NOT NULL,
                        method TEXT NOT NULL,
                        path TEXT NOT NULL,
                        outcome TEXT NOT NULL,
                        reason TEXT NOT NULL,
                        status INTEGER NOT NULL,
                        run_id TEXT,
                        size INTEGER NOT NULL,
                        whole INTEGER NOT NULL,
                        bytes INTEGER NOT NULL,
                        request TEXT NOT NULL,
                        -- See `StoredBody`.
                        body TEXT NOT NULL
                    );
                    -- `bytes`, so that they are added up without the rows.
                    CREATE INDEX deliveries_of ON deliveries (pipeline, number, bytes);
                    -- Most are accepted, and found without an index.
                    CREATE INDEX deliveries_other ON deliveries (outcome, number, bytes) WHERE outcome <> 'accepted';
                    """)
        }
        migrator.registerMigration("15-priority") { db in
            try db.execute(
                sql: """
                    ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
                    -- The order of the queue: see `RunPriority`.
                    DROP INDEX runs_queued;
                    CREATE INDEX runs_queued ON runs ((started_at IS NULL), (created_at - priority * 600000000000), id)
                        WHERE state = 'queued';
                    """)
        }
        migrator.registerMigration("16-usage-sums") { db in
            // What has one unknown number counts as unknown; the numbers that are there count for the estimate.
            func sums(_ row: String) -> [(name: String, value: String)] {
                let known = "(\(row)input_tokens IS NOT NULL AND \(row)output_tokens IS NOT NULL)"
                return [
                    ("unknown_calls", "NOT \(known)"),
                    ("unknown_cached_calls", "NOT \(known) OR \(row)cached_tokens IS NULL"),
                    ("input_tokens", "iif(\(known), \(row)input_tokens, 0)"),
                    ("output_tokens", "iif(\(known), \(row)output_tokens, 0)"),
                    ("cached_tokens", "iif(\(known), coalesce(\(row)cached_tokens, 0), 0)"),
                    ("estimated_input", "iif(\(known), 0, coalesce(\(row)input_tokens, \(row)estimated_input))"),
                    ("estimated_output", "iif(\(known), 0, coalesce(\(row)output_tokens, \(row)estimated_output))"),
                ]
            }
            let names = sums("").map(\.name)
            let lengths = "(SELECT 900000000000 AS length UNION ALL SELECT 3600000000000)"
            let key = "length, starts_at, pipeline, coalesce('=' || agent, ''), coalesce('=' || model, '')"
            try db.execute(
                sql: """
                    -- The sums of `usage` by quarter hour and by hour, so that nobody adds up calls. A trigger adds every
                    -- call; retention removes whole hours of both.
                    CREATE TABLE usage_sums (
                        length INTEGER NOT NULL,
                        starts_at INTEGER NOT NULL,
                        pipeline TEXT NOT NULL,
                        agent TEXT,
                        model TEXT,
                        calls INTEGER NOT NULL,
                        \(names.map { "\($0) INTEGER NOT NULL" }.joined(separator: ",\n"))
                    );
                    INSERT INTO usage_sums
                    SELECT length, at - at % length, pipeline, agent, model, count(*),
                        \(sums("").map { "sum(\($0.value))" }.joined(separator: ", "))
                    FROM usage, \(lengths) GROUP BY 1, 2, 3, 4, 5;
                    -- No agent and the agent '' are two.
                    CREATE UNIQUE INDEX usage_sums_of ON usage_sums (\(key));
                    CREATE TRIGGER usage_count AFTER INSERT ON usage BEGIN
                        INSERT INTO usage_sums (length, starts_at, pipeline, agent, model, calls, \(names.joined(separator: ", ")))
                        SELECT length, new.at - new.at % length, new.pipeline, new.agent, new.model, 1,
                            \(sums("new.").map(\.value).joined(separator: ", "))
                        FROM \(lengths) WHERE true
                        ON CONFLICT (\(key)) DO UPDATE SET calls = calls + 1,
                            \(names.map { "\($0) = \($0) + excluded.\($0)" }.joined(separator: ", "));
                    END;

                    CREATE INDEX usage_run ON usage (run_id);
                    CREATE INDEX deliveries_run ON deliveries (run_id) WHERE run_id IS NOT NULL;

                    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN
                        SELECT RAISE(ABORT, 'the audit log is append-only');
                    END;
                    """)
        }
        migrator.registerMigration("17-retries") { db in
            try db.execute(
                sql: "CREATE INDEX runs_retries ON runs (retry_of, id) WHERE retry_of IS NOT NULL")
        }
        migrator.registerMigration("18-dedupe-keys") { db in
            try db.execute(sql: "CREATE INDEX dedupe_keys_run ON dedupe_keys (run_id)")
        }
        migrator.registerMigration("19-finally") { db in
            // See `FinallyStage`.
            try db.execute(sql: "ALTER TABLE runs ADD COLUMN finally_stage INTEGER NOT NULL DEFAULT 0")
        }
        return migrator
    }

    /// Creates triggers that keep `files` consistent with the columns of a table, whichever version of Runnel writes
    /// them.
    private static func nameFiles(
        of table: String, run: String, step: String, columns: [String], _ db: Database
    ) throws {
        func names(_ row: String) -> String {
            columns.map { "typeof(\(row)\"\($0)\") = 'blob'" }.joined(separator: " OR ")
        }
        func place(_ row: String) -> String { "\(row)\(run), \(step == "0" ? step : row + step)" }
        let select = columns.map { column in
            "SELECT '\(column)' AS name, new.\"\(column)\" AS hash"
        }.joined(separator: " UNION ALL ")
        let insert = """
            INSERT INTO files (run_id, step, name, hash)
            SELECT \(place("new.")), name, hash FROM (\(select)) WHERE typeof(hash) = 'blob';
            """
        let delete =
            "DELETE FROM files WHERE run_id = old.\(run) AND step = \(step == "0" ? step : "old." + step);"
        let update = columns.map { "\"\($0)\"" }.joined(separator: ", ")
        try db.execute(
            sql: """
                CREATE TRIGGER \(table)_files_insert AFTER INSERT ON \(table) WHEN \(names("new.")) BEGIN
                    \(insert)
                END;
                CREATE TRIGGER \(table)_files_update AFTER UPDATE OF \(update) ON \(table)
                WHEN \(names("old.")) OR \(names("new.")) BEGIN
                    \(delete)
                    \(insert)
                END;
                CREATE TRIGGER \(table)_files_delete AFTER DELETE ON \(table) WHEN \(names("old.")) BEGIN
                    \(delete)
                END;
                """)
        for column in columns {
            try db.execute(
                sql: """
                    INSERT INTO files (run_id, step, name, hash)
                    SELECT \(run), \(step), '\(column)', "\(column)" FROM \(table) WHERE typeof("\(column)") = 'blob'
                    """)
        }
    }
}
