-- 1-runs
-- 10-ends
-- 11-dashboard
-- 12-worker-status
-- 14-deliveries
-- 15-priority
-- 16-usage-sums
-- 17-retries
-- 18-dedupe-keys
-- 19-finally
-- 2-waiting
-- 3-ownership
-- 4-retention
-- 5-workers
-- 6-files
-- 7-deliveries
-- 8-events
-- 9-answers
CREATE INDEX dedupe_keys_expiry ON dedupe_keys (expires_at)
CREATE INDEX dedupe_keys_run ON dedupe_keys (run_id)
CREATE INDEX deliveries_of ON deliveries (pipeline, number, bytes)
CREATE INDEX deliveries_other ON deliveries (outcome, number, bytes) WHERE outcome <> 'accepted'
CREATE INDEX deliveries_run ON deliveries (run_id) WHERE run_id IS NOT NULL
CREATE INDEX files_hash ON files (hash)
CREATE INDEX runs_asleep ON runs (wake_at) WHERE state = 'waiting'
CREATE INDEX runs_debounced ON runs (pipeline, debounce_key)
WHERE debounce_key IS NOT NULL AND state = 'waiting'
CREATE UNIQUE INDEX runs_dedupe ON runs (pipeline, dedupe_key) WHERE dedupe_key IS NOT NULL
CREATE INDEX runs_ended ON runs (pipeline, ended_at, id) WHERE ended_at IS NOT NULL
CREATE INDEX runs_failed ON runs (id) WHERE state = 'failed'
CREATE INDEX runs_failed_of ON runs (pipeline, id) WHERE state = 'failed'
CREATE INDEX runs_of ON runs (pipeline, id)
CREATE INDEX runs_owned ON runs (owner, pipeline) WHERE owner IS NOT NULL
CREATE INDEX runs_queued ON runs ((started_at IS NULL), (created_at - priority * 600000000000), id)
WHERE state = 'queued'
CREATE INDEX runs_retries ON runs (retry_of, id) WHERE retry_of IS NOT NULL
CREATE INDEX runs_source_due ON runs (id) WHERE source_due = 1
CREATE INDEX step_memory_expiry ON step_memory (expires_at)
CREATE INDEX usage_at ON usage (at, pipeline)
CREATE INDEX usage_run ON usage (run_id)
CREATE UNIQUE INDEX usage_sums_of ON usage_sums (length, starts_at, pipeline, coalesce('=' || agent, ''), coalesce('=' || model, ''))
CREATE TABLE audit (
number INTEGER PRIMARY KEY AUTOINCREMENT,
time INTEGER NOT NULL,
caller TEXT NOT NULL,
origin TEXT NOT NULL,
action TEXT NOT NULL,
subject TEXT NOT NULL,
outcome TEXT NOT NULL
)
CREATE TABLE dedupe_keys (
pipeline TEXT NOT NULL,
key TEXT NOT NULL,
run_id TEXT NOT NULL,
expires_at INTEGER NOT NULL, failed INTEGER NOT NULL DEFAULT 0,
PRIMARY KEY (pipeline, key)
) WITHOUT ROWID
CREATE TABLE definitions (
hash TEXT NOT NULL PRIMARY KEY,
pipeline TEXT NOT NULL,
file TEXT NOT NULL,
text TEXT NOT NULL
, kept_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID
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
)
CREATE TABLE disabled_triggers (
pipeline TEXT NOT NULL,
"trigger" TEXT NOT NULL,
PRIMARY KEY (pipeline, "trigger")
) WITHOUT ROWID
CREATE TABLE ends (
number INTEGER PRIMARY KEY,
run_id TEXT NOT NULL,
pipeline TEXT NOT NULL,
state TEXT NOT NULL,
recovery INTEGER NOT NULL,
ended_at INTEGER NOT NULL
)
CREATE TABLE epochs (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)
CREATE TABLE events (
run_id TEXT NOT NULL,
number INTEGER NOT NULL,
count INTEGER NOT NULL,
events TEXT NOT NULL,
PRIMARY KEY (run_id, number)
) WITHOUT ROWID
CREATE TABLE failing (pipeline TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID
CREATE TABLE files (
run_id TEXT NOT NULL,
step INTEGER NOT NULL,
name TEXT NOT NULL,
hash BLOB NOT NULL,
PRIMARY KEY (run_id, step, name)
) WITHOUT ROWID
CREATE TABLE folded (
run_id TEXT NOT NULL,
number INTEGER NOT NULL,
dedupe_key TEXT,
event TEXT,
PRIMARY KEY (run_id, number)
) WITHOUT ROWID
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)
CREATE TABLE run_hours (
hour INTEGER NOT NULL,
pipeline TEXT NOT NULL,
state TEXT NOT NULL,
runs INTEGER NOT NULL,
PRIMARY KEY (hour, pipeline, state)
) WITHOUT ROWID
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
, epoch INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, takeovers INTEGER NOT NULL DEFAULT 0, wake_at INTEGER, worked INTEGER NOT NULL DEFAULT 0, has_finally INTEGER NOT NULL DEFAULT 0, source TEXT, source_due INTEGER NOT NULL DEFAULT 0, chain INTEGER NOT NULL DEFAULT 0, debounce_key TEXT, debounce_until INTEGER, priority INTEGER NOT NULL DEFAULT 0, finally_stage INTEGER NOT NULL DEFAULT 0)
CREATE TABLE seen (caller TEXT NOT NULL PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID
CREATE TABLE sqlite_sequence(name,seq)
CREATE TABLE step_memory (
uses TEXT NOT NULL,
key TEXT NOT NULL,
number INTEGER NOT NULL,
value TEXT NOT NULL,
expires_at INTEGER NOT NULL,
PRIMARY KEY (uses, key, number)
)
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
items BLOB, "with" TEXT, attributes TEXT, checkpoint TEXT,
UNIQUE (run_id, key)
)
CREATE TABLE trigger_memory (
pipeline TEXT NOT NULL,
"trigger" TEXT NOT NULL,
key TEXT NOT NULL,
value TEXT NOT NULL,
PRIMARY KEY (pipeline, "trigger", key)
) WITHOUT ROWID
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
)
CREATE TABLE usage_sums (
length INTEGER NOT NULL,
starts_at INTEGER NOT NULL,
pipeline TEXT NOT NULL,
agent TEXT,
model TEXT,
calls INTEGER NOT NULL,
unknown_calls INTEGER NOT NULL,
unknown_cached_calls INTEGER NOT NULL,
input_tokens INTEGER NOT NULL,
output_tokens INTEGER NOT NULL,
cached_tokens INTEGER NOT NULL,
estimated_input INTEGER NOT NULL,
estimated_output INTEGER NOT NULL
)
CREATE TABLE "workers" (
id TEXT NOT NULL PRIMARY KEY,
pid INTEGER NOT NULL,
host TEXT NOT NULL,
role TEXT NOT NULL,
started_at INTEGER NOT NULL,
beat INTEGER NOT NULL DEFAULT 0
, version TEXT NOT NULL DEFAULT '', beaten_at INTEGER NOT NULL DEFAULT 0, drained INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit BEGIN
SELECT RAISE(ABORT, 'the audit log is append-only');
END
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN
SELECT RAISE(ABORT, 'the audit log is append-only');
END
CREATE TRIGGER runs_ended_count AFTER UPDATE OF ended_at ON runs
WHEN new.ended_at IS NOT NULL AND old.ended_at IS NULL BEGIN
INSERT INTO run_hours (hour, pipeline, state, runs)
VALUES (new.ended_at - new.ended_at % 3600000000000, new.pipeline, new.state, 1)
ON CONFLICT (hour, pipeline, state) DO UPDATE SET runs = runs + 1;
END
CREATE TRIGGER usage_count AFTER INSERT ON usage BEGIN
INSERT INTO usage_sums (length, starts_at, pipeline, agent, model, calls, unknown_calls, unknown_cached_calls, input_tokens, output_tokens, cached_tokens, estimated_input, estimated_output)
SELECT length, new.at - new.at % length, new.pipeline, new.agent, new.model, 1,
NOT (new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), NOT (new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL) OR new.cached_tokens IS NULL, iif((new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), new.input_tokens, 0), iif((new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), new.output_tokens, 0), iif((new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), coalesce(new.cached_tokens, 0), 0), iif((new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), 0, coalesce(new.input_tokens, new.estimated_input)), iif((new.input_tokens IS NOT NULL AND new.output_tokens IS NOT NULL), 0, coalesce(new.output_tokens, new.estimated_output))
FROM (SELECT 900000000000 AS length UNION ALL SELECT 3600000000000) WHERE true
ON CONFLICT (length, starts_at, pipeline, coalesce('=' || agent, ''), coalesce('=' || model, '')) DO UPDATE SET calls = calls + 1,
unknown_calls = unknown_calls + excluded.unknown_calls, unknown_cached_calls = unknown_cached_calls + excluded.unknown_cached_calls, input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens, cached_tokens = cached_tokens + excluded.cached_tokens, estimated_input = estimated_input + excluded.estimated_input, estimated_output = estimated_output + excluded.estimated_output;
END
