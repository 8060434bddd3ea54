INSERT INTO batches (id, pipeline, body) SELECT gen_random_uuid()::text, 'benchmark', '{"type": "webhook", "body": {"text": "a small payload of a webhook"}}' FROM generate_series(1, 64);
