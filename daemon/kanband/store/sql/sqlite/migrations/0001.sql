-- The first schema. Times are integer milliseconds UTC. Applied in one transaction.
--
-- Checks and indexes spell out OR and AND where IN would be shorter: for an IN with
-- more than two values SQLite builds a temporary table in every statement that has to
-- evaluate it, and that costs ten times the rest of an UPDATE (measured, 3.54).

-- Single values: paused (0, 1), claims_made, journal_base, wanted_workers (absent: unset).
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE boards (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused BETWEEN 0 AND 1)
) STRICT, WITHOUT ROWID;

-- How many tickets of a board are in a state: kept by every verb in its own
-- transaction, so that no question has to scan a million completed ones.
CREATE TABLE counts (
    board TEXT NOT NULL REFERENCES boards (name),
    state TEXT NOT NULL,
    tickets INTEGER NOT NULL CHECK (tickets >= 0),
    PRIMARY KEY (board, state)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an id is never used twice, even when the newest ticket is deleted.
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    board TEXT NOT NULL REFERENCES boards (name),
    -- Busiest first: the rest is not evaluated.
    state TEXT NOT NULL CHECK (
        state = 'working' OR state = 'assigned' OR state = 'completed'
        OR state = 'ready' OR state = 'in_review' OR state = 'failed'
        OR state = 'backlog' OR state = 'blocked' OR state = 'approved'
        OR state = 'cancelled' OR state = 'needs_input' OR state = 'conflicted'),
    -- Why a ready ticket may not be claimed; NULL: it may.
    waits_for TEXT CHECK (waits_for IS NULL
        OR waits_for = 'due' OR waits_for = 'depends' OR waits_for = 'repo'),
    agent TEXT NOT NULL,
    -- 0 urgent … 3 low: what claims are ordered by; age (id) decides within.
    band INTEGER NOT NULL CHECK (band BETWEEN 0 AND 3),
    repo_path TEXT,
    due_at_ms INTEGER,
    -- The lease: a run and its worker. It has no expiry here; workers on the link are
    -- covered by its heartbeat, in monotonic time, by the daemon.
    epoch INTEGER NOT NULL DEFAULT 0,
    locked_by_run_id TEXT,
    worker_id TEXT,
    priority_number INTEGER NOT NULL CHECK (priority_number BETWEEN 1 AND 10),
    title TEXT NOT NULL,
    labels TEXT NOT NULL,
    task_type TEXT NOT NULL,
    base_branch TEXT,
    branch TEXT,
    worktree TEXT,
    model TEXT,
    max_retries INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_count INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    deferrals INTEGER NOT NULL DEFAULT 0,
    fresh INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    reason TEXT NOT NULL DEFAULT '',
    previous_failure TEXT NOT NULL DEFAULT '',
    scheduled_at_ms INTEGER,
    timeout_s REAL,
    estimated_duration_s REAL,
    actual_duration_s REAL,
    key TEXT,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    state_changed_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    completed_at_ms INTEGER,
    CHECK (waits_for IS NULL OR state = 'ready'),
    CHECK ((waits_for IS 'due') = (due_at_ms IS NOT NULL)),
    CHECK ((locked_by_run_id IS NULL) = (worker_id IS NULL)),
    CHECK (locked_by_run_id IS NOT NULL
        OR (state <> 'assigned' AND state <> 'working')),
    -- A merge holds a lease while its ticket stays approved or conflicted.
    CHECK (locked_by_run_id IS NULL
        OR state = 'assigned' OR state = 'working'
        OR state = 'approved' OR state = 'conflicted')
) STRICT;

-- Claims walk these; a ticket that waits, or is done, is in none of them.
CREATE INDEX claimable ON tickets (board, agent, band, id)
    WHERE state = 'ready' AND waits_for IS NULL;
CREATE INDEX claimable_in_repo ON tickets (repo_path, board, agent, band, id)
    WHERE state = 'ready' AND waits_for IS NULL AND repo_path IS NOT NULL;
