-- Parts that statements of several nouns have in common.

-- name: work_columns
t.id, t.title, coalesce(x.description_md, ''), coalesce(x.instructions, ''), t.band,
t.labels, t.task_type, t.repo_path, t.base_branch, t.branch, t.worktree, t.model,
t.previous_failure, t.fresh, t.estimated_duration_s, t.timeout_s

-- What was asked and answered before, the oldest first.
-- name: exchanges
(SELECT json_group_array(json(one)) FROM (
    SELECT json_object('question', q.text, 'answer', q.answer, 'kind', q.kind) AS one
    FROM (
        SELECT * FROM questions
        WHERE ticket_id = t.id AND answer IS NOT NULL ORDER BY epoch DESC LIMIT 10
    ) AS q ORDER BY q.epoch))
