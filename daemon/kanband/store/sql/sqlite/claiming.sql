-- Claims: lanes of claimable tickets, parking, and the claim itself.

-- name: settings
SELECT
    (SELECT value FROM settings WHERE key = 'paused'),
    (SELECT value FROM settings WHERE key = 'claims_made')

-- name: claims_made
UPDATE settings SET value = ? WHERE key = 'claims_made'

-- Boards that not every claim may take from: whether paused, and how many more may
-- be in progress (NULL: any number). A full board is stepped over by its lanes, like a
-- paused one, so its tickets need no mark of their own.
-- name: closed_boards
SELECT b.name, b.paused, b.wip_limit - (
    SELECT coalesce(sum(c.tickets), 0) FROM counts AS c
    WHERE c.board = b.name AND (c.state = 'assigned' OR c.state = 'working'))
FROM boards AS b WHERE b.paused OR b.wip_limit IS NOT NULL

-- Whether a board has a limit and something that may be claimed within it.
-- name: limited_with_claimable
SELECT EXISTS (
    SELECT 1 FROM boards AS b CROSS JOIN tickets AS t INDEXED BY claimable
        ON t.board = b.name AND t.state = 'ready' AND t.waits_for IS NULL
    WHERE b.name = ? AND b.wip_limit IS NOT NULL)

-- A lane is a (board, agent, band) that has claimable tickets. Each of these two
-- finds the next one by a single step in the index: with >= and the key's successor,
-- because for > SQLite would walk over all that are equal.
-- name: next_lane
SELECT board, agent, band FROM tickets INDEXED BY claimable
WHERE state = 'ready' AND waits_for IS NULL AND (board, agent, band) >= (?, ?, ?)
ORDER BY board, agent, band LIMIT 1

-- name: next_lane_in_repo
SELECT board, agent, band FROM tickets INDEXED BY claimable_in_repo
WHERE state = 'ready' AND waits_for IS NULL AND repo_path IS NOT NULL
    AND repo_path = ? AND (board, agent, band) >= (?, ?, ?)
ORDER BY board, agent, band LIMIT 1

-- name: next_lane_labelled
SELECT board, agent, band FROM tickets INDEXED BY claimable_labelled
WHERE state = 'ready' AND labels <> '[]' AND (waits_for IS NULL OR waits_for = 'repo')
    AND (board, agent, band) >= (?, ?, ?)
ORDER BY board, agent, band LIMIT 1

-- name: lane
SELECT id, repo_path FROM tickets INDEXED BY claimable
WHERE state = 'ready' AND waits_for IS NULL
    AND board = ? AND agent = ? AND band = ? AND id > ?
ORDER BY id LIMIT ?

-- The first condition on labels is quick and sifts, the second is exact: it asks for all.
-- name: lane_labelled
SELECT id, repo_path FROM tickets INDEXED BY claimable_labelled
WHERE state = 'ready' AND labels <> '[]' AND (waits_for IS NULL OR waits_for = 'repo')
    AND board = ?1 AND agent = ?2 AND band = ?3 AND id > ?4
    AND instr(labels, ?5) > 0
    AND NOT EXISTS (SELECT 1 FROM json_each(?6) AS wanted
        WHERE wanted.value NOT IN (SELECT value FROM json_each(tickets.labels)))
    AND (?7 IS NULL OR repo_path = ?7)
ORDER BY id LIMIT ?8

-- name: lane_in_repo
SELECT id, repo_path FROM tickets INDEXED BY claimable_in_repo
WHERE state = 'ready' AND waits_for IS NULL AND repo_path IS NOT NULL
    AND repo_path = ? AND board = ? AND agent = ? AND band = ? AND id > ?
ORDER BY id LIMIT ?

-- name: holders
SELECT count(*) FROM runs INDEXED BY live_in_repo
WHERE ended_at_ms IS NULL AND repo_path IS NOT NULL AND repo_path = ? AND in_place = ?

-- name: park
UPDATE tickets INDEXED BY claimable_in_repo SET waits_for = 'repo'
WHERE state = 'ready' AND waits_for IS NULL AND repo_path IS NOT NULL
    AND repo_path = ? AND agent IN (SELECT value FROM json_each(?))

-- Read first and written after: RETURNING would make SQLite build a temporary table
-- for each row, which costs ten times the update itself.
-- name: chosen
SELECT {work_columns}, t.board, t.epoch + 1, t.attempts + 1, {exchanges}
FROM tickets AS t LEFT JOIN texts AS x ON x.ticket_id = t.id
WHERE t.id = ?

-- name: claim
UPDATE tickets SET
    state = 'assigned', waits_for = NULL, epoch = epoch + 1, attempts = attempts + 1,
    locked_by_run_id = ?2, worker_id = ?3, reason = '', updated_at_ms = ?4,
    state_changed_at_ms = ?4
WHERE id = ?1

-- name: run
INSERT INTO runs (
    id, ticket_id, epoch, attempt, worker_id, agent, repo_path, in_place, status,
    queued_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)

-- name: next_parked_lane
SELECT board, agent FROM tickets INDEXED BY parked_in_repo
WHERE waits_for = 'repo' AND repo_path = ? AND (board, agent) >= (?, ?)
ORDER BY board, agent LIMIT 1

-- name: unpark_best
UPDATE tickets SET waits_for = NULL WHERE id IN (
    SELECT id FROM tickets INDEXED BY parked_in_repo
    WHERE waits_for = 'repo' AND repo_path = ? AND board = ? AND agent = ?
    ORDER BY band, id LIMIT ?)

-- By band: the index has them in order of age only within one.
-- name: oldest_parked
SELECT min(id) FROM tickets INDEXED BY parked_in_repo
WHERE waits_for = 'repo' AND repo_path = ? AND board = ? AND agent = ? AND band = ?

-- name: unpark
UPDATE tickets SET waits_for = NULL WHERE id = ?

-- name: unpark_all
UPDATE tickets SET waits_for = NULL WHERE waits_for = 'repo'
