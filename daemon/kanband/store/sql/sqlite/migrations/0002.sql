-- Comments, deleting tickets, and boards with an order and a limit.

-- AUTOINCREMENT: an id is never used twice, as for tickets.
CREATE TABLE comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    author TEXT NOT NULL CHECK (
        author = 'user' OR author = 'agent' OR author = 'system'),
    body_md TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX comments_of_ticket ON comments (ticket_id, id);

-- Whether anything depends on a ticket, met or not: else every deletion, and SQLite's
-- own check of the reference, would read the whole table.
CREATE INDEX depended_on ON depends (on_id);

-- Boards have an order (from 1), and may limit what is in progress.
ALTER TABLE boards ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE boards ADD COLUMN wip_limit INTEGER
    CHECK (wip_limit IS NULL OR wip_limit > 0);
UPDATE boards SET position = (
    SELECT count(*) FROM boards AS other WHERE other.name <= boards.name);
