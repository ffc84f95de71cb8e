-- The course of a run, and its end.

-- name: starting
SELECT r.id, r.ticket_id, r.epoch, r.worker_id, r.agent, t.board, t.state,
    t.locked_by_run_id IS r.id
FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.id = ?

-- name: start_ticket
UPDATE tickets SET
    state = 'working', updated_at_ms = ?2, state_changed_at_ms = ?2, fresh = 0,
    started_at_ms = ?3, branch = coalesce(nullif(?4, ''), branch),
    worktree = coalesce(nullif(?5, ''), worktree)
WHERE id = ?1

-- name: start_run
UPDATE runs SET
    status = 'running', started_at_ms = ?2, last_seq = max(last_seq, ?3),
    branch = nullif(?4, ''), worktree = nullif(?5, ''), head_before = nullif(?6, '')
WHERE id = ?1

-- name: holds
SELECT 1 FROM tickets
WHERE locked_by_run_id = ? AND epoch = ?

-- name: log
INSERT INTO run_log (run_id, seq, ts_ms, level, message) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: seen
UPDATE runs SET last_seq = max(last_seq, ?2) WHERE id = ?1

-- name: asking
SELECT r.ticket_id, r.id, r.epoch, r.worker_id, r.agent
FROM runs AS r JOIN tickets AS t ON t.locked_by_run_id = r.id
WHERE r.id = ? AND r.epoch = ? AND t.epoch = r.epoch

-- name: ask
INSERT INTO questions (ticket_id, epoch, kind, text, choices, asked_at_ms)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    kind = excluded.kind, text = excluded.text, choices = excluded.choices,
    asked_at_ms = excluded.asked_at_ms

-- name: asked_before
SELECT 1 FROM questions
WHERE ticket_id = ? AND epoch = ? AND kind = ? AND text = ? AND choices = ?

-- name: lines_said
SELECT lines_said FROM runs WHERE id = ?

-- name: said
UPDATE runs SET lines_said = lines_said + 1 WHERE id = ?

-- name: mark
UPDATE runs SET progress = ?2, step = ?3, current_step = ?4, total_steps = ?5
WHERE id = ?1 AND ended_at_ms IS NULL

-- name: ending
SELECT r.ticket_id, r.epoch, r.worker_id, r.agent, r.wish, r.reported, r.ended_at_ms,
    t.state, t.board, t.repo_path, t.locked_by_run_id, t.epoch,
    t.max_retries, t.retry_count, t.losses, t.deferrals, r.id,
    (SELECT text FROM questions WHERE ticket_id = t.id AND epoch = r.epoch)
FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.id = ?

-- name: end_ticket
UPDATE tickets SET
    state = ?2, waits_for = ?3, due_at_ms = ?4, cooling = ?17, locked_by_run_id = NULL,
    worker_id = NULL, retry_count = ?5, losses = ?6, deferrals = ?7, failure = ?8,
    reason = ?9, previous_failure = coalesce(?10, previous_failure),
    actual_duration_s = coalesce(?11, actual_duration_s),
    branch = coalesce(nullif(?12, ''), branch),
    worktree = coalesce(nullif(?13, ''), worktree),
    started_at_ms = CASE WHEN ?14 THEN ?15 ELSE started_at_ms END,
    fresh = CASE WHEN ?14 THEN 0 ELSE fresh END,
    completed_at_ms = CASE WHEN ?2 = 'completed' THEN ?16 END,
    updated_at_ms = ?16, state_changed_at_ms = ?16
WHERE id = ?1

-- name: end_run
UPDATE runs SET
    status = ?2, failure = ?3, reported = ?4, last_seq = max(last_seq, ?5),
    message = ?6, exit_code = ?7, signal = ?8, summary_md = ?9,
    branch = coalesce(nullif(?10, ''), branch),
    worktree = coalesce(nullif(?11, ''), worktree),
    head_before = coalesce(nullif(?12, ''), head_before),
    head_after = nullif(?13, ''), files_changed = ?14, files_changed_count = ?15,
    insertions = ?16, deletions = ?17, output_bytes = ?18, log_cut = ?19,
    leftovers_killed = ?20, proof = ?21, cpu_ms = ?22, rss_max_bytes = ?23,
    started_at_ms = coalesce(started_at_ms, nullif(?24, 0)),
    agent_ended_at_ms = nullif(?25, 0), duration_ms = nullif(?26, 0),
    ended_at_ms = ?27
WHERE id = ?1

-- name: processed
UPDATE workers SET tickets_processed = tickets_processed + ? WHERE worker_id = ?

-- name: stale
INSERT INTO stale_results (run_id, epoch) VALUES (?, ?)
ON CONFLICT DO NOTHING
RETURNING 1

-- name: live
SELECT t.id, r.id, t.epoch, r.worker_id, r.agent
FROM tickets AS t JOIN runs AS r ON r.id = t.locked_by_run_id
WHERE t.locked_by_run_id = ?

-- name: transfer_ticket
UPDATE tickets SET worker_id = ?2, updated_at_ms = ?3 WHERE locked_by_run_id = ?1

-- name: transfer_run
UPDATE runs SET worker_id = ? WHERE id = ?
