-- The journal, and the counts of tickets by board and state.

-- name: append
INSERT INTO journal (ts_ms, sender, type, correlation_id, payload)
VALUES (?, ?, ?, ?, ?)

-- name: count
INSERT INTO counts (board, state, tickets) VALUES (?1, ?2, max(?3, 0))
ON CONFLICT (board, state) DO UPDATE SET tickets = tickets + ?3

-- name: last_seq
SELECT coalesce(max(seq), 0) FROM journal

-- name: base
SELECT value FROM settings WHERE key = 'journal_base'

-- name: set_base
UPDATE settings SET value = ? WHERE key = 'journal_base'

-- name: prune
DELETE FROM journal WHERE seq <= ?

-- Oldest first, so that it looks at no more than what goes.
-- name: first_since
SELECT seq FROM journal WHERE ts_ms >= ? ORDER BY seq LIMIT 1

-- name: events
SELECT seq, ts_ms, sender, type, correlation_id, payload FROM journal
WHERE seq > ? ORDER BY seq LIMIT ?

-- name: events_of_types
SELECT seq, ts_ms, sender, type, correlation_id, payload FROM journal
WHERE seq > ? AND type IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?

-- name: events_of_ticket
SELECT seq, ts_ms, sender, type, correlation_id, payload FROM journal
WHERE correlation_id = ? AND seq > ? ORDER BY seq LIMIT ?

-- name: events_of_ticket_and_types
SELECT seq, ts_ms, sender, type, correlation_id, payload FROM journal
WHERE correlation_id = ? AND seq > ? AND type IN (SELECT value FROM json_each(?))
ORDER BY seq LIMIT ?

-- Its ticket has the index; a ticket's runs are few.
-- name: events_of_run
SELECT seq, ts_ms, sender, type, correlation_id, payload FROM journal
WHERE correlation_id = ? AND seq > ? AND payload ->> 'run_id' = ?
ORDER BY seq LIMIT ?
