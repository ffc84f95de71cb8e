-- Tickets that wait for a dependency or for their time.

-- name: dependents
SELECT ticket_id FROM depends INDEXED BY dependents WHERE on_id = ? AND met = 0

-- name: meet
UPDATE depends SET met = 1 WHERE on_id = ? AND met = 0

-- name: open
UPDATE tickets SET waits_for = NULL
WHERE id = ? AND waits_for = 'depends'
    AND NOT EXISTS (SELECT 1 FROM depends WHERE ticket_id = tickets.id AND met = 0)
RETURNING id

-- name: unmet
SELECT EXISTS (SELECT 1 FROM depends WHERE ticket_id = ? AND met = 0)

-- name: due
UPDATE tickets SET due_at_ms = NULL, waits_for = CASE WHEN EXISTS (
    SELECT 1 FROM depends WHERE ticket_id = tickets.id AND met = 0)
    THEN 'depends' END
WHERE waits_for = 'due' AND due_at_ms <= ?
RETURNING id, waits_for

-- Their provider has cooled down; it is journalled once for all of them.
-- name: cooled
UPDATE tickets SET due_at_ms = NULL, cooling = NULL, waits_for = CASE WHEN EXISTS (
    SELECT 1 FROM depends WHERE ticket_id = tickets.id AND met = 0)
    THEN 'depends' END
WHERE waits_for = 'due' AND due_at_ms <= ? AND cooling IS NOT NULL
RETURNING id, waits_for
