import PostgresClient
import RunnelEngine

/// The tables of the journal in PostgreSQL. Each migration is applied once and never changed afterwards.
///
/// What changes often is apart from what does not: `active` holds the unfinished runs, few and small, and loses its row
/// at the end of a run; `runs`, `steps` and `events` are appended, and a run's row is updated once, at its end.
enum PostgresSchema {
    struct Migration: Sendable {
        let name: String
        /// Whether the version before it can go on working on the migrated journal, for a rolling upgrade.
        var isCompatible = false
        let sql: [String]
    }

    static let migrations = [
        Migration(
            name: "1-journal",
            sql: [
                """
                CREATE TABLE definitions (
                    hash text COLLATE "C" PRIMARY KEY,
                    pipeline text COLLATE "C" NOT NULL,
                    file text NOT NULL,
                    text text NOT NULL,
                    kept_at bigint NOT NULL
                )
                """,
                """
                CREATE TABLE workers (
                    id text COLLATE "C" PRIMARY KEY,
                    pid bigint NOT NULL,
                    host text NOT NULL,
                    role text NOT NULL,
                    started_at bigint NOT NULL,
                    beat bigint NOT NULL DEFAULT 0,
                    beaten_at timestamptz NOT NULL DEFAULT now(),
                    -- Whether a session holds the advisory lock of the worker while it lives.
                    holds_lock boolean NOT NULL DEFAULT false
                ) WITH (fillfactor = 50)
                """,
                "CREATE SEQUENCE epochs",
                // The last transaction of each connection that writes; see ``PostgresWriter``.
                """
                CREATE TABLE writers (
                    id text COLLATE "C" PRIMARY KEY,
                    token bigint NOT NULL,
                    at timestamptz NOT NULL DEFAULT now()
                ) WITH (fillfactor = 50)
                """,
                // Values are JSON text, or '#' and the SHA-256 of a row of `blobs`. The columns after `dedupe_key` are
                // written at the end of the run; until then they are in `active`.
                """
                CREATE TABLE runs (
                    id text COLLATE "C" PRIMARY KEY,
                    pipeline text COLLATE "C" NOT NULL,
                    definition text COLLATE "C" NOT NULL,
                    "trigger" text,
                    inputs text,
                    input text,
                    created_at bigint NOT NULL,
                    retry_of text,
                    has_finally boolean NOT NULL,
                    chain bigint NOT NULL,
                    debounce_key text COLLATE "C",
                    debounce_until bigint,
                    bytes bigint NOT NULL,
                    dedupe_key text COLLATE "C",
                    state text COLLATE "C",
                    started_at bigint,
                    ended_at bigint,
                    output text,
                    error text,
                    epoch bigint NOT NULL DEFAULT 0,
                    interruptions bigint NOT NULL DEFAULT 0,
                    deaths bigint NOT NULL DEFAULT 0,
                    wake_at bigint,
                    worked bigint NOT NULL DEFAULT 0,
                    cancel_requested boolean NOT NULL DEFAULT false,
                    source text,
                    -- Whether the trigger has to be told of the end of the run.
                    source_due boolean NOT NULL DEFAULT false
                ) WITH (fillfactor = 80)
                """,
                "CREATE INDEX runs_source_due ON runs (id) WHERE source_due",
                "CREATE INDEX runs_of ON runs (pipeline, id)",
                "CREATE INDEX runs_in ON runs (state, id) WHERE state IS NOT NULL",
                "CREATE INDEX runs_ended ON runs (pipeline, ended_at, id) WHERE ended_at IS NOT NULL",
                """
                CREATE TABLE active (
                    run_id text COLLATE "C" PRIMARY KEY,
                    pipeline text COLLATE "C" NOT NULL,
                    definition text COLLATE "C" NOT NULL,
                    state text COLLATE "C" NOT NULL,
                    created_at bigint NOT NULL,
                    started_at bigint,
                    owner text COLLATE "C",
                    epoch bigint NOT NULL,
                    interruptions bigint NOT NULL DEFAULT 0,
                    deaths bigint NOT NULL DEFAULT 0,
                    takeovers bigint NOT NULL DEFAULT 0,
                    cancel_requested boolean NOT NULL DEFAULT false,
                    wake_at bigint,
                    worked bigint NOT NULL DEFAULT 0,
                    has_finally boolean NOT NULL,
                    debounce_key text COLLATE "C",
                    debounce_until bigint
                ) WITH (
                    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                    autovacuum_vacuum_cost_delay = 0
                )
                """,
                "CREATE INDEX active_queued ON active ((started_at IS NULL), run_id) WHERE state = 'queued'",
                "CREATE INDEX active_owned ON active (owner, run_id) WHERE owner IS NOT NULL",
                "CREATE INDEX active_asleep ON active (wake_at) WHERE state = 'waiting'",
                "CREATE INDEX active_of ON active (pipeline)",
                "CREATE INDEX active_debounced ON active (pipeline, debounce_key) WHERE debounce_key IS NOT NULL",
                """
                CREATE TABLE steps (
                    number bigint GENERATED ALWAYS AS IDENTITY,
                    run_id text COLLATE "C" NOT NULL,
                    key text COLLATE "C" NOT NULL,
                    uses text NOT NULL,
                    state text NOT NULL,
                    attempt bigint NOT NULL,
                    started_at bigint,
                    ended_at bigint,
                    retry_at bigint,
                    output text,
                    error text,
                    items text,
                    "with" text,
                    attributes text,
                    checkpoint text,
                    PRIMARY KEY (run_id, key)
                ) WITH (fillfactor = 80)
                """,
                // Values that are too large for a column. They belong to one run, so that they go with it.
                """
                CREATE TABLE blobs (
                    run_id text COLLATE "C" NOT NULL,
                    hash bytea NOT NULL,
                    bytes bytea NOT NULL,
                    PRIMARY KEY (run_id, hash)
                )
                """,
                // The events of one commit; `number` is that of the first.
                """
                CREATE TABLE events (
                    run_id text COLLATE "C" NOT NULL,
                    number bigint NOT NULL,
                    count bigint NOT NULL,
                    events text NOT NULL,
                    PRIMARY KEY (run_id, number)
                )
                """,
                // One row for each event that was accepted. It outlives the run: then `expires_at` is set.
                """
                CREATE TABLE dedupe_keys (
                    pipeline text COLLATE "C" NOT NULL,
                    key text COLLATE "C" NOT NULL,
                    run_id text COLLATE "C" NOT NULL,
                    expires_at bigint,
                    failed boolean NOT NULL DEFAULT false,
                    PRIMARY KEY (pipeline, key)
                )
                """,
                "CREATE INDEX dedupe_keys_expiry ON dedupe_keys (expires_at) WHERE expires_at IS NOT NULL",
                "CREATE INDEX dedupe_keys_run ON dedupe_keys (run_id)",
                """
                CREATE TABLE trigger_memory (
                    pipeline text COLLATE "C" NOT NULL,
                    "trigger" text COLLATE "C" NOT NULL,
                    key text COLLATE "C" NOT NULL,
                    value text NOT NULL,
                    PRIMARY KEY (pipeline, "trigger", key)
                )
                """,
                // One row: the number of the last end. Its lock orders the transactions that end runs, so that a reader
                // of the sequence never sees a number before a lower one.
                "CREATE TABLE last_end (number bigint NOT NULL)",
                "INSERT INTO last_end VALUES (0)",
                """
                CREATE TABLE ends (
                    number bigint PRIMARY KEY,
                    run_id text COLLATE "C" NOT NULL,
                    pipeline text COLLATE "C" NOT NULL,
                    state text NOT NULL,
                    recovery boolean NOT NULL,
                    ended_at bigint NOT NULL
                )
                """,
                // The pipelines whose last run that succeeded or failed has failed.
                "CREATE TABLE failing (pipeline text COLLATE \"C\" PRIMARY KEY)",
                """
                CREATE TABLE run_hours (
                    hour bigint NOT NULL,
                    pipeline text COLLATE "C" NOT NULL,
                    state text COLLATE "C" NOT NULL,
                    runs bigint NOT NULL,
                    PRIMARY KEY (hour, pipeline, state)
                )
                """,
                // The events of a run with a debounce key. Beyond the limits the oldest lose their text.
                """
                CREATE TABLE folded (
                    run_id text COLLATE "C" NOT NULL,
                    number bigint NOT NULL,
                    dedupe_key text COLLATE "C",
                    event text,
                    PRIMARY KEY (run_id, number)
                )
                """,
                // One row for each call of a model. NULL where the server told no number.
                """
                CREATE TABLE usage (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    at bigint NOT NULL,
                    pipeline text COLLATE "C" NOT NULL,
                    run_id text COLLATE "C" NOT NULL,
                    step text NOT NULL,
                    agent text COLLATE "C",
                    model text COLLATE "C",
                    input_tokens bigint,
                    output_tokens bigint,
                    cached_tokens bigint,
                    estimated_input bigint NOT NULL,
                    estimated_output bigint NOT NULL
                )
                """,
                "CREATE INDEX usage_at ON usage (at, pipeline)",
                // What steps of one kind remember over runs: the value of a key is number 0, entries count from 1.
                """
                CREATE TABLE step_memory (
                    uses text COLLATE "C" NOT NULL,
                    key text COLLATE "C" NOT NULL,
                    number bigint NOT NULL,
                    value text NOT NULL,
                    expires_at bigint NOT NULL,
                    PRIMARY KEY (uses, key, number)
                )
                """,
                "CREATE INDEX step_memory_expiry ON step_memory (expires_at)",
                """
                CREATE TABLE audit (
                    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    time bigint NOT NULL,
                    caller text NOT NULL,
                    origin text NOT NULL,
                    action text NOT NULL,
                    subject text NOT NULL,
                    outcome text NOT NULL
                )
                """,
                """
                CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
                """,
                """
                CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
                """,
                // Until when each caller of the dashboard has seen what failed.
                "CREATE TABLE seen (caller text COLLATE \"C\" PRIMARY KEY, until bigint NOT NULL)",
                """
                CREATE TABLE disabled_triggers (
                    pipeline text COLLATE "C" NOT NULL,
                    "trigger" text COLLATE "C" NOT NULL,
                    PRIMARY KEY (pipeline, "trigger")
                )
                """,
            ]),
        Migration(
            name: "2-workers", isCompatible: true,
            sql: [
                """
                ALTER TABLE workers ADD COLUMN version text NOT NULL DEFAULT '',
                    ADD COLUMN drained boolean NOT NULL DEFAULT false,
                    -- In nanoseconds.
                    ADD COLUMN clock_lead bigint
                """,
                // The machine whose files a run needs; see ``PostgresJournal/queued(_:)``.
                "ALTER TABLE runs ADD COLUMN host text COLLATE \"C\"",
                "ALTER TABLE active ADD COLUMN host text COLLATE \"C\"",
                "CREATE TABLE hosts (host text COLLATE \"C\" PRIMARY KEY, left_at timestamptz NOT NULL)",
            ]),
        Migration(
            name: "3-deliveries", isCompatible: true,
            sql: [
                // Calls of hooks as they came. `bytes` is what a row counts in retention.
                """
                CREATE TABLE deliveries (
                    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    time bigint NOT NULL,
                    pipeline text COLLATE "C" NOT NULL,
                    "trigger" text COLLATE "C" NOT NULL,
                    method text NOT NULL,
                    path text NOT NULL,
                    outcome text COLLATE "C" NOT NULL,
                    reason text NOT NULL,
                    status bigint NOT NULL,
                    run_id text COLLATE "C",
                    size bigint NOT NULL,
                    whole boolean NOT NULL,
                    bytes bigint NOT NULL,
                    request text NOT NULL,
                    body text NOT NULL
                )
                """,
                "CREATE INDEX deliveries_of ON deliveries (pipeline, number) INCLUDE (bytes)",
                """
                CREATE INDEX deliveries_other ON deliveries (outcome, number) INCLUDE (bytes)
                WHERE outcome <> 'accepted'
                """,
            ]),
        Migration(
            name: "4-priority", isCompatible: true,
            sql: [
                "ALTER TABLE runs ADD COLUMN priority bigint NOT NULL DEFAULT 0",
                "ALTER TABLE active ADD COLUMN priority bigint NOT NULL DEFAULT 0",
                // The order of the queue: see `RunPriority`.
                "DROP INDEX active_queued",
                """
                CREATE INDEX active_queued
                ON active ((started_at IS NULL), (created_at - priority * 600000000000), run_id)
                WHERE state = 'queued'
                """,
            ]),
        Migration(
            name: "5-usage-sums", isCompatible: true,
            sql: [
                // The sums of `usage` by quarter hour and by hour, so that nobody adds up calls. A trigger adds every
                // call, whichever version of Runnel writes it; retention removes whole hours of both.
                """
                CREATE TABLE usage_sums (
                    length bigint NOT NULL,
                    starts_at bigint NOT NULL,
                    pipeline text COLLATE "C" NOT NULL,
                    agent text COLLATE "C",
                    model text COLLATE "C",
                    calls bigint NOT NULL,
                    unknown_calls bigint NOT NULL,
                    unknown_cached_calls bigint NOT NULL,
                    input_tokens bigint NOT NULL,
                    output_tokens bigint NOT NULL,
                    cached_tokens bigint NOT NULL,
                    estimated_input bigint NOT NULL,
                    estimated_output bigint NOT NULL
                ) WITH (fillfactor = 80)
                """,
                // No agent and the agent '' are two.
                """
                CREATE UNIQUE INDEX usage_sums_of ON usage_sums
                (length, starts_at, pipeline, coalesce('=' || agent, ''), coalesce('=' || model, ''))
                """,
                // In order, so that two transactions do not wait for each other.
                """
                CREATE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    \(addUsage(of: "added")) ORDER BY 1, 2, 3, 4, 5
                    ON CONFLICT (length, starts_at, pipeline, coalesce('=' || agent, ''), coalesce('=' || model, ''))
                    DO UPDATE SET calls = usage_sums.calls + excluded.calls,
                        unknown_calls = usage_sums.unknown_calls + excluded.unknown_calls,
                        unknown_cached_calls = usage_sums.unknown_cached_calls + excluded.unknown_cached_calls,
                        input_tokens = usage_sums.input_tokens + excluded.input_tokens,
                        output_tokens = usage_sums.output_tokens + excluded.output_tokens,
                        cached_tokens = usage_sums.cached_tokens + excluded.cached_tokens,
                        estimated_input = usage_sums.estimated_input + excluded.estimated_input,
                        estimated_output = usage_sums.estimated_output + excluded.estimated_output;
                    RETURN NULL;
                END $$
                """,
                // Keeps other versions from adding calls between the two statements.
                "LOCK TABLE usage IN SHARE ROW EXCLUSIVE MODE",
                """
                CREATE TRIGGER usage_count AFTER INSERT ON usage REFERENCING NEW TABLE AS added
                FOR EACH STATEMENT EXECUTE FUNCTION count_usage()
                """,
                addUsage(of: "usage"),
                "CREATE INDEX usage_run ON usage (run_id)",
                "CREATE INDEX deliveries_run ON deliveries (run_id) WHERE run_id IS NOT NULL",
                """
                CREATE TRIGGER audit_is_kept BEFORE DELETE OR TRUNCATE ON audit
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
                """,
            ]),
        Migration(
            name: "6-retries", isCompatible: true,
            sql: [
                // In the collation of the ids that it is compared with.
                """
                CREATE INDEX runs_retries ON runs (retry_of COLLATE "C", id) WHERE retry_of IS NOT NULL
                """
            ]),
        Migration(
            name: "7-finally", isCompatible: true,
            sql: [
                // See `FinallyStage`. The version before leaves it at 0: then a second request has no effect.
                "ALTER TABLE runs ADD COLUMN finally_stage bigint NOT NULL DEFAULT 0",
                "ALTER TABLE active ADD COLUMN finally_stage bigint NOT NULL DEFAULT 0",
            ]),
    ]

