-- A user's moves.

-- name: standing
SELECT t.id, t.state, t.board, t.agent, t.repo_path,
    CASE WHEN t.cooling IS NULL THEN t.waits_for ELSE 'cooldown' END, t.epoch,
    t.locked_by_run_id, t.worker_id, t.scheduled_at_ms, r.agent, r.wish
FROM tickets AS t LEFT JOIN runs AS r ON r.id = t.locked_by_run_id
WHERE t.id = ?

-- name: move
UPDATE tickets SET
    state = ?2, waits_for = ?3, due_at_ms = ?4, cooling = NULL, reason = ?5,
    completed_at_ms = CASE
        WHEN ?2 = 'completed' THEN ?6 WHEN ?2 = 'in_review' THEN NULL
        ELSE completed_at_ms END,
    updated_at_ms = ?6, state_changed_at_ms = ?6
WHERE id = ?1

-- name: anew
UPDATE tickets SET
    attempts = 0, retry_count = 0, losses = 0, deferrals = 0, failure = NULL,
    fresh = ?2, previous_failure = CASE WHEN ?2 THEN '' ELSE previous_failure END
WHERE id = ?1

-- name: answer
UPDATE questions SET answer = ?3, answered_at_ms = ?4
WHERE ticket_id = ?1 AND epoch = ?2

-- name: due_now
UPDATE tickets SET
    waits_for = ?2, due_at_ms = NULL, cooling = NULL, reason = '', updated_at_ms = ?3
WHERE id = ?1

-- name: wish
UPDATE runs SET wish = ? WHERE id = ?

-- name: touched
UPDATE tickets SET updated_at_ms = ?2 WHERE id = ?1

-- name: pause_queue
UPDATE settings SET value = ?1 WHERE key = 'paused' AND value <> ?1

-- name: pause_board
UPDATE boards SET paused = ?2 WHERE name = ?1 AND paused <> ?2

-- name: board
SELECT 1 FROM boards WHERE name = ?

-- name: fresh
UPDATE tickets SET fresh = 1, previous_failure = '' WHERE id = ?

-- name: reason
UPDATE tickets SET reason = ?2, updated_at_ms = ?3 WHERE id = ?1
