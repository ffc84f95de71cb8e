-- Providers that refused (rate limit) and have not worked since.
CREATE TABLE cooldowns (
    provider TEXT PRIMARY KEY,
    in_a_row INTEGER NOT NULL CHECK (in_a_row > 0),
    -- NULL: it may be tried again; how often it refused is still remembered.
    until_ms INTEGER
) STRICT, WITHOUT ROWID;

-- The provider that a ready ticket waits for. Such a ticket also waits for 'due', with
-- the end of the cool-down as its time: so the same timer and index wake it.
ALTER TABLE tickets ADD COLUMN cooling TEXT
    CHECK (cooling IS NULL OR waits_for IS 'due');

-- For workers that take only tickets of certain labels: those without any are not met.
-- Tickets parked for their repository are in it: a release wakes the best of all, which
-- may be none that such a worker takes.
CREATE INDEX claimable_labelled ON tickets (board, agent, band, id, labels, repo_path)
    WHERE state = 'ready' AND labels <> '[]'
        AND (waits_for IS NULL OR waits_for = 'repo');

-- Templates that make a ticket at each due time.
CREATE TABLE schedules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cron TEXT NOT NULL,
    zone TEXT NOT NULL,
    missed TEXT NOT NULL CHECK (missed = 'once' OR missed = 'skip'),
    ticket TEXT NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused BETWEEN 0 AND 1),
    -- NULL: paused, or never again.
    next_at_ms INTEGER,
    last_ticket_id INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT;
