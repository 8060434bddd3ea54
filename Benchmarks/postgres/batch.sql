-- What one transaction of Runnel writes for 32 calls that come at once, made by the server itself.
\set id random(1, 9000000000000000000)
BEGIN;
INSERT INTO writers (id, token) VALUES ('pgbench ' || :client_id, :id) ON CONFLICT (id) DO UPDATE SET token = excluded.token, at = now();
INSERT INTO dedupe_keys (pipeline, key, run_id) SELECT 'benchmark', id, id FROM (SELECT :id || '-' || n AS id FROM generate_series(1, 32) AS n) AS u ORDER BY id ON CONFLICT (pipeline, key) DO NOTHING RETURNING run_id;
WITH new AS MATERIALIZED (SELECT :id || '-' || n AS id FROM generate_series(1, 32) AS n), stored AS (INSERT INTO runs (id, pipeline, definition, dedupe_key, "trigger", created_at, has_finally, chain, bytes, source_due, priority) SELECT id, 'benchmark', 'd', id, '{"body":{"text":"a small payload of a webhook"},"type":"webhook"}', 1, false, 0, 370, false, 0 FROM new) INSERT INTO active (run_id, pipeline, definition, state, created_at, epoch, has_finally, priority) SELECT id, 'benchmark', 'd', 'queued', 1, 0, false, 0 FROM new;
COMMIT;
