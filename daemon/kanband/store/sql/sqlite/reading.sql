-- Questions about tickets, runs, workers and the queue.

-- name: is_full
b.wip_limit IS NOT NULL AND b.wip_limit <= (
    SELECT coalesce(sum(c.tickets), 0) FROM counts AS c
    WHERE c.board = b.name AND (c.state = 'assigned' OR c.state = 'working'))

-- name: ticket_columns
t.id, t.board, t.title, coalesce(x.description_md, ''), coalesce(x.instructions, ''),
t.state, t.priority_number, t.labels, t.task_type, t.repo_path, t.base_branch,
t.branch, t.worktree, t.agent, t.model, t.max_retries, t.retry_count, t.due_at_ms,
t.scheduled_at_ms,
(SELECT json_group_array(on_id) FROM depends WHERE ticket_id = t.id),
t.timeout_s, t.estimated_duration_s, t.actual_duration_s, t.epoch,
t.locked_by_run_id, t.worker_id,
CASE WHEN t.cooling IS NOT NULL THEN 'cooldown' ELSE coalesce(t.waits_for,
    CASE WHEN t.state = 'ready' AND EXISTS (
        SELECT 1 FROM boards AS b WHERE b.name = t.board AND {is_full}) THEN 'wip' END)
END,
t.reason, t.failure, t.key,
t.created_at_ms, t.updated_at_ms, t.state_changed_at_ms, t.started_at_ms,
t.completed_at_ms,
CASE WHEN t.state = 'needs_input' THEN (
    SELECT {question_object} FROM questions AS q
    WHERE q.ticket_id = t.id AND q.epoch = t.epoch) END

-- name: question_object
json_object('kind', q.kind, 'text', q.text, 'choices', json(q.choices),
    'asked_at_ms', q.asked_at_ms, 'answer', q.answer,
    'answered_at_ms', q.answered_at_ms)

-- name: ticket
SELECT {ticket_columns}
FROM tickets AS t LEFT JOIN texts AS x ON x.ticket_id = t.id
WHERE t.id = ?

-- name: text
(t.title LIKE ? ESCAPE '\' OR EXISTS (SELECT 1 FROM texts AS x
    WHERE x.ticket_id = t.id AND (x.description_md LIKE ? ESCAPE '\'
        OR x.instructions LIKE ? ESCAPE '\')))

-- name: page
SELECT t.id FROM tickets AS t WHERE /*where*/ ORDER BY /*order*/ LIMIT ? OFFSET ?

-- name: total
SELECT count(*) FROM tickets AS t WHERE /*where*/

-- name: counts
SELECT board, state, tickets FROM counts

-- name: blockers
SELECT {ticket_columns}
FROM depends AS d
JOIN tickets AS t ON t.id = d.on_id
LEFT JOIN texts AS x ON x.ticket_id = t.id
WHERE d.ticket_id = ? AND d.met = 0
ORDER BY t.id

-- CROSS JOIN, here and in claims: boards first, or the limit is looked up anew for each
-- ticket of twenty thousand.
-- name: waiting
SELECT (SELECT count(*) FROM tickets INDEXED BY waiting WHERE waits_for IS NOT NULL)
    + (SELECT count(*) FROM boards AS b CROSS JOIN tickets AS t INDEXED BY claimable
        ON t.board = b.name AND t.state = 'ready' AND t.waits_for IS NULL
        WHERE {is_full})

-- name: paused
SELECT value FROM settings WHERE key = 'paused'

-- name: boards
SELECT name, paused, position, wip_limit FROM boards ORDER BY position, name

-- name: next_due
SELECT min(due_ms) FROM (
    SELECT min(due_at_ms) AS due_ms FROM tickets WHERE waits_for = 'due'
    UNION ALL SELECT min(until_ms) FROM cooldowns
    UNION ALL SELECT min(next_at_ms) FROM schedules)

-- name: wanted_workers
SELECT value FROM settings WHERE key = 'wanted_workers'

-- name: workers
SELECT row, tickets_processed FROM workers

-- name: run_columns
r.id, r.ticket_id, t.title, r.epoch, r.attempt, r.worker_id, r.agent, r.status,
r.failure, r.message, r.exit_code, r.signal, r.summary_md, r.branch, r.worktree,
r.head_before, r.head_after, r.files_changed, r.files_changed_count, r.insertions,
r.deletions, r.output_bytes, r.log_cut, r.leftovers_killed, r.proof, r.cpu_ms,
r.rss_max_bytes, r.queued_at_ms, r.started_at_ms, r.ended_at_ms, r.duration_ms,
r.progress, r.step, r.current_step, r.total_steps,
(SELECT {question_object} FROM questions AS q
    WHERE q.ticket_id = r.ticket_id AND q.epoch = r.epoch)

-- name: run
SELECT {run_columns} FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.id = ?

-- name: runs
SELECT {run_columns} FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE /*where*/ ORDER BY r.rowid DESC LIMIT ?

-- name: latest_run
SELECT {run_columns} FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.ticket_id = ? ORDER BY r.epoch DESC LIMIT 1

-- name: runs_by_prefix
SELECT {run_columns} FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.id >= ? AND r.id < ? ORDER BY r.id LIMIT ?

-- name: repo_holders
SELECT {run_columns} FROM runs AS r JOIN tickets AS t ON t.id = r.ticket_id
WHERE r.repo_path = ? AND r.ended_at_ms IS NULL ORDER BY r.rowid

-- name: run_log
SELECT run_id, seq, ts_ms, level, message FROM (
    SELECT run_id, seq, ts_ms, level, message FROM run_log
    WHERE run_id = ? ORDER BY ts_ms DESC, seq DESC LIMIT ?
) ORDER BY ts_ms, seq

-- name: leases
SELECT r.id, r.epoch, r.attempt, r.worker_id, r.agent, r.status, r.wish, r.last_seq,
    {work_columns}, {exchanges}, r.progress, r.step, r.current_step, r.total_steps
FROM tickets AS t
JOIN runs AS r ON r.id = t.locked_by_run_id
LEFT JOIN texts AS x ON x.ticket_id = t.id
WHERE t.locked_by_run_id IS NOT NULL
ORDER BY r.rowid
