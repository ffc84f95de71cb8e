-- Schedules.

-- name: columns
id, cron, zone, missed, ticket, paused, next_at_ms, last_ticket_id, created_at_ms

-- name: all
SELECT {columns} FROM schedules ORDER BY id

-- name: one
SELECT {columns} FROM schedules WHERE id = ?

-- name: due
SELECT {columns} FROM schedules WHERE next_at_ms <= ? ORDER BY id

-- name: add
INSERT INTO schedules (cron, zone, missed, ticket, next_at_ms, created_at_ms)
VALUES (?, ?, ?, ?, ?, ?)

-- name: fired
UPDATE schedules SET next_at_ms = ?2, last_ticket_id = coalesce(?3, last_ticket_id)
WHERE id = ?1

-- name: pause
UPDATE schedules SET paused = ?2, next_at_ms = ?3 WHERE id = ?1

-- name: remove
DELETE FROM schedules WHERE id = ?

-- name: state_of
SELECT state FROM tickets WHERE id = ?