    /// Adds the calls of a table to `usage_sums`. What has one unknown number counts as unknown; the numbers that are there
    /// count for the estimate.
    private static func addUsage(of table: String) -> String {
        """
        INSERT INTO usage_sums
        SELECT p.length, c.at - c.at % p.length, c.pipeline, c.agent, c.model, count(*),
            count(*) FILTER (WHERE NOT known), count(*) FILTER (WHERE NOT known OR cached_tokens IS NULL),
            coalesce(sum(input_tokens) FILTER (WHERE known), 0),
            coalesce(sum(output_tokens) FILTER (WHERE known), 0),
            coalesce(sum(cached_tokens) FILTER (WHERE known), 0),
            coalesce(sum(coalesce(input_tokens, estimated_input)) FILTER (WHERE NOT known), 0),
            coalesce(sum(coalesce(output_tokens, estimated_output)) FILTER (WHERE NOT known), 0)
        FROM (SELECT *, input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS known FROM \(table)) AS c,
            unnest(ARRAY[900000000000, 3600000000000]) AS p (length)
        GROUP BY 1, 2, 3, 4, 5
        """
    }

    /// Creates the schema and applies what is missing of the migrations, one process at a time.
    ///
    /// - Returns: The names of the applied migrations.
    @discardableResult static func migrate(
        _ connection: PostgresConnection, schema: String, place: String,
        to migrations: [Migration] = PostgresSchema.migrations
    ) throws -> [String] {
        let known = Set(migrations.map(\.name))
        // Without the lock first: most starts have nothing to do, and need no right to create tables.
        if let applied = try applied(connection, schema) {
            try refuseNewer(applied, known, place)
            if known.isSubset(of: applied.keys) { return [] }
        }
        // Migrating large tables takes long, and so does waiting for another process that migrates them.
        connection.limit = .seconds(3600)
        try connection.execute("BEGIN")
        do {
            try connection.execute("SET LOCAL statement_timeout TO 0")
            try connection.execute("SET LOCAL lock_timeout TO 0")
            try connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('runnel migrations ' || $1, 0))", .text(schema))
            let before = try applied(connection, schema)
            try refuseNewer(before ?? [:], known, place)
            if before == nil {
                try refuseEncoding(of: connection, place)
                // Not IF NOT EXISTS, which requires the CREATE privilege even if the schema exists.
                let isThere = try connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", .text(schema)
                ).first?.bool(0)
                if isThere != true { try connection.execute(PostgresStatement("CREATE SCHEMA \(quoted(schema))")) }
                try connection.execute("SET LOCAL search_path TO \(quoted(schema))")
                try connection.execute(
                    "CREATE TABLE migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())")
            } else {
                try connection.execute("SET LOCAL search_path TO \(quoted(schema))")
            }
            try connection.execute(
                "ALTER TABLE migrations ADD COLUMN IF NOT EXISTS compatible boolean NOT NULL DEFAULT false")
            let missing = migrations.filter { before?[$0.name] == nil }
            for migration in missing {
                for statement in migration.sql { try connection.execute(PostgresStatement(statement)) }
                try connection.execute(
                    "INSERT INTO migrations (name, compatible) VALUES ($1, $2)", .text(migration.name),
                    .bool(migration.isCompatible))
            }
            try connection.execute("COMMIT")
            return missing.map(\.name)
        } catch {
            _ = try? connection.execute("ROLLBACK")
            throw error
        }
    }

    /// Whether all migrations are applied; nil where there is no journal. Refuses one of a newer version.
    static func isCurrent(_ connection: PostgresConnection, schema: String, place: String) throws -> Bool? {
        let known = Set(migrations.map(\.name))
        guard let applied = try applied(connection, schema) else { return nil }
        try refuseNewer(applied, known, place)
        return known.isSubset(of: applied.keys)
    }

    /// The applied migrations, and whether versions that do not know them can work on the journal; nil where there is no
    /// journal.
    private static func applied(_ connection: PostgresConnection, _ schema: String) throws -> [String: Bool]? {
        let isThere = try connection.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations')", .text(schema)
        ).first?.bool(0)
        guard isThere ?? false else { return nil }
        // The column came later than the table.
        let rows = try connection.execute(
            PostgresStatement(
                """
                SELECT name, coalesce((to_jsonb(m) ->> 'compatible')::boolean, false)
                FROM \(quoted(schema)).migrations m
                """)
        ).rows
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text(0), try $0.bool(1)) })
    }

    private static func refuseNewer(
        _ applied: [String: Bool], _ known: Set<String>, _ place: String
    ) throws(JournalError) {
        guard applied.contains(where: { !$0.value && !known.contains($0.key) }) else { return }
        throw JournalError(
            .newer, "the journal \(place) was written by a newer version of Runnel",
            hint: "use that version, or another schema")
    }

    /// Throws unless the database's encoding is UTF-8.
    private static func refuseEncoding(of connection: PostgresConnection, _ place: String) throws {
        let name = try connection.execute("SELECT current_setting('server_encoding')").first?.text(0) ?? ""
        guard name != "UTF8" else { return }
        throw JournalError(
            .failed, "the database \(place) has the encoding \(name), and the journal needs UTF8",
            hint: "create one with `createdb --encoding=UTF8 --template=template0`")
    }

    /// An identifier as SQL writes it.
    static func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
}
