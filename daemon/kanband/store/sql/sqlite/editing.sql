-- What a user changes about a ticket besides its state.

-- name: edit
UPDATE tickets SET
    title = ?2, board = ?3, repo_path = ?4, base_branch = ?5, agent = ?6, model = ?7,
    band = ?8, priority_number = ?9, labels = ?10, task_type = ?11,
    scheduled_at_ms = ?12, timeout_s = ?13, estimated_duration_s = ?14,
    actual_duration_s = ?15, max_retries = ?16, waits_for = ?17, due_at_ms = ?18,
    cooling = NULL, updated_at_ms = ?19
WHERE id = ?1

-- name: texts
INSERT INTO texts (ticket_id, description_md, instructions) VALUES (?1, ?2, ?3)
ON CONFLICT (ticket_id) DO UPDATE SET description_md = ?2, instructions = ?3

-- name: board
INSERT INTO boards (name, position)
SELECT ?1, count(*) + 1 FROM boards WHERE true ON CONFLICT DO NOTHING

-- name: depends_on
SELECT on_id FROM depends WHERE ticket_id = ?

-- name: dependents
SELECT ticket_id FROM depends INDEXED BY depended_on WHERE on_id = ? ORDER BY ticket_id

-- name: state_of
SELECT state FROM tickets WHERE id = ?

-- name: depend
INSERT INTO depends (ticket_id, on_id, met) VALUES (?, ?, ?)

-- name: independ
DELETE FROM depends WHERE ticket_id = ? AND on_id = ?

-- name: unmet
SELECT EXISTS (SELECT 1 FROM depends WHERE ticket_id = ? AND met = 0)

-- name: runs_of
SELECT id FROM runs WHERE ticket_id = ? ORDER BY rowid

-- name: delete
DELETE FROM tickets WHERE id = ?

-- name: comment
INSERT INTO comments (ticket_id, author, body_md, created_at_ms) VALUES (?, ?, ?, ?)

-- name: comments
SELECT id, ticket_id, author, body_md, created_at_ms FROM (
    SELECT id, ticket_id, author, body_md, created_at_ms FROM comments
    WHERE ticket_id = ? ORDER BY id DESC LIMIT ?
) ORDER BY id

-- name: comments_count
SELECT count(*) FROM comments WHERE ticket_id = ?

-- name: touched
UPDATE tickets SET updated_at_ms = ?2 WHERE id = ?1