CREATE INDEX parked_in_repo ON tickets (repo_path, board, agent, band, id)
    WHERE waits_for = 'repo';
CREATE INDEX waiting ON tickets (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX due ON tickets (due_at_ms) WHERE waits_for = 'due';
CREATE UNIQUE INDEX leases ON tickets (locked_by_run_id)
    WHERE locked_by_run_id IS NOT NULL;
CREATE UNIQUE INDEX keys ON tickets (key) WHERE key IS NOT NULL;
-- Lists of what is not done, behind a million that are.
CREATE INDEX unfinished ON tickets (state)
    WHERE state <> 'completed' AND state <> 'cancelled';

-- Apart from tickets, so that a change of state does not rewrite a long text.
CREATE TABLE texts (
    ticket_id INTEGER PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
    description_md TEXT NOT NULL,
    instructions TEXT NOT NULL
) STRICT;

CREATE TABLE depends (
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    on_id INTEGER NOT NULL REFERENCES tickets (id),
    -- Set when on_id is completed, and never unset: a reopening closes nothing.
    met INTEGER NOT NULL CHECK (met BETWEEN 0 AND 1),
    PRIMARY KEY (ticket_id, on_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependents ON depends (on_id) WHERE met = 0;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    repo_path TEXT,
    in_place INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'queued' OR status = 'running' OR status = 'finished'
        OR status = 'error' OR status = 'aborted'),
    -- A cancellation that was accepted while it was live.
    wish TEXT CHECK (wish IS NULL
        OR wish = 'cancel' OR wish = 'requeue' OR wish = 'shutdown'),
    last_seq INTEGER NOT NULL DEFAULT 0,
    -- What was reported at the end, to know a repetition from another result.
    reported TEXT,
    failure TEXT,
    message TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    signal INTEGER,
    summary_md TEXT NOT NULL DEFAULT '',
    branch TEXT,
    worktree TEXT,
    head_before TEXT,
    head_after TEXT,
    files_changed TEXT NOT NULL DEFAULT '[]',
    files_changed_count INTEGER NOT NULL DEFAULT 0,
    insertions INTEGER NOT NULL DEFAULT 0,
    deletions INTEGER NOT NULL DEFAULT 0,
    output_bytes INTEGER NOT NULL DEFAULT 0,
    log_cut INTEGER NOT NULL DEFAULT 0,
    leftovers_killed INTEGER NOT NULL DEFAULT 0,
    proof TEXT NOT NULL DEFAULT 'none',
    cpu_ms INTEGER NOT NULL DEFAULT 0,
    rss_max_bytes INTEGER NOT NULL DEFAULT 0,
    agent_ended_at_ms INTEGER,
    duration_ms INTEGER,
    queued_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    ended_at_ms INTEGER,
    CHECK ((ended_at_ms IS NULL) = (status = 'queued' OR status = 'running'))
) STRICT;
CREATE INDEX runs_of_ticket ON runs (ticket_id);
CREATE INDEX live_in_repo ON runs (repo_path, in_place)
    WHERE ended_at_ms IS NULL AND repo_path IS NOT NULL;

CREATE TABLE run_log (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- Results that came too late; each is journalled once, however often it is sent.
CREATE TABLE stale_results (
    run_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (run_id, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    worker_id TEXT PRIMARY KEY,
    tickets_processed INTEGER NOT NULL DEFAULT 0,
    row TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only. The newest row is never pruned, so the next number is always
-- one more than any that was ever given.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    ts_ms INTEGER NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    correlation_id INTEGER,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX journal_of_ticket ON journal (correlation_id)
    WHERE correlation_id IS NOT NULL;

INSERT INTO settings (key, value)
    VALUES ('paused', 0), ('claims_made', 0), ('journal_base', 0);
INSERT INTO boards (name) VALUES ('main');
