-- New tickets.

-- name: by_key
SELECT id FROM tickets WHERE key = ?

-- name: last_id
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tickets'), 0)

-- name: state_of
SELECT state FROM tickets WHERE id = ?

-- name: board
INSERT INTO boards (name, position)
SELECT ?1, count(*) + 1 FROM boards WHERE true ON CONFLICT DO NOTHING

-- name: ticket
INSERT INTO tickets (
    id, board, state, waits_for, agent, band, repo_path, due_at_ms, priority_number,
    title, labels, task_type, base_branch, model, max_retries, scheduled_at_ms,
    timeout_s, estimated_duration_s, key, created_at_ms, updated_at_ms,
    state_changed_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: texts
INSERT INTO texts (ticket_id, description_md, instructions) VALUES (?, ?, ?)

-- name: depends
INSERT INTO depends (ticket_id, on_id, met) VALUES (?, ?, ?)
