-- Boards: their names, their order, their limits.

-- name: known
SELECT wip_limit FROM boards WHERE name = ?

-- name: names
SELECT name FROM boards ORDER BY position, name

-- name: add
INSERT INTO boards (name, wip_limit) VALUES (?, ?)

-- name: place
UPDATE boards SET position = ?2 WHERE name = ?1 AND position <> ?2

-- name: limit
UPDATE boards SET wip_limit = ?2 WHERE name = ?1 AND wip_limit IS NOT ?2

-- A board's name is referred to, so the new one comes first and the old one goes last.
-- name: copy
INSERT INTO boards (name, paused, position, wip_limit)
SELECT ?2, paused, position, wip_limit FROM boards WHERE name = ?1

-- name: tickets
UPDATE tickets SET board = ?2 WHERE board = ?1

-- name: counts
UPDATE counts SET board = ?2 WHERE board = ?1

-- name: drop_counts
DELETE FROM counts WHERE board = ?

-- name: drop
DELETE FROM boards WHERE name = ?

-- name: in_use
SELECT coalesce(sum(tickets), 0) FROM counts WHERE board = ?
