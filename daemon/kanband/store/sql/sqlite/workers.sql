-- Workers, and switches of the whole.

-- name: put
INSERT INTO workers (worker_id, row) VALUES (?1, ?2)
ON CONFLICT (worker_id) DO UPDATE SET row = ?2

-- name: drop
DELETE FROM workers WHERE worker_id = ?

-- name: holds
SELECT 1 FROM tickets WHERE locked_by_run_id IS NOT NULL AND worker_id = ? LIMIT 1

-- name: want
INSERT INTO settings (key, value) VALUES ('wanted_workers', ?1)
ON CONFLICT (key) DO UPDATE SET value = ?1

-- name: want_nothing
DELETE FROM settings WHERE key = 'wanted_workers'
