-- Providers that cool down, and the tickets that wait for them.

-- name: all
SELECT provider, in_a_row, until_ms FROM cooldowns ORDER BY provider

-- name: put
INSERT INTO cooldowns (provider, in_a_row, until_ms) VALUES (?, ?, ?)
ON CONFLICT (provider) DO UPDATE SET
    in_a_row = excluded.in_a_row, until_ms = excluded.until_ms

-- name: forget
DELETE FROM cooldowns WHERE provider = ?

-- name: park
UPDATE tickets INDEXED BY claimable SET
    waits_for = 'due', due_at_ms = ?1, cooling = ?2
WHERE state = 'ready' AND waits_for IS NULL
    AND board IN (SELECT name FROM boards)
    AND agent IN (SELECT value FROM json_each(?3))

-- name: warm
UPDATE cooldowns SET until_ms = NULL WHERE until_ms <= ? RETURNING provider

-- name: warm_one
UPDATE cooldowns SET until_ms = NULL
WHERE provider = ? AND until_ms IS NOT NULL

-- name: wake
UPDATE tickets INDEXED BY waiting SET
    due_at_ms = NULL, cooling = NULL, waits_for = CASE WHEN EXISTS (
        SELECT 1 FROM depends WHERE ticket_id = tickets.id AND met = 0)
        THEN 'depends' END
WHERE waits_for = 'due' AND cooling = ?

-- name: wake_all
UPDATE tickets INDEXED BY waiting SET
    due_at_ms = NULL, cooling = NULL, waits_for = CASE WHEN EXISTS (
        SELECT 1 FROM depends WHERE ticket_id = tickets.id AND met = 0)
        THEN 'depends' END
WHERE waits_for = 'due' AND cooling IS NOT NULL
